//! The terminal: taken over, drawn on, and always given back.

use crate::app::{Desktop, Notify, Occasion};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, style};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::io::{self, Stdout, stdout};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the terminal is taken over at this moment.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back, once, however often it is called.
pub(super) fn restore() -> io::Result<()> {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let raw = disable_raw_mode();
    execute!(
        stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    )?;
    raw
}

/// Stops the program until SIGCONT.
pub(super) fn stop() -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)
}

/// Takes the terminal over.
fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
}

/// What draws; never dropped, because it would print, and panic, when terminal and standard error are gone. [`restore`]
/// does what there is to do.
type Drawing = ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>;

fn drawing() -> io::Result<Drawing> {
    Terminal::new(CrosstermBackend::new(stdout())).map(ManuallyDrop::new)
}

/// The terminal while it is taken over.
pub(super) struct Tty {
    terminal: Drawing,
    mouse: bool,
}

impl Tty {
    pub(super) fn open() -> io::Result<Tty> {
        match take().and_then(|()| drawing()) {
            Ok(terminal) => Ok(Tty { terminal, mouse: false }),
            Err(e) => {
                restore()?;
                Err(e)
            }
        }
    }

    /// Gives the terminal back and stops the program, as a shell expects of Ctrl-Z. The next SIGCONT wakes it;
    /// [`Tty::retake`] must follow.
    pub(super) fn suspend(&self) -> io::Result<()> {
        restore()?;
        stop()
    }

    /// Takes the terminal again, whatever the shell did to it meanwhile.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        restore()?;
        take()?;
        if self.mouse {
            execute!(stdout(), EnableMouseCapture)?;
        }
        // The old one thinks that its drawing is still there, and asks the terminal for the cursor when told.
        self.terminal = drawing()?;
        Ok(())
    }

    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws as one update, so that no half-drawn screen is ever seen; nothing while the terminal is not ours.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Buffer, Rect)) -> io::Result<()> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        execute!(stdout(), BeginSynchronizedUpdate)?;
        let drawn = self.terminal.draw(|frame| {
            let area = frame.area();
            render(frame.buffer_mut(), area);
        });
        execute!(stdout(), EndSynchronizedUpdate)?;
        drawn.map(|_| ())
    }

    pub(super) fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if on { execute!(stdout(), EnableMouseCapture) } else { execute!(stdout(), DisableMouseCapture) }
    }

    /// Tells what happened in the ways that a person wants.
    pub(super) fn tell(&mut self, notify: &Notify, occasion: Occasion, text: &str) -> io::Result<()> {
        if notify.on.contains(&occasion) {
            execute!(stdout(), style::Print(sequence(notify, text)))?;
        }
        Ok(())
    }
}

/// What makes a terminal ring its bell and show a notification.
fn sequence(notify: &Notify, text: &str) -> String {
    let bell = if notify.bell { "\x07" } else { "" };
    // Nothing in the text may end the sequence; `;` would end its title.
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    match notify.desktop {
        Desktop::Off => bell.to_string(),
        Desktop::Osc9 => format!("{bell}\x1b]9;tricktop: {text}\x1b\\"),
        Desktop::Osc777 => format!("{bell}\x1b]777;notify;tricktop;{}\x1b\\", text.replace(';', ",")),
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // On the way out of an error; there is nobody to tell.
        drop(restore());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_one_sequence_whatever_its_text() {
        let of = |desktop| sequence(&Notify { desktop, ..Notify::default() }, "done; top-1\x1b]0;x\x07 90 %");
        assert_eq!(of(Desktop::Off), "\x07");
        assert_eq!(of(Desktop::Osc9), "\x07\x1b]9;tricktop: done; top-1]0;x 90 %\x1b\\");
        assert_eq!(of(Desktop::Osc777), "\x07\x1b]777;notify;tricktop;done, top-1]0,x 90 %\x1b\\");
        assert_eq!(sequence(&Notify { bell: false, ..Notify::default() }, "done"), "");
    }
}

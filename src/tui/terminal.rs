//! The terminal: taken over, drawn on, and always given back.

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
pub(super) struct Screen {
    terminal: Drawing,
    mouse: bool,
}

impl Screen {
    pub(super) fn open() -> io::Result<Screen> {
        match take().and_then(|()| drawing()) {
            Ok(terminal) => Ok(Screen { terminal, mouse: false }),
            Err(e) => {
                restore()?;
                Err(e)
            }
        }
    }

    /// Gives the terminal back and stops the program, as a shell expects of Ctrl-Z. The next SIGCONT wakes it;
    /// [`Screen::retake`] must follow.
    pub(super) fn suspend(&self) -> io::Result<()> {
        restore()?;
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)
    }

    /// Takes the terminal again, whatever the shell did to it meanwhile.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        restore()?;
        take()?;
        if self.mouse {
            execute!(stdout(), EnableMouseCapture)?;
        }
        // (the old one thinks that its drawing is still there, and asks the terminal for the cursor when told)
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

    pub(super) fn bell(&mut self) -> io::Result<()> {
        execute!(stdout(), style::Print('\x07'))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // On the way out of an error; there is nobody to tell.
        drop(restore());
    }
}

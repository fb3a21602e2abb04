//! What every screen needs of the machine: the terminal, the signals, the panics, and when to draw.

use super::kitty;
use super::pace::Pace;
use super::panics::Panics;
use super::signals::{Signals, Wish};
use super::terminal::{Tty, restore, stop};
use crate::app::{Kitty, Msg, Options};
use crate::signals::INTERRUPTED;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::io;
use std::time::{Duration, Instant};

/// The terminal, taken over until this is dropped.
pub(super) struct Edge {
    pub(super) tty: Tty,
    pub(super) panics: Panics,
    signals: Signals,
    clock: Instant,
    pace: Pace,
}

impl Edge {
    /// Takes the terminal over, and asks it what the options want to know.
    pub(super) fn open(options: &mut Options) -> io::Result<Edge> {
        let signals = Signals::new()?;
        let panics = Panics::watch();
        let tty = Tty::open()?;
        if options.kitty == Kitty::Wanted {
            // A terminal that cannot be asked cannot show them.
            options.kitty = if kitty::answers().unwrap_or(false) { Kitty::On } else { Kitty::Refused };
        }
        Ok(Edge { tty, panics, signals, clock: Instant::now(), pace: Pace::default() })
    }

    /// Begins anew with drawing, as a screen does that comes to the front; gives the size of the terminal.
    pub(super) fn begin(&mut self) -> io::Result<Msg> {
        self.pace = Pace::default();
        self.tty.mouse(false)?;
        self.resized()
    }

    fn resized(&self) -> io::Result<Msg> {
        self.tty.size().map(|(width, height)| Msg::Resize(width, height))
    }

    /// The time since the terminal was opened.
    pub(super) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Does what signals ask of the terminal, where there is one, and gives what they ask of the screen; `save` is asked
    /// for by SIGUSR1.
    pub(super) fn signals(&mut self, attended: bool, mut save: impl FnMut()) -> io::Result<Vec<Msg>> {
        let mut asked = Vec::new();
        for wish in self.signals.raised() {
            match wish {
                Wish::End => asked.push(Msg::Signal),
                Wish::HangUp => asked.push(Msg::Gone),
                Wish::Suspend if attended => self.tty.suspend()?,
                Wish::Continue if attended => {
                    // A terminal that cannot be taken again is gone.
                    asked.push(self.tty.retake().and_then(|()| self.resized()).unwrap_or(Msg::Gone));
                }
                // The terminal is the shell's already.
                Wish::Suspend => stop()?,
                Wish::Continue => {}
                Wish::Save => save(),
                Wish::EndNow => {
                    restore()?;
                    std::process::exit(INTERRUPTED);
                }
                Wish::Quit => {
                    restore()?;
                    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGQUIT)?;
                }
            }
        }
        Ok(asked)
    }

    /// A person did something, and waits to see it.
    pub(super) fn hurry(&mut self) {
        self.pace.hurry();
    }

    /// Draws a revision when it is time for it; says when to come again, or nothing while it is on the screen.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn draw(
        &mut self,
        revision: u64,
        render: impl FnOnce(&mut Buffer, Rect),
    ) -> io::Result<Option<Duration>> {
        let wait = self.pace.wait(self.now(), revision);
        if wait != Some(Duration::ZERO) {
            return Ok(wait);
        }
        self.tty.draw(render)?;
        self.pace.drew(self.now(), revision);
        Ok(None)
    }
}

//! What every screen does, and the one loop in which it does it: time, signals, messages, effects, drawing.

use super::TuiError;
use super::edge::Edge;
use super::input::Input;
use super::pace::TICK;
use crate::app::{self, Life, Notify, Occasion};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A screen: what it hears, what it does about it, how it is drawn.
pub(super) trait Screen {
    /// What it hears. Keys, time, signals and the size of the terminal come to every screen.
    type Msg: From<app::Msg> + Send + 'static;

    /// Whether a person did it, and waits to see what it does.
    fn by_hand(msg: &Self::Msg) -> bool;

    /// How far the screen is in its life.
    fn life(&self) -> Life;

    /// Writes checkpoints of what is trained, as SIGUSR1 asks for.
    fn save(&self) {}

    /// Queues what slow sources have to say. They are looked at whenever the loop wakes.
    fn look_around(&mut self, _stage: &mut Stage<'_, Self::Msg>) {}

    /// Takes a message in and carries out what follows from it; breaks when the screen closes.
    ///
    /// # Errors
    /// When the terminal cannot be used.
    fn hear(&mut self, msg: Self::Msg, stage: &mut Stage<'_, Self::Msg>) -> Result<ControlFlow<()>, TuiError>;

    /// A number that changes whenever something visible does.
    fn revision(&self) -> u64;

    /// Draws everything.
    fn render(&self, buf: &mut Buffer, area: Rect);
}

/// What a screen stands on: the terminal, and the messages that come to it.
pub(super) struct Stage<'a, M> {
    pub(super) edge: &'a mut Edge,
    /// Where threads send their messages.
    pub(super) sender: Sender<M>,
    /// What the screen hears next.
    pub(super) queue: Vec<M>,
    messages: Receiver<M>,
    input: Option<Input>,
}

impl<'a, M: From<app::Msg> + Send + 'static> Stage<'a, M> {
    pub(super) fn new(edge: &'a mut Edge) -> Stage<'a, M> {
        let (sender, messages) = channel();
        Stage { edge, sender, queue: Vec::new(), messages, input: None }
    }

    /// Reads the keys from now on.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        let to = self.sender.clone();
        self.input = Some(Input::listen(move |msg| to.send(msg.into()).is_ok())?);
        Ok(())
    }

    /// Leaves the keys to whoever reads them now: one thread at a time can.
    pub(super) fn deafen(&mut self) {
        self.input = None;
    }

    /// Rings the bell or shows a notification, where somebody is there to notice it.
    pub(super) fn tell(&mut self, life: Life, notify: &Notify, occasion: Occasion, text: &str) -> io::Result<()> {
        if life.is_attended() { self.edge.tty.tell(notify, occasion, text) } else { Ok(()) }
    }

    /// Queues all that has come.
    pub(super) fn gather(&mut self) {
        self.queue.extend(self.messages.try_iter());
    }

    /// Shows a screen until it closes.
    ///
    /// # Errors
    /// When the terminal cannot be used.
    pub(super) fn show<S: Screen<Msg = M>>(&mut self, screen: &mut S) -> Result<(), TuiError> {
        self.listen()?;
        let size = self.edge.begin()?;
        self.queue.push(size.into());
        loop {
            self.queue.push(app::Msg::Tick(self.edge.now()).into());
            let asked = self.edge.signals(screen.life().is_attended(), || screen.save())?;
            self.queue.extend(asked.into_iter().map(M::from));
            screen.look_around(self);
            if self.queue.iter().any(S::by_hand) {
                self.edge.hurry();
            }
            for msg in std::mem::take(&mut self.queue) {
                if screen.hear(msg, self)?.is_break() {
                    return Ok(());
                }
            }
            // What follows from these messages is heard before anything is drawn.
            if self.queue.is_empty() {
                self.draw(screen);
            }
        }
    }

    /// Draws what has changed, where somebody sees it, and sleeps until there is something to do.
    fn draw<S: Screen<Msg = M>>(&mut self, screen: &S) {
        let drawn = match screen.life().is_attended() {
            true => self.edge.draw(screen.revision(), |buf, area| screen.render(buf, area)),
            false => Ok(None),
        };
        match drawn {
            Ok(wait) => self.wait(wait),
            Err(_) => self.queue.push(app::Msg::Gone.into()),
        }
    }

    /// Sleeps until a message comes, or until it is time to draw or to look around; queues all that have come.
    fn wait(&mut self, wait: Option<Duration>) {
        match self.messages.recv_timeout(wait.map_or(TICK, |wait| wait.min(TICK))) {
            Ok(first) => {
                self.queue.push(first);
                self.gather();
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

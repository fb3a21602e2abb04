//! The thread that reads the terminal.

use crate::app::{Key, Msg};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers, MouseEventKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the thread waits before it looks whether it is still wanted.
const POLL: Duration = Duration::from_millis(50);

/// The thread that reads the terminal, joined when this is dropped.
pub(super) struct Input {
    wanted: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Input {
    /// Hands what the terminal says to `to`, until that says that nobody listens any more.
    pub(super) fn listen(to: impl Fn(Msg) -> bool + Send + 'static) -> io::Result<Input> {
        let wanted = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&wanted);
        let listen = move || {
            while still.load(Ordering::Relaxed) {
                let event = match event::poll(POLL) {
                    Ok(false) if hung_up() => Err(io::ErrorKind::BrokenPipe.into()),
                    Ok(false) => continue,
                    Ok(true) => event::read(),
                    Err(e) => Err(e),
                };
                let (messages, gone) = match event {
                    Ok(event) => (messages(event), false),
                    Err(_) => (vec![Msg::Gone], true),
                };
                if messages.into_iter().any(|msg| !to(msg)) || gone {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("input".into()).spawn(listen)?;
        Ok(Input { wanted, thread: Some(thread) })
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Whether the terminal is gone. crossterm does not say so: it finds no more events.
fn hung_up() -> bool {
    let stdout = io::stdout();
    let mut terminal = [PollFd::new(&stdout, PollFlags::IN)];
    poll(&mut terminal, Some(&Timespec::default())).is_ok()
        && terminal[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
}

/// What the terminal says, in the screen's words.
fn messages(event: Event) -> Vec<Msg> {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        // Esc and a key right after it arrive as one key with Alt.
        Event::Key(key) if key.modifiers.contains(KeyModifiers::ALT) && key.code != KeyCode::Esc => {
            vec![Msg::Key(Key::plain(KeyCode::Esc)), Msg::Key(key.into())]
        }
        Event::Key(key) => vec![Msg::Key(key.into())],
        Event::Paste(text) => vec![Msg::Paste(text)],
        Event::Resize(width, height) => vec![Msg::Resize(width, height)],
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => vec![Msg::Wheel(-1)],
            MouseEventKind::ScrollDown => vec![Msg::Wheel(1)],
            _ => Vec::new(),
        },
        Event::FocusGained | Event::FocusLost => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyEvent;

    #[test]
    fn escape_and_a_key_right_after_it_are_two_keys() {
        let alt = Event::Key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT));
        let q = Key::plain(KeyCode::Char('q'));
        assert_eq!(messages(alt), [Msg::Key(Key::plain(KeyCode::Esc)), Msg::Key(q)]);
        let plain = Event::Key(KeyEvent::new(KeyCode::Char('Q'), KeyModifiers::SHIFT));
        assert_eq!(messages(plain), [Msg::Key(Key::plain(KeyCode::Char('Q')))]);
    }
}

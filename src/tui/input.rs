//! The thread that reads the terminal.

use crate::app::{Key, Msg};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers, MouseEventKind};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the thread waits before it looks whether it is still wanted.
const POLL: Duration = Duration::from_millis(50);

/// How long a thread that is not wanted any more is waited for. On a terminal that has hung up crossterm reads the
/// end of the input for ever; the thread then ends with the process.
const GRACE: Duration = Duration::from_millis(300);

/// The thread that reads the terminal, joined when this is dropped if it can be.
pub(super) struct Input {
    wanted: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Input {
    pub(super) fn listen(to: Sender<Msg>) -> io::Result<Input> {
        let wanted = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&wanted);
        let listen = move || {
            while still.load(Ordering::Relaxed) {
                let event = match event::poll(POLL) {
                    Ok(false) => continue,
                    Ok(true) => event::read(),
                    Err(e) => Err(e),
                };
                // A terminal that cannot be read is gone: the run is saved and ends.
                let (messages, gone) = match event {
                    Ok(event) => (messages(event), false),
                    Err(_) => (vec![Msg::Signal], true),
                };
                if messages.into_iter().any(|msg| to.send(msg).is_err()) || gone {
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
        let Some(thread) = self.thread.take() else { return };
        let since = Instant::now();
        while !thread.is_finished() {
            if since.elapsed() > GRACE {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(thread.join());
    }
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

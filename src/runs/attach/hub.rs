//! The side of the run: takes screens in, hands them its events, and takes their commands.

use super::place::{self, Place};
use super::{COMMAND, Hello, SOCKET, line, next, person, same_user};
use crate::runs::RunError;
use crate::train::{Command, Event};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Messages that wait for a slow screen; one that is further behind is let go.
const QUEUE: usize = 1024;
/// How often the listener looks whether the run is over, and for a new screen.
const LISTEN: Duration = Duration::from_millis(100);
/// A screen that takes nothing for so long is let go.
const STUCK: Duration = Duration::from_secs(2);
/// The bits of a request's name that are the screen's own; those above say which screen. The run's own screen is 0.
const NAME: u32 = 32;

/// Hands events to the screens.
#[derive(Clone, Default)]
pub(crate) struct Hub(Arc<Mutex<Screens>>);

#[derive(Default)]
struct Screens {
    /// What a screen that comes must know: `Started`, the last `State`, and `Ended`.
    known: [Option<Event>; 3],
    screens: Vec<Screen>,
    writers: Vec<JoinHandle<()>>,
    /// Who sits at every screen that ever came; the first has number 1.
    people: Vec<String>,
    /// The screen that last had the run pause, at once or after some steps.
    paused: Option<u64>,
}

struct Screen {
    number: u64,
    lines: SyncSender<Arc<[u8]>>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Screens> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event to every screen. Costs next to nothing when there is none.
    pub(crate) fn publish(&self, event: &Event) {
        let mut hub = self.lock();
        match event {
            Event::Started(_) => hub.known[0] = Some(event.clone()),
            Event::State(_) => hub.known[1] = Some(event.clone()),
            Event::Ended(_) => hub.known[2] = Some(event.clone()),
            _ => {}
        }
        if hub.screens.is_empty() {
            return;
        }
        let shared = edit_name(event).is_none().then(|| bytes(event));
        hub.screens.retain(|screen| {
            let line = shared.clone().unwrap_or_else(|| bytes(&named_for(event, screen.number)));
            screen.lines.try_send(line).is_ok()
        });
    }

    /// Takes a screen in; gives its number.
    fn join(&self, stream: UnixStream) -> io::Result<u64> {
        stream.set_write_timeout(Some(STUCK))?;
        let (lines, queue) = sync_channel(QUEUE);
        let mut hub = self.lock();
        hub.people.push(person(&stream));
        let number = hub.people.len() as u64;
        for known in [bytes(&Hello::ours())].into_iter().chain(hub.known.iter().flatten().map(bytes)) {
            lines.try_send(known).map_err(io::Error::other)?;
        }
        hub.writers.retain(|writer| !writer.is_finished());
        hub.writers.push(Builder::new().name("attached".into()).spawn(move || write(stream, &queue))?);
        hub.screens.push(Screen { number, lines });
        Ok(number)
    }

    /// Who made the edit of this name; none for the run's own screen, its recipe and its past.
    pub(crate) fn who(&self, id: u64) -> Option<String> {
        self.lock().people.get(usize::try_from(id >> NAME).ok()?.checked_sub(1)?).cloned()
    }

    /// Who last had the run pause; none when that was no attached screen.
    pub(crate) fn paused_by(&self) -> Option<String> {
        let hub = self.lock();
        hub.people.get(usize::try_from(hub.paused?).ok()?.checked_sub(1)?).cloned()
    }

    /// Lets a screen go: its connection is closed when it has what it is still due.
    fn leave(&self, number: u64) {
        self.lock().screens.retain(|screen| screen.number != number);
    }
}

fn bytes(message: &impl serde::Serialize) -> Arc<[u8]> {
    // Events are made of plain numbers, words and lists: there is nothing that JSON cannot hold.
    line(message).unwrap_or_default().into()
}

/// Writes until the run or the screen is gone.
fn write(mut stream: UnixStream, queue: &Receiver<Arc<[u8]>>) {
    for line in queue {
        if stream.write_all(&line).is_err() {
            break;
        }
    }
    // The screen may be gone already.
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

/// The name of the edit, or of what else was asked, that an event answers.
fn edit_name(event: &Event) -> Option<u64> {
    match event {
        Event::Scheduled { id, .. } | Event::Applied { id, .. } | Event::Refused { id, .. } => Some(*id),
        Event::Predicted(predicted) => Some(predicted.id),
        _ => None,
    }
}

/// The event as a screen must see it: its own edits by the names that it gave, others by one that it never gives.
fn named_for(event: &Event, screen: u64) -> Event {
    let mut event = event.clone();
    let id = match &mut event {
        Event::Scheduled { id, .. } | Event::Applied { id, .. } | Event::Refused { id, .. } => id,
        Event::Predicted(predicted) => &mut predicted.id,
        _ => return event,
    };
    *id = if *id >> NAME == screen { *id & ((1 << NAME) - 1) } else { u64::MAX };
    event
}

/// The thread that takes screens in, until this is dropped; then every screen has been told what there was to tell.
pub(crate) struct Server {
    hub: Hub,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    place: Option<Place>,
}

impl Server {
    /// Listens at the socket of the run in `dir`, which this process has locked.
    ///
    /// # Errors
    /// The system's, where no place can have a socket.
    pub(crate) fn listen(dir: &Path, hub: Hub, commands: Sender<Command>) -> Result<Server, RunError> {
        let (listener, place) = place::listen(dir).map_err(RunError::create(&dir.join(SOCKET)))?;
        let over = Arc::<AtomicBool>::default();
        let (until, screens) = (Arc::clone(&over), hub.clone());
        let accept = move || {
            while !until.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => serve(stream, &screens, commands.clone()),
                    Err(_) => std::thread::sleep(LISTEN),
                }
            }
        };
        let thread = Builder::new().name("listener".into()).spawn(accept).map_err(RunError::Thread)?;
        Ok(Server { hub, over, thread: Some(thread), place: Some(place) })
    }

    /// Where the socket is and why, when it is not in the run directory.
    pub(crate) fn elsewhere(&self) -> Option<String> {
        let place = self.place.as_ref()?;
        let why = place.moved.as_ref()?;
        Some(format!(
            "its directory can hold no socket ({why}): screens attach through {}, and tricktop attach finds it",
            place.socket.display()
        ))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // No other screen can connect.
        self.place = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let writers = {
            let mut hub = self.hub.lock();
            hub.screens.clear();
            std::mem::take(&mut hub.writers)
        };
        for writer in writers {
            let _ = writer.join();
        }
    }
}

/// Takes a screen's commands on a thread of its own, until it leaves or says something that is none.
fn serve(stream: UnixStream, hub: &Hub, commands: Sender<Command>) {
    let hub = hub.clone();
    let work = move || -> io::Result<()> {
        if !same_user(&stream) {
            return Ok(());
        }
        stream.set_nonblocking(false)?;
        let mut from = BufReader::new(stream.try_clone()?);
        Hello::read(&mut from)?;
        let number = hub.join(stream.try_clone()?)?;
        let mut looks = false;
        let taken = take_commands(&mut from, number, &hub, &commands, &mut looks);
        hub.leave(number);
        if looks {
            // An ended trainer sends nothing more.
            let _ = commands.send(Command::Look { screen: number, at: None });
        }
        taken
    };
    // What is wrong with a screen's words is the screen's affair: it sees its connection closed. So does one for which
    // there is no thread.
    let serve = move || drop(work());
    drop(Builder::new().name("attached".into()).spawn(serve));
}

/// Hands commands on under the number of their screen; `looks` tells whether it looks at anything.
fn take_commands(
    from: &mut impl BufRead,
    screen: u64,
    hub: &Hub,
    commands: &Sender<Command>,
    looks: &mut bool,
) -> io::Result<()> {
    while let Some(mut command) = next(from, COMMAND)? {
        if let Command::Edit { id, .. } | Command::RollBack { id } | Command::Predict { id, .. } = &mut command {
            *id = screen << NAME | (*id & ((1 << NAME) - 1));
        }
        if let Command::Look { screen: from, at } = &mut command {
            (*from, *looks) = (screen, at.is_some());
        }
        if matches!(command, Command::Pause | Command::Steps(_)) {
            hub.lock().paused = Some(screen);
        }
        if commands.send(command).is_err() {
            break;
        }
    }
    Ok(())
}

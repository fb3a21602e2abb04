//! The browser of runs: files are read on a thread of its own, and the screen of any run opens from here.

use super::edge::Edge;
use super::input::Input;
use super::suite::Visit;
use super::{Around, Session, TuiError, attend, came_back, next, say, terminal};
use crate::app::{self, Begin, Ghost};
use crate::browse::{Effect, Msg, State, update};
use crate::runs::{self, Move, Notes, RunError, Surveyor};
use crate::view;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

/// Shows the runs until the user leaves. `visit` gets a hold of a run for its screen; `start` starts another one there,
/// beside that in the directory.
///
/// # Errors
/// When the terminal cannot be used.
pub fn browse(
    mut state: State,
    visit: impl FnMut(Begin) -> Result<Visit, String>,
    start: impl FnMut(&Path, Begin) -> Result<Session, String>,
) -> Result<(), TuiError> {
    let mut edge = Edge::open(&mut state.options)?;
    let (sender, messages) = channel();
    let reader = Reader::start(&state.root, &sender)?;
    let mut show = Show { edge: &mut edge, state, reader, visit, start };
    let shown = show.run(&sender, &messages);
    let attended = !show.state.unattended();
    drop(show);
    let closed = terminal::restore();
    edge.panics.report();
    shown?;
    // (a terminal that is gone cannot be given back)
    if attended { Ok(closed?) } else { Ok(()) }
}

/// What is to be read.
enum Order {
    /// Which runs there are.
    Look,
    /// The curves of a run, which has done so many steps.
    Curves(PathBuf, u64),
}

/// The thread that reads files, joined when this is dropped.
struct Reader {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn start(root: &Path, to: &Sender<Msg>) -> io::Result<Reader> {
        let (orders, wanted) = channel();
        let (mut surveyor, to) = (Surveyor::new(root), to.clone());
        let read = move || {
            for order in wanted {
                let told = match order {
                    Order::Look => {
                        let found = surveyor.look().map_err(|e| e.to_string());
                        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                        Msg::Found(found, now.as_secs_f64())
                    }
                    Order::Curves(dir, step) => {
                        let curves = runs::history(&dir).map(|events| Ghost::of(&events).map(Box::new));
                        Msg::Curves(dir, step, curves.map_err(|e| e.to_string()))
                    }
                };
                if to.send(told).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("reader".into()).spawn(read)?;
        Ok(Reader { orders: Some(orders), thread: Some(thread) })
    }

    fn ask(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // (it ends before this only when nobody listens any more)
            drop(orders.send(order));
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Show<'a, V, S> {
    edge: &'a mut Edge,
    state: State,
    reader: Reader,
    visit: V,
    start: S,
}

impl<V: FnMut(Begin) -> Result<Visit, String>, S: FnMut(&Path, Begin) -> Result<Session, String>> Show<'_, V, S> {
    fn run(&mut self, sender: &Sender<Msg>, messages: &Receiver<Msg>) -> Result<(), TuiError> {
        let mut input = Some(listen(sender)?);
        let mut queue = vec![Msg::Screen(self.edge.begin()?)];
        loop {
            queue.push(Msg::Screen(app::Msg::Tick(self.edge.now())));
            queue.extend(self.edge.signals(true, || {})?.into_iter().map(Msg::Screen));
            if queue.iter().any(|msg| matches!(msg, Msg::Screen(msg) if msg.by_hand())) {
                self.edge.hurry();
            }
            for msg in std::mem::take(&mut queue) {
                for effect in update(&mut self.state, msg) {
                    match effect {
                        Effect::Look => self.reader.ask(Order::Look),
                        Effect::Read(dir, step) => self.reader.ask(Order::Curves(dir, step)),
                        Effect::Open(dir) => {
                            // (one thread at a time reads the keys)
                            drop(input.take());
                            queue.extend(self.open(&dir, Begin::Attach(dir.clone()))?);
                            input = Some(listen(sender)?);
                        }
                        Effect::Resume(dir) => {
                            drop(input.take());
                            queue.extend(self.open(&dir, Begin::TakeUp(dir.clone(), Vec::new()))?);
                            input = Some(listen(sender)?);
                        }
                        Effect::Suspend => self.edge.screen.suspend()?,
                        Effect::Leave => return Ok(()),
                        effect => queue.extend(change(&self.state.root, effect)),
                    }
                }
            }
            if !queue.is_empty() {
                continue;
            }
            let state = &self.state;
            let drawn = self.edge.draw(state.revision(), |buf, area| view::browse::render(state, buf, area));
            match drawn {
                Ok(wait) => queue.extend(next(messages, wait)),
                Err(_) => queue.push(Msg::Screen(app::Msg::Gone)),
            }
        }
    }

    /// Shows a run until the user comes back, and says what became of the terminal meanwhile.
    fn open(&mut self, dir: &Path, begin: Begin) -> Result<Vec<Msg>, TuiError> {
        let attached = matches!(begin, Begin::Attach(_));
        let Visit { recipe, session, hardware, guard: _guard } = match (self.visit)(begin) {
            Ok(visit) => visit,
            Err(why) => return Ok(vec![Msg::Shut(why)]),
        };
        let mut run = app::State::new(self.state.options.clone(), recipe);
        run.browse();
        if attached {
            run.attach();
        }
        let mut start = |begin| (self.start)(dir, begin);
        let around = Around { start: &mut start, presets: &mut Vec::new, hardware: &hardware };
        drop(attend(self.edge, &mut run, session, around)?);
        if run.unattended() {
            // (where the terminal is still there, but was let go)
            drop(terminal::restore().and_then(|()| say(&run.closing_lines())));
        }
        Ok(came_back(self.edge, &run)?.into_iter().map(Msg::Screen).collect())
    }
}

/// Does what an effect asks of the disk, if it is one of those, and tells how that went.
pub fn change(root: &Path, effect: Effect) -> Option<Msg> {
    let told = |moved: Result<Move, RunError>| moved.map_err(|e| e.to_string());
    let noted = |noted: Result<(), RunError>| Msg::Noted(noted.map_err(|e| e.to_string()));
    Some(match effect {
        Effect::Rename(dir, name, children) => Msg::Renamed(told(Move::rename(&dir, &name, &children))),
        Effect::Trash(dir, children) => Msg::Trashed(told(Move::trash(&dir, root, &children))),
        Effect::MoveBack(moved) => Msg::MovedBack(told(moved.back())),
        Effect::Note(dir, note) => noted(Notes::change(&dir, |notes| notes.note = note)),
        Effect::Tags(dir, tags) => noted(Notes::change(&dir, |notes| notes.tags = tags)),
        _ => return None,
    })
}

fn listen(sender: &Sender<Msg>) -> Result<Input, TuiError> {
    let to = sender.clone();
    Ok(Input::listen(move |msg| to.send(Msg::Screen(msg)).is_ok())?)
}

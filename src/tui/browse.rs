//! The browser of runs: files are read on a thread of its own, and the screen of any run opens from here.

use super::edge::Edge;
use super::screen::{Screen, Stage};
use super::{Session, TuiError, Visit, say, terminal};
use crate::app::{Begin, Ghost, Life};
use crate::browse::{Effect, Msg, State, update};
use crate::runs::{self, Move, Notes, RunError, RunIndex};
use crate::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
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
    let mut stage = Stage::new(&mut edge);
    let reader = Reader::start(&state.root, &stage.sender)?;
    let mut screen = BrowseScreen { state, reader, visit, start };
    let shown = stage.show(&mut screen);
    drop(stage);
    let attended = screen.life().is_attended();
    drop(screen);
    let closed = terminal::restore();
    edge.panics.report();
    shown?;
    // A terminal that is gone cannot be given back.
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
        let (mut surveyor, to) = (RunIndex::new(root), to.clone());
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
            // It ends before this only when nobody listens any more.
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

/// The browser, and what reads for it.
struct BrowseScreen<V, S> {
    state: State,
    reader: Reader,
    visit: V,
    start: S,
}

impl<V, S> Screen for BrowseScreen<V, S>
where
    V: FnMut(Begin) -> Result<Visit, String>,
    S: FnMut(&Path, Begin) -> Result<Session, String>,
{
    type Msg = Msg;

    fn by_hand(msg: &Msg) -> bool {
        matches!(msg, Msg::Screen(msg) if msg.by_hand())
    }

    fn life(&self) -> Life {
        self.state.life()
    }

    fn hear(&mut self, msg: Msg, stage: &mut Stage<'_, Msg>) -> Result<ControlFlow<()>, TuiError> {
        for effect in update(&mut self.state, msg) {
            match effect {
                Effect::Look => self.reader.ask(Order::Look),
                Effect::Read(dir, step) => self.reader.ask(Order::Curves(dir, step)),
                Effect::Open(dir) => self.open(&dir, Begin::Attach(dir.clone()), stage)?,
                Effect::Resume(dir) => self.open(&dir, Begin::TakeUp(dir.clone(), Vec::new()), stage)?,
                Effect::Suspend => stage.edge.tty.suspend()?,
                Effect::Leave => return Ok(ControlFlow::Break(())),
                effect => stage.queue.extend(change(&self.state.root, effect)),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn revision(&self) -> u64 {
        self.state.revision()
    }

    fn render(&self, buf: &mut Buffer, area: Rect) {
        view::browse::render(&self.state, buf, area);
    }
}

impl<V, S> BrowseScreen<V, S>
where
    V: FnMut(Begin) -> Result<Visit, String>,
    S: FnMut(&Path, Begin) -> Result<Session, String>,
{
    /// Shows a run until the user comes back.
    fn open(&mut self, dir: &Path, begin: Begin, stage: &mut Stage<'_, Msg>) -> Result<(), TuiError> {
        stage.deafen();
        let attached = matches!(begin, Begin::Attach(_));
        match (self.visit)(begin) {
            Err(why) => stage.queue.push(Msg::Shut(why)),
            Ok(visit) => {
                let mut run = visit.state(&self.state.options);
                run.browse();
                if attached {
                    run.attach();
                }
                visit.show(stage, &mut run, &mut |begin| (self.start)(dir, begin))?;
                if !run.life().is_attended() {
                    // The terminal may still be there, and only have been let go.
                    drop(terminal::restore().and_then(|()| say(&run.closing_lines())));
                }
            }
        }
        Ok(stage.listen()?)
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

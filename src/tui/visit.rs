//! The screen of a run that opens from another screen.

use super::edge::Edge;
use super::run::{Around, attend};
use super::screen::Stage;
use super::{Session, TuiError};
use crate::app::hardware::Sample;
use crate::app::{Begin, Msg, Options, State};
use crate::recipe::Recipe;
use std::any::Any;
use std::io;
use std::sync::mpsc::Receiver;

/// What the screen of a run needs that is opened from another screen.
pub struct Visit {
    /// The recipe of the run as started.
    pub recipe: Recipe,
    /// The hold of it.
    pub session: Session,
    /// Looks at the machine.
    pub hardware: Receiver<Sample>,
    /// Whatever makes them.
    pub guard: Box<dyn Any>,
}

impl Visit {
    /// The state that the run's screen begins with.
    pub(super) fn state(&self, options: &Options) -> State {
        State::new(options.clone(), self.recipe.clone())
    }

    /// Shows the run until the user comes back, and queues what became of the terminal meanwhile. `start` starts another
    /// run.
    ///
    /// # Errors
    /// When the terminal cannot be used.
    pub(super) fn show<M: From<Msg> + Send + 'static>(
        self,
        stage: &mut Stage<'_, M>,
        state: &mut State,
        start: &mut dyn FnMut(Begin) -> Result<Session, String>,
    ) -> Result<(), TuiError> {
        let around = Around { start, presets: &mut Vec::new, hardware: &self.hardware };
        drop(attend(stage.edge, state, self.session, around)?);
        stage.queue.extend(came_back(stage.edge, state)?.into_iter().map(M::from));
        Ok(())
    }
}

/// What the screen that a run was opened from must know when it is in front again.
fn came_back(edge: &mut Edge, run: &State) -> io::Result<Vec<Msg>> {
    Ok(match run.life() {
        life if !life.is_attended() => vec![Msg::Gone],
        life if life.is_signalled() => vec![edge.begin()?, Msg::Signal],
        _ => vec![edge.begin()?],
    })
}

//! Steers the runs of a suite while they are trained.

use crate::train::Command;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The way to the runs at work, and what is left out.
#[derive(Default)]
pub struct Control(Mutex<Orders>);

#[derive(Default)]
struct Orders {
    /// Whether somebody may still put back what is left out.
    attended: bool,
    away: BTreeSet<usize>,
    at_work: BTreeMap<usize, Sender<Command>>,
}

impl Control {
    /// In the hands of somebody who may put back what was left out.
    pub fn attended() -> Control {
        Control(Mutex::new(Orders { attended: true, ..Orders::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a command to a run, if it is at work.
    pub fn send(&self, place: usize, command: Command) {
        if let Some(commands) = self.lock().at_work.get(&place) {
            // A run that has ended takes no command any more.
            drop(commands.send(command));
        }
    }

    /// Sends a command to every run at work.
    pub fn send_all(&self, command: &Command) {
        self.lock().at_work.values().for_each(|commands| drop(commands.send(command.clone())));
    }

    /// Leaves runs out, and stops those of them that are at work with a checkpoint.
    pub fn leave_out(&self, places: &[usize]) {
        self.lock().away.extend(places);
        places.iter().for_each(|place| self.send(*place, Command::Stop { save: true }));
    }

    /// Puts runs back.
    pub fn put_back(&self, places: &[usize]) {
        self.lock().away.retain(|place| !places.contains(place));
    }

    /// Says that nobody will put anything back.
    pub fn leave(&self) {
        self.lock().attended = false;
    }

    /// Whether somebody may still put something back.
    pub(super) fn is_attended(&self) -> bool {
        self.lock().attended
    }

    pub(super) fn is_away(&self, place: usize) -> bool {
        self.lock().away.contains(&place)
    }

    /// A run that somebody has stopped does not begin again by itself.
    pub(super) fn stopped(&self, place: usize) {
        self.lock().away.insert(place);
    }

    /// Takes a run in that begins.
    pub(super) fn enter(&self, place: usize, commands: Sender<Command>) {
        let mut orders = self.lock();
        if orders.away.contains(&place) {
            drop(commands.send(Command::Stop { save: true }));
        }
        orders.at_work.insert(place, commands);
    }

    /// Lets a run go that has ended.
    pub(super) fn exit(&self, place: usize) {
        self.lock().at_work.remove(&place);
    }
}

//! Stands between the trainer and whoever watches: records every event, then passes it on.

use super::attach::Hub;
use super::hook::Hook;
use super::recorder::Recorder;
use crate::train::{AlarmKind, Event, State, Summary};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::Instant;

pub(super) struct Tap {
    recorder: Recorder,
    forward: Sender<Event>,
    hub: Hub,
    hook: Hook,
    dir: PathBuf,
    alarmed: bool,
    ended: bool,
    /// What is known so far, in case the trainer's thread dies without an `Ended`.
    so_far: Summary,
    begun: Instant,
}

impl Tap {
    pub(super) fn new(recorder: Recorder, forward: Sender<Event>, hub: Hub, dir: PathBuf) -> Tap {
        let error = Some("the trainer's thread ended without a result: a fault of the program".to_string());
        let of = Some(dir.clone());
        let (best, best_epoch) = (None, None);
        let (state, seconds, early) = (State::Failed, 0.0, None);
        let so_far = Summary { state, step: 0, best, best_epoch, seconds, dir: of, broken: 0, early, error };
        let hook = Hook::default();
        Tap { recorder, forward, hub, hook, dir, alarmed: false, ended: false, so_far, begun: Instant::now() }
    }

    pub(super) fn take(&mut self, mut event: Event) {
        if let Event::Applied { id, by, .. } = &mut event {
            *by = self.hub.who(*id);
        }
        self.note(&event);
        // The alarm goes ahead of the event, because nothing may follow `Ended`.
        if let Err(e) = self.recorder.record(&event)
            && !self.alarmed
        {
            self.alarmed = true;
            let (step, kind) = (self.so_far.step, AlarmKind::Other);
            self.pass_on(Event::Alarm { step, kind, message: format!("{e}; training goes on") });
        }
        if let Some(problem) = self.hook.tell(&event, &self.dir) {
            self.pass_on(Event::Alarm { step: self.so_far.step, kind: AlarmKind::Other, message: problem });
        }
        self.pass_on(event);
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Steps(steps) => self.so_far.step = steps.last().map_or(self.so_far.step, |s| s.step),
            Event::RolledBack(back) => {
                self.so_far.step = back.step;
                (self.so_far.best, self.so_far.best_epoch) = (back.best, back.best_epoch);
            }
            Event::Epoch(end) if end.best => {
                (self.so_far.best, self.so_far.best_epoch) = (Some(end.evaluation.figures.score()), Some(end.epoch));
            }
            Event::Ended(_) => self.ended = true,
            _ => {}
        }
    }

    fn pass_on(&self, event: Event) {
        self.hub.publish(&event);
        // Nobody watches any more when this fails; the record goes on.
        let _ = self.forward.send(event);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if !self.ended {
            self.so_far.seconds = self.begun.elapsed().as_secs_f64();
            self.take(Event::Ended(Box::new(self.so_far.clone())));
        }
    }
}

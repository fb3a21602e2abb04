//! Where a run on disk stands: what every list, screen and report says of it in the same word.

use super::Line;
use crate::train::State;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// A process trains it.
    AtWork,
    /// All its epochs are done.
    Done,
    /// It was stopped.
    Stopped,
    /// It failed.
    Failed,
    /// Its log has no end, and nobody is at work on it.
    Killed,
}

impl RunStatus {
    /// Of a run with this log, and what went wrong when it failed. `works` says whether a process was at work on it before
    /// the log was read: one that ends in between counts as at work until the next look.
    pub fn of(works: bool, log: &[Line]) -> (RunStatus, Option<String>) {
        if works {
            return (RunStatus::AtWork, None);
        }
        match end(log) {
            Some(Line::RunEnd { state, error, .. }) => (RunStatus::told(state), error.clone()),
            _ => (RunStatus::Killed, None),
        }
    }

    /// Of a run whose log ends with a word.
    fn told(word: &str) -> RunStatus {
        let words = [RunStatus::Done, RunStatus::Failed];
        words.into_iter().find(|status| status.word() == word).unwrap_or(RunStatus::Stopped)
    }

    /// The state of a trainer that it comes from.
    pub fn state(self) -> State {
        match self {
            RunStatus::AtWork => State::Running,
            RunStatus::Done => State::Done,
            RunStatus::Stopped => State::Stopped,
            RunStatus::Failed => State::Failed,
            RunStatus::Killed => State::Killed,
        }
    }

    /// In a word.
    pub fn word(self) -> &'static str {
        self.state().word()
    }
}

/// The end of the last start in a log, if it has come to one.
pub(super) fn end(log: &[Line]) -> Option<&Line> {
    let lines = log.iter().rev();
    let mut last = lines.take_while(|line| !matches!(line, Line::RunStart { .. } | Line::RunResume { .. }));
    last.find(|line| matches!(line, Line::RunEnd { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;
    use crate::train::Summary;
    use std::path::Path;

    fn ended(state: State) -> Line {
        let error = (state == State::Failed).then(|| "no GPU".to_string());
        let (best, best_epoch, early) = (None, None, None);
        let summary = Summary { state, step: 3, best, best_epoch, seconds: 1.0, dir: None, broken: 0, early, error };
        Line::run_end(&summary, Path::new("run"))
    }

    #[test]
    fn the_word_is_that_of_the_end_of_the_last_start() {
        let begun = || Line::run_start("run", Path::new("run"), &Recipe::default());
        let again = || Line::run_resume("run", Path::new("run"), &Recipe::default(), 3);
        let cases = [
            (vec![], "killed", None),
            (vec![begun()], "killed", None),
            (vec![begun(), ended(State::Done)], "done", None),
            (vec![begun(), ended(State::Failed)], "failed", Some("no GPU")),
            (vec![begun(), ended(State::Stopped)], "stopped", None),
            (vec![begun(), ended(State::Failed), again()], "killed", None),
            (vec![begun(), ended(State::Stopped), again(), ended(State::Done)], "done", None),
        ];
        for (log, word, error) in cases {
            let (status, why) = RunStatus::of(false, &log);
            assert_eq!((status.word(), why.as_deref()), (word, error), "{log:?}");
            assert_eq!(RunStatus::of(true, &log), (RunStatus::AtWork, None));
        }
        assert_eq!(RunStatus::AtWork.word(), "running");
    }
}

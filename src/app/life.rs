//! The life of a screen: who opened it, who trains what it shows, and how it comes to its end.

/// How far a screen is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// A person looks at it.
    #[default]
    Open,
    /// The screen is gone, and what is trained goes on to its end.
    LetGo,
    /// What is trained is being stopped with checkpoints; the screen closes when that is done.
    Leaving {
        /// Whether there is still a terminal that shows it.
        attended: bool,
        /// Whether the system has asked for the end.
        signalled: bool,
    },
}

impl Life {
    /// Whether there is a terminal that shows the screen.
    pub fn is_attended(self) -> bool {
        !matches!(self, Life::LetGo | Life::Leaving { attended: false, .. })
    }

    /// Whether what is trained is being stopped.
    pub fn is_leaving(self) -> bool {
        matches!(self, Life::Leaving { .. })
    }

    /// Whether the system has asked for the end.
    pub fn is_signalled(self) -> bool {
        matches!(self, Life::Leaving { signalled: true, .. })
    }

    /// What is trained is being stopped from now on; says whether that is new.
    pub(crate) fn leave(&mut self) -> bool {
        let new = !self.is_leaving();
        if new {
            *self = Life::Leaving { attended: self.is_attended(), signalled: false };
        }
        new
    }

    /// The system asks for the end.
    pub(crate) fn signal(&mut self) {
        *self = Life::Leaving { attended: self.is_attended(), signalled: true };
    }

    /// The screen is gone from now on; says whether that is new.
    pub(crate) fn let_go(&mut self) -> bool {
        let new = self.is_attended();
        *self = match *self {
            Life::Leaving { signalled, .. } => Life::Leaving { attended: false, signalled },
            Life::Open | Life::LetGo => Life::LetGo,
        };
        new
    }
}

/// Who opened the screen of a run; whoever leaves the screen goes back there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Host {
    /// A shell.
    #[default]
    Shell,
    /// The browser of runs.
    Browser,
    /// The screen of a suite, which begins its runs itself.
    Suite,
}

/// Who trains the run of a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trained {
    /// This screen: the run ends with it, unless it is let go.
    #[default]
    Here,
    /// Somebody else: another process, or the suite that opened the screen.
    Elsewhere,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_goes_on_to_its_end_and_never_back() {
        let mut life = Life::default();
        assert!(life.is_attended() && !life.is_leaving());
        assert!(life.let_go() && !life.let_go(), "only the first time is new");
        assert!(life.leave() && !life.leave(), "what was let go can still be stopped");
        assert!(!life.is_attended() && life.is_leaving() && !life.is_signalled());
        life.signal();
        assert_eq!(life, Life::Leaving { attended: false, signalled: true });

        let mut life = Life::Open;
        life.signal();
        assert!(life.is_attended() && life.let_go() && life.is_signalled(), "a signal is not forgotten");
    }
}

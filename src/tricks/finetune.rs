//! Fine-tuning: what is frozen in an epoch, and which part of the learning rate a parameter has.

use crate::recipe::settings::{Finetune, Freeze, Optim};
use crate::recipe::{Changes, Settings};

/// What is frozen in an epoch, which counts from 0: what the recipe says, for as many epochs as it says.
pub fn frozen(of: &Finetune, epoch: u64) -> Freeze {
    if of.freeze_epochs == 0 || epoch < of.freeze_epochs { of.freeze } else { Freeze::None }
}

/// What is frozen in every epoch of a run.
pub fn always_frozen(s: &Settings) -> Freeze {
    frozen(&s.finetune, s.train.epochs.saturating_sub(1))
}

/// The factor of the learning rate of a parameter that lies so many groups below the head.
pub fn rate(optim: &Optim, depth: usize) -> f64 {
    let head = if depth == 0 { optim.head_lr } else { 1.0 };
    // A product in a fixed order is the same on every machine.
    std::iter::repeat_n(optim.layer_decay, depth).fold(head, |rate, d| rate * d)
}

/// Why an edit that asks for something to be frozen would not freeze it in an epoch, after which the recipe is `s`.
pub fn without_effect(changes: &Changes, s: &Settings, epoch: u64) -> Option<String> {
    let Finetune { freeze, freeze_epochs, .. } = s.finetune;
    let asks = freeze != Freeze::None && changes.iter().any(|(knob, _)| knob.path == "finetune.freeze");
    (asks && frozen(&s.finetune, epoch) == Freeze::None).then(|| {
        format!(
            "finetune.freeze: {} would freeze nothing: finetune.freeze_epochs is {freeze_epochs}, and the run is in epoch \
             {}; set finetune.freeze_epochs to 0 (no end) or to a later epoch, before it or with it",
            freeze.word(),
            epoch + 1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Value, knobs::find};

    #[test]
    fn a_freeze_holds_for_its_epochs_and_without_a_number_for_all() {
        let of = |freeze_epochs| Finetune { freeze: Freeze::Stage2, freeze_epochs, ..Finetune::default() };
        let in_epochs = |n| [0, 1, 2, 1000].map(|epoch| frozen(&of(n), epoch) != Freeze::None);
        assert_eq!(in_epochs(0), [true; 4]);
        assert_eq!(in_epochs(2), [true, true, false, false]);
        let mut s = Settings::default();
        s.train.epochs = 3;
        let always = |s: &mut Settings, n| {
            s.finetune = of(n);
            always_frozen(s) == Freeze::Stage2
        };
        assert_eq!([0, 2, 3, 9].map(|n| always(&mut s, n)), [true, false, true, true]);
    }

    #[test]
    fn rates_fall_from_the_head_down_by_one_factor_a_group() {
        let optim = |head_lr, layer_decay| Optim { head_lr, layer_decay, ..Optim::default() };
        assert_eq!([0, 1, 17].map(|depth| rate(&optim(1.0, 1.0), depth)), [1.0; 3]);
        assert_eq!([0, 1, 3].map(|depth| rate(&optim(10.0, 0.5), depth)), [10.0, 0.5, 0.125]);
    }

    #[test]
    fn an_edit_that_would_freeze_nothing_any_more_is_told() {
        let mut s = Settings::default();
        (s.finetune.freeze, s.finetune.freeze_epochs) = (Freeze::Stem, 2);
        let change = |path, value| vec![(find(path).unwrap(), value)];
        let freeze = change("finetune.freeze", Value::Word("Stem".into()));
        assert_eq!(without_effect(&freeze, &s, 1), None);
        let why = without_effect(&freeze, &s, 2).unwrap();
        assert!(why.contains("finetune.freeze_epochs is 2") && why.contains("epoch 3"), "{why}");
        assert_eq!(without_effect(&change("finetune.freeze_epochs", Value::Int(2)), &s, 5), None, "it ends a freeze");
        s.finetune.freeze_epochs = 0;
        assert_eq!(without_effect(&freeze, &s, 99), None);
    }
}

//! The window of the search for a learning rate, and the epochs that a patient run still waits.

use crate::run::epoch;
use crate::script::*;
use insta::assert_snapshot;
use tricktop::app::{Effect, Modal};
use tricktop::recipe::Value;
use tricktop::train::{Command, Event, RateSearch, State, StepRecord, When};
use tricktop::tricks::finder::{RatePoint, Search};

/// Presses keys: what the front end is to do then.
fn press(screen: &mut Screen, keys: &str) -> Vec<Effect> {
    screen.taken();
    screen.keys(keys);
    screen.taken()
}

/// The losses of a net that learns best at rates around 0.01.
fn loss(lr: f64) -> f64 {
    let log = lr.log10();
    let rough = 0.1 * (37.0 * log).sin();
    if log < -0.5 { 2.4 - 1.6 / (1.0 + (-2.5 * (log + 2.5)).exp()) + rough } else { 0.8 + 90.0 * (log + 0.5) }
}

/// A screen that has asked for a search, and the reports of it up to so many steps.
fn searching(steps: usize) -> (Screen, Search) {
    let mut screen = Screen::running(300);
    assert_eq!(press(&mut screen, ":lr-find<enter>"), [Effect::Send(Command::FindRate)]);
    screen.event(Event::State(State::Finding));
    screen.event(Event::Rate(RateSearch::Begun));
    let mut search = Search::default();
    while let Some(lr) = search.next().filter(|_| search.points().len() < steps) {
        let goes_on = search.push(lr, loss(lr));
        screen.event(Event::Rate(RateSearch::Point(*search.points().last().unwrap())));
        if !goes_on {
            break;
        }
    }
    (screen, search)
}

fn found(search: &Search) -> Event {
    let (suggestion, why) = (search.suggestion(), "the loss is four times its best at a rate of 2.0e0, step 92".into());
    Event::Rate(RateSearch::Found { suggestion, base_lr: suggestion.map(|_| 0.012), why })
}

#[test]
fn the_curve_is_drawn_as_it_comes() {
    let (mut screen, _) = searching(70);
    assert_snapshot!("finding_80x24", screen.text(80, 24));
    assert!(screen.text(80, 24).contains("LR-FIND"));
    // There is nothing to take yet, and the window stays.
    assert_eq!(press(&mut screen, "<enter>"), []);
    assert!(matches!(screen.state.modal(), Some(Modal::Finder(_))));
    assert_eq!(press(&mut screen, "<esc>"), [Effect::Send(Command::EndFinding)]);
    assert!(screen.state.modal().is_none());
}

#[test]
fn the_suggestion_is_an_ordinary_edit() {
    let (mut screen, search) = searching(100);
    screen.event(Event::State(State::Running));
    screen.event(found(&search));
    for (width, height) in [(80, 24), (120, 36), (60, 16)] {
        let text = screen.text(width, height);
        assert!(text.contains("lr 0.012 has it at the peak") || height < 24, "{text}");
    }
    assert_snapshot!("found_120x36", screen.text(120, 36));
    let changes = vec![(knob("schedule.base_lr"), Value::Float(0.012))];
    assert_eq!(press(&mut screen, "<enter>"), [Effect::Send(Command::Edit { id: 0, changes, when: When::Now })]);
    assert!(screen.state.modal().is_none());
    assert!(screen.text(120, 36).contains("lr-find: a rate of"), "the journal has it");
}

#[test]
fn a_search_without_a_result_says_so_and_esc_leaves_it_alone() {
    let (mut screen, search) = searching(5);
    screen.event(found(&search));
    assert!(screen.text(80, 24).contains("no rate is suggested"));
    assert_eq!(press(&mut screen, "<esc>"), []);
    // A screen that has not asked sees nothing but a line of the journal.
    let mut other = Screen::running(300);
    other.event(Event::Rate(RateSearch::Begun));
    other.event(Event::Rate(RateSearch::Point(RatePoint { lr: 1e-3, loss: 2.0, smooth: 2.0 })));
    other.event(found(&search));
    assert!(other.state.modal().is_none() && other.text(120, 36).contains("lr-find: no rate is suggested"));
    other.event(other.script.end(State::Done));
    assert_eq!(press(&mut other, ":lr-find<enter>"), [], "the run is over");
}

#[test]
fn the_epochs_since_the_best_are_shown_while_patience_is_on() {
    let mut screen = Screen::running(STEPS_PER_EPOCH);
    assert!(!screen.text(160, 50).contains("patience 0/"));
    screen.keys(":patience 5<enter>");
    screen.event(epoch(1, 0.8, true, 10));
    assert!(screen.text(160, 50).contains("patience 0/5"), "{}", screen.text(160, 50));
    let record = StepRecord { step: 280, epoch: 3.01, loss: 1.0, lr: 0.1, img_s: 1200.0, wait: 0.0, scaling: None };
    screen.event(Event::Steps(vec![record]));
    assert!(screen.text(160, 50).contains("patience 2/5"), "{}", screen.text(160, 50));
    let Event::Ended(end) = screen.script.end(State::Done) else { panic!("the script ends a run") };
    let early = Some("no better top-1 for 5 epochs: stopped, the best is epoch 1".to_string());
    screen.event(Event::Ended(Box::new(tricktop::train::Summary { early, ..*end })));
    assert!(screen.text(160, 50).contains("no better top-1 for 5 epochs: stopped, the best is epoch 1"));
    screen.keys("r");
    assert!(screen.text(160, 50).contains("give patience a larger value"), "{}", screen.text(160, 50));
}

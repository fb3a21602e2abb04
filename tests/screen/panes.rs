//! The panes: each is reached, seen and left, whatever stands beside it.

use crate::script::*;
use tricktop::app::keys::{Action, BINDINGS};
use tricktop::app::{PANES, Pane};

/// Whether a screen shows a pane with the focus, in every size.
fn focused(screen: &mut Screen, pane: Pane) -> bool {
    [(80, 24), (120, 36), (240, 60)].into_iter().all(|(width, height)| {
        let title = format!("▸{}", pane.row().title);
        screen.text(width, height).contains(&title)
    })
}

#[test]
fn every_pane_is_reached_by_its_key_by_its_name_and_by_tab() {
    let mut by_tab = Screen::running(40);
    for (place, row) in PANES.iter().enumerate() {
        let mut by_key = Screen::running(40);
        let binding = BINDINGS.iter().find(|binding| binding.action == Action::Pane(place)).unwrap();
        if !binding.keys.is_empty() {
            by_key.keys(binding.label);
            assert!(focused(&mut by_key, row.pane), "{} by its key", row.title);
        }
        let mut by_name = Screen::running(40);
        by_name.keys(&format!(":pane {}<enter>", row.title.replace(' ', "-")));
        assert!(focused(&mut by_name, row.pane), "{} by its name", row.title);
        assert!(focused(&mut by_tab, row.pane), "{} by tab", row.title);
        by_tab.keys("<tab>");
    }
    assert!(focused(&mut by_tab, PANES[0].pane), "after the last comes the first");
}

#[test]
fn every_pane_fills_the_screen_when_it_is_zoomed_and_is_in_the_help() {
    let mut screen = Screen::running(40);
    for row in PANES {
        screen.keys("z");
        assert!(focused(&mut screen, row.pane), "{}", row.title);
        screen.keys("z<tab>");
    }
    for row in PANES {
        screen.keys(&format!("?/{}<enter>", row.title.to_lowercase()));
        let first: String = row.help.chars().take(40).collect();
        assert!(screen.text(200, 60).contains(&first), "{first}");
        screen.keys("<esc><esc>");
    }
}

#[test]
fn a_pane_that_is_chosen_covers_those_of_its_row_alone() {
    for (pane, covered, beside) in [
        ("8", [Pane::Loss, Pane::Rate], [Pane::Accuracy, Pane::Hardware, Pane::Journal]),
        ("9", [Pane::Rate, Pane::Hardware], [Pane::Loss, Pane::Accuracy, Pane::Journal]),
    ] {
        let mut screen = Screen::running(40);
        screen.keys(pane);
        let text = screen.text(240, 60);
        let seen = |pane: &Pane| text.contains(&format!("┌ {} ", pane.row().title));
        assert!(!covered.iter().any(seen) && beside.iter().all(seen), "{pane}\n{text}");
    }
}

//! Text that is typed or pasted, wherever it goes.

use super::Pane;
use super::keys::Key;
use super::modal::Modal;
use super::state::State;
use crossterm::event::KeyCode;
use tui_input::InputRequest;

/// What a key means in a line of text.
pub(crate) fn request(key: Key) -> Option<InputRequest> {
    Some(match (key.code, key.ctrl) {
        (KeyCode::Char(c), false) => InputRequest::InsertChar(c),
        (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) | (KeyCode::Char('d'), true) => InputRequest::DeleteNextChar,
        (KeyCode::Left, _) => InputRequest::GoToPrevChar,
        (KeyCode::Right, _) => InputRequest::GoToNextChar,
        (KeyCode::Home, _) | (KeyCode::Char('a'), true) => InputRequest::GoToStart,
        (KeyCode::End, _) => InputRequest::GoToEnd,
        (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
        (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
        _ => return None,
    })
}

/// Types into what is in front, if that takes text.
pub(crate) fn type_in(state: &mut State, request: InputRequest) {
    match &mut state.modal {
        Some(Modal::Edit(editor)) => editor.request(request),
        Some(Modal::Command(line)) => {
            // Rubbing out an empty command line closes it.
            if line.text().is_empty() && request == InputRequest::DeletePrevChar {
                state.modal = None;
            } else {
                line.request(request);
            }
        }
        Some(Modal::Help(help)) if help.typing => {
            help.search.input.handle(request);
            help.scroll = 0;
        }
        Some(Modal::Filter(line)) => {
            line.input.handle(request);
            let filter = line.text().to_string();
            state.rows.set_filter(filter);
            // The cursor goes where something was found.
            state.focus = match state.focus {
                Pane::Knobs if state.rows.knobs.is_empty() && !state.rows.tricks.is_empty() => Pane::Tricks,
                Pane::Tricks if state.rows.tricks.is_empty() && !state.rows.knobs.is_empty() => Pane::Knobs,
                pane => pane,
            };
        }
        _ => {}
    }
}

/// Types a text, without what it may hold besides characters.
pub(crate) fn paste(state: &mut State, text: &str) {
    for c in text.chars().filter(|c| !c.is_control()) {
        type_in(state, InputRequest::InsertChar(c));
    }
}

//! Drawing: pure functions from state to a buffer of cells.

//! What the arrows do in a pane that has a cursor of its own.

/// A pane that moves by itself.
pub(crate) trait Scroll {
    /// Moves down by so many rows; up when that is negative.
    fn shift(&mut self, by: isize);

    /// Turns to the right, or to the left.
    fn turn(&mut self, _right: bool) {}
}

/// The place after one of `count` places in a circle, or the one before it.
pub(crate) fn beside(at: usize, count: usize, forward: bool) -> usize {
    (at + if forward { 1 } else { count - 1 }) % count
}

/// A place moved by so many rows, as long as there are rows: `count` of them.
pub(crate) fn moved(at: usize, by: isize, count: usize) -> usize {
    (at as isize).saturating_add(by).clamp(0, count.saturating_sub(1) as isize) as usize
}

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn a_place_stays_within_its_rows() {
        assert_eq!([moved(3, 1, 5), moved(3, 9, 5), moved(3, -9, 5), moved(3, isize::MAX, 5)], [4, 4, 0, 4]);
        assert_eq!(moved(0, 1, 0), 0, "without rows");
    }
}

//! What the values in the files of masks mean.

use super::{IGNORED, MaskProblem};

/// Which values are classes, and which are ignored.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct Values {
    /// Class of each value; none for one that must not be there.
    table: [Option<u8>; 256],
    first: u8,
    last: u8,
}

impl Values {
    /// `classes` classes (1 to 255), the first of which has the value `first`; those below are ignored, and `ignore` and 255.
    pub fn new(first: u8, classes: usize, ignore: u8) -> Values {
        let last = (usize::from(first) + classes).clamp(1, usize::from(IGNORED)) as u8 - 1;
        let class = |value: u8| match value {
            IGNORED => Some(IGNORED),
            value if value == ignore || value < first => Some(IGNORED),
            value => (value <= last).then(|| value - first),
        };
        Values { table: std::array::from_fn(|value| class(value as u8)), first, last }
    }

    /// Turns the values of a mask of rows of `width` into classes.
    ///
    /// # Errors
    /// A value of no class.
    pub fn classes(&self, mut values: Vec<u8>, width: usize) -> Result<Vec<u8>, MaskProblem> {
        for (at, value) in values.iter_mut().enumerate() {
            let class = self.table[usize::from(*value)];
            *value = class.ok_or_else(|| self.unknown((*value).into(), at, width))?;
        }
        Ok(values)
    }

    /// The value at a place is that of no class.
    pub fn unknown(&self, value: u16, at: usize, width: usize) -> MaskProblem {
        let (row, column) = (at / width.max(1), at % width.max(1));
        let ignored: Vec<String> =
            (0..=255u8).filter(|v| self.table[usize::from(*v)] == Some(IGNORED)).map(|v| v.to_string()).collect();
        let verb = if ignored.len() == 1 { "is" } else { "are" };
        let ignored = format!("{} {verb}", ignored.join(" and "));
        MaskProblem::Value { value, row, column, first: self.first.into(), last: self.last.into(), ignored }
    }
}

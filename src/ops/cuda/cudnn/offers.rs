//! Which of the engines that cuDNN offers are taken.

use std::fmt;

/// Notes of engines: `cudnnBackendNumericalNote_t`.
const TENSOR_CORES: i32 = 0;
const ROUNDS_FACTORS: i32 = 1;
const ROUNDS_SUMS: i32 = 2;
const NOT_DETERMINISTIC: i32 = 4;

/// What is asked of an engine, beside being deterministic: the same run with the same seed gives the same numbers.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Whether all is computed in single precision: no tensor cores, which round factors to TF32.
    pub exact: bool,
    /// Most bytes of workspace.
    pub limit: u64,
}

/// What became of the engines that were offered and not taken.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    wanted: Wanted,
    by_chance: usize,
    coarse: usize,
    failed: usize,
    large: usize,
    /// The smallest workspace over the limit.
    least: Option<u64>,
}

impl Refused {
    /// None so far.
    pub fn new(wanted: Wanted) -> Self {
        Refused { wanted, by_chance: 0, coarse: 0, failed: 0, large: 0, least: None }
    }

    /// Whether an engine with these notes may be used. Counts it otherwise.
    pub fn notes_fit(&mut self, notes: &[i32]) -> bool {
        let by_chance = notes.contains(&NOT_DETERMINISTIC);
        let rounds = |notes: &[i32], which: &[i32]| notes.iter().any(|note| which.contains(note));
        let coarse =
            rounds(notes, &[ROUNDS_SUMS]) || self.wanted.exact && rounds(notes, &[TENSOR_CORES, ROUNDS_FACTORS]);
        self.by_chance += usize::from(by_chance);
        self.coarse += usize::from(coarse && !by_chance);
        !by_chance && !coarse
    }

    /// Counts an engine that makes no plan.
    pub fn failed(&mut self) {
        self.failed += 1;
    }

    /// Whether a plan may have that workspace. Counts it otherwise.
    pub fn workspace_fits(&mut self, bytes: u64) -> bool {
        let fits = bytes <= self.wanted.limit;
        if !fits {
            self.large += 1;
            self.least = Some(self.least.map_or(bytes, |least| least.min(bytes)));
        }
        fits
    }

    /// Whether there was nothing to refuse.
    pub fn none_offered(&self) -> bool {
        self.by_chance + self.coarse + self.failed + self.large == 0
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.none_offered() {
            return f.write_str("it offers no engine");
        }
        let mebibytes = |bytes: u64| format!("{} MiB", bytes.div_ceil(1 << 20));
        let least = self.least.map(|least| {
            format!("more workspace than {} ({} at least)", mebibytes(self.wanted.limit), mebibytes(least))
        });
        let reasons = [
            (self.by_chance, "whose results differ from run to run"),
            (self.coarse, if self.wanted.exact { "not in single precision" } else { "with rounded sums" }),
            (self.failed, "that cannot do it"),
            (self.large, &format!("with {}", least.unwrap_or_default())),
        ];
        let counts = reasons.iter().filter(|(count, _)| *count > 0).map(|(count, which)| format!("{count} {which}"));
        write!(f, "it offers engines, but {}", counts.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_decide() {
        // (notes, fits, fits where all must be in single precision)
        let cases: [(&[i32], bool, bool); 8] = [
            (&[], true, true),
            (&[TENSOR_CORES], true, false),
            (&[ROUNDS_FACTORS], true, false),
            (&[TENSOR_CORES, ROUNDS_FACTORS], true, false),
            (&[ROUNDS_SUMS], false, false),
            (&[NOT_DETERMINISTIC], false, false),
            (&[TENSOR_CORES, NOT_DETERMINISTIC], false, false),
            (&[5, 9, 77], true, true),
        ];
        for (notes, fits, exact_fits) in cases {
            for (exact, expected) in [(false, fits), (true, exact_fits)] {
                let mut refused = Refused::new(Wanted { exact, limit: 0 });
                assert_eq!(refused.notes_fit(notes), expected, "{notes:?}, exact {exact}");
                assert_eq!(refused.none_offered(), expected, "{notes:?}, exact {exact}");
            }
        }
    }

    #[test]
    fn workspace_decides() {
        let mut refused = Refused::new(Wanted { exact: true, limit: 3 << 20 });
        assert_eq!(
            [0, 3 << 20, (3 << 20) + 1, u64::MAX].map(|bytes| refused.workspace_fits(bytes)),
            [true, true, false, false]
        );
        assert_eq!(refused.to_string(), "it offers engines, but 2 with more workspace than 3 MiB (4 MiB at least)");
    }

    #[test]
    fn all_reasons_are_told() {
        let mut refused = Refused::new(Wanted { exact: true, limit: 0 });
        assert_eq!(refused.to_string(), "it offers no engine");
        refused.notes_fit(&[NOT_DETERMINISTIC]);
        refused.notes_fit(&[TENSOR_CORES]);
        refused.failed();
        refused.failed();
        let expected = "1 whose results differ from run to run, 1 not in single precision, 2 that cannot do it";
        assert_eq!(refused.to_string(), format!("it offers engines, but {expected}"));
    }
}

//! A look at some masks before a run: what is wrong with all of them is no matter of a single image.

use super::MaskedError;
use crate::data::broken::Broken;
use crate::data::decode::{Picture, Reading, Wanted, decode_part};
use crate::data::masks::IGNORED;
use crate::data::source::{Split, Stored};
use rayon::prelude::*;

/// Masks that are looked at.
const LOOKED: usize = 32;

/// Looks at masks that are spread over a split of a set; says what a person should know of them, a sentence.
///
/// # Errors
/// None of them can be used, or they are black and white.
pub(super) fn look(
    set: &str,
    split: &Split,
    classes: &[String],
    first: u8,
    reading: Reading,
) -> Result<Option<String>, MaskedError> {
    let looked = split.len().min(LOOKED);
    let one = |n: usize| {
        let i = n * split.len() / looked;
        seen(split, i, reading).map_err(|broken| format!("{} {broken}", split.name(i)))
    };
    let found: Vec<Result<[bool; 256], String>> = (0..looked).into_par_iter().map(one).collect();
    if let (Some(Err(first)), false) = (found.first(), found.iter().any(Result::is_ok)) {
        return Err(MaskedError::AllBroken { set: set.into(), looked, first: first.clone() });
    }
    let there: Vec<usize> = (0..256).filter(|class| found.iter().flatten().any(|seen| seen[*class])).collect();
    let ignored = usize::from(IGNORED);
    match there[..] {
        [0, last] if last == ignored && first == 0 => Err(MaskedError::BlackAndWhite { set: set.into(), looked }),
        [class] if class == ignored => Err(MaskedError::AllIgnored { set: set.into(), looked, first }),
        [class] => Ok(Some(format!("{looked} masks were looked at, and every pixel of them is {}", classes[class]))),
        _ => Ok(None),
    }
}

/// The classes in a mask, which has the size of its image.
fn seen(split: &Split, i: usize, reading: Reading) -> Result<[bool; 256], Broken> {
    let Stored::Encoded(bytes) = split.read(i)? else { return Ok([false; 256]) };
    let mut picture = Picture::default();
    decode_part(&bytes, reading, &mut picture, |_, _| Wanted { rows: 1, shrink: 8 })?;
    let (shown, stored) = (picture.turn.size(picture.full), picture.full);
    picture.free();
    let mut there = [false; 256];
    split.mask(i, |mask| {
        mask.fits(shown, stored)?;
        mask.classes().iter().for_each(|class| there[usize::from(*class)] = true);
        Ok(())
    })?;
    Ok(there)
}

//! Classes of two things that meet (a net and images, a teacher and its pupil), matched by name and never by place.

use crate::data::composed;
use crate::nn::TensorData;
use std::collections::{BTreeMap, HashMap};

/// Names that are listed in a sentence.
const NAMED: usize = 8;

/// The place of each of `ours` among `theirs`.
///
/// # Errors
/// Those of ours that are not among theirs.
pub(super) fn places(ours: &[String], theirs: &[String]) -> Result<Vec<usize>, Vec<String>> {
    let places: HashMap<String, usize> = theirs.iter().enumerate().map(|(i, name)| (composed(name), i)).collect();
    let found: Vec<Option<usize>> = ours.iter().map(|name| places.get(&composed(name)).copied()).collect();
    let missing: Vec<String> =
        ours.iter().zip(&found).filter(|(_, place)| place.is_none()).map(|(name, _)| name.clone()).collect();
    if missing.is_empty() { Ok(found.into_iter().flatten().collect()) } else { Err(missing) }
}

/// The place of each of `ours` among `theirs`, when both are the same classes in any order.
pub(super) fn same(ours: &[String], theirs: &[String]) -> Option<Vec<usize>> {
    places(ours, theirs).ok().filter(|_| ours.len() == theirs.len())
}

/// Some names as a sentence lists them.
pub(super) fn listed(names: &[String]) -> String {
    let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
    names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ") + &more
}

/// Puts the outputs of a linear layer, a row of its weight and a value of its bias each, into another order.
pub(super) fn reorder(tensors: &mut BTreeMap<String, TensorData>, head: &str, order: &[usize]) {
    if order.iter().enumerate().all(|(i, place)| i == *place) {
        return;
    }
    for name in [format!("{head}.weight"), format!("{head}.bias")] {
        let Some(tensor) = tensors.get_mut(&name).filter(|t| t.shape.first() == Some(&order.len())) else { continue };
        let row = tensor.values.len() / order.len();
        tensor.values = order.iter().flat_map(|place| &tensor.values[place * row..][..row]).copied().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    #[test]
    fn names_are_found_wherever_they_stand_and_however_accents_are_written() {
        let theirs = names("dog caf\u{e9} cat");
        assert_eq!(places(&names("cat cafe\u{301}"), &theirs), Ok(vec![2, 1]));
        assert_eq!(places(&names("cat fox dog eel"), &theirs), Err(names("fox eel")));
        assert_eq!(same(&names("cat dog"), &theirs), None);
        assert_eq!(same(&names("cat dog caf\u{e9}"), &theirs), Some(vec![2, 0, 1]));
        assert_eq!(listed(&names("a b c d e f g h i j")), "a, b, c, d, e, f, g, h and 2 more");
    }

    #[test]
    fn a_row_and_a_bias_go_with_their_class() {
        let tensor = |shape: &[usize], values: &[f32]| TensorData { shape: shape.to_vec(), values: values.to_vec() };
        let mut tensors = BTreeMap::from([
            ("fc.weight".to_string(), tensor(&[3, 2], &[0.0, 1.0, 10.0, 11.0, 20.0, 21.0])),
            ("fc.bias".to_string(), tensor(&[3], &[0.5, 1.5, 2.5])),
        ]);
        reorder(&mut tensors, "fc", &[2, 0, 1]);
        assert_eq!(tensors["fc.weight"].values, [20.0, 21.0, 0.0, 1.0, 10.0, 11.0]);
        assert_eq!(tensors["fc.bias"].values, [2.5, 0.5, 1.5]);
    }
}

//! Classes of two things that meet (a net and images, a teacher and its pupil), matched by name and never by place.

use crate::data::composed;
use crate::nn::{NetSpec, TensorData};
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

/// Some names as a sentence lists them.
pub(super) fn listed(names: &[String]) -> String {
    let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
    names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ") + &more
}

/// What the classes of a file of weights are to those of images.
#[derive(Debug, PartialEq)]
pub(super) enum Aligned {
    /// The same, and the outputs are in their order now.
    Same,
    /// Others, as a predicate of the file.
    Others(String),
    /// The file names none.
    Unnamed,
}

/// Puts the outputs of a net's linear layers into the order of `ours`, when the file's classes, if it names them, are the
/// same.
pub(super) fn align(
    tensors: &mut BTreeMap<String, TensorData>,
    net: &NetSpec,
    ours: &[String],
    theirs: Option<&[String]>,
) -> Aligned {
    let Some(theirs) = theirs else { return Aligned::Unnamed };
    match places(ours, theirs) {
        Ok(order) if ours.len() == theirs.len() => {
            reorder(tensors, |name| net.gives_logits(name), &order);
            Aligned::Same
        }
        _ => Aligned::Others(format!("is of the classes {}; the images are of {}", listed(theirs), listed(ours))),
    }
}

/// Puts the outputs of linear layers, a row of the weight and a value of the bias each, into another order.
fn reorder(tensors: &mut BTreeMap<String, TensorData>, of_outputs: impl Fn(&str) -> bool, order: &[usize]) {
    for (_, tensor) in tensors.iter_mut().filter(|(name, t)| of_outputs(name) && t.shape.first() == Some(&order.len()))
    {
        let row = tensor.values.len() / order.len();
        tensor.values = order.iter().flat_map(|place| &tensor.values[place * row..][..row]).copied().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::settings::Net;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    #[test]
    fn names_are_found_wherever_they_stand_and_however_accents_are_written() {
        let theirs = names("dog caf\u{e9} cat");
        assert_eq!(places(&names("cat cafe\u{301}"), &theirs), Ok(vec![2, 1]));
        assert_eq!(places(&names("cat fox dog eel"), &theirs), Err(names("fox eel")));
        assert_eq!(listed(&names("a b c d e f g h i j")), "a, b, c, d, e, f, g, h and 2 more");
    }

    #[test]
    fn a_row_and_a_bias_go_with_their_class() {
        let tensor = |shape: &[usize], values: &[f32]| TensorData { shape: shape.to_vec(), values: values.to_vec() };
        let mut tensors = BTreeMap::from([
            ("fc.weight".to_string(), tensor(&[3, 2], &[0.0, 1.0, 10.0, 11.0, 20.0, 21.0])),
            ("fc.bias".to_string(), tensor(&[3], &[0.5, 1.5, 2.5])),
        ]);
        let net = NetSpec::new(&Net::default(), 1, 3);
        let (ours, theirs) = (names("a b c"), names("b c a"));
        assert_eq!(align(&mut tensors, &net, &ours, None), Aligned::Unnamed);
        let others = align(&mut tensors, &net, &names("a b d"), Some(&theirs));
        assert_eq!(others, Aligned::Others("is of the classes b, c, a; the images are of a, b, d".into()));
        assert!(matches!(align(&mut tensors, &net, &names("a b"), Some(&theirs)), Aligned::Others(_)));
        assert_eq!(tensors["fc.bias"].values, [0.5, 1.5, 2.5]);
        assert_eq!(align(&mut tensors, &net, &ours, Some(&theirs)), Aligned::Same);
        assert_eq!(tensors["fc.weight"].values, [20.0, 21.0, 0.0, 1.0, 10.0, 11.0]);
        assert_eq!(tensors["fc.bias"].values, [2.5, 0.5, 1.5]);
    }
}

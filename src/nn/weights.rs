//! Weights under the names that other programs give them.

use super::TensorData;
use super::state::passed_over;
use std::collections::{BTreeMap, BTreeSet};

/// What wrappers put before the names of the net in them: DataParallel, torch.compile, Lightning and such. No name of a
/// net here begins so.
const WRAPPERS: [&str; 9] =
    ["module.", "_orig_mod.", "model.", "backbone.", "state_dict.", "net.", "network.", "encoder.", "_module."];

/// Tensors under the names of a net alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Tensors by name.
    pub tensors: BTreeMap<String, TensorData>,
    /// What their names began with and was left out.
    pub prefixes: BTreeSet<String>,
}

impl Weights {
    /// Reads tensors with `read`, which says whether they fit: as they are, but for what all names begin with; then, where
    /// that does not fit, without what some names begin with.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn fitting<T, E>(
        tensors: BTreeMap<String, TensorData>,
        read: impl Fn(&BTreeMap<String, TensorData>) -> Result<T, E>,
    ) -> Result<(Weights, T), E> {
        let weights = Weights { tensors, prefixes: BTreeSet::new() }.without_shared();
        match read(&weights.tensors) {
            Ok(found) => Ok((weights, found)),
            Err(why) => match weights.without_any() {
                Some(bare) => read(&bare.tensors).map(|found| (bare, found)),
                None => Err(why),
            },
        }
    }

    /// What was left out, as a predicate of their file; none when nothing was.
    pub fn note(&self) -> Option<String> {
        let prefixes: Vec<String> = self.prefixes.iter().map(|prefix| format!("`{prefix}`")).collect();
        let text = format!("names its tensors with the prefix {}, which is left out", prefixes.join(" or "));
        (!prefixes.is_empty()).then_some(text)
    }

    /// Without the wrappers that all names share.
    fn without_shared(self) -> Weights {
        let shared = |prefix: &&str| {
            let mut names = self.tensors.keys().filter(|name| !passed_over(name)).peekable();
            names.peek().is_some() && names.all(|name| name.starts_with(prefix))
        };
        // The longest prefix made of them counts.
        let Some(prefix) = WRAPPERS.iter().find(|prefix| shared(prefix)) else { return self };
        let bare = |name: String| name.strip_prefix(prefix).map_or(name.clone(), String::from);
        let tensors = self.tensors.into_iter().map(|(name, t)| (bare(name), t)).collect();
        let inner = Weights { tensors, prefixes: BTreeSet::new() }.without_shared();
        let rest = inner.prefixes.first().map_or("", String::as_str);
        Weights { prefixes: BTreeSet::from([format!("{prefix}{rest}")]), tensors: inner.tensors }
    }

    /// Without the wrappers that some names have; none where no name has any, or two would become the same.
    fn without_any(&self) -> Option<Weights> {
        let mut bare = Weights { tensors: BTreeMap::new(), prefixes: self.prefixes.clone() };
        for (name, tensor) in &self.tensors {
            let inner = inner_name(name);
            if inner.len() < name.len() {
                bare.prefixes.insert(name[..name.len() - inner.len()].to_string());
            }
            if bare.tensors.insert(inner.to_string(), tensor.clone()).is_some() {
                return None;
            }
        }
        (bare.prefixes != self.prefixes).then_some(bare)
    }
}

/// A name without all wrappers before it.
fn inner_name(mut name: &str) -> &str {
    while let Some(rest) = WRAPPERS.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeMap<String, TensorData> {
        let tensor = || TensorData { shape: vec![1], values: vec![0.0] };
        names.iter().map(|name| (name.to_string(), tensor())).collect()
    }

    /// The names that fit `conv1.weight` and `fc.weight`, and what was left out.
    fn fitting(found: &[&str]) -> Result<(Vec<String>, Option<String>), ()> {
        let fits = |t: &BTreeMap<String, TensorData>| {
            ["conv1.weight", "fc.weight"].iter().all(|n| t.contains_key(*n)).then_some(()).ok_or(())
        };
        let (weights, ()) = Weights::fitting(names(found), fits)?;
        Ok((weights.tensors.keys().cloned().collect(), weights.note()))
    }

    #[test]
    fn wrappers_are_left_out_and_named() {
        let own = vec!["conv1.weight".to_string(), "fc.weight".to_string()];
        assert_eq!(fitting(&["conv1.weight", "fc.weight"]), Ok((own.clone(), None)));
        for prefix in ["module.", "_orig_mod.", "model.", "backbone.", "module._orig_mod.", "state_dict.model.module."]
        {
            let (found, note) = fitting(&[&format!("{prefix}conv1.weight"), &format!("{prefix}fc.weight")]).unwrap();
            assert_eq!(found, own);
            assert!(note.unwrap().contains(&format!("the prefix `{prefix}`, which")), "{prefix}");
        }
        // only a part of the net was wrapped
        let (found, note) = fitting(&["backbone.conv1.weight", "fc.weight"]).unwrap();
        assert_eq!((found, note.unwrap().contains("`backbone.`")), (own.clone(), true));
        // what is passed over need not share it
        let (found, _) = fitting(&["module.conv1.weight", "module.fc.weight", "n_averaged"]).unwrap();
        assert_eq!(found[..2], own[..]);
        // two that would become the same, names of another net, no names
        assert_eq!(fitting(&["module.conv1.weight", "model.conv1.weight", "fc.weight"]), Err(()));
        assert_eq!(fitting(&["model.stem.weight"]), Err(()));
        assert_eq!(fitting(&[]), Err(()));
    }
}

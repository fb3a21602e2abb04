//! What start weights of the hub ask of images, where a recipe leaves it open.

use super::settings::{Normalise, Settings};
use super::{Invalid, Recipe};
use crate::hub::{Hub, Name};
use std::path::Path;

impl Settings {
    /// The weights of the hub that `net.weights` names; none where it names none, or a file that is there.
    pub fn hub_weights(&self) -> Option<Name> {
        let text = &self.net.weights;
        Name::parse(text).filter(|_| !Path::new(text).exists())
    }

    /// Whether it is left to the weights how images come to the net.
    pub fn asks_weights(&self) -> bool {
        self.data.size == 0 || self.data.resize == 0 || self.data.normalise == Normalise::Auto
    }
}

impl Recipe {
    /// The recipe with the size, the resize and the normalisation that the configuration of its start weights has, where it
    /// leaves them open (0 and `Auto`). Weights that are not in the cache of the hub, or say nothing, change nothing: the
    /// check of the recipe tells of them.
    pub(crate) fn settled(mut self) -> Recipe {
        let Some(name) = self.settings.hub_weights().filter(|_| self.settings.asks_weights()) else { return self };
        let Some(Ok(config)) = Hub::from_env().find(&name).map(|cached| cached.config()) else { return self };
        let data = &mut self.settings.data;
        if data.size == 0 {
            data.size = config.size;
        }
        if data.resize == 0 {
            data.resize = config.resize(data.size);
        }
        if data.normalise == Normalise::Auto {
            data.normalise = Normalise::Weights;
        }
        self
    }
}

/// A normalisation by weights that have none.
pub(super) fn clash(s: &Settings) -> Option<Invalid> {
    let problem = format!(
        "is Weights, and net.weights is {:?}: it names no weights that have a normalisation, such as timm/resnet50.a1_in1k",
        s.net.weights
    );
    (s.data.normalise == Normalise::Weights && s.net.weights.is_empty())
        .then_some(Invalid { path: "data.normalise", problem })
}

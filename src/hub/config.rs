//! `config.json` beside timm's weights: which net they are of, and how images come to it.

use serde::Deserialize;

/// What a configuration says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// timm's name of the net.
    pub architecture: Option<String>,
    /// Names of the classes in label order, where it has them.
    pub classes: Option<Vec<String>>,
    /// Mean of each channel, of 0 to 1.
    pub mean: Vec<f64>,
    /// Deviation of each channel, of 0 to 1.
    pub std: Vec<f64>,
    /// Edge of the square that the net saw.
    pub size: u64,
    /// Share of the resized image's edge that is cut out.
    pub crop: f64,
    /// How images were resized.
    pub interpolation: Option<String>,
}

/// As it is written.
#[derive(Deserialize)]
struct Written {
    architecture: Option<String>,
    label_names: Option<Vec<String>>,
    /// Files of early versions have its fields beside the rest.
    pretrained_cfg: Option<Images>,
    #[serde(flatten)]
    beside: Images,
}

#[derive(Deserialize)]
struct Images {
    mean: Option<Vec<f64>>,
    std: Option<Vec<f64>>,
    input_size: Option<Vec<u64>>,
    crop_pct: Option<f64>,
    interpolation: Option<String>,
}

impl Config {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// As a predicate: what it lacks or has that cannot be.
    pub fn parse(text: &str) -> Result<Config, String> {
        let written: Written =
            serde_json::from_str(text).map_err(|e| format!("its config.json cannot be read: {e}"))?;
        let Images { mean, std, input_size, crop_pct, interpolation } =
            written.pretrained_cfg.unwrap_or(written.beside);
        let lacks = |what: &str| format!("its config.json has no {what}");
        let (mean, std) = (mean.ok_or_else(|| lacks("mean"))?, std.ok_or_else(|| lacks("std"))?);
        let [channels, height, width] = input_size.ok_or_else(|| lacks("input_size"))?[..] else {
            return Err("its config.json has an input_size that is not channels, height, width".into());
        };
        if height != width || !(1..=1024).contains(&height) {
            return Err(format!(
                "its config.json is for images of {height} x {width}: squares of 1 to 1024 pixels are read"
            ));
        }
        let count = channels as usize;
        let deviates = std.iter().all(|v| v.is_finite() && *v > 0.0) && mean.iter().all(|v| v.is_finite());
        if mean.len() != count || std.len() != count || !deviates {
            return Err(format!(
                "its config.json has mean {mean:?} and std {std:?}, which cannot be those of {channels} channels"
            ));
        }
        let crop = crop_pct.unwrap_or(1.0);
        if !(crop > 0.0 && crop <= 1.0) {
            return Err(format!("its config.json has crop_pct {crop}, which is not above 0 and at most 1"));
        }
        let Written { architecture, label_names: classes, .. } = written;
        Ok(Config { architecture, classes, mean, std, size: height, crop, interpolation })
    }

    /// Shorter edge to which an image is resized before a square of `size` is cut out, rounded as timm does.
    pub fn resize(&self, size: u64) -> u64 {
        (size as f64 / self.crop).floor() as u64
    }

    /// Mean and deviation of each channel, of 0 to 255.
    pub fn normalisation(&self) -> (Vec<f32>, Vec<f32>) {
        let scaled = |of: &[f64]| of.iter().map(|v| (v * 255.0) as f32).collect();
        (scaled(&self.mean), scaled(&self.std))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: &str = r#""mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "input_size": [3, 224, 224],
        "crop_pct": 0.95, "interpolation": "bicubic", "first_conv": "conv1""#;

    #[test]
    fn both_forms_are_read() {
        let now = format!(r#"{{"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {{{IMAGES}}}}}"#);
        let early = format!(r#"{{"architecture": "resnet50", {IMAGES}}}"#);
        let config = Config::parse(&now).unwrap();
        assert_eq!(Config::parse(&early).unwrap(), config);
        assert_eq!((config.size, config.resize(224), config.resize(288)), (224, 235, 303));
        assert_eq!(config.architecture.as_deref(), Some("resnet50"));
        assert_eq!(config.normalisation().0, [123.675, 116.28, 103.53]);
        assert_eq!(Config { crop: 0.875, ..config }.resize(224), 256);
    }

    #[test]
    fn what_cannot_be_is_told() {
        let with = |from: &str, to: &str| Config::parse(&format!("{{{}}}", IMAGES.replace(from, to))).unwrap_err();
        for (from, to, told) in [
            ("\"mean\"", "\"means\"", "has no mean"),
            ("[3, 224, 224]", "[3, 224, 192]", "images of 224 x 192"),
            ("[3, 224, 224]", "[224, 224]", "channels, height, width"),
            ("[3, 224, 224]", "[1, 224, 224]", "cannot be those of 1 channels"),
            ("0.225]", "0.0]", "cannot be those"),
            ("0.95", "0.0", "crop_pct 0"),
            ("0.95", "\"all\"", "cannot be read"),
        ] {
            let why = with(from, to);
            assert!(why.contains(told), "{why}");
        }
    }
}

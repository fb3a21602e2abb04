//! Settings of what is done to images.

settings! {
    /// Augmentation: the stages in their order.
    Augment {
        /// Random crop of any area and aspect, resized.
        resized: Resized = Resized::default(),
        /// Random scale, and a crop of it.
        scale: Scale = Scale::default(),
        /// Random rotation.
        rotate: Rotate = Rotate::default(),
        /// Gaussian blur of some images.
        blur: Blur = Blur::default(),
        /// Random crop out of the padded image.
        crop: Crop = Crop::default(),
        /// Mirror with probability 1/2.
        flip: bool = true,
        /// Turns the hue.
        hue: Jitter = Jitter::default(),
        /// Scales the saturation.
        saturation: Jitter = Jitter::default(),
        /// Scales the brightness.
        brightness: Jitter = Jitter::default(),
        /// Noise along the principal components of the colours of photographs.
        pca: Pca = Pca::default(),
        /// Random erasing.
        erase: Erase = Erase::default(),
    }
    /// Random resized crop.
    Resized {
        /// Switch.
        on: bool = false,
        /// Least share of the image's area.
        min_area: f64 = 0.08,
        /// Largest share of the image's area.
        max_area: f64 = 1.0,
        /// Largest aspect ratio; the least is one over it.
        ratio: f64 = 4.0 / 3.0,
    }
    /// Random scale.
    Scale {
        /// Switch.
        on: bool = false,
        /// Least longer side of the image, in parts of what the net sees.
        least: f64 = 0.5,
        /// Largest longer side of the image, in parts of what the net sees.
        most: f64 = 2.0,
    }
    /// Random rotation.
    Rotate {
        /// Switch.
        on: bool = false,
        /// Largest angle to either side, in degrees.
        degrees: f64 = 10.0,
    }
    /// Gaussian blur.
    Blur {
        /// Switch.
        on: bool = false,
        /// Share of the images that are blurred.
        probability: f64 = 0.5,
        /// Largest standard deviation in pixels.
        radius: f64 = 1.0,
    }
    /// A coefficient in 1 ± strength.
    Jitter {
        /// Switch.
        on: bool = false,
        /// Largest distance of the coefficient from 1.
        strength: f64 = 0.4,
    }
    /// PCA noise.
    Pca {
        /// Switch.
        on: bool = false,
        /// Standard deviation of the coefficients.
        std: f64 = 0.1,
    }
    /// Random erasing.
    Erase {
        /// Switch.
        on: bool = false,
        /// Share of the images that lose a rectangle.
        probability: f64 = 0.5,
        /// Largest share of the image's area that goes.
        max_area: f64 = 1.0 / 3.0,
    }
    /// Pad-and-crop.
    Crop {
        /// Switch.
        on: bool = true,
        /// Pixels padded on each side.
        pad: u64 = 2,
    }
}

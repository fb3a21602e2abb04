//! What the pixels of a batch are compared with.

/// The labels of a batch.
#[derive(Clone, Copy)]
pub struct Labels<'a> {
    /// Of every pixel: a class, or a number that is none where it does not count.
    pub own: &'a [u8],
    /// Those of the images that the images are mixed with, and for each image the share of its own labels. A pixel that is
    /// ignored in either does not count.
    pub partners: Option<(&'a [u8], &'a [f32])>,
    /// Pixels of an image.
    pub pixels: usize,
    /// Classes.
    pub classes: usize,
}

/// The labels of a pixel that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixel {
    /// Its own label.
    pub label: usize,
    /// Its partner's, or its own.
    pub partner: usize,
    /// Share of its own.
    pub share: f32,
}

impl Pixel {
    /// The label that has the larger share.
    pub fn larger(&self) -> usize {
        if self.share < 0.5 { self.partner } else { self.label }
    }
}

impl Labels<'_> {
    /// The labels of a pixel, counted over all images, if it counts.
    pub fn pixel(&self, place: usize) -> Option<Pixel> {
        let class = |label: u8| Some(usize::from(label)).filter(|label| *label < self.classes);
        let label = class(self.own[place])?;
        match self.partners {
            None => Some(Pixel { label, partner: label, share: 1.0 }),
            Some((labels, shares)) => {
                Some(Pixel { label, partner: class(labels[place])?, share: shares[place / self.pixels] })
            }
        }
    }

    /// How many pixels count.
    pub fn counted(&self) -> usize {
        (0..self.own.len()).filter(|place| self.pixel(*place).is_some()).count()
    }
}

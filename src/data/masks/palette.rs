//! The colours in which masks are shown and written.

/// The colours of classes 0 to 255, those of the masks of PASCAL VOC: bits 0, 1 and 2 of the class are the highest of red,
/// green and blue, the next three the next highest, and so on. 0 is black, 255 (ignored) a light beige.
pub fn palette() -> [[u8; 3]; 256] {
    std::array::from_fn(|class| {
        let bits = |channel: usize| (0..3).map(|i| ((class >> (3 * i + channel) & 1) as u8) << (7 - i)).sum();
        [bits(0), bits(1), bits(2)]
    })
}

/// A channel of an image under the colour of a class.
pub fn blended(own: u8, colour: u8) -> u8 {
    ((u16::from(own) * 2 + u16::from(colour) * 3) / 5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::IGNORED;

    #[test]
    fn the_colours_are_those_of_voc() {
        let colours = palette();
        assert_eq!(colours[..4], [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]);
        assert_eq!((colours[15], colours[20]), ([192, 128, 128], [0, 64, 128]));
        assert_eq!(colours[usize::from(IGNORED)], [224, 224, 192]);
        let mut all = colours.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 256);
    }
}

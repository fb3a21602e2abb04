//! Scenes: the embedded set of images and masks. Garments of the bundled images lie on a textured ground, over one another,
//! in some other size and brightness; every pixel is of the ground or of a class of garments.
//!
//! A scene is a pure function of its split and its place there: every run has the same ones, whatever its seed. It is made
//! when it is first read, and kept for as long as the program runs.

use super::super::memory::Images;
use super::super::parts::Parts;
use super::super::source::{Source, Stored};
use super::super::{DataError, broken::Broken, bundled};
use super::values::Values;
use super::{Mask, MaskProblem};
use crate::random::{ChaCha8Rng, Purpose, rng};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// Its short name.
pub(in crate::data) const NAME: &str = "scenes";

/// Edge of a scene, and of a bundled image, in pixels.
const EDGE: usize = 64;
const GARMENT: usize = 28;

/// Training scenes, and those to validate with.
const COUNTS: [usize; 2] = [2000, 500];

/// The seed that scenes are drawn with.
const SEED: u64 = 0;

/// Training images of every class that training scenes are made of.
const OF_EACH: usize = 100;

/// A pixel of at most this brightness is no part of a garment when the border of its image is reached from it through
/// others of that kind.
const DARK: u8 = 8;

/// BLAKE3 of all pixels and masks of each split, in their order.
const CHECKSUMS: [&str; 2] = [
    "1eed66188eb6e0969268b8e79809deb24d39bd76c40609ebf1f788129985293a",
    "73ac4a05bdba18ccf28476401cc145b44e4fc658631d06523eef42718cc4b10e",
];

/// The classes in label order: the ground, and those of the garments.
pub(in crate::data) fn classes() -> Vec<String> {
    [vec!["background".to_string()], bundled::classes()].concat()
}

/// The training scenes and those to validate with; pixels of the class `ignore` are ignored.
///
/// # Errors
/// Bundled images that are damaged.
pub(in crate::data) fn open(ignore: u8) -> Result<[Scenes; 2], DataError> {
    static MADE: OnceLock<[Arc<Made>; 2]> = OnceLock::new();
    let made = match MADE.get() {
        Some(made) => made.clone(),
        None => {
            let Parts { train, test, .. } = bundled::open()?;
            let splits = [first_of_each(&train, OF_EACH), test];
            let [train, test] = splits.map(|images| (0..images.len()).map(|i| Garment::of(&images, i)).collect());
            let made = |split: usize, garments| {
                let scenes = (0..COUNTS[split]).map(|_| OnceLock::new()).collect();
                Arc::new(Made { split, garments, scenes })
            };
            MADE.get_or_init(|| [made(0, train), made(1, test)]).clone()
        }
    };
    Ok(made.map(|made| Scenes { made, values: Values::new(0, classes().len(), ignore) }))
}

/// The first images of each class.
fn first_of_each(images: &Images, count: usize) -> Images {
    let mut seen = [0; 256];
    let chosen = (0..images.len() as u32).filter(|i| {
        let seen = &mut seen[images.label(*i as usize)];
        *seen += 1;
        *seen <= count
    });
    images.select(&chosen.collect::<Vec<u32>>())
}

/// The scenes of a split.
pub(in crate::data) struct Scenes {
    made: Arc<Made>,
    values: Values,
}

/// What they are made of, and those that are made.
struct Made {
    split: usize,
    garments: Vec<Garment>,
    scenes: Vec<OnceLock<Scene>>,
}

impl Made {
    fn scene(&self, i: usize) -> &Scene {
        self.scenes[i]
            .get_or_init(|| Scene::draw(&self.garments, &mut rng(SEED, Purpose::Scene, self.split as u64, i as u64)))
    }
}

impl Source for Scenes {
    fn len(&self) -> usize {
        self.made.scenes.len()
    }

    fn label(&self, _i: usize) -> usize {
        0
    }

    fn shape(&self) -> Option<[usize; 3]> {
        Some([EDGE, EDGE, 1])
    }

    fn read(&self, i: usize) -> Result<Stored<'_>, Broken> {
        Ok(Stored::Pixels(Cow::Borrowed(&self.made.scene(i).pixels)))
    }

    fn mask(&self, i: usize) -> Result<Option<Mask<'_>>, MaskProblem> {
        let classes = self.values.classes(self.made.scene(i).mask.clone(), EDGE)?;
        Ok(Some(Mask::new([EDGE; 2], classes)))
    }

    fn name(&self, i: usize) -> String {
        let split = ["training", "test"][self.made.split];
        format!("{split} scene {i}")
    }

    fn identity(&self) -> Option<String> {
        Some(CHECKSUMS[self.made.split].to_string())
    }
}

/// A bundled image and what of it is the garment.
struct Garment {
    pixels: Vec<u8>,
    covers: Vec<bool>,
    label: u8,
}

impl Garment {
    fn of(images: &Images, i: usize) -> Garment {
        let pixels = images.pixels(i).to_vec();
        let at_border = |at: &usize| [at / GARMENT, at % GARMENT].iter().any(|v| [0, GARMENT - 1].contains(v));
        let mut covers = vec![true; pixels.len()];
        let mut reached: Vec<usize> = (0..pixels.len()).filter(at_border).collect();
        while let Some(at) = reached.pop() {
            if pixels[at] > DARK || !covers[at] {
                continue;
            }
            covers[at] = false;
            let (y, x) = (at / GARMENT, at % GARMENT);
            reached.extend((y > 0).then(|| at - GARMENT));
            reached.extend((y + 1 < GARMENT).then_some(at + GARMENT));
            reached.extend((x > 0).then(|| at - 1));
            reached.extend((x + 1 < GARMENT).then_some(at + 1));
        }
        Garment { pixels, covers, label: images.label(i) as u8 + 1 }
    }
}

/// An image and its mask.
struct Scene {
    pixels: Vec<u8>,
    mask: Vec<u8>,
}

impl Scene {
    fn draw(garments: &[Garment], rng: &mut ChaCha8Rng) -> Scene {
        let (mean, depth) = (rng.gen_range(0.1..=0.6f32), rng.gen_range(0.05..=0.25f32));
        let (coarse, fine) = (Grid::draw(4, rng), Grid::draw(12, rng));
        let mut canvas = vec![0f32; EDGE * EDGE];
        for (at, value) in canvas.iter_mut().enumerate() {
            let (y, x) = (at / EDGE, at % EDGE);
            let noise: f32 = StandardNormal.sample(rng);
            *value = mean + depth * (coarse.at(y, x, EDGE) + 0.6 * fine.at(y, x, EDGE)) + 0.02 * noise;
        }
        let mut mask = vec![0; EDGE * EDGE];
        for _ in 0..rng.gen_range(2..=4) {
            let garment = &garments[rng.gen_range(0..garments.len())];
            let side = (GARMENT as f64 * rng.gen_range(-0.5..=0.5f64).exp2()).round() as usize;
            let (mirrored, brightness) = (rng.r#gen::<bool>(), rng.gen_range(0.6..=1f32));
            // Up to a quarter of it lies outside.
            let [top, left] = [(); 2].map(|()| {
                let out = (side / 4) as i64;
                rng.gen_range(-out..=(EDGE - side) as i64 + out)
            });
            let values = garment.pixels.iter().map(|value| f32::from(*value) / 255.0 * brightness);
            let picture = Grid { edge: GARMENT, values: values.collect() };
            for (y, x) in (0..side * side).map(|at| (at / side, at % side)) {
                let to = [top + y as i64, left + x as i64];
                if to.iter().any(|v| !(0..EDGE as i64).contains(v)) {
                    continue;
                }
                let x = if mirrored { side - 1 - x } else { x };
                let nearest = |v: usize| (2 * v + 1) * GARMENT / (2 * side);
                if garment.covers[nearest(y) * GARMENT + nearest(x)] {
                    let to = to[0] as usize * EDGE + to[1] as usize;
                    (canvas[to], mask[to]) = (picture.at(y, x, side), garment.label);
                }
            }
        }
        let pixels = canvas.into_iter().map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        Scene { pixels, mask }
    }
}

/// Values on a square grid.
struct Grid {
    edge: usize,
    values: Vec<f32>,
}

impl Grid {
    fn draw(edge: usize, rng: &mut ChaCha8Rng) -> Grid {
        Grid { edge, values: (0..edge * edge).map(|_| rng.gen_range(-1.0..=1.0)).collect() }
    }

    /// The value of a pixel when the grid is resized to a square of this edge: bilinear, corners not aligned.
    fn at(&self, y: usize, x: usize, edge: usize) -> f32 {
        let axis = |v: usize| {
            let v = ((v as f32 + 0.5) * self.edge as f32 / edge as f32 - 0.5).max(0.0);
            let first = (v as usize).min(self.edge - 1);
            (first, (first + 1).min(self.edge - 1), v - first as f32)
        };
        let ((top, bottom, down), (left, right, across)) = (axis(y), axis(x));
        let row = |y: usize| {
            let [a, b] = [left, right].map(|x| self.values[y * self.edge + x]);
            a + (b - a) * across
        };
        let (a, b) = (row(top), row(bottom));
        a + (b - a) * down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BLAKE3 of the scenes of a split.
    fn checksum(scenes: &Scenes) -> String {
        let mut hasher = blake3::Hasher::new();
        for i in 0..scenes.len() {
            let scene = scenes.made.scene(i);
            hasher.update(&scene.pixels).update(&scene.mask);
        }
        hasher.finalize().to_string()
    }

    #[test]
    fn the_scenes_are_these() {
        let scenes = open(255).unwrap();
        assert_eq!(scenes.each_ref().map(checksum), CHECKSUMS);
    }

    #[test]
    fn three_quarters_are_ground_and_every_class_has_its_part() {
        for scenes in open(255).unwrap() {
            let mut counts = [0f64; 11];
            for i in 0..scenes.len() {
                scenes.made.scene(i).mask.iter().for_each(|class| counts[usize::from(*class)] += 1.0);
            }
            let share = counts.map(|count| count / (scenes.len() * EDGE * EDGE) as f64);
            assert!((share[0] - 0.76).abs() < 0.02, "{share:?}");
            assert!(share[1..].iter().all(|share| (0.013..0.037).contains(share)), "{share:?}");
        }
    }
}

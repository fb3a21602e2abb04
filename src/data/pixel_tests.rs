//! Pixels against Pillow's and torchvision's, which `tests/golden/pixels/make.py` made.

use super::augment::{Colour, Stages, hue, saturation};
use super::decode::{Picture, Reading, decode};
use super::prepare::Preprocessor;
use super::resize::{Region, resize};
use super::source::Stored;
use crate::recipe::settings::{Augment, Orient, Resized};
use image::metadata::Orientation;
use std::fs;

fn file(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/golden/pixels/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn picture(name: &str) -> Picture {
    let mut picture = Picture::default();
    decode(&file(name), Reading::default(), &mut picture).unwrap();
    picture
}

/// Mean and largest distance in levels.
fn distance(a: &[u8], b: &[u8]) -> (f64, u8) {
    assert_eq!(a.len(), b.len());
    let levels = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (levels().map(f64::from).sum::<f64>() / a.len() as f64, levels().max().unwrap())
}

#[test]
fn a_jpeg_is_decoded_as_pillow_decodes_it() {
    let (mean, most) = distance(&picture("photo.jpg").pixels, &picture("decoded.png").pixels);
    assert!(mean < 1.0 && most < 40, "{mean} {most}");
}

#[test]
fn boxes_are_resized_as_pillow_resizes_them() {
    let photo = picture("decoded.png");
    let boxes: Vec<[usize; 4]> = serde_json::from_slice(&file("boxes.json")).unwrap();
    for (i, [left, top, width, height]) in boxes.into_iter().enumerate() {
        let mut out = vec![0; 32 * 32 * 3];
        let region = Region { top, left, height, width };
        resize(&photo.pixels, [photo.height, photo.width, 3], region, [32, 32], &mut out).unwrap();
        let (mean, most) = distance(&out, &picture(&format!("box{i}.png")).pixels);
        assert!(mean < 0.3 && most <= 1, "box {i}: {mean} {most}");
    }
}

#[test]
fn the_middle_is_that_of_torchvision() {
    let input = Preprocessor::new([32, 32, 3], 37, &[0.0; 3], &[1.0; 3]);
    let bytes =
        input.bytes(&Stored::Encoded(file("decoded.png").into()), None, &Stages::Middle, |bytes, _| bytes.to_vec());
    let (mean, most) = distance(&bytes.unwrap(), &picture("middle.png").pixels);
    assert!(mean < 0.3 && most <= 1, "{mean} {most}");
}

#[test]
fn colours_change_as_in_torchvision_and_mxnet() {
    let soft = picture("soft.png");
    let changed = |matrix: [[f64; 3]; 3]| -> Vec<u8> {
        let pixel = |p: &[u8]| matrix.map(|row| row.iter().zip(p).map(|(m, x)| m * f64::from(*x)).sum::<f64>());
        soft.pixels.chunks_exact(3).flat_map(pixel).map(|v| v.round() as u8).collect()
    };
    for c in [0.6, 1.4] {
        let cases = [
            ("brightness", Colour::NONE.matrix.map(|row| row.map(|v| v * c))),
            ("saturation", saturation(c)),
            ("hue", hue(c)),
        ];
        for (name, matrix) in cases {
            let (mean, most) = distance(&changed(matrix), &picture(&format!("{name}{c}.png")).pixels);
            // Torchvision's grey has other digits, and MXNet's way back from YIQ is no exact inverse.
            assert!(mean < 0.6 && most <= 2, "{name} {c}: {mean} {most}");
        }
    }
}

/// The photograph as a camera stores it that was held otherwise: EXIF data with an orientation, after the first marker.
fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[orientation][..], b"\0\0\0\0\0\0"].concat();
    let segment = [b"Exif\0\0", &tiff[..]].concat();
    let length = (segment.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &segment, &jpeg[2..]].concat()
}

#[test]
fn a_photograph_that_is_stored_turned_is_seen_upright_wherever_it_is_read() {
    let photo = image::load_from_memory(&file("photo.jpg")).unwrap();
    let resized = Augment { resized: Resized { on: true, ..Resized::default() }, ..Augment::default() };
    for exif in 1..=8 {
        let orientation = Orientation::from_exif(exif).unwrap();
        let turned = with_exif(&file("photo.jpg"), exif);
        // What a viewer shows, as a file of its own without loss.
        let mut upright = photo.clone();
        upright.apply_orientation(orientation);
        let mut png = std::io::Cursor::new(Vec::new());
        upright.write_to(&mut png, image::ImageFormat::Png).unwrap();
        let png = png.into_inner();

        let input = Preprocessor::new([24, 40, 3], 37, &[0.0; 3], &[1.0; 3]);
        let stored = Reading { orient: Orient::Stored, ..Reading::default() };
        let drawn = |image| Stages::Train { augment: &resized, seed: 3, epoch: 1, image };
        for stages in [Stages::Middle, drawn(1), drawn(2), drawn(7)] {
            let seen = |bytes: &[u8], reading| {
                let image = Stored::Encoded(bytes.into());
                input.clone().reading(reading).bytes(&image, None, &stages, |bytes, _| bytes.to_vec()).unwrap()
            };
            let (mean, most) = distance(&seen(&turned, Reading::default()), &seen(&png, Reading::default()));
            assert!(mean < 0.3 && most <= 3, "{exif}: {mean} {most}");
            let (as_it_is, plain) = (seen(&turned, stored), seen(&file("photo.jpg"), Reading::default()));
            assert_eq!(as_it_is, plain, "{exif}: as it is stored, EXIF data change nothing");
        }
        let whole = super::picture::decode(&turned, Reading::default()).unwrap();
        assert_eq!([whole.height, whole.width], [upright.height() as usize, upright.width() as usize]);
        assert!(distance(&whole.pixels, upright.to_rgb8().as_raw()).0 < 0.3, "{exif}");
    }
}

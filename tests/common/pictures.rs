//! Folders of small pictures for tests.

// (each test program uses a part of it)
#![allow(dead_code)]

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::fs;
use std::path::Path;

/// A picture of smooth colours that follow `seed`, RGB.
pub fn pixels(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let at = |x: u32, y: u32, c: u32| {
        let wave = |v: f32| (127.0 + 100.0 * v.sin()) as u8;
        wave(x as f32 / (7 + seed % 5) as f32 + y as f32 / (9 + seed % 3) as f32 + (c * (1 + seed % 4)) as f32)
    };
    (0..height).flat_map(|y| (0..width).flat_map(move |x| [0, 1, 2].map(|c| at(x, y, c)))).collect()
}

pub fn jpeg(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, 90);
    encoder.write_image(&pixels(width, height, seed), width, height, ExtendedColorType::Rgb8).unwrap();
    out
}

pub fn png(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = PngEncoder::new(&mut out);
    encoder.write_image(&pixels(width, height, seed), width, height, ExtendedColorType::Rgb8).unwrap();
    out
}

pub fn webp(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut out);
    encoder.write_image(&pixels(width, height, seed), width, height, ExtendedColorType::Rgb8).unwrap();
    out
}

pub fn put(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// `each` pictures of each of three classes to train on and two to validate with, in three formats and nested.
pub fn folder(root: &Path, each: u32) {
    for (c, class) in ["ant", "bee", "cat"].into_iter().enumerate() {
        for i in 0..each {
            let (seed, w, h) = (c as u32 * 1000 + i, 40 + i % 7, 36 + i % 5);
            let (name, content) = match i % 4 {
                0 => (format!("train/{class}/{i:03}.png"), png(w, h, seed)),
                1 => (format!("train/{class}/deep/er/{i:03}.webp"), webp(w, h, seed)),
                _ => (format!("train/{class}/{i:03}.JPEG"), jpeg(w, h, seed)),
            };
            put(root, &name, &content);
        }
        for i in 0..2 {
            put(root, &format!("val/{class}/{i}.jpg"), &jpeg(50, 40, c as u32 * 1000 + 500 + i));
        }
    }
}

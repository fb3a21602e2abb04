//! What attached screens and runs say to each other: any bytes are messages or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricktop::runs::next_message;
use tricktop::train::{Command, Event};

fuzz_target!(|bytes: &[u8]| {
    let mut from = bytes;
    while let Ok(Some(_)) = next_message::<Command>(&mut from, 1 << 16) {}
    let mut from = bytes;
    while let Ok(Some(event)) = next_message::<Event>(&mut from, 1 << 20) {
        let text = serde_json::to_vec(&event).unwrap();
        serde_json::from_slice::<Event>(&text).unwrap();
    }
});

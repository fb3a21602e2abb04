//! JPEG, PNG and WebP files: any bytes are a picture or a reason why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricktop::data::{Reading, decode};

fuzz_target!(|bytes: &[u8]| match decode(bytes, Reading::default()) {
    Ok(picture) => assert_eq!(picture.pixels.len(), picture.height * picture.width * 3),
    Err(why) => assert!(!why.is_empty()),
});

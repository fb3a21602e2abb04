//! Checkpoints: any bytes are read or refused. Under `cfg(fuzzing)` hashes are not compared, so that what lies behind
//! them is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricktop::recipe::Recipe;
use tricktop::train::Checkpoint;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::from_bytes(bytes) {
        let _ = checkpoint.meta.recipe(&Recipe::default());
        let _ = checkpoint.parameters();
    }
});

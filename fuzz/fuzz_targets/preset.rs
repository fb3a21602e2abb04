//! Presets: any bytes are a recipe or mistakes; a recipe that is written comes back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::LazyCell;
use tricktop::recipe::preset;

thread_local! {
    static DIR: LazyCell<tempfile::TempDir> = LazyCell::new(|| tempfile::tempdir_in("/dev/shm").unwrap());
}

fuzz_target!(|bytes: &[u8]| {
    DIR.with(|dir| {
        let path = dir.path().join("run.ron");
        std::fs::write(&path, bytes).unwrap();
        match preset::load(&path) {
            Ok(preset) => {
                std::fs::write(&path, preset.recipe.to_ron()).unwrap();
                let again = preset::load(&path).unwrap_or_else(|mistakes| panic!("{mistakes}"));
                assert_eq!(again.recipe, preset.recipe);
            }
            Err(mistakes) => assert!(!mistakes.to_string().is_empty()),
        }
    });
});

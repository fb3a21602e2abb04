//! A run of an earlier version is made again to the bit, resumed, and read.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs the program, with the kernels that give the same bits on any machine.
fn tricktop(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    let output = command.args(args).current_dir(dir).env("TRICKTOP_SIMD", "plain").output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_run_of_an_earlier_version_verifies_and_goes_on() {
    let desk = tempfile::tempdir().unwrap();
    crate::copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old_run"), &desk.path().join("runs/old"));
    let run = |args: &[&str]| tricktop(desk.path(), args);

    assert!(run(&["replay", "old", "--verify"]).contains("the same to the bit up to step 6: 2 checkpoints, 6 logged"));
    let inspected = run(&["inspect", "runs/old/checkpoints/step-000006.safetensors"]);
    let chain = fs::read_to_string(desk.path().join("runs/old/chain.jsonl")).unwrap();
    let velocity = chain.lines().last().unwrap().split("\"velocity\":\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(inspected.contains(velocity) && inspected.contains("schedule.reference_batch   20"), "{inspected}");
    assert!(run(&["eval", "old"]).contains("20 images"));

    // What is written from here on has the optimiser's slots under their names, and the chain goes on.
    run(&["resume", "old", "--batch", "--set", "train.epochs=3"]);
    let weights = fs::read(desk.path().join("runs/old/checkpoints/step-000009.safetensors")).unwrap();
    assert!(String::from_utf8_lossy(&weights).contains("\"optim/velocity/conv1.weight\""));
    assert!(run(&["replay", "old", "--verify"]).contains("the same to the bit up to step 9: 3 checkpoints, 9 logged"));
    // From its middle, on its own optimiser state.
    run(&["fork", "old", "--step", "3", "--batch"]);
    let forked = fs::read_to_string(desk.path().join("runs/old-2/chain.jsonl")).unwrap();
    assert_eq!(forked.lines().nth(1).unwrap(), chain.lines().nth(1).unwrap(), "the fork comes to the same state");
}

//! A person's own image, predicted between two steps: as the checkpoint of that step predicts it, and nothing changes.

use crate::pictures::{jpeg, png, put};
use crate::running::{Run, recipe, trace};
use std::path::{Path, PathBuf};
use tricktop::data::{Reading, Thumbnail, decode};
use tricktop::recipe::Value;
use tricktop::train::{Classifier, Command, Event, Link, Named, Predicted, State, steps};

fn ask(run: &Run, id: u64, path: &Path) {
    run.send(Command::Predict { id, path: path.to_path_buf() });
}

/// The next answer: a prediction, or why there is none.
fn answer(run: &mut Run) -> Result<Predicted, String> {
    run.wait(|event| match event {
        Event::Predicted(predicted) => Some(Ok((**predicted).clone())),
        Event::Refused { reason, .. } => Some(Err(reason.clone())),
        _ => None,
    })
}

#[test]
fn an_image_is_predicted_as_the_checkpoint_of_that_step_predicts_it() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a photo.png", &png(60, 40, 3));
    let photo = dir.path().join("a photo.png");
    let mut run = Run::start(recipe(&[]), Some(dir.path()));
    run.send(Command::Steps(7));
    run.wait_state(State::Paused);
    ask(&run, 42, &photo);
    let predicted = answer(&mut run).unwrap();
    assert_eq!((predicted.id, predicted.step, &predicted.path), (42, 7, &photo));
    assert_eq!((predicted.picture.height(), predicted.picture.width(), predicted.named.len()), (28, 28, 5));
    run.send(Command::Save);
    let file =
        run.wait(|e| if let Event::Checkpoint { path, link: Some(_), .. } = e { Some(path.clone()) } else { None });
    assert_eq!(steps(dir.path()).pop(), Some((7, file.clone())));
    let picture = decode(&std::fs::read(&photo).unwrap(), Reading::default()).unwrap();
    let mut classifier = Classifier::read(&file).unwrap();
    let guesses: Vec<Named> = classifier.classify(&picture, 5).unwrap().into_iter().map(Named::Guess).collect();
    assert_eq!((classifier.step(), guesses, predicted.mask), (7, predicted.named, None));
    run.send(Command::Stop { save: false });
}

#[test]
fn the_pixels_of_a_whole_image_are_predicted_as_the_checkpoint_predicts_them() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "wide.png", &png(60, 30, 3));
    let photo = dir.path().join("wide.png");
    let segments =
        [("task", Value::Word("Segment".into())), ("data.test_images", Value::Int(4)), ("train.batch", Value::Int(4))];
    let mut run = Run::start(recipe(&segments), Some(dir.path()));
    run.send(Command::Steps(3));
    run.wait_state(State::Paused);
    ask(&run, 1, &photo);
    let predicted = answer(&mut run).unwrap();
    // The net sees 128 x 64 pixels of it, of which the screen gets fewer.
    let small = predicted.mask.unwrap();
    let sides = |of: &Thumbnail| (of.height(), of.width());
    assert_eq!((sides(&predicted.picture), sides(&small)), ((32, 64), (32, 64)));
    run.send(Command::Save);
    let file =
        run.wait(|e| if let Event::Checkpoint { path, link: Some(_), .. } = e { Some(path.clone()) } else { None });
    let mut classifier = Classifier::read(&file).unwrap();
    let picture = decode(&std::fs::read(&photo).unwrap(), Reading::default()).unwrap();
    let mask = classifier.mask(&picture).unwrap();
    assert_eq!((mask.height, mask.width), (30, 60));
    let shares: f64 = predicted.named.iter().map(|named| named.parts().1).sum();
    assert!(shares > 0.5 && shares < 1.0 + 1e-9, "{shares}");
    let (first, share) = predicted.named[0].parts();
    let whole = mask.parts(classifier.classes(), 1);
    assert!(whole[0].parts().0 == first && (whole[0].parts().1 - share).abs() < 0.05, "{whole:?} {first} {share}");
    run.send(Command::Stop { save: false });
}

#[test]
fn what_is_no_image_is_refused_and_the_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "text.png", b"no picture at all");
    let whole = jpeg(60, 40, 1);
    put(dir.path(), "half.jpg", &whole[..whole.len() / 2]);
    assert!(std::process::Command::new("mkfifo").arg(dir.path().join("pipe.png")).status().unwrap().success());
    let mut run = Run::start(recipe(&[]), None);
    run.send(Command::Pause);
    run.wait_state(State::Paused);
    for (file, told) in [
        ("missing.png", "No such file"),
        ("text.png", "is neither JPEG, PNG"),
        ("half.jpg", "half.jpg: "),
        ("pipe.png", "is no file of at most 1 GB"),
        ("", "is a directory, no image"),
    ] {
        let path: PathBuf = dir.path().join(file);
        ask(&run, 3, &path);
        let why = answer(&mut run).unwrap_err();
        assert!(why.starts_with(&format!("{}: ", path.display())) && why.contains(told), "{why}");
    }
    run.send(Command::Resume);
    assert_eq!(trace(&run.finish()).len(), 20);
}

#[test]
fn a_run_is_the_same_to_the_bit_whether_images_are_predicted_or_not() {
    let tricks = [("tricks.mixup.on", Value::Bool(true)), ("tricks.distill.on", Value::Bool(true))];
    let photos = tempfile::tempdir().unwrap();
    put(photos.path(), "photo.png", &png(60, 40, 3));
    let photo = photos.path().join("photo.png");
    let train = |asks: u64| {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Run::start(recipe(&tricks), Some(dir.path()));
        for id in 0..asks {
            ask(&run, id, &photo);
            run.send(Command::Steps(3));
            run.wait_state(State::Paused);
            ask(&run, id, &photo);
        }
        run.send(Command::Resume);
        let events = run.finish();
        let answers = events.iter().filter(|e| matches!(e, Event::Predicted(_))).count();
        let links: Vec<Link> = events
            .iter()
            .filter_map(
                |e| if let Event::Checkpoint { link: Some(link), .. } = e { Some((**link).clone()) } else { None },
            )
            .collect();
        (answers, links, trace(&events))
    };
    let (none, links, losses) = train(0);
    let (some, links_asked, losses_asked) = train(4);
    assert_eq!((none, some, losses.len(), links.is_empty()), (0, 8, 20, false));
    assert_eq!((links_asked, losses_asked), (links, losses));
}

//! What the trainer shows to screens that look: the images that were trained, and those that were mistaken.

use crate::running::{Run, recipe, trace};
use std::path::Path;
use tricktop::data::{Batch, Thumbnail, batch_indices, epoch_order, open, train_batch};
use tricktop::recipe::{Recipe, Value};
use tricktop::train::{
    Answer, BatchPreview, Command, Event, Missed, MissedImage, Pictures, PreviewImage, State, Taken, Target,
    show_checkpoint, softmax,
};
use tricktop::tricks::mix;

const LOOK: Command = Command::Look { screen: 0, at: Some(Target::Pictures) };

/// A run that gets these commands before its first step.
fn start(recipe: Recipe, dir: Option<&Path>, commands: &[Command]) -> Run {
    let run = Run::start(recipe, dir);
    send(&run, commands);
    run
}

fn send(run: &Run, commands: &[Command]) {
    commands.iter().for_each(|command| run.send(command.clone()));
}

fn stop(run: &Run) {
    run.send(Command::Stop { save: false });
}

/// The next pictures of a batch.
fn fed(run: &mut Run) -> BatchPreview {
    run.wait(|event| match event {
        Event::Pictures(pictures) => {
            if let Pictures::Fed(fed) = &**pictures {
                Some(fed.clone())
            } else {
                None
            }
        }
        _ => None,
    })
}

/// The next pictures of mistakes.
fn missed(run: &mut Run) -> Missed {
    run.wait(|event| match event {
        Event::Pictures(pictures) => {
            if let Pictures::Missed(missed) = &**pictures {
                Some(missed.clone())
            } else {
                None
            }
        }
        _ => None,
    })
}

/// The first batch of a recipe, as the reader makes it, and the thumbnails of some pixels of it.
fn first_batch(recipe: &Recipe) -> (Batch, impl Fn(&[f32], usize) -> Thumbnail) {
    let set = open(&recipe.data, recipe.task, recipe.train.seed).unwrap();
    let order = epoch_order(set.train.len(), recipe.train.seed, 0);
    let batch = train_batch(&set, batch_indices(&order, 40, 0), recipe.train.seed, 0, &recipe.augment);
    let thumbnail = move |pixels: &[f32], i: usize| {
        Thumbnail::new(&pixels[i * 784..][..784], [28, 28, 1], &set.mean, &set.std).unwrap()
    };
    (batch, thumbnail)
}

#[test]
fn pictures_are_the_images_that_were_trained() {
    let recipe = recipe(&[]);
    let mut run = start(recipe.clone(), None, &[LOOK, Command::Steps(1)]);
    let fed = fed(&mut run);
    let (batch, thumbnail) = first_batch(&recipe);
    assert_eq!((fed.step, fed.batch, fed.images.len(), fed.smoothed), (1, 40, 24, None));
    for (i, PreviewImage { picture, label, mixed, .. }) in fed.images.iter().enumerate() {
        assert_eq!((*label, *mixed), (batch.labels[i], None));
        assert!(*picture == thumbnail(&batch.pixels, i), "image {i}");
    }
    stop(&run);
}

#[test]
fn mixed_images_come_with_both_labels_and_lambda() {
    let on = [("tricks.mixup.on", Value::Bool(true)), ("tricks.smoothing.on", Value::Bool(true))];
    let recipe = recipe(&on);
    let mut run = start(recipe.clone(), None, &[LOOK, Command::Steps(1)]);
    let fed = fed(&mut run);
    let (batch, thumbnail) = first_batch(&recipe);
    let pairs = mix::pairs(&recipe.tricks, 2, (recipe.train.seed, 0, 1), 40).unwrap();
    let mixed = mix::pixels(&pairs, &batch.pixels, [28, 28, 1]);
    assert_eq!(fed.smoothed, Some(0.9));
    for (i, image) in fed.images.iter().enumerate() {
        let expected = (batch.labels[pairs[i].partner], pairs[i].share);
        assert_eq!((image.label, image.mixed), (batch.labels[i], Some(expected)));
        assert!(image.picture == thumbnail(&mixed, i), "image {i}");
    }
    stop(&run);
}

#[test]
fn mistakes_are_the_worst_ones_and_come_when_somebody_looks() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = start(recipe(&[]), Some(dir.path()), &[Command::Steps(8)]);
    run.wait_state(State::Paused);
    send(&run, &[Command::Evaluate, Command::Save, LOOK]);
    let first = missed(&mut run);
    run.send(Command::Evaluate);
    let missed = missed(&mut run);
    assert!(first == missed, "an evaluation of the same weights shows the same");
    assert!(missed.worst.iter().all(|m| m.name.starts_with("image ")), "{:?}", missed.worst[0].name);

    let (_, file) = tricktop::train::steps(dir.path()).pop().unwrap();
    let mut all = Vec::new();
    let tested = show_checkpoint(&file, usize::MAX, |set, seen| {
        let Answer::Class { label, predicted, logits } = seen.answer else { panic!("a class is asked for") };
        if label != predicted {
            let picture = Thumbnail::new(seen.pixels, set.test.shape(), &set.mean, &set.std).unwrap();
            let confidence = softmax(logits)[predicted] as f32;
            all.push((seen.loss as f32, label, predicted, confidence, picture));
        }
    })
    .unwrap();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let [label, predicted, _] = tested.evaluation.confusion.mistaken()[0].map(|v| v as usize);
    let pair = all.iter().filter(|m| (m.1, m.2) == (label, predicted)).take(8);
    assert_eq!((missed.step, missed.worst.len(), missed.confused.len()), (8, 24, 8));
    let shown = missed.worst.iter().chain(&missed.confused);
    for (found, (loss, label, predicted, confidence, picture)) in shown.zip(all.iter().take(24).chain(pair)) {
        let Taken::Class { label: own, predicted: taken, confidence: sure } = found.taken else { panic!("a class") };
        assert_eq!((found.loss, own, taken), (*loss, *label, *predicted));
        assert!((sure - confidence).abs() < 1e-5 && found.picture == *picture);
    }
    stop(&run);
}

/// Of a folder every mistake has the path of its file, in full wherever the run was started, and it is that file.
#[test]
fn mistakes_name_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    let photo = |split: &str, class: u8, number: u8| {
        let folder = photos.join(split).join(["dark", "light"][usize::from(class)]);
        std::fs::create_dir_all(&folder).unwrap();
        let pixels = image::RgbImage::from_pixel(28, 28, image::Rgb([10 * number + 100 * class; 3]));
        pixels.save(folder.join(format!("{number}.png"))).unwrap();
    };
    for class in 0..2 {
        (0..8).for_each(|number| photo("train", class, number));
        (0..8).for_each(|number| photo("val", class, number));
    }
    // A path that goes on from where the tests are run.
    let here = std::env::current_dir().unwrap();
    let up: std::path::PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(photos.strip_prefix("/").unwrap());
    let sets = [
        ("data.path", Value::Word(relative.display().to_string())),
        ("data.size", Value::Int(28)),
        ("data.train_images", Value::Int(0)),
        ("data.test_images", Value::Int(0)),
        ("train.batch", Value::Int(4)),
    ];
    let mut run = start(recipe(&sets), None, &[Command::Steps(1)]);
    run.wait_state(State::Paused);
    send(&run, &[Command::Evaluate, LOOK]);
    let missed = missed(&mut run);
    assert!(!missed.worst.is_empty());
    for m in &missed.worst {
        let path = Path::new(&m.name);
        assert!(path.is_absolute() && path.is_file(), "{}", m.name);
        assert_eq!(path.parent().unwrap().file_name().unwrap(), ["dark", "light"][label_of(m)], "{}", m.name);
        let number: u8 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let (seen, shade) = (m.picture.mean(0..28, 0..28)[0], 10 * number + 100 * label_of(m) as u8);
        assert!(seen.abs_diff(shade) <= 2, "{} shows {seen}, not {shade}", m.name);
    }
    stop(&run);
}

#[test]
fn a_teacher_is_compared_on_every_image_while_somebody_looks() {
    let mut run = start(recipe(&[("tricks.distill.on", Value::Bool(true))]), None, &[LOOK, Command::Steps(1)]);
    let of = fed(&mut run).agreement.unwrap();
    assert_eq!(of.images, 40);
    assert!(of.teacher > 25 && of.same < of.images && of.student < of.teacher, "{of:?}");
    // Steps between two pictures count too.
    send(&run, &[Command::Steps(3), Command::Look { screen: 1, at: Some(Target::Pictures) }, Command::Resume]);
    let images: u64 = [fed(&mut run), fed(&mut run)].map(|fed| fed.agreement.unwrap().images).iter().sum();
    assert!(images >= 80 && images.is_multiple_of(40), "{images}");
    stop(&run);
}

#[test]
fn a_run_is_the_same_to_the_bit_whether_somebody_looks_or_not() {
    let tricks = [
        ("tricks.mixup.on", Value::Bool(true)),
        ("tricks.distill.on", Value::Bool(true)),
        ("optim.clip_norm", Value::Float(1.0)),
    ];
    let train = |commands: &[Command]| {
        let dir = tempfile::tempdir().unwrap();
        let events = start(recipe(&tricks), Some(dir.path()), commands).finish();
        let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
        let seen = [count(|e| matches!(e, Event::Pictures(_))), count(|e| matches!(e, Event::Layers(_)))];
        let links: Vec<_> = events
            .iter()
            .filter_map(|e| if let Event::Checkpoint { link: Some(link), .. } = e { Some(link.clone()) } else { None })
            .collect();
        (seen, links, trace(&events))
    };
    let off = Command::Look { screen: 0, at: None };
    let (none, links, losses) = train(&[LOOK, off]);
    assert_eq!((none, losses.len(), links.is_empty()), ([0, 0], 20, false));
    let look = |screen, at| Command::Look { screen, at: Some(at) };
    let (some, links_seen, losses_seen) = train(&[look(0, Target::Pictures), look(7, Target::Layers)]);
    assert!(some[0] >= 2 && some[1] >= 1, "{some:?}");
    assert_eq!((links_seen, losses_seen), (links, losses));
}

fn label_of(image: &MissedImage) -> usize {
    if let Taken::Class { label, .. } = image.taken { label } else { panic!("a class") }
}

//! Runs of segmentation: their lines and files have the task's own figures, and go through edits, checkpoints, threads and
//! replays as any other.

use crate::record::*;
use std::num::NonZeroUsize;
use tricktop::recipe::{Recipe, Value};
use tricktop::runs;
use tricktop::train::{
    Answer, Checkpoint, Command, Event, Figure, Images, Options, Pictures, State, Taken, Target, Views, When,
    evaluate_checkpoint,
};

fn word(word: &str) -> Value {
    Value::Word(word.into())
}

/// A narrow net on a few scenes, with everything on that a step of segmentation can do.
fn scenes(changes: &[(&str, Value)]) -> Recipe {
    let base = [
        ("task", word("Segment")),
        ("net.depth", Value::Int(8)),
        ("net.width", Value::Float(0.25)),
        ("net.output_stride", Value::Int(2)),
        ("seg.aux", Value::Bool(true)),
        ("data.train_images", Value::Int(24)),
        ("data.test_images", Value::Int(10)),
        ("train.epochs", Value::Int(2)),
        ("train.batch", Value::Int(4)),
        ("train.checkpoint_minutes", Value::Float(0.0)),
        ("train.log_every", Value::Int(1)),
        ("tricks.mixup.on", Value::Bool(true)),
        ("tricks.smoothing.on", Value::Bool(true)),
        ("device", word("Cpu")),
    ];
    recipe(base.iter().chain(changes))
}

fn lines(played: &Played) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(played.dir.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn figures_have_their_own_names_and_one_count_gives_them() {
    let desk = Desk::new();
    let played = play(runs::start(scenes(&[]), desk.path()).unwrap());
    assert_eq!((played.end.state, played.end.step), (State::Done, 12));
    let lines = lines(&played);
    let ended: Vec<_> = lines.iter().filter(|line| line["event"] == "epoch_end").collect();
    let counts: Vec<_> = lines.iter().filter(|line| line["event"] == "confusion").collect();
    assert_eq!((ended.len(), counts.len()), (2, 2));
    for (line, count) in ended.iter().zip(&counts) {
        assert!(line.get("val_top1").is_none());
        let rows: Vec<[u64; 3]> = serde_json::from_value(count["counts"].clone()).unwrap();
        assert_eq!(rows.iter().map(|[.., n]| n).sum::<u64>(), 10 * 64 * 64, "every pixel of ten scenes");
        let sum =
            |of: &dyn Fn(&[u64; 3]) -> bool| rows.iter().filter(|row| of(row)).map(|[.., n]| *n as f64).sum::<f64>();
        let right = sum(&|[label, taken, _]| label == taken);
        assert_eq!(line["val_pixacc"].as_f64().unwrap(), right / (10.0 * 64.0 * 64.0));
        let ious = (0..11).filter_map(|class| {
            let both = sum(&|row| row[0] == class && row[1] == class);
            let either = sum(&|row| row[0] == class || row[1] == class);
            (either > 0.0).then_some(both / either)
        });
        let ious: Vec<f64> = ious.collect();
        let miou = ious.iter().sum::<f64>() / ious.len() as f64;
        assert!((line["val_miou"].as_f64().unwrap() - miou).abs() < 1e-12);
    }
    let best = played.end.best.unwrap();
    assert_eq!(best.figure, Figure::Miou);
    let log = std::fs::read_to_string(played.dir.join("log.jsonl")).unwrap();
    assert!(log.contains("\"best_miou\":") && log.contains("\"miou\":") && !log.contains("top1"), "{log}");

    // The same figures come from the file of the weights.
    let file = played.dir.join("best.safetensors");
    let mut seen = 0;
    let tested = evaluate_checkpoint(&file, Images::Own(None), Views::One, |_, image| {
        let Answer::Mask { mask, predicted, accuracy } = image.answer else { panic!("a mask is asked for") };
        let right = mask.iter().zip(predicted).filter(|(a, b)| a == b).count();
        assert_eq!(accuracy, Some(right as f64 / (64.0 * 64.0)));
        seen += 1;
    });
    let tested = tested.unwrap().evaluation;
    assert_eq!((tested.figures.score(), seen), (best, 10));
    // Several views are another figure, of the same pixels.
    let views = evaluate_checkpoint(&file, Images::Own(None), Views::Many, |_, _| {}).unwrap();
    assert_eq!(views.evaluation.confusion.tallies().iter().map(|t| t.images).sum::<u64>(), 10 * 64 * 64);
    assert!(views.evaluation.loss.is_finite() && views.evaluation.loss != tested.loss);
}

#[test]
fn a_run_of_scenes_is_the_same_to_the_bit_with_any_threads_and_in_pieces() {
    let all = [
        (1, "tricks.mixup.on", Value::Bool(false), When::Step(3)),
        (2, "seg.aux_weight", Value::Float(0.2), When::Step(5)),
        (3, "seg.dropout", Value::Float(0.4), When::Step(8)),
        (4, "tricks.smoothing.on", Value::Bool(false), When::Step(9)),
    ];
    let edits = |commands: &std::sync::mpsc::Sender<Command>, without: u64| {
        for (id, path, value, when) in all.clone().into_iter().filter(|(id, ..)| *id != without) {
            commands.send(Command::Edit { id, changes: vec![(knob(path), value)], when }).unwrap();
        }
    };
    let digests = |played: &Played| {
        let (_, file) = checkpoints(&played.dir).pop().unwrap();
        Checkpoint::read(&file).unwrap().meta.digests
    };
    let with = |threads: usize, without: u64| {
        let desk = Desk::new();
        let options = Options { threads: NonZeroUsize::new(threads), ..Options::default() };
        let session = runs::start_with(scenes(&[]), options, desk.path(), runs::spawn).unwrap();
        edits(&session.commands, without);
        digests(&play(session))
    };
    let whole = with(1, 0);
    assert_eq!(whole, with(3, 0));
    for (id, path, ..) in &all {
        assert_ne!(whole, with(3, *id), "{path} changes nothing");
    }
    let desk = Desk::new();
    let session = runs::start(scenes(&[]), desk.path()).unwrap();
    edits(&session.commands, 0);
    session.commands.send(Command::Steps(7)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    session.commands.send(Command::Stop { save: true }).unwrap();
    let first = play(session);
    let pieces = play(runs::resume(&first.dir, Vec::new()).unwrap());
    assert_eq!(digests(&pieces), whole);
    assert_eq!(runs::verify(&pieces.dir, None).unwrap().difference, None);
}

#[test]
fn a_run_starts_from_the_bundled_weights_with_new_heads_and_a_teacher_of_scenes_teaches() {
    let desk = Desk::new();
    let own = [
        ("net.depth", Value::Int(20)),
        ("net.width", Value::Float(1.0)),
        ("net.weights", word("Bundled")),
        ("data.train_images", Value::Int(4)),
        ("data.test_images", Value::Int(2)),
        ("train.epochs", Value::Int(1)),
    ];
    let played = play(runs::start(scenes(&own), desk.path()).unwrap());
    assert_eq!(played.end.state, State::Done, "{:?}", played.end.error);
    assert!(played.alarms.iter().any(|alarm| alarm.contains("Bundled")), "{:?}", played.alarms);
    let teacher = played.dir.join("best.safetensors").display().to_string();
    let taught = [("tricks.distill.on", Value::Bool(true)), ("tricks.distill.teacher", word(&teacher))];
    let played = play(runs::start(scenes(&taught), desk.path()).unwrap());
    assert_eq!((played.end.state, played.end.step), (State::Done, 12), "{:?}", played.end.error);
    // The bundled teacher gives an image a class.
    let wrong = [("tricks.distill.on", Value::Bool(true)), ("tricks.distill.teacher", word("Bundled"))];
    let played = play(runs::start(scenes(&wrong), desk.path()).unwrap());
    assert!(played.end.error.is_some_and(|why| why.contains("a teacher of")), "refused by name");
}

#[test]
fn screens_see_masks_and_the_images_of_fewest_pixels_recognised() {
    let desk = Desk::new();
    let session = runs::start(scenes(&[]), desk.path()).unwrap();
    session.commands.send(Command::Look { screen: 0, at: Some(Target::Pictures) }).unwrap();
    let (mut fed, mut missed) = (None, None);
    let session = wait_for(session, |event| {
        if let Event::Pictures(pictures) = event {
            match &**pictures {
                Pictures::Fed(pictures) => fed = Some(pictures.clone()),
                Pictures::Missed(pictures) => missed = Some(pictures.clone()),
            }
        }
        fed.is_some() && missed.is_some()
    });
    play(session);
    assert!(
        fed.unwrap().images.iter().all(|image| image.mask.as_ref().is_some_and(|mask| mask.values().len() == 4096))
    );
    let missed = missed.unwrap();
    assert!(missed.confused.is_empty());
    let shares = missed.worst.iter().map(|image| match &image.taken {
        Taken::Mask { mask, taken, accuracy } => {
            let right = mask.values().iter().zip(taken.values()).filter(|(a, b)| **a == *b).count();
            assert!((f64::from(*accuracy) - right as f64 / 4096.0).abs() < 1e-6);
            *accuracy
        }
        Taken::Class { .. } => panic!("masks"),
    });
    assert!(shares.collect::<Vec<_>>().is_sorted(), "the worst first");
}

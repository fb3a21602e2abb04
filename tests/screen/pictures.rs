//! The pane with images: when the trainer is asked for them, and how every page looks.

use crate::script::*;
use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use std::path::PathBuf;
use tricktop::app::{Effect, Kitty, Options, State};
use tricktop::data::Thumbnail;
use tricktop::recipe::Value;
use tricktop::train::{
    self, Agreement, BatchPreview, Command, Confusion, Evaluation, Event, Figures, Guess, Missed, MissedImage, Named,
    Part, Pictures, Predicted, PreviewImage, RolledBack, Taken, Target,
};

#[test]
fn the_trainer_is_asked_for_pictures_while_the_pane_is_seen() {
    let cases = [
        ("8", vec![look(PICTURES)]),
        ("88", vec![look(PICTURES)]),
        ("83", vec![look(PICTURES), look(None)]),
        ("837", vec![look(PICTURES), look(None)]),
        ("7<tab>", vec![look(PICTURES)]),
        // Its place stays while knobs and tricks are steered.
        ("812<tab>", vec![look(PICTURES), look(None)]),
        ("81j2", vec![look(PICTURES)]),
        // Another pane over the whole area hides it.
        ("8z", vec![look(PICTURES)]),
        ("81z", vec![look(PICTURES), look(None)]),
        ("81zz", vec![look(PICTURES), look(None), look(PICTURES)]),
        // Pages and rows are the screen's own affair.
        ("8<right><right><left>jjG", vec![look(PICTURES)]),
        ("<right><left>", vec![]),
        // Nobody looks when the screen is left, and there is nothing to look at after the end.
        ("8qd", vec![look(PICTURES), Effect::LetGo, look(None)]),
        ("8qn", vec![look(PICTURES), Effect::Send(Command::Stop { save: false }), ended()]),
        ("qn8", vec![Effect::Send(Command::Stop { save: false }), ended()]),
    ];
    lead_to(cases);
}

#[test]
fn a_run_that_follows_is_looked_at_too() {
    let mut screen = Screen::running(100);
    screen.keys("8");
    let end = screen.script.end(train::State::Stopped);
    screen.event(end);
    screen.taken();
    screen.keys("fn");
    assert!(matches!(
        &screen.taken()[..],
        [Effect::Start(_), Effect::Send(Command::Look { at: Some(Target::Pictures), .. })]
    ));
}

/// A piece of clothing, more or less: brighter with `kind`, of another cut with every label.
fn garment(label: usize, kind: usize) -> Thumbnail {
    let shape = |i: usize| {
        let (y, x) = (i / 28, i % 28);
        let from = 13usize.saturating_sub(4 + label % 5 + y / 6).max(2);
        let inside = (3..25).contains(&y) && (from..28 - from).contains(&x);
        if inside { 0.35 + 0.05 * (kind % 7) as f32 + 0.02 * (x % 9) as f32 } else { 0.0 }
    };
    let pixels: Vec<f32> = (0..784).map(shape).collect();
    Thumbnail::new(&pixels, [28, 28, 1], &[0.0], &[255.0]).unwrap()
}

fn fed(mixed: bool) -> Event {
    let image = |i: usize| PreviewImage {
        mask: None,
        picture: garment(i % 10, i),
        label: i % 10,
        mixed: mixed.then_some(((i + 3) % 10, 0.73)),
    };
    let agreement = Some(Agreement { images: 1280, same: 1167, teacher: 1203, student: 1150 });
    let (images, smoothed) = ((0..24).map(image).collect(), mixed.then_some(0.9));
    Event::Pictures(Box::new(Pictures::Fed(BatchPreview {
        step: 400,
        epoch: 4.3,
        batch: 128,
        images,
        smoothed,
        agreement,
    })))
}

fn missed() -> Event {
    let image = |label: usize, predicted: usize, i: usize| MissedImage {
        picture: garment(label, i),
        name: format!("/data/fashion/val/{}/IMG_{}.png", ["boots", "shirts"][i % 2], 2034 + 7 * i),
        taken: Taken::Class { label, predicted, confidence: 0.999 - 0.02 * i as f32 },
        loss: 6.5 - 0.1 * i as f32,
    };
    let worst = (0..24).map(|i| image(i % 10, (i * 7 + 1) % 10, i)).collect();
    let confused = (0..8).map(|i| image(6, 0, i)).collect();
    Event::Pictures(Box::new(Pictures::Missed(Missed { step: 372, worst, confused })))
}

/// 200 images a class, of which some are taken for others.
fn tested(step: u64, better: u64) -> Event {
    let wrong =
        [(6, 0, 31), (6, 4, 14), (0, 6, 22), (4, 2, 18), (2, 4, 16), (2, 6, 9), (9, 7, 5), (5, 7, 3), (8, 3, 1)];
    let mut counts: Vec<[u64; 3]> =
        wrong.iter().map(|(label, said, n)| [*label, *said, n - better.min(n - 1)]).collect();
    for class in 0..10 {
        let lost: u64 = counts.iter().filter(|[label, ..]| *label == class).map(|[.., n]| n).sum();
        counts.push([class, class, 200 - lost]);
    }
    let confusion = Confusion { classes: 10, counts };
    let evaluation =
        Evaluation { step, epoch: 4.0, loss: 0.3, figures: Figures::Classes { top1: 0.9, top5: 0.99 }, confusion };
    Event::Evaluated(Box::new(evaluation))
}

/// A screen with the pane in front, turned to a page.
fn page(turns: usize) -> Screen {
    page_with(turns, options())
}

fn page_with(turns: usize, options: Options) -> Screen {
    let mut screen = Screen::starting();
    screen.state = State::new(options, recipe());
    screen.event(Event::Started(Box::new(info(&recipe()))));
    screen.event(Event::State(train::State::Running));
    screen.steps(400);
    for event in [fed(false), missed(), tested(372, 0), tested(390, 4)] {
        screen.event(event);
    }
    screen.tick(60_000);
    screen.keys(&format!("8{}", "<right>".repeat(turns)));
    screen
}

fn pictures(name: &str, make: impl Fn() -> Screen) {
    for (width, height) in [(80, 24), (120, 36)] {
        assert_snapshot!(format!("{name}_{width}x{height}"), make().text(width, height));
    }
}

#[test]
fn the_batch() {
    // Half blocks are the same for every image; as characters one sees what is there.
    let plain = || page_with(0, Options { color: false, ..options() });
    pictures("batch", plain);
    pictures("batch_mixed", || {
        let mut screen = plain();
        screen.event(fed(true));
        screen
    });
    let mut zoomed = plain();
    zoomed.keys("z");
    assert_snapshot!("batch_zoom_120x36", zoomed.text(120, 36));
    assert_snapshot!("batch_blocks_120x36", page(0).text(120, 36));
}

#[test]
fn the_mistakes() {
    pictures("mistakes", || page(1));
    let mut end = page(1);
    end.keys("zG");
    assert_snapshot!("mistakes_end_120x36", end.text(120, 36));
}

#[test]
fn the_confusion() {
    pictures("confusion", || page(2));
}

#[test]
fn the_classes() {
    pictures("classes", || page(3));
}

#[test]
fn the_teacher() {
    pictures("teacher", || {
        let mut screen = Screen::running(400);
        screen.keys("8h");
        for i in 0..40u64 {
            let same = 900 + 300 * i / 40;
            let agreement = Some(Agreement { images: 1280, same, teacher: 1203, student: same - 40 });
            let (images, epoch) = (Vec::new(), 1.0 + i as f64 / 12.0);
            let fed = BatchPreview { step: 400, epoch, batch: 128, images, smoothed: None, agreement };
            screen.event(Event::Pictures(Box::new(Pictures::Fed(fed))));
        }
        screen
    });
}

#[test]
fn ascii_alone() {
    for turns in 0..5 {
        let mut screen = page_with(turns, Options { color: false, ascii: true, ..options() });
        let text = screen.text(80, 24);
        assert!(text.is_ascii() && !text.replace("? help", "").contains('?'), "{text}");
        if turns < 3 {
            assert_snapshot!(format!("ascii_{turns}_80x24"), text);
        }
    }
}

#[test]
fn empty_pages_say_what_fills_them() {
    let text = |keys: &str, paused: bool| {
        let mut screen = Screen::running(50);
        if paused {
            screen.event(Event::State(train::State::Paused));
        }
        screen.keys(keys);
        screen.text(120, 36)
    };
    assert!(text("8", false).contains("the images of the next step come here"));
    assert!(text("8", true).contains("s makes a step"));
    assert!(text("8l", false).contains("they come with the next evaluation"));
    assert!(text("8ll", false).contains("nothing was evaluated yet"));
    assert!(text("8h", false).contains("distillation is off"));
}

#[test]
fn a_picture_is_drawn_two_rows_of_pixels_to_a_cell() {
    let colors = |truecolor: bool| {
        let mut screen = page_with(0, Options { truecolor, ..options() });
        screen.keys("z");
        let buffer = screen.draw(120, 36);
        // The first image stands below header, frame and heading, right of frame and margin.
        let cell = &buffer[(2 + 14, 4 + 2)];
        (cell.symbol().to_string(), cell.fg, cell.bg)
    };
    let at = |y: usize| garment(0, 0).mean(y..y + 1, 14..15)[0];
    let grey = |y: usize| Color::Rgb(at(y), at(y), at(y));
    assert_eq!(colors(true), ("▀".into(), grey(4), grey(5)));
    let (_, fg, _) = colors(false);
    assert!(matches!(fg, Color::Indexed(232..)), "{fg:?}");
}

#[test]
fn kitty_draws_more_pictures_in_fewer_cells() {
    let drawn = |kitty, color| page_with(0, Options { kitty, color, ..options() }).draw(120, 36);
    let sent = |buffer: &Buffer| buffer.content().iter().filter(|cell| cell.symbol().starts_with("\x1b_G")).count();
    let buffer = drawn(Kitty::On, true);
    assert!(sent(&buffer) >= 12, "{}", sent(&buffer));
    let placeholders = buffer.content().iter().filter(|cell| cell.symbol().contains('\u{10EEEE}')).count();
    assert!(placeholders >= 12 * 7 * 4 && !buffer.content().iter().any(|cell| cell.symbol() == "▀"));
    // Colours are what a terminal tells pictures apart by: without them there are characters.
    assert_eq!(sent(&drawn(Kitty::On, false)), 0);
    let refused = page_with(0, Options { kitty: Kitty::Refused, ..options() }).text(120, 36);
    assert!(refused.contains("half blocks: no kitty here") && refused.contains('▀'), "{refused}");
}

#[test]
fn a_rollback_takes_back_what_came_later() {
    let mut screen = page(3);
    assert!(screen.text(120, 36).contains("step 390"));
    let back =
        RolledBack { step: 380, epoch: 4.1, from: 400, edits: vec![], best: None, best_epoch: None, recipe: recipe() };
    screen.event(Event::RolledBack(Box::new(back)));
    assert!(screen.text(120, 36).contains("nothing was evaluated yet"));
    screen.keys("<left><left>");
    assert!(screen.text(120, 36).contains("step 372"));
}

#[test]
fn enter_shows_which_file_was_mistaken() {
    let kitty = || Options { kitty: Kitty::On, ..options() };
    for make in [options, || Options { color: false, ascii: true, ..options() }, kitty] {
        let mut screen = page_with(1, make());
        for (width, height) in [(80, 24), (120, 36)] {
            let text = screen.text(width, height);
            assert!(text.contains("IMG_2034.png"), "{text}");
        }
        screen.keys("<down><down><down><enter>");
        let text = screen.text(80, 24);
        assert!(text.contains("Mistake 4 of 32"), "{text}");
        assert!(text.contains("/data/fashion/val/shirts/IMG_2055.png"), "{text}");
        assert!(text.contains("label Dress, predicted Pullover with 93.9 %, loss 6.200"), "{text}");
        screen.keys("<esc>");
        assert!(screen.state.modal().is_none());
    }
    let mut screen = page(0);
    screen.keys("<enter>");
    assert!(screen.state.modal().is_none() && screen.text(80, 24).contains("the page of mistakes has them"));
}

/// However far it was gone on, one step back is seen at once.
#[test]
fn every_page_stops_at_its_last_picture_or_line() {
    for turns in 0..4 {
        for (width, height) in [(80, 24), (120, 36), (200, 60)] {
            let mut screen = page(turns);
            screen.keys(&"<down>".repeat(150));
            let end = screen.text(width, height);
            assert!(end.contains('▸'), "{end}");
            screen.keys("<down>");
            assert_eq!(screen.text(width, height), end, "page {turns}");
            screen.keys("<up>");
            assert_ne!(screen.text(width, height), end, "page {turns}");
            screen.keys("G");
            assert_eq!(screen.text(width, height), end, "page {turns}");
        }
    }
}

#[test]
fn the_confusion_names_its_axes() {
    for (width, height) in [(80, 24), (120, 36)] {
        let text = page(2).text(width, height);
        assert!(text.contains("rows: labels, columns: predicted"), "{text}");
    }
}

/// What an older trainer says of its mistakes.
#[test]
fn a_mistake_without_a_name_is_one() {
    let Event::Pictures(pictures) = missed() else { return };
    let mut value = serde_json::to_value(&*pictures).unwrap();
    value["missed"]["worst"][0].as_object_mut().unwrap().remove("name").unwrap();
    let pictures: Pictures = serde_json::from_value(value).unwrap();
    let mut screen = page(1);
    screen.event(Event::Pictures(Box::new(pictures)));
    screen.keys("<enter>");
    assert!(screen.text(80, 24).contains("its name is not known"));
}

#[test]
fn a_rate_that_is_typed_is_still_drawn() {
    let mut screen = page(0);
    screen.keys("1<enter>0.35");
    let text = screen.text(120, 36);
    assert!(text.contains("Learning rate") && !text.contains("Images:"), "{text}");
    screen.keys("<esc>");
    assert!(screen.text(120, 36).contains("Images: batch"));
}

/// Nothing panics at any size, with images of any shape and any number of classes.
#[test]
fn every_size_and_shape() {
    for (height, width, channels) in [(28, 28, 1), (64, 64, 3), (64, 3, 3), (1, 1, 1), (7, 5, 1)] {
        for classes in [2, 10, 60, 1000] {
            for turns in 0..5 {
                let mut screen = page(turns);
                let pixels = vec![0.5; height * width * channels];
                let picture = Thumbnail::new(&pixels, [height, width, channels], &[0.0; 3], &[255.0; 3]).unwrap();
                let image =
                    PreviewImage { picture: picture.clone(), label: classes - 1, mixed: Some((0, 0.5)), mask: None };
                let name = "x".repeat(classes);
                let wrong = MissedImage {
                    picture,
                    name,
                    taken: Taken::Class { label: classes - 1, predicted: 0, confidence: f32::NAN },
                    loss: f32::NAN,
                };
                let (images, agreement) = (vec![image; 24], None);
                let fed = BatchPreview { step: 1, epoch: 0.1, batch: 24, images, smoothed: Some(0.9), agreement };
                screen.event(Event::Pictures(Box::new(Pictures::Fed(fed))));
                let missed = Missed { step: 1, worst: vec![wrong.clone(); 24], confused: vec![wrong; 8] };
                screen.event(Event::Pictures(Box::new(Pictures::Missed(missed))));
                let counts =
                    (0..classes as u64).map(|class| [class, (class * 7 + 1) % classes as u64, 12345]).collect();
                let confusion = Confusion { classes: classes as u32, counts };
                let Event::Evaluated(e) = tested(9, 0) else { return };
                screen.event(Event::Evaluated(Box::new(Evaluation { confusion, ..*e })));
                screen.keys("G");
                for zoom in ["z", "z"] {
                    for width in [1, 30, 59, 60, 80, 100, 200, 300] {
                        for height in [1, 10, 16, 24, 30, 80] {
                            screen.draw(width, height);
                        }
                    }
                    screen.keys(zoom);
                }
            }
        }
    }
}

#[test]
fn a_distilled_run_waits_for_its_teacher() {
    let mut screen = Screen::running(50);
    let applied = screen.script.apply(0, knob("tricks.distill.on"), Value::Bool(true));
    screen.event(applied);
    screen.keys("8h");
    assert!(screen.text(120, 36).contains("compared from the next step on"));
}

/// What the net makes of an image, as the answer to a request.
fn predicted(id: u64) -> Event {
    let class = |(label, class, probability): (usize, &str, f64)| {
        Named::Guess(Guess { class: class.into(), label, probability })
    };
    let guesses = [(9, "Boot", 0.8125), (7, "Sneaker", 0.1601), (5, "Sandal", 0.02), (8, "Bag", 0.0071)].map(class);
    let (path, picture) = (PathBuf::from("/photos/my boots.jpg"), garment(9, 5));
    Event::Predicted(Box::new(Predicted { id, path, step: 1400, picture, named: guesses.to_vec(), mask: None }))
}

#[test]
fn an_image_that_was_asked_about_comes_in_front_of_the_panes() {
    let mut screen = page(0);
    screen.keys(":predict my boots.jpg<enter>");
    let shown = |screen: &mut Screen| screen.text(80, 24).contains("81.2 %  Boot");
    // What another screen asked is its own.
    screen.event(predicted(u64::MAX));
    assert!(!shown(&mut screen));
    screen.event(predicted(1));
    let drawn = screen.text(80, 24);
    for part in ["/photos/my boots.jpg", "81.2 %  Boot", "0.7 %  Bag", "after step 1 400", "▀"] {
        assert!(drawn.contains(part), "{part} is not in\n{drawn}");
    }
    screen.keys("<esc>");
    assert!(!shown(&mut screen));
    // Of a net that gives every pixel a class the mask lies over the image.
    let half: Vec<u8> = (0..28 * 28).map(|i| if i % 28 < 14 { 0 } else { 3 }).collect();
    let mask = Thumbnail::of_mask(&half, [28, 28]).unwrap();
    let part = |label, share| Named::Part(Part { class: format!("class {label}"), label, share });
    let mut drawn = |id: u64, mask: Option<Thumbnail>| {
        screen.keys(":predict my boots.jpg<enter>");
        let Event::Predicted(seen) = predicted(id) else { panic!("no prediction") };
        let named = vec![part(0, 0.5), part(3, 0.5)];
        screen.event(Event::Predicted(Box::new(Predicted { named, mask, ..*seen })));
        let drawn = screen.draw(80, 24);
        screen.keys("<esc>");
        drawn
    };
    let (plain, masked) = (drawn(2, None), drawn(3, Some(mask)));
    assert!(text(&plain) == text(&masked) && plain != masked && text(&plain).contains("50.0 %  class 3"));
    // It takes nobody's keys away.
    screen.keys(":predict my boots.jpg<enter>:lr 0.");
    screen.event(predicted(4));
    screen.keys("<esc>");
    assert!(screen.text(80, 24).contains("/photos/my boots.jpg: 81.2 % Boot, 16.0 % Sneaker, 2.0 % Sandal"));
    // And it fits where there is little room.
    screen.keys(":predict my boots.jpg<enter>");
    screen.event(predicted(5));
    for (columns, rows) in [(40, 12), (30, 8), (200, 60)] {
        assert!(screen.text(columns, rows).contains("81.2 %"), "{columns} x {rows}");
    }
}

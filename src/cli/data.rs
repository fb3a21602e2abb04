//! `tricktop data` and `tricktop bench input`: what is in a set, and sets for training.

use super::args::{BenchInput, Data as Command};
use super::progress::with_bar;
use super::{Failure, print, set_threads};
use crate::data::{self, Info, PUBLISHED, Pixels, Shrink};
use crate::recipe::Settings;
use crate::recipe::settings::{Data, Task};
use crate::text::shown;
use std::path::Path;
use std::process::ExitCode;

/// Carries out a command.
pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Info { path, task, json, seed } => {
            let data = at(&path.unwrap_or_default());
            let task = match task.as_deref() {
                None => data::task_of(&data),
                Some(word) if word == Task::Segment.word() => Task::Segment,
                Some(_) => Task::Classify,
            };
            let info = data::info(&data, task, seed).map_err(Failure::Data)?;
            print(&if json { document(&info)? } else { text(&info) })
        }
        Command::Pack { path, out, edge, seed } => {
            let data = at(&path);
            let set = data::open(&data, data::task_of(&data), seed).map_err(Failure::Data)?;
            let shrink = edge.map_or(Shrink::Keep, |edge| Shrink::Edge(edge as usize));
            let packed = data::pack(&set, &out, shrink).map_err(Failure::Data)?;
            let broken = packed.broken.iter().map(|s| format!("left out {}: {}\n", shown(&s.image), s.problem));
            let file = packed.file.display();
            print(&format!(
                "{}{file}: {} + {} images, {} bytes, blake3 {}\ntrain with --set data.path={file}\n",
                broken.collect::<String>(),
                packed.train,
                packed.val,
                packed.bytes,
                packed.blake3
            ))
        }
        Command::Get { name, dir, mirror } => get(&name, &dir, mirror.as_deref()),
        Command::Subset { idx_dir, out_dir } => subset(&idx_dir, &out_dir),
    }
}

/// The settings of a set at a path.
fn at(path: &Path) -> Data {
    Data { path: path.display().to_string(), ..Settings::default().data }
}

/// Times the reading of a set.
pub(super) fn bench_input(args: &BenchInput) -> Result<ExitCode, Failure> {
    set_threads(&args.threads)?;
    let data = Data { val_fraction: f64::MIN_POSITIVE, ..at(&args.path) };
    let threads = rayon::current_num_threads();
    let t = data::input_speed(&data, args.batch as usize, threads, 3).map_err(Failure::Data)?;
    if args.json {
        return print(&document(&t)?);
    }
    let percent = |share: f64| share * 100.0;
    print(&format!(
        "{} images  batch {}  {threads} threads  {:.1} img/s\none image on one thread {:.2} ms: read {:.0} %, decode \
         {:.0} %, resize {:.0} %, colours and normalisation {:.0} %\n",
        t.images,
        t.batch,
        t.img_s,
        t.image_ms,
        percent(t.read),
        percent(t.decode),
        percent(t.resize),
        percent(t.augment)
    ))
}

fn document(of: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(of).map_err(|e| Failure::Print(e.into()))?;
    Ok(text + "\n")
}

fn text(info: &Info) -> String {
    let range =
        |[least, most]: [usize; 2]| if least == most { least.to_string() } else { format!("{least} to {most}") };
    let numbers = |values: &[f64]| values.iter().map(|v| format!("{v:.3}")).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "{}: {}, {} training and {} validation images of {} classes\nheight {}, width {}, {} channels\nmean {}, deviation {}\n",
        shown(&info.name),
        info.kind,
        info.train,
        info.val,
        info.classes.len(),
        range(info.height),
        range(info.width),
        info.channels,
        numbers(&info.mean),
        numbers(&info.std)
    );
    text.extend(info.notes.iter().map(|note| shown(note) + "\n"));
    if info.turned > 0 {
        let turned = info.turned;
        text += &format!(
            "{turned} images are stored turned and read upright by their EXIF data (data.orient: Stored: as they are)\n"
        );
    }
    if let Some(verifies) = info.verifies {
        text += if verifies {
            "the packed images verify\n"
        } else {
            "DAMAGED: these are not the images that were packed\n"
        };
    }
    text.extend(info.left_out.iter().map(|some| format!("left out: {}\n", shown(&some.to_string()))));
    text += &classes(info);
    text += &format!("{} broken images\n", info.broken.len());
    for skipped in &info.broken {
        text += &format!("  {}: {}\n", shown(&skipped.image), skipped.problem);
    }
    text
}

/// The classes as a table: images of each; of classes of pixels the images that contain it, and its share of the pixels.
fn classes(info: &Info) -> String {
    let Some(ignored) = info.ignored else {
        let line = |class: &data::Class| format!("{:>8}  {:>8}  {}\n", class.train, class.val, shown(&class.name));
        return "   train       val  class\n".to_string() + &info.classes.iter().map(line).collect::<String>();
    };
    let all =
        |part: fn(&Pixels) -> u64| -> u64 { info.classes.iter().filter_map(|c| c.pixels.as_ref()).map(part).sum() };
    let percent = |pixels: u64, all: u64| format!("{:>7.2} %", 100.0 * pixels as f64 / all.max(1) as f64);
    let (train, val) = (all(|p| p.train), all(|p| p.val));
    let mut text =
        "   train     share      val     share  class (images that contain it, share of the pixels)\n".to_string();
    for class in &info.classes {
        let Pixels { train: of_train, val: of_val } = class.pixels.unwrap_or_default();
        let (of_train, of_val) = (percent(of_train, train), percent(of_val, val));
        text += &format!("{:>8} {of_train} {:>8} {of_val}  {}\n", class.train, class.val, shown(&class.name));
    }
    let (of_train, of_val) = (percent(ignored.train, train + ignored.train), percent(ignored.val, val + ignored.val));
    text + &format!("{:>8} {of_train} {:>8} {of_val}  (ignored, of all pixels)\n", "", "")
}

fn get(name: &str, dir: &Path, mirror: Option<&str>) -> Result<ExitCode, Failure> {
    let Some(set) = PUBLISHED.iter().find(|set| set.name == name) else {
        return Err(Failure::Inspect(format!("no set is called {name}")));
    };
    let got = with_bar(|tell| data::get(set, dir, mirror, tell));
    let got = got.map_err(|e| Failure::Inspect(e.to_string()))?.display().to_string();
    print(&format!("{got}: complete\ntrain with --set data.path={got}\n"))
}

fn subset(idx_dir: &Path, out_dir: &Path) -> Result<ExitCode, Failure> {
    let written = data::make_subset(idx_dir, out_dir).map_err(Failure::Data)?;
    let line = |w: &data::Written| {
        let bundled = if w.bundled { "as bundled" } else { "differs from the bundled file" };
        format!("{}  {} bytes  blake3 {}  {bundled}\n", w.file.display(), w.bytes, w.blake3)
    };
    print(&written.iter().map(line).collect::<String>())
}

//! A run as an event file of TensorBoard: scalars, the rate, edits as text, the confusion matrix as an image.

mod wire;

use super::dir::LOG;
use super::export::metrics;
use super::record::journal;
use super::{Line, RunError, logs};
use crate::protobuf::Message;
use crate::train::{Change, Figures, write_whole};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Name of an event file that is begun at `time`; TensorBoard reads a directory's files in the order of their names.
pub(super) fn file_name(time: f64) -> String {
    format!("events.out.tfevents.{time:.0}.tricktop")
}

/// The records that an event file begins with. A run that is taken up again says after which step.
pub(super) fn beginning(time: f64, taken_up: Option<u64>) -> Vec<u8> {
    let mut records = wire::record(&Message::default().double(1, time).text(3, "brain.Event:2"));
    records.extend(taken_up.map(|step| going_on(time, step)).unwrap_or_default());
    records
}

/// The record that says after which step a run goes on: TensorBoard drops what it has of later ones.
pub(super) fn going_on(time: f64, step: u64) -> Vec<u8> {
    let start = Message::default().int(1, 1);
    wire::record(&Message::default().double(1, time).int(2, step + 1).message(7, &start))
}

/// The record of a line that TensorBoard can show; `time` gives the time of its step.
pub(super) fn record(time: impl Fn(u64) -> f64, line: &Line) -> Option<Vec<u8>> {
    let (step, values) = summary(line)?;
    let summary = values.into_iter().fold(Message::default(), |all, value| all.message(1, &value));
    Some(wire::record(&Message::default().double(1, time(step)).int(2, step).message(5, &summary)))
}

/// Writes the run in `dir` as one event file into the directory `out`, and gives the file.
///
/// # Errors
/// A file that cannot be read or written.
pub fn tensorboard(dir: &Path, out: &Path) -> Result<PathBuf, RunError> {
    let times: BTreeMap<u64, f64> = logs::read(&dir.join(LOG))?
        .into_iter()
        .filter_map(|line| if let Line::Speed { step, time, .. } = line { Some((step, time)) } else { None })
        .collect();
    // An event between two log intervals has the time of the one before.
    let time = |step: u64| times.range(..=step).next_back().or(times.iter().next()).map_or(0.0, |(_, time)| *time);
    let mut file = beginning(time(0), None);
    for line in metrics(dir)?.into_iter().chain(journal(dir)?) {
        file.extend(record(time, &line).unwrap_or_default());
    }
    std::fs::create_dir_all(out).map_err(RunError::create(out))?;
    let path = out.join(file_name(time(0)));
    write_whole(&path, &file).map_err(RunError::write(&path))?;
    Ok(path)
}

/// Most classes whose confusion matrix is shown: pixels of the image.
const IMAGE: usize = 1024;

/// The step of a line and what TensorBoard shows of it.
fn summary(line: &Line) -> Option<(u64, Vec<Message>)> {
    Some(match line {
        Line::Step { step, loss, lr, img_s, epoch, .. } => {
            let mut values =
                vec![scalar("train/loss", f64::from(*loss)), scalar("train/lr", *lr), scalar("epoch", *epoch)];
            values.extend(img_s.map(|img_s| scalar("img_s", img_s)));
            (*step, values)
        }
        Line::EpochEnd { step, train_loss, val_loss, figures, .. } => {
            let mut values = evaluation(*val_loss, *figures);
            values.push(scalar("train/epoch_loss", *train_loss));
            (*step, values)
        }
        Line::Evaluation { step, val_loss, figures, .. } => (*step, evaluation(*val_loss, *figures)),
        Line::Confusion { step, confusion } => (*step, vec![image("confusion", &confusion.rows(IMAGE)?)?]),
        Line::Edit { step, changes, .. } => {
            let one = |Change { knob, from, to }: &Change| format!("`{}` {from} → {to}", knob.path);
            let lines: Vec<String> = changes.iter().map(one).collect();
            (*step, vec![text("edits", &lines.join("  \n"))])
        }
        _ => return None,
    })
}

fn evaluation(loss: f64, figures: Figures) -> Vec<Message> {
    let scores = figures.scores().map(|score| scalar(&format!("val/{}", score.figure.key()), score.value));
    [scalar("val/loss", loss)].into_iter().chain(scores).collect()
}

fn scalar(tag: &str, value: f64) -> Message {
    Message::default().text(1, tag).float(2, value as f32)
}

/// A text of the plugin `text`: a tensor of one string (type 7).
fn text(tag: &str, text: &str) -> Message {
    let plugin = Message::default().text(1, "text");
    let shape = Message::default().message(2, &Message::default().int(1, 1));
    let tensor = Message::default().int(1, 7).message(2, &shape).text(8, text);
    Message::default().text(1, tag).message(8, &tensor).message(9, &Message::default().message(1, &plugin))
}

/// A matrix of counts as a picture; none when it has no rows.
fn image(tag: &str, counts: &[Vec<u64>]) -> Option<Message> {
    let (pixels, side) = pixels(counts);
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&pixels, side, side, ExtendedColorType::L8).ok()?;
    let image = Message::default().int(1, side.into()).int(2, side.into()).int(3, 1).bytes(4, &file);
    Some(Message::default().text(1, tag).message(4, &image))
}

/// A matrix of counts in grey, a square of pixels for each: a row in shares of its sum, 1 black. And the picture's side.
fn pixels(counts: &[Vec<u64>]) -> (Vec<u8>, u32) {
    let cell = (320 / counts.len().max(1)).clamp(1, 32);
    let side = cell * counts.len();
    let shade = |row: &[u64], at: usize| {
        let sum: u64 = row.iter().sum();
        255 - (255.0 * row.get(at).copied().unwrap_or(0) as f64 / sum.max(1) as f64) as u8
    };
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (y, x)));
    (places.map(|(y, x)| shade(&counts[y / cell], x / cell)).collect(), side as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_becomes_an_event() {
        let dir = tempfile::tempdir().unwrap();
        let lines = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        lines(
            "metrics.jsonl",
            "{\"event\":\"step\",\"epoch\":0.5,\"step\":10,\"loss\":1.5,\"lr\":0.1}\n\
             {\"event\":\"confusion\",\"step\":20,\"classes\":2,\"counts\":[[0,0,3],[0,1,1],[1,1,4]]}\n",
        );
        lines("log.jsonl", "{\"event\":\"speed\",\"step\":10,\"img_s\":100.0,\"time\":1700000000.5}\n");
        lines(
            "journal.jsonl",
            "{\"event\":\"edit\",\"step\":5,\"edit\":1,\"changes\":[{\"knob\":\"optim.momentum\",\"from\":0.9,\"to\":0.5}]}\n",
        );
        let file = tensorboard(dir.path(), &dir.path().join("out")).unwrap();
        let bytes = std::fs::read(&file).unwrap();
        let records = wire::records(&bytes).unwrap();
        assert_eq!(records.len(), 4);
        let holds = |n: usize, part: &[u8]| records[n].windows(part.len()).any(|w| w == part);
        assert!(holds(0, b"brain.Event:2"));
        assert!(holds(1, b"train/loss") && holds(1, b"img_s") && holds(1, &1.5f32.to_le_bytes()));
        assert!(holds(1, &1_700_000_000.5f64.to_le_bytes()));
        assert!(holds(2, b"\x89PNG\r\n") && holds(3, "`optim.momentum` 0.9 → 0.5".as_bytes()));
    }
    #[test]
    fn a_confusion_matrix_is_a_picture_with_a_square_for_each_count() {
        let counts = [vec![3, 1], vec![0, 4]];
        let (grey, side) = pixels(&counts);
        let at = |grey: &[u8], x: usize, y: usize| grey[y * side as usize + x];
        let corners = [(0, 0), (side as usize - 1, 0), (0, side as usize - 1), (side as usize - 1, side as usize - 1)];
        assert_eq!(corners.map(|(x, y)| at(&grey, x, y)), [255 - 191, 255 - 63, 255, 0]);
        let message = wire::record(&image("confusion", &counts).unwrap());
        let start = message.windows(4).position(|part| part == b"\x89PNG").unwrap();
        let shown = image::load_from_memory_with_format(&message[start..], image::ImageFormat::Png).unwrap();
        assert_eq!((shown.width(), shown.height(), shown.color()), (side, side, image::ColorType::L8));
        assert_eq!(shown.into_bytes(), grey);
        assert!(image("confusion", &[]).is_none());
    }
}

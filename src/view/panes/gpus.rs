//! The GPUs in the room there is: a block for each, two lines, one, or several in a line.

use super::gauge::{NAME, curve, gauge};
use crate::app::hardware::{Gpu, GpuPast, Process};
use crate::app::{State, number};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::text::{Line, Span};

/// Columns of the shortest curve in a line of facts, and of the longest.
const CURVE: (usize, usize) = (4, 40);

/// Columns from which there are two curves in a line of facts.
const TWO_CURVES: usize = 24;

/// A GPU as it is drawn.
struct Entry<'a> {
    theme: &'a Theme,
    gpu: &'a Gpu,
    past: &'a GpuPast,
    /// Its number and a gap; nothing when it is the only one.
    number: String,
}

/// At most `rows` lines about the GPUs, as long as there is a row. Each begins with a column that is beside `columns`:
/// for the mark of a GPU that is throttled.
pub(crate) fn lines<'a>(state: &'a State, theme: &'a Theme, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let gpus = state.panes.hardware.gpus();
    let digits = gpus.iter().map(|gpu| gpu.index.to_string().len()).max().unwrap_or(0);
    let entry = |gpu: &'a Gpu| {
        let past = state.panes.hardware.past.get(&gpu.index)?;
        let number = if gpus.len() > 1 { format!("{:>digits$} ", gpu.index) } else { String::new() };
        Some(Entry { theme, gpu, past, number })
    };
    let entries: Vec<Entry> = gpus.iter().filter_map(entry).collect();
    let each = rows / entries.len().max(1);
    let abreast = entries.len().div_ceil(rows.max(1)).max(1);
    let width = ((columns + 1) / abreast).saturating_sub(1);
    let lines = |entries: &[Entry]| match each {
        0 | 1 => vec![entries.iter().flat_map(|entry| entry.line(width)).collect()],
        2 | 3 => entries.iter().flat_map(|entry| entry.pair(columns)).collect(),
        _ => entries.iter().flat_map(|entry| entry.block(columns)).take(each).collect::<Vec<Line>>(),
    };
    entries.chunks(abreast).flat_map(lines).collect()
}

impl Entry<'_> {
    /// All in one line, as wide as asked.
    fn line(&self, columns: usize) -> Vec<Span<'static>> {
        self.row(&self.number, &[self.memory(), self.temperature(), self.power(), self.clock()], columns)
    }

    /// The name, with a line of facts below.
    fn pair(&self, columns: usize) -> [Line<'static>; 2] {
        let blank = " ".repeat(self.number.len());
        [self.head(columns), Line::from(self.row(&blank, &[self.memory(), self.clock()], columns))]
    }

    /// The name, with a line for every fact below.
    fn block(&self, columns: usize) -> Vec<Line<'static>> {
        let (theme, gpu, past) = (self.theme, self.gpu, self.past);
        let clocks = [gpu.sm_mhz.map(mhz), gpu.memory_mhz.map(|clock| format!("memory {}", mhz(clock)))];
        let clocks: Vec<String> = clocks.into_iter().flatten().collect();
        let line = |name, value: &str| gauge(theme, name, draw::clip(value, columns.saturating_sub(NAME)));
        let below = [
            self.throttled().map(|words| line("throttled", &words.join(", "))),
            Some(curve(theme, "busy", format!("{:>10}", self.busy()), &past.busy, columns)),
            Some(curve(theme, "VRAM", self.memory(), &past.memory, columns)),
            (!clocks.is_empty()).then(|| line("clocks", &clocks.join(", "))),
            gpu.processes.as_ref().map(|all| line("processes", &processes(all))),
        ];
        let mut lines = vec![self.head(columns)];
        lines.extend(below.into_iter().flatten().map(margin));
        lines
    }

    /// Number, name, temperature and power.
    fn head(&self, columns: usize) -> Line<'static> {
        let power = self.gpu.power_w.map(|power| match self.gpu.power_limit_w {
            Some(limit) => format!("{power:.0}/{limit:.0} W"),
            None => format!("{power:.0} W"),
        });
        let facts = [self.gpu.temperature.map(celsius), power].into_iter().flatten();
        let facts: String = facts.map(|fact| format!("  {fact}")).collect();
        let name = self.gpu.name.trim_start_matches("NVIDIA ");
        let name = draw::clip(name, columns.saturating_sub(self.number.len() + draw::width(&facts)));
        margin(Line::from(vec![
            Span::styled(self.number.clone(), self.theme.dim),
            Span::styled(name, self.theme.text),
            Span::styled(facts, self.theme.dim),
        ]))
    }

    /// A mark when the GPU is throttled, how busy it is with its past, and as many facts as there is room for.
    fn row(&self, number: &str, facts: &[String], columns: usize) -> Vec<Span<'static>> {
        let theme = self.theme;
        let busy = draw::clip(&self.busy(), columns.saturating_sub(number.len()));
        let mut spare = columns.saturating_sub(number.len() + draw::width(&busy) + 1);
        let mut kept = Vec::new();
        for fact in facts {
            let left = spare.saturating_sub(draw::width(fact) + 1);
            if left < CURVE.0 {
                break;
            }
            spare = left;
            kept.push(fact);
        }
        let two = !kept.is_empty() && spare >= TWO_CURVES;
        let room = if two { (spare - 1) / 2 } else { spare }.min(CURVE.1);
        let curve = |past, style| [Span::raw(" "), Span::styled(draw::percents(past, room), style)];
        let mut spans = vec![
            Span::styled(if self.throttled().is_some() { "!" } else { " " }, theme.pending),
            Span::styled(number.to_string(), theme.dim),
            Span::styled(busy, theme.text),
        ];
        spans.extend(curve(&self.past.busy, theme.curve));
        for (i, fact) in kept.into_iter().enumerate() {
            spans.push(Span::styled(format!(" {fact}"), theme.dim));
            if i == 0 && two {
                spans.extend(curve(&self.past.memory, theme.second));
            }
        }
        let used: usize = spans.iter().map(Span::width).sum();
        spans.push(Span::raw(" ".repeat((columns + 1).saturating_sub(used))));
        spans
    }

    /// The words for what throttles it, when anything does.
    fn throttled(&self) -> Option<&[&'static str]> {
        self.gpu.throttle.as_deref().filter(|words| !words.is_empty())
    }

    // The facts of a line, each as wide for every GPU.

    fn busy(&self) -> String {
        self.gpu.utilisation.map_or_else(|| "  ? %".to_string(), |percent| format!("{percent:>3} %"))
    }

    fn memory(&self) -> String {
        let memory = self.gpu.memory_used.map(|used| number::bytes_of_short(used, self.gpu.memory_total));
        format!("{:>10}", memory.unwrap_or_default())
    }

    fn temperature(&self) -> String {
        format!("{:>5}", self.gpu.temperature.map(celsius).unwrap_or_default())
    }

    fn power(&self) -> String {
        format!("{:>5}", self.gpu.power_w.map(|watts| format!("{watts:.0} W")).unwrap_or_default())
    }

    fn clock(&self) -> String {
        format!("{:>8}", self.gpu.sm_mhz.map(mhz).unwrap_or_default())
    }
}

fn celsius(degrees: u32) -> String {
    format!("{degrees} °C")
}

fn mhz(clock: u32) -> String {
    format!("{clock} MHz")
}

fn processes(all: &[Process]) -> String {
    let one = |process: &Process| {
        let who = if process.own { "this".to_string() } else { process.pid.to_string() };
        process.memory.map_or(who.clone(), |memory| format!("{who} {}", number::bytes(memory)))
    };
    if all.is_empty() { "none".to_string() } else { all.iter().map(one).collect::<Vec<_>>().join(", ") }
}

/// A line beside the column for the mark.
fn margin(mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, Span::raw(" "));
    line
}

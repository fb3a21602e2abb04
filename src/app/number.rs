//! Numbers as people read them, in widths that do not jump.

use std::time::Duration;

/// A count with its thousands set apart: `12 345`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// A large count with a unit letter and three digits: `0.27 M`, `25.6 M`, `4.1 G`.
pub fn large(n: u64) -> String {
    let n = n as f64;
    let (v, unit) = match n {
        n if n >= 1e9 => (n / 1e9, " G"),
        n if n >= 1e5 => (n / 1e6, " M"),
        n if n >= 1e3 => (n / 1e3, " k"),
        n => (n, ""),
    };
    if unit.is_empty() { format!("{v}") } else { format!("{}{unit}", three(v)) }
}

/// Bytes: `1.1 MB`.
pub fn bytes(n: u64) -> String {
    match unit(n) {
        (1.0, unit) => format!("{n} {unit}"),
        (size, unit) => format!("{} {unit}", three(n as f64 / size)),
    }
}

/// A part of a whole in bytes: `3.40 of 23.0 GB`.
pub fn bytes_of(part: u64, whole: u64) -> String {
    let (part, whole) = (bytes(part), bytes(whole));
    match part.split_once(' ') {
        Some((number, unit)) if whole.ends_with(unit) => format!("{number} of {whole}"),
        _ => format!("{part} of {whole}"),
    }
}

/// A part of a whole in bytes where there is little room, in the unit of the whole: `3.4/23 GB`.
pub fn bytes_of_short(part: u64, whole: u64) -> String {
    let (size, unit) = unit(whole);
    let two = |n: u64| match n as f64 / size {
        v if v >= 9.95 => format!("{v:.0}"),
        v => format!("{v:.1}"),
    };
    format!("{}/{} {unit}", two(part), two(whole))
}

/// The unit that a number of bytes is told in, and its size.
fn unit(bytes: u64) -> (f64, &'static str) {
    match bytes {
        1_000_000_000.. => (1e9, "GB"),
        1_000_000.. => (1e6, "MB"),
        1_000.. => (1e3, "kB"),
        _ => (1.0, "B"),
    }
}

fn three(v: f64) -> String {
    match v {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// A time of day without the day: `1:22`, `2:03:04`, `3 d 04 h`.
pub fn duration(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        s if s >= 172_800 => format!("{} d {:02} h", s / 86_400, s / 3600 % 24),
        s if s >= 3600 => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
        s => format!("{}:{:02}", s / 60, s % 60),
    }
}

/// A loss: three decimals, or an exponent where they would say nothing.
pub fn loss(v: f64) -> String {
    match v.abs() {
        _ if !v.is_finite() => v.to_string(),
        a if a >= 1e4 || (a < 5e-4 && a != 0.0) => format!("{v:.1e}"),
        a if a >= 100.0 => format!("{v:.1}"),
        _ => format!("{v:.3}"),
    }
}

/// A learning rate: three digits that count.
pub fn rate(v: f64) -> String {
    match v.abs() {
        _ if !v.is_finite() => v.to_string(),
        0.0 => "0".into(),
        a if !(1e-3..1000.0).contains(&a) => format!("{v:.1e}"),
        a if a >= 9.995 => format!("{v:.1}"),
        a if a >= 0.9995 => format!("{v:.2}"),
        a if a >= 0.1 => format!("{v:.3}"),
        _ => format!("{v:.4}"),
    }
}

/// A share as percent with one decimal: `86.9 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// An axis label: as few characters as the value needs.
pub fn tick(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        a if !(1e-3..1e5).contains(&a) => format!("{v:.0e}"),
        _ => {
            let rounded = (v * 1e4).round() / 1e4;
            format!("{rounded}")
        }
    }
}

/// A moment in universal time as day, hour and minute, from seconds since 1970.
pub(crate) fn date(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor() as i64;
    let (days, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    // Years that begin in March, so that the leap day is their last: eras of 400 of them have 146 097 days.
    let day = days + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + 400 * era + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60)
}

/// How long ago a moment is: `now`, `5 min`, `3 h`, `12 d`.
pub(crate) fn age(now: f64, then: f64) -> String {
    let seconds = (now - then).max(0.0) as u64;
    match seconds {
        0..60 => "now".into(),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let cases = [
            (thousands(0), "0"),
            (thousands(999), "999"),
            (thousands(1_204), "1 204"),
            (thousands(u64::MAX), "18 446 744 073 709 551 615"),
            (large(272_474), "0.27 M"),
            (large(25_557_032), "25.6 M"),
            (large(4_100_000_000), "4.10 G"),
            (large(12), "12"),
            (bytes(1_100_000), "1.10 MB"),
            (bytes_of(3_400_000_000, 23_000_000_000), "3.40 of 23.0 GB"),
            (bytes_of(410_000_000, 23_000_000_000), "410 MB of 23.0 GB"),
            (bytes_of_short(786_000_000, 25_300_000_000), "0.8/25 GB"),
            (bytes_of_short(141_000_000_000, 141_000_000_000), "141/141 GB"),
            (bytes(999), "999 B"),
            (duration(Duration::from_secs(82)), "1:22"),
            (duration(Duration::from_secs(7_384)), "2:03:04"),
            (duration(Duration::from_secs(300_000)), "3 d 11 h"),
            (loss(0.4124), "0.412"),
            (loss(f64::NAN), "NaN"),
            (loss(123_456.0), "1.2e5"),
            (rate(0.18712), "0.187"),
            (rate(0.0), "0"),
            (rate(2.5e-5), "2.5e-5"),
            (percent(0.8691), "86.9 %"),
            (tick(0.30000000000000004), "0.3"),
            (tick(100.0), "100"),
        ];
        for (got, want) in cases {
            assert_eq!(got, want);
        }
    }

    /// As Python's `datetime` has them.
    #[test]
    fn dates() {
        for (seconds, text) in [
            (0.0, "1970-01-01 00:00"),
            (951_782_399.9, "2000-02-28 23:59"),
            (951_782_400.0, "2000-02-29 00:00"),
            (951_868_800.0, "2000-03-01 00:00"),
            (1_785_502_861.0, "2026-07-31 13:01"),
            (4_107_542_400.0, "2100-03-01 00:00"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn ages_are_read_as_people_say_them() {
        let ages = [(0.0, "now"), (-5.0, "now"), (59.9, "now"), (61.0, "1 min"), (7300.0, "2 h"), (9e5, "10 d")];
        for (seconds, want) in ages {
            assert_eq!(age(1e9, 1e9 - seconds), want);
        }
    }
}

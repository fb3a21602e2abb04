//! Moments as people read them.

/// How long ago a moment is: `now`, `5 min`, `3 h`, `12 d`.
pub fn age(now: f64, then: f64) -> String {
    let seconds = (now - then).max(0.0) as u64;
    match seconds {
        0..60 => "now".into(),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A moment in universal time, to the minute: `2026-11-24 13:05`.
pub fn date(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (days, minutes) = (seconds / 86_400, seconds % 86_400 / 60);
    // The calendar repeats itself after 400 years of 146097 days; counted from March on, leap days come last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + 400 * era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_say_them() {
        let ages = [(0.0, "now"), (-5.0, "now"), (59.9, "now"), (61.0, "1 min"), (7300.0, "2 h"), (9e5, "10 d")];
        for (seconds, want) in ages {
            assert_eq!(age(1e9, 1e9 - seconds), want);
        }
        // (`date -u -d @SECONDS` says the same)
        let dates = [
            (0.0, "1970-01-01 00:00"),
            (951_782_400.0, "2000-02-29 00:00"),
            (951_868_740.0, "2000-02-29 23:59"),
            (1_795_525_500.0, "2026-11-24 13:05"),
            (4_107_542_400.0, "2100-03-01 00:00"),
        ];
        for (seconds, want) in dates {
            assert_eq!(date(seconds), want);
        }
    }
}

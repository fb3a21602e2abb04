//! Asks the terminal whether it draws pictures by kitty's graphics protocol.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{read, retry_on_intr};
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// A picture to be looked at and not shown, then the questions for the terminal's name and for what it is; every terminal
/// answers the last one.
const QUESTION: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>q\x1b[c";
/// What a terminal says that has looked at the picture.
const YES: &str = "\x1b_Gi=31;OK";
/// Terminals that have the protocol without its placeholders.
const WITHOUT_PLACEHOLDERS: [&str; 2] = ["WezTerm", "Konsole"];
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the terminal, in raw mode and read by nobody else, shows pictures in place of characters.
pub(super) fn answers() -> io::Result<bool> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    terminal.write_all(QUESTION.as_bytes())?;
    let (begun, mut answer) = (Instant::now(), Vec::new());
    while !is_whole(&String::from_utf8_lossy(&answer)) {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut waiting = [PollFd::new(&terminal, PollFlags::IN)];
        if retry_on_intr(|| poll(&mut waiting, Some(&left)))? == 0 {
            break;
        }
        let mut bytes = [0; 256];
        match retry_on_intr(|| read(&terminal, &mut bytes))? {
            0 => break,
            n => answer.extend_from_slice(&bytes[..n]),
        }
    }
    Ok(is_yes(&String::from_utf8_lossy(&answer)))
}

/// Whether the last question is answered: `ESC [ ? ... c`.
fn is_whole(answer: &str) -> bool {
    let numbers = |c: char| c.is_ascii_digit() || c == ';';
    answer.rsplit_once("\x1b[?").is_some_and(|(_, last)| last.trim_start_matches(numbers).starts_with('c'))
}

fn is_yes(answer: &str) -> bool {
    answer.contains(YES) && !WITHOUT_PLACEHOLDERS.iter().any(|name| answer.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_believed_when_it_knows_pictures_and_placeholders() {
        let kitty = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.39.1)\x1b\\\x1b[?62;c";
        assert!(is_whole(kitty) && is_yes(kitty));
        let wezterm = "\x1b_Gi=31;OK\x1b\\\x1bP>|WezTerm 20240203\x1b\\\x1b[?65;4;6;18;22c";
        assert!(is_whole(wezterm) && !is_yes(wezterm));
        let xterm = "\x1bP>|XTerm(388)\x1b\\\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c";
        assert!(is_whole(xterm) && !is_yes(xterm));
        let broken = "\x1b_Gi=31;EINVAL:cannot\x1b\\\x1b[?62;c";
        assert!(is_whole(broken) && !is_yes(broken));
        assert!(!is_whole("\x1b_Gi=31;OK\x1b\\\x1b[?62;"));
    }
}

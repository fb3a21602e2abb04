//! A program in a pseudo-terminal.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A program on a terminal of its own.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    pty: Box<dyn MasterPty + Send>,
    /// The modes that the program found.
    pub found: String,
}

/// The modes of a terminal, such as echo and line editing.
fn modes(pty: &dyn MasterPty) -> String {
    format!("{:?}", pty.get_termios().unwrap())
}

impl Terminal {
    pub fn open(command: CommandBuilder, cols: u16, rows: u16) -> Terminal {
        Terminal::open_as("xterm-256color", command, cols, rows)
    }

    /// As [`Terminal::open`], on a terminal of another kind; `TERM` is not set when that is nothing.
    pub fn open_as(kind: &str, mut command: CommandBuilder, cols: u16, rows: u16) -> Terminal {
        let pty = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        command.env("TERM", kind);
        if kind.is_empty() {
            command.env_remove("TERM");
        }
        command.env("RUST_BACKTRACE", "0");
        command.env("LC_ALL", "C.UTF-8");
        let found = modes(&*pty.master);
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader().unwrap();
        let (to, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if to.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Terminal { child, keys, bytes, screen: vt100::Parser::new(rows, cols, 0), pty: pty.master, found }
    }

    /// The text on the screen.
    pub fn contents(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen shows a text.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |contents| contents.contains(text));
    }

    /// As `wait_for`, for something that takes minutes.
    pub fn wait_long(&mut self, text: &str) {
        self.wait_within(Duration::from_secs(600), text, |contents| contents.contains(text));
    }

    /// Waits until the screen's text is as wanted.
    pub fn wait_until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        self.wait_within(Duration::from_secs(60), what, wanted);
    }

    fn wait_within(&mut self, limit: Duration, what: &str, wanted: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !wanted(&self.contents()) {
            assert!(start.elapsed() < limit, "no {what:?} on\n{}", self.contents());
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(100)) {
                self.screen.process(&bytes);
            }
        }
    }

    /// Answers what the program asks of its terminal.
    pub fn answer(&mut self, question: &str, answer: &str) {
        let mut asked = Vec::new();
        while !String::from_utf8_lossy(&asked).contains(question) {
            asked.extend(self.bytes.recv_timeout(Duration::from_secs(60)).unwrap());
        }
        self.screen.process(&asked);
        self.press(answer);
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.screen.screen_mut().set_size(rows, cols);
        self.pty.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Sends a signal, e.g. `-TERM`.
    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// The modes of the terminal, such as echo and line editing.
    pub fn modes(&self) -> String {
        modes(&*self.pty)
    }

    /// Takes in what the program has drawn.
    pub fn look(&mut self) -> &vt100::Screen {
        while let Ok(bytes) = self.bytes.try_recv() {
            self.screen.process(&bytes);
        }
        self.screen.screen()
    }

    /// As [`Terminal::ends_with`], whatever the exit code.
    pub fn ends(self) -> String {
        self.ends_with(None)
    }

    /// Waits for the end; the terminal must be as before: main screen, cursor shown, no mouse, no bracketed paste.
    pub fn ends_with(mut self, code: Option<u32>) -> String {
        let status = self.child.wait().unwrap();
        assert!(code.is_none_or(|code| code == status.exit_code()), "{status:?}");
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(300)) {
            self.screen.process(&bytes);
        }
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        screen.contents()
    }

    /// Waits for the end; the exit code, and every byte that was written.
    pub fn written(mut self) -> (u32, Vec<u8>) {
        let status = self.child.wait().unwrap();
        let mut all = Vec::new();
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(300)) {
            all.extend(bytes);
        }
        (status.exit_code(), all)
    }

    /// Closes the terminal as a window that is shut; the program is left.
    pub fn hang_up(self) -> Box<dyn Child + Send + Sync> {
        self.child
    }
}

//! One line on a terminal that counts up, and nothing where nobody looks.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(100);

/// Counts what was published.
#[derive(Debug)]
pub(super) struct Progress {
    lines: u64,
    bytes: u64,
    since: Instant,
    shown: Option<Instant>,
    visible: bool,
}

impl Progress {
    pub(super) fn new() -> Progress {
        let visible = stderr().is_terminal();
        Progress {
            lines: 0,
            bytes: 0,
            since: Instant::now(),
            shown: None,
            visible,
        }
    }

    pub(super) fn add(&mut self, lines: usize, bytes: usize) {
        self.lines += lines as u64;
        self.bytes += bytes as u64;
        if self.shown.is_none_or(|at| at.elapsed() >= EVERY) {
            self.show();
        }
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Makes room for a line of text on the terminal.
    pub(super) fn clear(&self) {
        if self.visible && self.shown.is_some() {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
    }

    /// Leaves the final count standing.
    pub(super) fn finish(&mut self) {
        if self.visible {
            self.show();
            let _ = stderr().write_all(b"\n");
        }
    }

    fn show(&mut self) {
        if !self.visible {
            return;
        }
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        let rate = self.lines as f64 / seconds;
        let megabytes = self.bytes as f64 / 1e6;
        let line = format!(
            "\r{} lines, {megabytes:.1} MB, {rate:.0} lines/s\x1b[K",
            self.lines
        );
        let _ = stderr().write_all(line.as_bytes());
        self.shown = Some(Instant::now());
    }
}

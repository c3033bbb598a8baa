//! The line on a terminal that counts what was published; nothing where nobody looks.

use crate::console;
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

/// Time between two states of the line.
const EVERY: Duration = Duration::from_millis(100);

/// The counts of one run, and their line.
#[derive(Debug)]
pub(super) struct Progress {
    lines: u64,
    bytes: u64,
    since: Instant,
    shown: Option<Instant>,
    line: ProgressBar,
    visible: bool,
}

impl Progress {
    pub(super) fn new() -> Progress {
        let line = console::status_line();
        Progress {
            lines: 0,
            bytes: 0,
            since: Instant::now(),
            shown: None,
            visible: !line.is_hidden(),
            line,
        }
    }

    pub(super) fn add(&mut self, lines: usize, bytes: usize) {
        self.lines += lines as u64;
        self.bytes += bytes as u64;
        if self.visible && self.shown.is_none_or(|at| at.elapsed() >= EVERY) {
            self.line.set_message(self.text());
            self.shown = Some(Instant::now());
        }
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Calls `write`, which writes to the terminal, while the line is out of its way.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        self.line.suspend(write);
    }

    /// Leaves the final count standing.
    pub(super) fn finish(&mut self) {
        self.line.finish_and_clear();
        if self.visible {
            console::note(self.text());
        }
    }

    fn text(&self) -> String {
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        let rate = self.lines as f64 / seconds;
        let megabytes = self.bytes as f64 / 1e6;
        format!("{} lines, {megabytes:.1} MB, {rate:.0} lines/s", self.lines)
    }
}

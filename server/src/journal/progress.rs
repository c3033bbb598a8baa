//! The line on a terminal that says how far a command is; nothing where nobody looks.

use crate::console;
use bytesize::ByteSize;
use eventring::journal::Progress;
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

/// Time between two states of the line.
const EVERY: Duration = Duration::from_millis(100);

/// The line of one command.
pub(super) struct Line {
    verb: &'static str,
    since: Instant,
    shown: Option<Instant>,
    line: ProgressBar,
    visible: bool,
}

impl Line {
    pub(super) fn new(verb: &'static str) -> Line {
        let line = console::status_line();
        Line {
            verb,
            since: Instant::now(),
            shown: None,
            visible: !line.is_hidden(),
            line,
        }
    }

    /// Shows how far it is, in bytes of a known total.
    pub(super) fn show(&mut self, at: Progress) {
        self.text(|verb, seconds| {
            let (bytes, total) = (ByteSize(at.bytes), ByteSize(at.bytes_total));
            let rate = at.bytes as f64 / seconds / 1e6;
            format!("{verb}: {bytes} of {total}, {rate:.0} MB/s")
        });
    }

    /// Shows how far it is, in events.
    pub(super) fn events(&mut self, events: u64, bytes: u64) {
        self.text(|verb, seconds| {
            let rate = events as f64 / seconds;
            format!(
                "{verb}: {events} events, {}, {rate:.0} events/s",
                ByteSize(bytes)
            )
        });
    }

    fn text(&mut self, text: impl FnOnce(&str, f64) -> String) {
        if self.visible && self.shown.is_none_or(|at| at.elapsed() >= EVERY) {
            let seconds = self.since.elapsed().as_secs_f64().max(0.001);
            self.line.set_message(text(self.verb, seconds));
            self.shown = Some(Instant::now());
        }
    }

    /// Calls `write`, which writes to the terminal, while the line is out of its way.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        self.line.suspend(write);
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.line.finish_and_clear();
    }
}

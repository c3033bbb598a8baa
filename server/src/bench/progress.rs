//! The line on a terminal that tells how far a bench is; nothing where nobody looks.

use super::measure::Totals;
use crate::console;
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

/// Time between two states of the line: its percentile costs a walk over the histogram.
const EVERY: Duration = Duration::from_millis(200);

/// The line of a run.
#[derive(Debug)]
pub(super) struct Progress {
    line: ProgressBar,
    visible: bool,
    shown: Instant,
    /// Deliveries when it was shown last.
    deliveries: u64,
}

impl Progress {
    pub(super) fn new() -> Progress {
        let line = console::status_line();
        Progress {
            // Asked once: each time is a system call.
            visible: !line.is_hidden(),
            line,
            shown: Instant::now(),
            deliveries: 0,
        }
    }

    pub(super) fn connecting(&mut self, open: usize, all: usize) {
        if self.is_due() {
            self.show(format!("connecting: {open} of {all}"));
        }
    }

    pub(super) fn publishing(&mut self, totals: &Totals, published: u64, seconds: f64) {
        if self.is_due() {
            let new = totals.deliveries - self.deliveries;
            let line = format!(
                "{seconds:.0} s: {published} published, {} delivered ({:.0}/s), p99 {:.1} ms, {} cuts, {} gaps",
                totals.deliveries,
                new as f64 / self.shown.elapsed().as_secs_f64(),
                totals.latency.ms(0.99),
                totals.cuts,
                totals.gaps
            );
            self.deliveries = totals.deliveries;
            self.show(line);
        }
    }

    pub(super) fn draining(&mut self, totals: &Totals, published: u64) {
        if self.is_due() {
            self.show(format!(
                "the last of {published}: {} delivered",
                totals.deliveries
            ));
        }
    }

    /// Shows how many connections of a storm were made.
    pub(super) fn storming(&mut self, made: u64, seconds: f64) {
        if self.is_due() {
            self.show(format!("{seconds:.0} s: {made} connections"));
        }
    }

    /// Clears the line: the report follows.
    pub(super) fn finish(&self) {
        self.line.finish_and_clear();
    }

    fn is_due(&self) -> bool {
        self.visible && self.shown.elapsed() >= EVERY
    }

    fn show(&mut self, line: String) {
        self.line.set_message(line);
        self.shown = Instant::now();
    }
}

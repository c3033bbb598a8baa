//! One line on a terminal while it runs, and nothing where nobody looks.

use super::measure::Totals;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(200);
/// Clears the rest of the line.
const CLEAR: &str = "\x1b[K";
/// What is wider than the terminal is cut: a line that wrapped could not be overwritten.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// The line.
#[derive(Debug)]
pub(super) struct Progress {
    visible: bool,
    shown: Instant,
    /// Deliveries when it was shown last.
    deliveries: u64,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress {
            visible: stderr().is_terminal(),
            shown: Instant::now(),
            deliveries: 0,
        }
    }

    pub(super) fn connecting(&mut self, open: usize, all: usize) {
        if self.is_due() {
            self.show(&format!("connecting: {open} of {all}"));
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
            self.show(&line);
        }
    }

    pub(super) fn draining(&mut self, totals: &Totals, published: u64) {
        if self.is_due() {
            self.show(&format!(
                "the last of {published}: {} delivered",
                totals.deliveries
            ));
        }
    }

    /// Of a storm: connections that were made.
    pub(super) fn storming(&mut self, made: u64, seconds: f64) {
        if self.is_due() {
            self.show(&format!("{seconds:.0} s: {made} connections"));
        }
    }

    /// Makes room for the report.
    pub(super) fn finish(&self) {
        if self.visible {
            let _ = stderr().write_all(format!("\r{CLEAR}").as_bytes());
        }
    }

    fn is_due(&self) -> bool {
        self.visible && self.shown.elapsed() >= EVERY
    }

    fn show(&mut self, line: &str) {
        let line = format!("\r{NO_WRAP}{line}{CLEAR}{WRAP}");
        let _ = stderr().write_all(line.as_bytes());
        self.shown = Instant::now();
    }
}

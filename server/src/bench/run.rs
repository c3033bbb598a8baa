//! The course of a load: connect everybody, publish for a while, let everything arrive, judge.

use super::connection::Target;
use super::error::BenchError;
use super::load::{Clients, Cuts, TURN, nanos, seconds};
use super::measure::{Moment, Process, Usage};
use super::report::{LoadReport, Outcome, Stalled, Verdict};
use crate::cli::{BenchArgs, Rate};
use std::time::{Duration, Instant};

/// Pause before the memory of idle connections is looked at.
const IDLE: Duration = Duration::from_millis(500);
/// Longest that the last events may take, and longest silence among them.
const DRAIN: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(5);
/// Time to look for duplicates once everything has come.
const LINGER: Duration = Duration::from_millis(200);
/// Time between two looks at the server's memory: each walks its page tables.
const SAMPLE: Duration = Duration::from_secs(1);

/// One run.
pub(super) struct Run<'a> {
    args: &'a BenchArgs,
    process: Option<Process>,
    clients: Clients,
    usage: Usage,
    cuts: Cuts,
    /// Start of publishing, in nanoseconds of the run.
    start: u64,
    /// Time of the next look at the server's memory, in nanoseconds of the run.
    sample: u64,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        args: &'a BenchArgs,
        target: Target,
        process: Option<Process>,
    ) -> Result<Run<'a>, BenchError> {
        let clients = Clients::new(args, target, args.load.connections)?;
        let usage = Usage {
            pid: process.as_ref().map(|process| process.pid),
            before: Moment::now(process.as_ref()),
            ..Usage::default()
        };
        Ok(Run {
            args,
            process,
            clients,
            usage,
            cuts: Cuts::new(0, 0.0, 0),
            start: 0,
            sample: 0,
        })
    }

    /// Runs it all.
    pub(super) fn run(mut self) -> Result<Outcome, BenchError> {
        let connected_s = self.connect()?;
        let stalled = self.publish()?;
        let published_s = self.elapsed_s();
        self.drain()?;
        self.usage.published = self.moment();
        // The moment above is with the stalled ones still stalled: the kernel's buffers for them are what it shows.
        if stalled.is_some() {
            self.clients.resume_stalled()?;
            self.drain()?;
        }
        self.usage.end = self.moment();
        let delivered_s = self.elapsed_s();
        self.clients.turns_for(LINGER)?;
        self.clients.progress.finish();
        let verdict = Verdict::of(&mut self.clients.all, &self.clients.publisher);
        let report = LoadReport {
            args: self.args,
            url: self.clients.url(),
            published: self.clients.publisher.published(),
            late_max: self.clients.publisher.late_max,
            verdict,
            totals: &self.clients.totals,
            stalled,
            connected_s,
            published_s,
            delivered_s,
            usage: self.usage,
        };
        Ok(report.outcome())
    }

    /// Connects everybody and looks at them idle; answers how many seconds connecting took.
    fn connect(&mut self) -> Result<f64, BenchError> {
        let began = Instant::now();
        self.clients.connect_all()?;
        let connected_s = began.elapsed().as_secs_f64();
        self.clients.turns_for(IDLE)?;
        self.usage.idle = self.moment();
        // What was read so far are heads.
        (self.clients.totals.bytes, self.clients.totals.reads) = (0, 0);
        self.start = self.clients.now();
        let (clients, share) = (self.clients.all.len(), self.args.faults.cut_share);
        self.cuts = Cuts::new(clients, share, self.start);
        Ok(connected_s)
    }

    /// Publishes all; where there are slow clients they stall halfway, and latencies are told apart.
    fn publish(&mut self) -> Result<Option<Stalled>, BenchError> {
        let length = nanos(self.args.load.seconds);
        let end = self.start + length;
        let slow = self.clients.all.iter().filter(|client| client.stats.slow);
        let slow = slow.count();
        if slow == 0 {
            self.publish_until(end, end)?;
            return Ok(None);
        }
        // The first half is what the second one, with stalled clients, is compared with.
        self.publish_until(self.start + length / 2, end)?;
        let before = self.clients.totals.latency.take();
        self.clients.stall();
        self.publish_until(end, end)?;
        Ok(Some(Stalled {
            clients: slow,
            before,
        }))
    }

    fn publish_until(&mut self, until: u64, end: u64) -> Result<(), BenchError> {
        let fast = self.clients.all.iter().filter(|client| !client.stats.slow);
        let fast = fast.count() as u64;
        loop {
            let now = self.clients.now();
            if now >= until {
                return Ok(());
            }
            let due = self.publish_due(end, fast);
            while let Some((from, reset)) = self.cuts.next(now, self.clients.all.len()) {
                self.clients.cut(from, reset);
            }
            self.sample(now);
            let published_s = self.elapsed_s();
            let Clients {
                progress,
                totals,
                publisher,
                ..
            } = &mut self.clients;
            progress.publishing(totals, publisher.next, published_s);
            let events = [due, self.cuts.due(), Some(until)];
            let next = events.into_iter().flatten().min().unwrap_or(until);
            let wait = Duration::from_nanos(next.saturating_sub(self.clients.now()));
            self.clients.turn(wait)?;
        }
    }

    /// Publishes what is due, and says when the next one is; `None`: when something has come.
    fn publish_due(&mut self, end: u64, fast: u64) -> Option<u64> {
        let window = self.args.load.window as u64;
        loop {
            let now = self.clients.now();
            let next = self.clients.publisher.next;
            let due = match self.args.load.rate {
                // From the start, not from the last event: a delay does not lower the rate.
                Rate::Fixed(rate) => self.start + (next as f64 * 1e9 / rate) as u64,
                // A closed loop: only what clients have received lets the next event go.
                Rate::Max if next * fast >= self.clients.totals.passed + window * fast.max(1) => {
                    return None;
                }
                Rate::Max => now,
            };
            if due > now || due >= end {
                return Some(due);
            }
            if !self.clients.publisher.has_room() {
                return None;
            }
            self.clients.publisher.push(due, now);
        }
    }

    /// Looks at the server's memory, but not too often.
    fn sample(&mut self, now: u64) {
        if now >= self.sample {
            if let Some(process) = &self.process {
                self.usage.sample(process.memory());
            }
            self.sample = now + nanos(SAMPLE);
        }
    }

    /// Waits until all who read have everything, nothing comes any more, or it takes too long.
    fn drain(&mut self) -> Result<(), BenchError> {
        let began = Instant::now();
        let (mut deliveries, mut last) = (self.clients.totals.deliveries, began);
        while began.elapsed() < DRAIN && !self.clients.is_complete() && last.elapsed() < QUIET {
            self.clients.turn(TURN)?;
            self.sample(self.clients.now());
            self.clients.show_draining();
            // A client on its way back delivers nothing yet: that is not the silence that ends a drain.
            if deliveries != self.clients.totals.deliveries || self.clients.is_busy() {
                (deliveries, last) = (self.clients.totals.deliveries, Instant::now());
            }
        }
        Ok(())
    }

    fn moment(&mut self) -> Moment {
        let moment = Moment::now(self.process.as_ref());
        self.usage.sample(moment.memory);
        moment
    }

    fn elapsed_s(&self) -> f64 {
        seconds(self.clients.now() - self.start)
    }
}

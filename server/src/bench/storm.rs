//! A storm of connections: each connects, asks, gets the head of its answer, is reset, comes again.

use super::connection::{Poller, Target};
use super::decode::Buffers;
use super::error::BenchError;
use super::load::{Change, Client, READ, RunId, Shared, TURN, nanos};
use super::measure::{Moment, Process, Totals, Usage};
use super::progress::Progress;
use super::report::{Outcome, Row};
use crate::cli::BenchArgs;
use mio::Token;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Pause between the last connection and the look at the server's memory.
const REST: Duration = Duration::from_millis(200);

/// One run.
pub(super) struct Storm<'a> {
    args: &'a BenchArgs,
    target: Target,
    process: Option<Process>,
    poller: Poller,
    clients: Vec<Client>,
    /// Clients that could not even begin.
    waiting: Vec<usize>,
    totals: Totals,
    buffer: Vec<u8>,
    buffers: Buffers,
    began: Instant,
    errors: u64,
    /// Text of the last error.
    error: Option<String>,
    usage: Usage,
}

impl<'a> Storm<'a> {
    pub(super) fn new(
        args: &'a BenchArgs,
        target: Target,
        process: Option<Process>,
    ) -> Result<Storm<'a>, BenchError> {
        let all = args.load.connections;
        let clients = (0..all).map(|_| Client::new(target.format, false));
        Ok(Storm {
            args,
            poller: Poller::new()?,
            clients: clients.collect(),
            waiting: (0..all).collect(),
            target,
            totals: Totals::new(),
            buffer: vec![0; READ],
            buffers: Buffers::new(),
            began: Instant::now(),
            errors: 0,
            error: None,
            usage: Usage {
                pid: process.as_ref().map(|process| process.pid),
                ..Usage::default()
            },
            process,
        })
    }

    /// Runs it all.
    pub(super) fn run(mut self) -> Result<Outcome, BenchError> {
        let mut progress = Progress::new();
        self.usage.idle = Moment::now(self.process.as_ref());
        self.usage.sample(self.usage.idle.memory);
        self.began = Instant::now();
        while self.began.elapsed() < self.args.load.seconds {
            // Taken whole: one that fails at once waits for the next turn, or this would not end.
            for index in std::mem::take(&mut self.waiting) {
                self.connect(index);
            }
            for token in self.poller.wait(TURN)? {
                self.handle_ready(token.0);
            }
            let seconds = self.began.elapsed().as_secs_f64();
            progress.storming(self.totals.connect.count(), seconds);
        }
        let seconds = self.began.elapsed().as_secs_f64();
        // With a reset, so that the next run finds its ports free.
        for client in &mut self.clients {
            client.cut(true);
        }
        let rest = Instant::now();
        while rest.elapsed() < REST {
            self.poller.wait(REST.saturating_sub(rest.elapsed()))?;
        }
        self.usage.end = Moment::now(self.process.as_ref());
        self.usage.sample(self.usage.end.memory);
        progress.finish();
        Ok(self.outcome(seconds))
    }

    fn connect(&mut self, index: usize) {
        let now = nanos(self.began.elapsed());
        let registry = self.poller.registry();
        let connected = self.clients[index].connect(&self.target, registry, Token(index), now);
        if let Err(error) = connected {
            self.fail(error.to_string());
            self.waiting.push(index);
        }
    }

    fn handle_ready(&mut self, index: usize) {
        let began = self.began;
        let mut shared = Shared {
            target: &self.target,
            run_id: RunId::NONE,
            totals: &mut self.totals,
            buffer: &mut self.buffer,
            buffers: &mut self.buffers,
        };
        match self.clients[index].ready(&mut shared, &|| nanos(began.elapsed())) {
            Change::None => return,
            Change::Opened { after } => {
                self.totals.connect.record(after);
                // An orderly end would keep the port for a minute, and there are 28,232.
                self.clients[index].cut(true);
            }
            Change::Lost(reason) => self.fail(reason),
        }
        self.connect(index);
    }

    fn fail(&mut self, reason: String) {
        self.errors += 1;
        self.error = Some(reason);
    }

    fn outcome(&self, seconds: f64) -> Outcome {
        let made = self.totals.connect.count();
        let cpu_us = self.usage.cpu_ns() as f64 / 1e3 / made.max(1) as f64;
        let clean = made > 0 && self.errors == 0;
        Outcome {
            clean,
            json: self.json(clean, seconds, cpu_us),
            rows: self.rows(clean, seconds, cpu_us),
        }
    }

    fn json(&self, clean: bool, seconds: f64, cpu_us: f64) -> Value {
        let made = self.totals.connect.count();
        let server = self.usage.pid.map(|pid| {
            json!({
                "pid": pid,
                "cpu_us_per_connection": cpu_us,
                "cpu_share": self.usage.cpu_ns() as f64 / 1e9 / seconds,
                "pss_kib": self.usage.pss_json(),
            })
        });
        json!({
            "measured": "storm",
            "clean": clean,
            "url": self.target.url,
            "clients": self.target.format.name(),
            "at_a_time": self.clients.len(),
            "seconds": seconds,
            "connections": made,
            "connections_per_s": made as f64 / seconds,
            "errors": self.errors,
            "last_error": self.error,
            "first_byte_ms": self.totals.connect.json_ms(),
            "server": server,
            "bench_cpu_share": self.usage.bench_share(seconds),
        })
    }

    fn rows(&self, clean: bool, seconds: f64, cpu_us: f64) -> Vec<Row> {
        let made = self.totals.connect.count();
        let mut rows = vec![
            ("server", self.target.url.clone()),
            (
                "connections",
                format!(
                    "{made} ({}) in {seconds:.1} s ({:.0}/s), {} at a time",
                    self.target.format.name(),
                    made as f64 / seconds,
                    self.clients.len()
                ),
            ),
            ("answer, ms", self.totals.connect.row_ms()),
        ];
        let errors = match &self.error {
            Some(last) => format!("{}; {last}", self.errors),
            None => self.errors.to_string(),
        };
        rows.push(("errors", errors));
        if let Some(pid) = self.usage.pid {
            let share = self.usage.cpu_ns() as f64 / 1e7 / seconds;
            rows.push((
                "server's CPU",
                format!("{cpu_us:.1} us a connection, {share:.0} % of a core (process {pid})"),
            ));
            rows.push(("server's Pss", self.usage.pss_row()));
        }
        let share = self.usage.bench_share(seconds) * 100.0;
        rows.push(("bench's CPU", format!("{share:.0} % of a core")));
        let verdict = match clean {
            true => "every connection was answered",
            false => "not every connection was answered",
        };
        rows.push(("verdict", verdict.into()));
        rows
    }
}

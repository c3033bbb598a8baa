//! The way of one event to one client: alone on an idle server, and in a stream of small ones.

use super::connection::Target;
use super::error::BenchError;
use super::load::{Clients, TURN};
use super::measure::{Histogram, Process};
use super::report::{Outcome, Row, Verdict};
use crate::cli::{BenchArgs, Rate};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// Pause between two events that come alone.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest that one event may take; after it, it is missing.
const ARRIVE: Duration = Duration::from_secs(5);

/// One run.
pub(super) struct FirstByte<'a> {
    args: &'a BenchArgs,
    process: Option<Process>,
    clients: Clients,
    /// Events a second, of the stream.
    rate: f64,
}

impl<'a> FirstByte<'a> {
    pub(super) fn new(
        args: &'a BenchArgs,
        target: Target,
        process: Option<Process>,
    ) -> Result<FirstByte<'a>, BenchError> {
        let Rate::Fixed(rate) = args.load.rate else {
            return Err(BenchError::TokenRate);
        };
        Ok(FirstByte {
            args,
            process,
            clients: Clients::new(args, target, 1)?,
            rate,
        })
    }

    /// Runs it all.
    pub(super) fn run(mut self) -> Result<Outcome, BenchError> {
        self.clients.connect_all()?;
        let half = self.args.load.seconds / 2;
        self.alone(half)?;
        let alone = self.clients.totals.latency.take();
        let cpu_from = self.cpu_ns();
        self.stream(half)?;
        let cpu_ns = self.cpu_ns() - cpu_from;
        let stream = self.clients.totals.latency.take();
        self.clients.progress.finish();
        let verdict = Verdict::of(&mut self.clients.all, &self.clients.publisher);
        let cpu_us = self.process.is_some().then(|| {
            let events = stream.count().max(1);
            cpu_ns as f64 / 1e3 / events as f64
        });
        Ok(Outcome {
            clean: verdict.is_clean(),
            json: self.json(&alone, &stream, &verdict, cpu_us),
            rows: self.rows(&alone, &stream, &verdict, cpu_us),
        })
    }

    /// Publishes one event at a time, and pauses once it has come.
    fn alone(&mut self, time: Duration) -> Result<(), BenchError> {
        let began = Instant::now();
        while began.elapsed() < time {
            // The pause lets the server and both sockets fall idle again.
            self.clients.turns_for(PAUSE)?;
            self.publish()?;
            if !self.arrive()? {
                // One that is missing stays missing, and each further wait would end like this one.
                break;
            }
        }
        Ok(())
    }

    /// Publishes `rate` events a second, whether they have come or not.
    fn stream(&mut self, time: Duration) -> Result<(), BenchError> {
        let (began, start) = (Instant::now(), self.clients.now());
        let mut count = 0_u64;
        while began.elapsed() < time {
            // Counted from the start, not from the last event: delays do not add up to a lower rate.
            let due = start + (count as f64 * 1e9 / self.rate) as u64;
            let now = self.clients.now();
            if due > now {
                self.clients.turn(Duration::from_nanos(due - now))?;
            } else if self.clients.publisher.has_room() {
                self.publish()?;
                count += 1;
            } else {
                // It cannot keep up: what is sent ahead is bounded, and signals are listened to.
                self.clients.turn(TURN)?;
            }
        }
        self.arrive()?;
        Ok(())
    }

    /// Writes a request; its event is due at this moment.
    fn publish(&mut self) -> Result<(), BenchError> {
        let now = self.clients.now();
        let publisher = &mut self.clients.publisher;
        publisher.push(now, now);
        // Now, not with the next turn: its time runs already.
        let sent = publisher.flush();
        sent.map_err(|error| BenchError::Publish(error.to_string()))
    }

    /// Waits for all that was published; `false` when it does not come.
    fn arrive(&mut self) -> Result<bool, BenchError> {
        let began = Instant::now();
        while !self.clients.is_complete() && began.elapsed() < ARRIVE {
            self.clients.turn(TURN)?;
            self.clients.show_draining();
        }
        Ok(self.clients.is_complete())
    }

    fn cpu_ns(&self) -> u64 {
        self.process.as_ref().map_or(0, Process::cpu_ns)
    }

    fn json(
        &self,
        alone: &Histogram,
        stream: &Histogram,
        verdict: &Verdict,
        cpu_us: Option<f64>,
    ) -> Value {
        let mut all = Map::new();
        let format = self.args.load.format();
        for (name, value) in [
            ("measured", json!("first_byte")),
            ("clean", json!(verdict.is_clean())),
            ("url", json!(self.clients.url())),
            ("clients", json!(format.name())),
            ("size_bytes", json!(self.args.load.size)),
            ("published", json!(self.clients.publisher.published())),
            ("deliveries", json!(self.clients.totals.deliveries)),
            ("alone_us", alone.json_us()),
            ("stream_rate_per_s", json!(self.rate)),
            ("stream_us", stream.json_us()),
            ("stream_server_cpu_us_per_event", json!(cpu_us)),
        ] {
            all.insert(name.into(), value);
        }
        verdict.json(&self.clients.totals, &mut all);
        Value::Object(all)
    }

    fn rows(
        &self,
        alone: &Histogram,
        stream: &Histogram,
        verdict: &Verdict,
        cpu_us: Option<f64>,
    ) -> Vec<Row> {
        let format = self.args.load.format().name();
        let mut rows = vec![
            ("server", self.clients.url().into()),
            (
                "events",
                format!(
                    "{} of {} bytes to one client ({format}), timed from the publish",
                    self.clients.publisher.published(),
                    self.args.load.size
                ),
            ),
            ("alone, us", alone.row_us()),
            ("stream, us", stream.row_us()),
            (
                "",
                format!(
                    "{} alone, {} at {}/s",
                    alone.count(),
                    stream.count(),
                    self.rate
                ),
            ),
        ];
        if let Some(cpu_us) = cpu_us {
            let cpu = format!("{cpu_us:.1} us an event of the stream, published and delivered");
            rows.push(("server's CPU", cpu));
        }
        rows.extend(verdict.rows(&self.clients.totals));
        rows.push(verdict.row());
        rows
    }
}

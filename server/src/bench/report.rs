//! What came of it, as a table for people and as JSON for programs.

use super::ledger::Ledger;
use super::procfs::Process;
use super::publisher::Publisher;
use super::tally::Tally;
use super::target::Target;
use crate::cli::{BenchArgs, Rate};
use serde_json::{Value, json};
use std::fmt::Write;

/// CPU and memory of the server over the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    cpu_from: u64,
    cpu_ns: u64,
    pss_connected: u64,
    pss_peak: u64,
    pss_end: u64,
}

impl Usage {
    pub(super) fn connected(&mut self, process: Option<&Process>) {
        if let Some(process) = process {
            self.cpu_from = process.cpu_ns();
            self.pss_connected = process.pss_kib();
        }
    }

    pub(super) fn sample(&mut self, process: Option<&Process>) {
        if let Some(process) = process {
            self.pss_peak = self.pss_peak.max(process.pss_kib());
        }
    }

    pub(super) fn ended(&mut self, process: Option<&Process>) {
        if let Some(process) = process {
            self.cpu_ns = process.cpu_ns().saturating_sub(self.cpu_from);
            self.pss_end = process.pss_kib();
            self.pss_peak = self.pss_peak.max(self.pss_end);
        }
    }
}

/// All figures of one run. Fields of one word are counts.
#[derive(Debug)]
pub(super) struct Report {
    url: String,
    connections: usize,
    slow: usize,
    rate: Rate,
    size: usize,
    published: u64,
    refused: usize,
    complaint: Option<String>,
    deliveries: u64,
    missing: u64,
    duplicates: u64,
    reordered: u64,
    announced: u64,
    /// Clients that something was missing, double or out of order for.
    harmed: usize,
    gaps: u64,
    resets: u64,
    foreign: u64,
    cuts: u64,
    resumed: u64,
    closed: u64,
    not_let_in: u64,
    bytes: u64,
    latency_ms: [f64; 5],
    samples: u64,
    /// Seconds until all were connected, until the last event was published, until it had arrived.
    times: [f64; 3],
    usage: Option<(u32, Usage)>,
}

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999)];

impl Report {
    pub(super) fn new<'a>(
        args: &BenchArgs,
        target: &Target,
        publisher: &Publisher,
        tally: &Tally,
        ledgers: impl Iterator<Item = &'a Ledger>,
        times: [f64; 3],
    ) -> Report {
        let latency = |at: usize| match QUANTILES.get(at) {
            Some((_, quantile)) => tally.latency.value_at_quantile(*quantile) as f64 / 1e6,
            None => tally.latency.max() as f64 / 1e6,
        };
        let connections = args.load.connections;
        let slow = (0..connections)
            .filter(|&index| super::trouble::stalls(index, args.trouble.slow_share));
        let mut report = Report {
            url: target.url.clone(),
            connections,
            slow: slow.count(),
            rate: args.load.rate,
            size: args.load.size,
            published: publisher.next - publisher.refused.len() as u64,
            refused: publisher.refused.len(),
            complaint: publisher.complaint.clone(),
            deliveries: tally.deliveries,
            missing: 0,
            duplicates: 0,
            reordered: 0,
            announced: 0,
            harmed: 0,
            gaps: tally.gaps,
            resets: tally.resets,
            foreign: tally.foreign,
            cuts: tally.cuts,
            resumed: tally.resumed,
            closed: tally.closed_by_server,
            not_let_in: tally.refused,
            bytes: tally.bytes,
            latency_ms: std::array::from_fn(latency),
            samples: tally.latency.len(),
            times,
            usage: None,
        };
        for ledger in ledgers {
            let missing = ledger.missing(publisher.next, &publisher.refused);
            report.missing += missing;
            report.duplicates += ledger.duplicates;
            report.reordered += ledger.reordered;
            report.announced += ledger.announced;
            report.harmed += usize::from(missing + ledger.duplicates + ledger.reordered > 0);
        }
        report
    }

    pub(super) fn with_usage(mut self, usage: Usage, process: Option<&Process>) -> Report {
        self.usage = process.map(|process| (process.pid, usage));
        self
    }

    /// True when every client got everything once and in order, or was told what it did not get.
    pub(super) fn is_clean(&self) -> bool {
        self.harmed == 0
    }

    pub(super) fn json(&self) -> String {
        let mut latency = serde_json::Map::new();
        for ((name, _), value) in QUANTILES.iter().zip(self.latency_ms) {
            latency.insert((*name).into(), json!(value));
        }
        latency.insert("max".into(), json!(self.latency_ms[4]));
        latency.insert("samples".into(), json!(self.samples));
        let server = self.usage.map_or(Value::Null, |(pid, usage)| {
            json!({
                "pid": pid,
                "cpu_us_per_delivery": self.cpu_us(&usage),
                "cpu_share": usage.cpu_ns as f64 / 1e9 / self.times[2],
                "pss_kib": {
                    "connected": usage.pss_connected,
                    "peak": usage.pss_peak,
                    "end": usage.pss_end,
                },
            })
        });
        let report = json!({
            "clean": self.is_clean(),
            "url": self.url,
            "connections": self.connections,
            "slow": self.slow,
            "rate": match self.rate { Rate::Fixed(rate) => json!(rate), Rate::Max => json!("max") },
            "size": self.size,
            "published": self.published,
            "refused": self.refused,
            "deliveries": self.deliveries,
            "missing": self.missing,
            "duplicates": self.duplicates,
            "reordered": self.reordered,
            "clients_harmed": self.harmed,
            "announced_missing": self.announced,
            "gaps": self.gaps,
            "resets": self.resets,
            "foreign": self.foreign,
            "cuts": self.cuts,
            "resumed": self.resumed,
            "closed_by_server": self.closed,
            "not_let_in": self.not_let_in,
            "connect_s": self.times[0],
            "publish_s": self.times[1],
            "deliver_s": self.times[2],
            "published_per_s": self.published as f64 / self.times[1],
            "deliveries_per_s": self.per_second(),
            "bytes": self.bytes,
            "latency_ms": latency,
            "server": server,
        });
        report.to_string()
    }

    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let mut row = |name: &str, text: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{name:<14}{text}");
        };
        let rate = match self.rate {
            Rate::Fixed(rate) => format!("{rate}/s"),
            Rate::Max => "as fast as they arrive".into(),
        };
        row("server", self.url.clone());
        row(
            "clients",
            format!(
                "{} in {:.2} s; {} of them slow",
                self.connections, self.times[0], self.slow
            ),
        );
        row(
            "published",
            format!(
                "{} of {} bytes in {:.1} s ({:.0}/s; asked for {rate})",
                self.published,
                self.size,
                self.times[1],
                self.published as f64 / self.times[1]
            ),
        );
        if let Some(complaint) = &self.complaint {
            row("not taken", format!("{}; {complaint}", self.refused));
        }
        let megabytes = self.bytes as f64 / 1e6;
        row(
            "delivered",
            format!(
                "{} ({:.0}/s), {megabytes:.1} MB",
                self.deliveries,
                self.per_second()
            ),
        );
        let [p50, p95, p99, p99_9, max] = self.latency_ms;
        row(
            "latency, ms",
            format!("p50 {p50:.3}  p95 {p95:.3}  p99 {p99:.3}  p99.9 {p99_9:.3}  max {max:.3}"),
        );
        row("missing", format!("{}", self.missing));
        row("duplicates", format!("{}", self.duplicates));
        row("reordered", format!("{}", self.reordered));
        row(
            "announced",
            format!(
                "{} not delivered, in {} gaps and {} resets",
                self.announced, self.gaps, self.resets
            ),
        );
        if self.cuts + self.closed + self.not_let_in > 0 {
            row(
                "connections",
                format!(
                    "{} cut by us, {} by the server; {} came back, {} attempts failed",
                    self.cuts, self.closed, self.resumed, self.not_let_in
                ),
            );
        }
        if self.foreign > 0 {
            row(
                "foreign",
                format!("{} events of others on the topic", self.foreign),
            );
        }
        if let Some((pid, usage)) = &self.usage {
            let mib = |kib: u64| kib as f64 / 1024.0;
            row(
                "server's CPU",
                format!(
                    "{:.2} us a delivery, {:.0} % of a core (process {pid})",
                    self.cpu_us(usage),
                    usage.cpu_ns as f64 / 1e7 / self.times[2]
                ),
            );
            row(
                "server's Pss",
                format!(
                    "{:.1} MiB connected, {:.1} at most, {:.1} at the end",
                    mib(usage.pss_connected),
                    mib(usage.pss_peak),
                    mib(usage.pss_end)
                ),
            );
        }
        let verdict = match self.harmed {
            0 => "every client got everything once and in order, or was told what it did not get"
                .into(),
            harmed => format!("{harmed} clients lost something without a word"),
        };
        row("verdict", verdict);
        out.truncate(out.trim_end().len());
        out
    }

    fn per_second(&self) -> f64 {
        self.deliveries as f64 / self.times[2]
    }

    fn cpu_us(&self, usage: &Usage) -> f64 {
        usage.cpu_ns as f64 / 1e3 / self.deliveries.max(1) as f64
    }
}

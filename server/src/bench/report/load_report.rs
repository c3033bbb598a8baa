//! The report of a load, as a table for people and as JSON for programs.

use super::outcome::Outcome;
use super::table::Row;
use super::verdict::Verdict;
use crate::bench::measure::{Histogram, Totals, Usage};
use crate::cli::{BenchArgs, Rate};
use serde_json::{Map, Value, json};

/// The clients that stalled halfway.
#[derive(Debug)]
pub(crate) struct Stalled {
    pub(crate) clients: usize,
    /// Latencies of the others until then.
    pub(crate) before: Histogram,
}

/// The figures of one run, to be reported.
pub(crate) struct LoadReport<'a> {
    pub(crate) args: &'a BenchArgs,
    pub(crate) url: &'a str,
    /// Events that the server took.
    pub(crate) published: u64,
    /// Nanoseconds that an event was sent late at most.
    pub(crate) late_max: u64,
    pub(crate) verdict: Verdict,
    pub(crate) totals: &'a Totals,
    pub(crate) stalled: Option<Stalled>,
    /// Seconds until all were connected.
    pub(crate) connected_s: f64,
    /// Seconds from then until the last event was published.
    pub(crate) published_s: f64,
    /// Seconds from the same moment until it had arrived.
    pub(crate) delivered_s: f64,
    pub(crate) usage: Usage,
}

impl LoadReport<'_> {
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome {
            clean: self.verdict.is_clean(),
            json: self.json(),
            rows: self.rows(),
        }
    }

    fn json(&self) -> Value {
        let mut all = Map::new();
        let mut put = |members: Value| {
            if let Value::Object(members) = members {
                all.extend(members);
            }
        };
        let load = &self.args.load;
        put(json!({
            "measured": "load",
            "clean": self.verdict.is_clean(),
            "url": self.url,
            "clients": load.format().name(),
            "connections": load.connections,
            "slow": self.slow(),
            "rate_per_s": match load.rate { Rate::Fixed(rate) => json!(rate), Rate::Max => json!("max") },
            "size_bytes": load.size,
            "published": self.published,
            "deliveries": self.totals.deliveries,
        }));
        let mut judged = Map::new();
        self.verdict.json(self.totals, &mut judged);
        put(Value::Object(judged));
        put(json!({
            "cuts": self.totals.cuts,
            "resumed": self.totals.resumed,
            "closed_by_server": self.totals.closed_by_server,
            "not_let_in": self.totals.refused,
            "connect_s": self.connected_s,
            "publish_s": self.published_s,
            "deliver_s": self.delivered_s,
            "published_per_s": self.published as f64 / self.published_s,
            "publisher_late_max_ms": self.late_max as f64 / 1e6,
            "deliveries_per_s": self.per_second(),
            "deliveries_per_read": self.per(self.totals.reads),
            "wire_bytes": self.totals.bytes,
            "wire_bytes_per_delivery": self.wire_bytes(),
            "latency_ms": self.latency().json_ms(),
            "latency_ms_before_stall": self.before().map(Histogram::json_ms),
            "latency_ms_during_stall": self.before().map(|_| self.totals.latency.json_ms()),
            "connect_ms": self.totals.connect.json_ms(),
            "resume_ms": self.totals.resume.json_ms(),
            "kernel_tcp": self.kernel_json(),
            "server": self.server_json(),
            "bench_cpu_share": self.usage.bench_share(self.delivered_s),
            "machine_busy_us_per_delivery": self.usage.busy_us(self.totals.deliveries),
        }));
        Value::Object(all)
    }

    fn kernel_json(&self) -> Value {
        let [idle, published, end] = self.usage.tcp_bytes();
        json!({
            "idle_bytes": idle,
            "published_bytes": published,
            "end_bytes": end,
            "bytes_per_stalled_reader": self.usage.tcp_bytes_each(self.slow()),
        })
    }

    fn server_json(&self) -> Value {
        let Some(pid) = self.usage.pid else {
            return Value::Null;
        };
        let [heap, pss] = self.usage.idle_bytes(self.args.load.connections);
        json!({
            "pid": pid,
            "cpu_us_per_delivery": self.cpu_us(),
            "reactors_cpu_us_per_delivery": self.reactors_us(),
            "cpu_share": self.cpu_share(),
            "bytes_per_idle_connection": heap,
            "pss_bytes_per_idle_connection": pss,
            "pss_kib": self.usage.pss_json(),
        })
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.load_rows();
        rows.extend(self.latency_rows());
        rows.extend(self.verdict.rows(self.totals));
        let totals = self.totals;
        if totals.cuts + totals.closed_by_server + totals.refused > 0 {
            rows.push((
                "connections",
                format!(
                    "{} cut by us, {} by the server; {} came back (p50 {:.1} ms, p99 {:.1}), {} \
                     attempts failed",
                    totals.cuts,
                    totals.closed_by_server,
                    totals.resumed,
                    totals.resume.ms(0.5),
                    totals.resume.ms(0.99),
                    totals.refused
                ),
            ));
        }
        rows.extend(self.usage_rows());
        rows.push(self.verdict.row());
        rows
    }

    fn load_rows(&self) -> Vec<Row> {
        let load = &self.args.load;
        let rate = match load.rate {
            Rate::Fixed(rate) => format!("{rate}/s"),
            Rate::Max => "max".into(),
        };
        let totals = self.totals;
        vec![
            ("server", self.url.into()),
            (
                "clients",
                format!(
                    "{} ({}) in {:.2} s, p99 {:.1} ms; {} of them slow",
                    load.connections,
                    load.format().name(),
                    self.connected_s,
                    totals.connect.ms(0.99),
                    self.slow()
                ),
            ),
            (
                "published",
                format!(
                    "{} of {} bytes in {:.1} s ({:.0}/s; asked for {rate})",
                    self.published,
                    load.size,
                    self.published_s,
                    self.published as f64 / self.published_s
                ),
            ),
            (
                "delivered",
                format!(
                    "{} ({:.0}/s), {:.1} MB: {:.1} bytes each",
                    totals.deliveries,
                    self.per_second(),
                    totals.bytes as f64 / 1e6,
                    self.wire_bytes()
                ),
            ),
        ]
    }

    fn latency_rows(&self) -> Vec<Row> {
        match self.before() {
            None => vec![("latency, ms", self.totals.latency.row_ms())],
            Some(before) => vec![
                (
                    "latency, ms",
                    "of clients that never stall, before and during the stall".into(),
                ),
                ("  before", before.row_ms()),
                ("  during", self.totals.latency.row_ms()),
            ],
        }
    }

    fn usage_rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let kib = |bytes: f64| bytes / 1024.0;
        let [idle, published, end] = self.usage.tcp_bytes().map(|bytes| kib(bytes as f64));
        let mut kernel =
            format!("{idle:.0} KiB idle, {published:.0} published, {end:.0} in the end");
        if let Some(each) = self.usage.tcp_bytes_each(self.slow()) {
            kernel.push_str(&format!("; {:.1} a stalled reader", kib(each)));
        }
        if let Some(pid) = self.usage.pid {
            rows.push((
                "server's CPU",
                format!(
                    "{:.2} us a delivery, {:.0} % of a core (process {pid})",
                    self.cpu_us(),
                    self.cpu_share() * 100.0
                ),
            ));
            let [heap, pss] = self.usage.idle_bytes(self.args.load.connections);
            rows.push((
                "idle client",
                format!("{heap:.0} bytes of the server's heap ({pss:.0} by Pss)"),
            ));
            rows.push(("server's Pss", self.usage.pss_row()));
        }
        rows.push(("kernel's TCP", kernel));
        let share = self.usage.bench_share(self.delivered_s) * 100.0;
        rows.push(("bench's CPU", format!("{share:.0} % of a core")));
        rows
    }

    fn slow(&self) -> usize {
        self.stalled.as_ref().map_or(0, |stalled| stalled.clients)
    }

    fn before(&self) -> Option<&Histogram> {
        self.stalled.as_ref().map(|stalled| &stalled.before)
    }

    /// Of those that never stall, over the whole run.
    fn latency(&self) -> Histogram {
        let mut all = Histogram::new();
        all.add(&self.totals.latency);
        if let Some(before) = self.before() {
            all.add(before);
        }
        all
    }

    fn per_second(&self) -> f64 {
        self.totals.deliveries as f64 / self.delivered_s
    }

    fn per(&self, count: u64) -> f64 {
        self.totals.deliveries as f64 / count.max(1) as f64
    }

    fn wire_bytes(&self) -> f64 {
        self.totals.bytes as f64 / self.totals.deliveries.max(1) as f64
    }

    fn cpu_us(&self) -> f64 {
        self.usage.cpu_ns() as f64 / 1e3 / self.totals.deliveries.max(1) as f64
    }

    fn reactors_us(&self) -> f64 {
        self.usage.reactors_ns() as f64 / 1e3 / self.totals.deliveries.max(1) as f64
    }

    fn cpu_share(&self) -> f64 {
        self.usage.cpu_ns() as f64 / 1e9 / self.delivered_s
    }
}

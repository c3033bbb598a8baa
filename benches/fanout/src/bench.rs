//! One run of `eventring bench` against one server, and the figures of its report.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::args::Args;
use crate::programs::Programs;
use crate::servers::{Running, Server, Start};
use crate::workload::Workload;

/// The figures of one run. What a workload does not measure is NaN.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Nobody missed anything, or got it twice or out of order.
    pub clean: bool,
    /// Deliveries a second; of connects, connections.
    pub per_s: f64,
    /// CPU time of the server for each, microseconds.
    pub cpu_us: f64,
    /// From when an event was due to when a client had it; of connects, to the answer's head.
    pub p95_ms: f64,
    /// The process with its clients connected and quiet, by Pss.
    pub idle_mb: f64,
    /// The server's heap for each of them, bytes.
    pub idle_bytes: f64,
    /// Share of a core that the load took, percent: near 100, the load is what was measured.
    pub load_busy: f64,
}

/// Starts the server, puts the load on it, and ends it.
pub fn run(
    programs: &Programs,
    server: &Server,
    start: &Start,
    workload: &Workload,
    args: &Args,
) -> Sample {
    let running = Running::start(server.name, start);
    let mut bench = Command::new(&programs.load);
    bench.args(["bench", "--json"]).args(workload.options());
    bench.args(["--url", &format!("http://{}", running.address)]);
    bench.args(["--pid", &running.pid().to_string()]);
    bench.args(["--seconds", &args.seconds(workload.seconds).to_string()]);
    if server.ws {
        bench.arg("--ws");
    }
    let output = bench.stdin(Stdio::null()).output().expect("a copy of ours");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let errors = String::from_utf8_lossy(&output.stderr);
        panic!("{}, {}: {errors}", server.name, workload.name)
    });
    Sample::of(&report)
}

impl Sample {
    /// Reads a report. The names are those of the bench: a load and connects have some of their own.
    fn of(report: &Value) -> Self {
        let figure = |paths: &[&str]| {
            let mut values = paths
                .iter()
                .filter_map(|path| report.pointer(path)?.as_f64());
            values.next().unwrap_or(f64::NAN)
        };
        let count = |name: &str| report[name].as_u64().unwrap_or(0);
        let harmed = [
            "refused",
            "clients_harmed",
            "announced_missing",
            "closed_by_server",
            "errors",
        ];
        Self {
            clean: harmed.iter().all(|name| count(name) == 0),
            per_s: figure(&["/deliveries_per_s", "/connections_per_s"]),
            cpu_us: figure(&[
                "/server/cpu_us_per_delivery",
                "/server/cpu_us_per_connection",
            ]),
            p95_ms: figure(&["/latency_ms/p95", "/first_byte_ms/p95"]),
            idle_mb: figure(&["/server/pss_kib/connected"]) * 1024.0 / 1e6,
            idle_bytes: figure(&["/server/bytes_per_idle_connection"]),
            load_busy: figure(&["/bench_cpu_share"]) * 100.0,
        }
    }
}

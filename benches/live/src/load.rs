//! One run of `eventring bench`.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Result;
use crate::args::Args;
use crate::server::Server;

/// The figures of one run.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// CPU of the reactors for each delivery, microseconds.
    pub reactors_us: f64,
    /// CPU of the whole server.
    pub cpu_us: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Share of a core that the load took.
    pub load_busy: f64,
}

/// Publishes 100 events a second to so many streams.
pub fn run(args: &Args, server: &Server, streams: usize, seconds: u64) -> Result<Sample> {
    let mut bench = Command::new(&args.eventring);
    bench.args(["bench", "--json", "--rate", "100", "--topic", "live"]);
    bench.args(["--url", &format!("http://{}", server.address)]);
    bench.args(["--connections", &streams.to_string()]);
    bench.args(["--seconds", &seconds.to_string()]);
    bench.args(["--pid", &server.pid().to_string()]);
    let output = bench.stdin(Stdio::null()).output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    if report["clean"] != true {
        return Err(format!("something was lost: {report}").into());
    }
    let figure = |path: &str| report.pointer(path).and_then(Value::as_f64);
    let figure = |path: &str| figure(path).ok_or_else(|| format!("{path}: {report}"));
    Ok(Sample {
        reactors_us: figure("/server/reactors_cpu_us_per_delivery")?,
        cpu_us: figure("/server/cpu_us_per_delivery")?,
        p50_ms: figure("/latency_ms/p50")?,
        p99_ms: figure("/latency_ms/p99")?,
        load_busy: figure("/bench_cpu_share")?,
    })
}

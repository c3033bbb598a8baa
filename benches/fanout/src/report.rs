//! The tables and JSON: a row for each server and workload, with the ratio to ours.

use std::fmt::Write as _;

use serde::Serialize;

use crate::bench::Sample;
use crate::servers::{OURS, Server};
use crate::workload::{MANY, MAX, PACED, STORM, Workload};

/// One server in one workload; medians of rounds. A figure that is not measured is NaN, in JSON null.
#[derive(Serialize)]
pub struct Row {
    server: &'static str,
    title: &'static str,
    workload: &'static str,
    rounds: usize,
    clean: bool,
    per_s: f64,
    cpu_us: f64,
    p95_ms: f64,
    idle_mb: f64,
    idle_bytes: f64,
    load_busy: f64,
    /// The most CPU of a round over the least: how quiet the machine was.
    spread: f64,
}

impl Row {
    pub fn of(server: &Server, workload: &Workload, samples: Vec<Sample>) -> Self {
        let each = |value: fn(&Sample) -> f64| samples.iter().map(value).collect::<Vec<f64>>();
        let cpu = each(|sample| sample.cpu_us);
        let most = cpu.iter().copied().fold(f64::MIN, f64::max);
        let least = cpu.iter().copied().fold(f64::MAX, f64::min);
        Self {
            server: server.name,
            title: server.title,
            workload: workload.name,
            rounds: samples.len(),
            clean: samples.iter().all(|sample| sample.clean),
            per_s: median(each(|sample| sample.per_s)),
            cpu_us: median(cpu),
            p95_ms: median(each(|sample| sample.p95_ms)),
            idle_mb: median(each(|sample| sample.idle_mb)),
            idle_bytes: median(each(|sample| sample.idle_bytes)),
            load_busy: median(each(|sample| sample.load_busy)),
            spread: most / least,
        }
    }

    /// Returns whether no round lost anything.
    pub fn is_clean(&self) -> bool {
        self.clean
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The row of a server in a workload.
fn find<'a>(rows: &'a [Row], server: &str, workload: &str) -> Option<&'a Row> {
    let mut rows = rows.iter();
    rows.find(|row| row.server == server && row.workload == workload)
}

/// The two tables of the README, then every figure.
pub fn markdown(rows: &[Row]) -> String {
    let mut out = String::new();
    fan_out(rows, &mut out);
    beside_the_floor(rows, &mut out);
    all(rows, &mut out);
    out
}

/// Ratios to ours, as the README has them. Writing to a String cannot fail.
fn fan_out(rows: &[Row], out: &mut String) {
    out.push_str(
        "| server, one thread | CPU per delivery, 1000 x 100/s, ours = 1 | as fast as they come, ours = 1 \
         | memory of the process, 1000 idle |\n| --- | --- | --- | --- |\n",
    );
    for paced in rows.iter().filter(|row| row.workload == PACED) {
        let ours = |workload| find(rows, OURS, workload);
        let cpu = ours(PACED).map_or(f64::NAN, |ours| paced.cpu_us / ours.cpu_us);
        let max = find(rows, paced.server, MAX).zip(ours(MAX));
        let speed = max.map_or(f64::NAN, |(row, ours)| row.per_s / ours.per_s);
        let _ = writeln!(
            out,
            "| {} | {cpu:.2} | {speed:.2} | {:.1} MB |",
            paced.title, paced.idle_mb
        );
    }
}

/// What ours takes over what the bare loop takes.
fn beside_the_floor(rows: &[Row], out: &mut String) {
    out.push_str("\n| ours beside the bare loop | |\n| --- | --- |\n");
    let pair = |workload| find(rows, OURS, workload).zip(find(rows, "floor", workload));
    let ws = |workload| find(rows, "eventring-ws", workload);
    let nan = f64::NAN;
    if let Some((ours, floor)) = pair(MANY) {
        let _ = writeln!(
            out,
            "| {MANY}: CPU; p95; memory | {:.2}; {:.2} ({:.0} ms); {:.1} MB, WebSocket {:.1} MB |\n\
             | a quiet connection, of 9900 | {:.0} bytes, WebSocket {:.0} |",
            ours.cpu_us / floor.cpu_us,
            ours.p95_ms / floor.p95_ms,
            ours.p95_ms,
            ours.idle_mb,
            ws(MANY).map_or(nan, |row| row.idle_mb),
            ours.idle_bytes,
            ws(MANY).map_or(nan, |row| row.idle_bytes),
        );
    }
    if let Some((ours, floor)) = pair(STORM) {
        let _ = writeln!(
            out,
            "| a connect, an answer, a close: CPU | {:.2} |",
            ours.cpu_us / floor.cpu_us
        );
    }
}

fn all(rows: &[Row], out: &mut String) {
    out.push_str(
        "\n| load | server | each second | CPU each | p95 | idle process | idle client | load busy | spread | |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for row in rows {
        // Connects have no clients that are idle.
        let idle = match row.idle_bytes.is_nan() {
            true => String::new(),
            false => format!("{:.0} bytes", row.idle_bytes),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} | {:.2} µs | {:.1} ms | {:.1} MB | {} | {:.0} % | {:.2} | {} |",
            row.workload,
            row.server,
            row.per_s,
            row.cpu_us,
            row.p95_ms,
            row.idle_mb,
            idle,
            row.load_busy,
            row.spread,
            if row.clean { "" } else { "**lost events**" }
        );
    }
}

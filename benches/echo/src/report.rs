//! The table and JSON: a row for each server and workload, with the ratio to ours.

use std::fmt::Write as _;

use serde::Serialize;

use crate::conn::Kind;
use crate::load::Sample;
use crate::servers::OURS;

/// One server in one workload; medians of rounds.
#[derive(Serialize)]
pub struct Row {
    server: &'static str,
    kind: Kind,
    window: u64,
    rounds: usize,
    messages_per_s: f64,
    /// CPU time of the server, microseconds a message.
    cpu_us: f64,
    /// Shares of a core, percent.
    server_busy: f64,
    load_busy: f64,
    /// The best round's rate over the worst's.
    spread: f64,
}

impl Row {
    pub fn of(server: &'static str, kind: Kind, window: u64, samples: &[Sample]) -> Self {
        let each = |value: fn(&Sample) -> f64| samples.iter().map(value).collect::<Vec<f64>>();
        let rates = each(|s| s.messages as f64 / s.time.as_secs_f64());
        let most = rates.iter().copied().fold(f64::MIN, f64::max);
        let least = rates.iter().copied().fold(f64::MAX, f64::min);
        Self {
            server,
            kind,
            window,
            rounds: samples.len(),
            messages_per_s: median(rates),
            cpu_us: median(each(|s| s.server.as_secs_f64() * 1e6 / s.messages as f64)),
            server_busy: median(each(|s| share(s.server, s))),
            load_busy: median(each(|s| share(s.load, s))),
            spread: most / least,
        }
    }
}

fn share(busy: std::time::Duration, sample: &Sample) -> f64 {
    100.0 * busy.as_secs_f64() / sample.time.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A table; the ratios are ours to theirs: messages a second, more is better, and CPU time, less is.
pub fn markdown(rows: &[Row]) -> String {
    let mut out = String::from(
        "| messages | window | server | messages/s | ours does | CPU/message | ours takes | server busy | load busy | spread |\n\
         | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in rows {
        let same = |other: &&Row| other.kind == row.kind && other.window == row.window;
        let ours = rows.iter().filter(same).find(|other| other.server == OURS);
        let ratio = |value: fn(&Row) -> f64| match ours {
            Some(ours) if row.server != OURS => format!("{:.2} ×", value(ours) / value(row)),
            _ => String::new(),
        };
        let kind = match row.kind {
            Kind::Text => "text",
            Kind::Binary => "binary",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| {kind} | {} | {} | {:.0} | {} | {:.2} µs | {} | {:.0} % | {:.0} % | {:.2} |",
            row.window,
            row.server,
            row.messages_per_s,
            ratio(|row| row.messages_per_s),
            row.cpu_us,
            ratio(|row| row.cpu_us),
            row.server_busy,
            row.load_busy,
            row.spread
        );
    }
    out
}

//! Tables and JSON: one measured row each.
use crate::harness::Sample;
use serde::{Deserialize, Serialize};

/// One contender in one workload.
#[derive(Serialize, Deserialize, Clone)]
pub struct Row {
    /// As on the command line.
    pub row: String,
    pub label: String,
    pub payload: String,
    pub peer: String,
    pub lossy: bool,
    pub rounds: usize,
    /// Millions of messages a second that each cursor got; none for a round trip.
    pub mmsg_s: Option<f64>,
    /// Millions of deliveries a second.
    pub mdeliv_s: Option<f64>,
    /// Nanoseconds of a round trip.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: Option<f64>,
    /// The best round over the worst.
    pub spread: f64,
    pub cpu_ns_per_delivery: Option<f64>,
    pub lag_percent: Option<f64>,
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn spread(values: &[f64]) -> f64 {
    let (low, high) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    high / low
}

impl Row {
    pub fn throughput(
        (row, label, payload): (&str, &str, &str),
        (peer, lossy): (&str, bool),
        cursors: usize,
        samples: &[Sample],
    ) -> Self {
        let rates: Vec<f64> = samples
            .iter()
            .map(|s| s.deliveries as f64 / s.secs / 1e6)
            .collect();
        let lagged: u64 = samples.iter().map(|s| s.lagged).sum();
        let all: u64 = samples.iter().map(|s| s.deliveries + s.lagged).sum();
        let cpu = samples
            .iter()
            .map(|s| s.cpu * 1e9 / s.deliveries as f64)
            .collect();
        let (spread, rate) = (spread(&rates), median(rates));
        Self {
            row: row.into(),
            label: label.into(),
            payload: payload.into(),
            peer: peer.into(),
            lossy,
            rounds: samples.len(),
            mmsg_s: Some(rate / cursors as f64),
            mdeliv_s: Some(rate),
            p50: None,
            p99: None,
            p999: None,
            max: None,
            spread,
            cpu_ns_per_delivery: Some(median(cpu)),
            lag_percent: Some(100.0 * lagged as f64 / all as f64),
        }
    }

    /// `rounds` has p50, p99, p99.9 and the longest of each.
    pub fn trip(
        (row, label): (&str, &str),
        (peer, lossy): (&str, bool),
        rounds: &[[f64; 4]],
    ) -> Self {
        let nth = |at: usize| rounds.iter().map(|round| round[at]).collect::<Vec<_>>();
        let [p50, p99, p999, max] = [0, 1, 2, 3].map(|at| Some(median(nth(at))));
        Self {
            row: row.into(),
            label: label.into(),
            payload: "u64".into(),
            peer: peer.into(),
            lossy,
            rounds: rounds.len(),
            mmsg_s: None,
            mdeliv_s: None,
            p50,
            p99,
            p999,
            max,
            spread: spread(&nth(0)),
            cpu_ns_per_delivery: None,
            lag_percent: None,
        }
    }

    /// What is compared: more is better, but for round trips.
    pub fn value(&self) -> f64 {
        self.mdeliv_s.or(self.p50).unwrap_or(f64::NAN)
    }
}

/// Prints the rows of one workload, with their ratios to the peers of the goals.
pub fn print(rows: &[Row]) {
    let Some(first) = rows.first() else { return };
    println!(
        "\n== {}, {} ({} rounds)",
        first.label, first.payload, first.rounds
    );
    let of = |name: &str| rows.iter().find(|row| row.peer == name).map(Row::value);
    let peers = crate::goals::PEERS.map(of);
    if first.p50.is_some() {
        println!(
            "{:<28} {:>8} {:>8} {:>9} {:>10}",
            "ns", "p50", "p99", "p99.9", "max"
        );
    } else {
        println!(
            "{:<28} {:>8} {:>8} {:>9} {:>10}",
            "", "Mmsg/s", "Mdel/s", "cpu ns/d", "lag%"
        );
    }
    for row in rows {
        let four = match row.p50 {
            Some(p50) => [Some(p50), row.p99, row.p999, row.max],
            None => [
                row.mmsg_s,
                row.mdeliv_s,
                row.cpu_ns_per_delivery,
                row.lag_percent,
            ],
        };
        let [a, b, c, d] = four.map(|value| value.map_or("-".into(), short));
        print!(
            "{:<28} {a:>8} {b:>8} {c:>9} {d:>10}  spread {:<5.2}",
            row.peer, row.spread
        );
        for (name, peer) in ["disr", "tokio", "photon", "xbeam"].into_iter().zip(peers) {
            let ratio = peer.map_or("-".into(), |peer| short(row.value() / peer));
            print!(" {:>12}", format!("{ratio} x{name}"));
        }
        println!("{}", if row.lossy { "  lossy" } else { "" });
    }
}

/// Three digits that count.
pub fn short(value: f64) -> String {
    match value {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

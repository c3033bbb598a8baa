//! What we want to reach beside whom, and the table for the README.
use crate::report::{Row, short};
use std::fmt::Write;

/// The peers that ratios are taken to, in the order of the tables' columns.
pub const PEERS: [&str; 4] = [DISRUPTOR, TOKIO, PHOTON, CROSSBEAM];

const DISRUPTOR: &str = "disruptor 4";
const TOKIO: &str = "tokio broadcast";
const PHOTON: &str = "photon lossy";
const CROSSBEAM: &str = "crossbeam-channel xN";

const GATED: &str = "eventring gated";
const LOSSY: &str = "eventring lossy";
const GATED_GROUP: &str = "eventring gated group";
const LOSSY_GROUP: &str = "eventring lossy group";

/// A row of the table: a workload and a shape of ours, with the ratios that we want.
struct Goal {
    row: &'static str,
    payload: &'static str,
    /// The best of them counts.
    ours: &'static [&'static str],
    /// In the order of [`PEERS`]: at least so much, at most for round trips. 0 where there is no goal.
    want: [f64; 4],
}

const fn goal(
    row: &'static str,
    payload: &'static str,
    ours: &'static [&'static str],
    want: [f64; 4],
) -> Goal {
    Goal {
        row,
        payload,
        ours,
        want,
    }
}

const GOALS: &[Goal] = &[
    goal("fan1", "u64", &[GATED], [2.0, 25.0, 0.0, 0.0]),
    goal("fan1", "u64", &[LOSSY], [0.0, 0.0, 0.0, 0.0]),
    goal("fan1", "inline64", &[GATED, LOSSY], [1.2, 0.0, 0.0, 0.0]),
    goal("fan1", "bytes64", &[GATED, LOSSY], [1.0, 0.0, 0.0, 0.0]),
    goal("batch", "u64", &[GATED], [0.8, 90.0, 0.0, 0.0]),
    goal("batch", "inline64", &[GATED], [0.0, 0.0, 0.0, 0.0]),
    goal("batch", "bytes64", &[GATED], [0.0, 0.0, 0.0, 0.0]),
    goal("fan64", "u64", &[GATED_GROUP], [2.5, 50.0, 4.0, 0.0]),
    goal("fan64", "u64", &[LOSSY_GROUP], [2.5, 50.0, 4.0, 0.0]),
    goal(
        "fan64",
        "inline64",
        &[GATED_GROUP, LOSSY_GROUP],
        [1.2, 0.0, 0.0, 0.0],
    ),
    goal(
        "fan64",
        "bytes64",
        &[GATED_GROUP, LOSSY_GROUP],
        [1.0, 0.0, 0.0, 0.0],
    ),
    goal("fan1000", "u64", &[GATED_GROUP], [2.5, 50.0, 4.0, 0.0]),
    goal("fan1000", "u64", &[LOSSY_GROUP], [2.5, 50.0, 4.0, 0.0]),
    goal(
        "fan1000",
        "inline64",
        &[GATED_GROUP, LOSSY_GROUP],
        [1.2, 0.0, 0.0, 0.0],
    ),
    goal(
        "fan1000",
        "bytes64",
        &[GATED_GROUP, LOSSY_GROUP],
        [1.0, 0.0, 0.0, 0.0],
    ),
    goal("burst1", "u64", &[GATED], [0.0, 0.0, 0.0, 0.0]),
    goal(
        "burst64",
        "u64",
        &[GATED_GROUP, GATED],
        [2.5, 60.0, 0.0, 0.0],
    ),
    goal(
        "burst64",
        "u64",
        &[LOSSY_GROUP, LOSSY],
        [0.0, 0.0, 5.0, 0.0],
    ),
    goal(
        "burst64",
        "inline64",
        &[GATED_GROUP, GATED],
        [0.0, 0.0, 0.0, 0.0],
    ),
    goal(
        "burst64",
        "bytes64",
        &[GATED_GROUP, GATED],
        [0.0, 0.0, 0.0, 0.0],
    ),
    goal(
        "burst1000",
        "u64",
        &[GATED_GROUP, GATED],
        [2.5, 60.0, 0.0, 0.0],
    ),
    goal(
        "burst1000",
        "u64",
        &[LOSSY_GROUP, LOSSY],
        [0.0, 0.0, 5.0, 0.0],
    ),
    goal("mp2", "u64", &["eventring lanes"], [1.3, 0.0, 0.0, 0.0]),
    goal("mp2", "u64", &["eventring lock"], [1.2, 0.0, 0.0, 0.0]),
    goal(
        "mp2",
        "u64",
        &["eventring parking_lot"],
        [1.2, 0.0, 0.0, 0.0],
    ),
    goal("mp2", "u64", &["eventring shared"], [1.0, 0.0, 0.0, 0.0]),
    goal("mp4", "u64", &["eventring lanes"], [1.3, 0.0, 0.0, 0.0]),
    goal("mp4", "u64", &["eventring lock"], [1.2, 0.0, 0.0, 0.0]),
    goal(
        "mp4",
        "u64",
        &["eventring parking_lot"],
        [1.2, 0.0, 0.0, 0.0],
    ),
    goal("mp4", "u64", &["eventring shared"], [1.0, 0.0, 0.0, 0.0]),
    goal("lat", "u64", &[GATED], [0.75, 0.0, 1.05, 0.0]),
    goal("lat", "u64", &[LOSSY], [0.75, 0.0, 1.05, 0.0]),
    goal("latpark", "u64", &["eventring task"], [0.0, 0.4, 0.0, 0.0]),
    goal("latpark", "u64", &[GATED, LOSSY], [0.0, 0.0, 0.0, 1.2]),
];

/// The table in Markdown: a line for each goal whose contenders were measured, and where we lose in bold.
pub fn markdown(rows: &[Row]) -> String {
    let mut out = String::from(
        "| workload | payload | ours | | disruptor 4 | tokio broadcast | photon-ring, lossy | crossbeam-channel |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for goal in GOALS {
        let Some((ours, ratios)) = goal.measured(rows) else {
            continue;
        };
        let value = match ours.p50 {
            Some(p50) => format!("{} ns", short(p50)),
            None => format!("{} M/s", short(ours.value())),
        };
        let name = ours.peer.trim_start_matches("eventring ");
        let _ = write!(
            out,
            "| {} | {} | {name} | {value} |",
            ours.label, ours.payload
        );
        for ratio in ratios {
            let _ = match ratio {
                None => write!(out, " - |"),
                Some(ratio) if goal.wins(ratio) => write!(out, " {}x |", short(ratio)),
                Some(ratio) => write!(out, " **{}x** |", short(ratio)),
            };
        }
        out.push('\n');
    }
    out
}

/// Prints what was wanted and what came of it, for the goals that were measured.
pub fn print(rows: &[Row]) {
    let mut lines = Vec::new();
    for goal in GOALS {
        let Some((ours, ratios)) = goal.measured(rows) else {
            continue;
        };
        for ((peer, want), ratio) in PEERS.iter().zip(goal.want).zip(ratios) {
            let (Some(ratio), true) = (ratio, want > 0.0) else {
                continue;
            };
            let (bound, met) = match ours.p50 {
                Some(_) => ("<=", ratio <= want),
                None => (">=", ratio >= want),
            };
            lines.push(format!(
                "{:<6} {:<24} {:<9} {:<22} {:>6} of {peer}, wanted {bound} {want}",
                if met { "met" } else { "MISSED" },
                ours.label,
                ours.payload,
                ours.peer,
                short(ratio),
            ));
        }
    }
    if !lines.is_empty() {
        println!("\n== goals\n{}", lines.join("\n"));
    }
}

impl Goal {
    /// The best of ours, and its ratios to the peers.
    fn measured<'a>(&self, rows: &'a [Row]) -> Option<(&'a Row, [Option<f64>; 4])> {
        let of = |name: &str| {
            let is_it = |r: &&Row| r.row == self.row && r.payload == self.payload && r.peer == name;
            rows.iter().rfind(is_it)
        };
        let better = |a: &Row, b: &Row| match a.p50 {
            Some(_) => b.value().total_cmp(&a.value()),
            None => a.value().total_cmp(&b.value()),
        };
        let ours = self
            .ours
            .iter()
            .filter_map(|name| of(name))
            .max_by(|a, b| better(a, b))?;
        Some((
            ours,
            PEERS.map(|peer| of(peer).map(|peer| ours.value() / peer.value())),
        ))
    }

    fn wins(&self, ratio: f64) -> bool {
        if self.row.starts_with("lat") {
            ratio <= 1.0
        } else {
            ratio >= 1.0
        }
    }
}

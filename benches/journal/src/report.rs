//! The table: medians, and ratios against the goals.

use std::time::Duration;

use crate::cases::GOALS;
use crate::measure::{Sample, median};

pub struct Table {
    delay: Duration,
    rows: Vec<Row>,
}

struct Row {
    row: &'static str,
    engine: &'static str,
    samples: Vec<Sample>,
}

/// The figure that a goal is about.
#[derive(Clone, Copy)]
pub enum Figure {
    Rate,
    P50,
    P99,
    Cpu,
    Bytes,
}

/// A goal: ours over theirs at least, or at most.
pub struct Goal {
    pub row: &'static str,
    pub ours: &'static str,
    /// `None`: the figure itself is wanted.
    pub theirs: Option<&'static str>,
    pub figure: Figure,
    /// Rates are at least that, the rest at most.
    pub wanted: f64,
}

impl Table {
    pub fn new(delay: Duration) -> Self {
        Self {
            delay,
            rows: Vec::new(),
        }
    }

    pub fn add(&mut self, row: &'static str, engine: &'static str, sample: Sample) {
        let same = |it: &&mut Row| it.row == row && it.engine == engine;
        match self.rows.iter_mut().find(same) {
            Some(row) => row.samples.push(sample),
            None => self.rows.push(Row {
                row,
                engine,
                samples: vec![sample],
            }),
        }
    }

    pub fn print(&self) {
        println!("\n## {} ms added to each flush\n", self.delay.as_millis());
        println!(
            "| row | engine | events/s | p50 us | p99 us | CPU us an event | bytes an event |"
        );
        println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| row.row);
        for row in rows {
            let sample = median(&row.samples);
            println!(
                "| {} | {} | {:.0} | {:.1} | {:.1} | {:.2} | {:.0} |",
                row.row,
                row.engine,
                sample.events_per_second,
                sample.p50_us,
                sample.p99_us,
                sample.cpu_us_per_event,
                sample.bytes_per_event,
            );
        }
        println!("\n| goal | found | wanted | |");
        println!("| --- | ---: | ---: | --- |");
        for goal in GOALS {
            let theirs = goal.theirs.map_or(Some(1.0), |it| self.figure(goal, it));
            let (Some(ours), Some(theirs)) = (self.figure(goal, goal.ours), theirs) else {
                continue;
            };
            let found = ours / theirs;
            let (kept, sign, what) = match goal.figure {
                Figure::Rate => (found >= goal.wanted, ">=", "events/s"),
                Figure::P50 => (found <= goal.wanted, "<=", "p50"),
                Figure::P99 => (found <= goal.wanted, "<=", "p99"),
                Figure::Cpu => (found <= goal.wanted, "<=", "CPU"),
                Figure::Bytes => (found <= goal.wanted, "<=", "bytes"),
            };
            println!(
                "| {}, {what}: {}{} | {found:.2} | {sign} {} | {} |",
                goal.row,
                goal.ours,
                goal.theirs
                    .map_or(String::new(), |it| format!(" over {it}")),
                goal.wanted,
                if kept { "kept" } else { "**missed**" },
            );
        }
    }

    fn figure(&self, goal: &Goal, engine: &str) -> Option<f64> {
        let row = self
            .rows
            .iter()
            .find(|it| it.row == goal.row && it.engine == engine)?;
        let sample = median(&row.samples);
        Some(match goal.figure {
            Figure::Rate => sample.events_per_second,
            Figure::P50 => sample.p50_us,
            Figure::P99 => sample.p99_us,
            Figure::Cpu => sample.cpu_us_per_event,
            Figure::Bytes => sample.bytes_per_event,
        })
    }
}

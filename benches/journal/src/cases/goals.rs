//! What is wanted of the journal, as ratios: only they travel from one machine to another.

use crate::report::{Figure, Goal};

pub const GOALS: &[Goal] = &[
    at_least("1 durable, 1 event", "hub", "sqlite row", 0.8),
    at_least("1 durable, 1 event", "journal", "sqlite row", 0.8),
    at_least(
        "2 durable, batch of 64",
        "hub, 8 in flight",
        "sqlite row",
        1.2,
    ),
    at_least(
        "2 durable, batch of 64",
        "hub, 8 in flight",
        "sqlite topic index",
        3.0,
    ),
    at_least(
        "2 durable, batch of 64",
        "hub, 8 in flight",
        "redis always",
        2.0,
    ),
    at_least(
        "2 durable, batch of 64",
        "hub, 8 in flight",
        "nats always",
        20.0,
    ),
    at_least("2 durable, batch of 64", "journal", "sqlite row", 1.2),
    at_most(
        "2 durable, batch of 64",
        "journal",
        "sqlite row",
        Figure::Cpu,
        0.7,
    ),
    at_most(
        "2 durable, batch of 64",
        "journal",
        "sqlite topic index",
        Figure::Cpu,
        0.25,
    ),
    at_most(
        "3 durable, batch of 512",
        "journal",
        "sqlite row",
        Figure::Cpu,
        0.5,
    ),
    at_most(
        "3 durable, batch of 512",
        "journal",
        "sqlite topic index",
        Figure::Cpu,
        0.2,
    ),
    at_least("4 durable, 32 publishers", "hub", "redis always", 1.5),
    at_most(
        "4 durable, 32 publishers",
        "hub",
        "redis always",
        Figure::P99,
        1.0,
    ),
    at_least(
        "5 buffered, batch of 64",
        "hub, 8 in flight",
        "redis everysec",
        2.0,
    ),
    at_least(
        "5 buffered, batch of 64",
        "hub, 8 in flight",
        "nats default",
        4.0,
    ),
    at_least(
        "6 none, 1 event",
        "hub beside a journal",
        "hub without one",
        0.95,
    ),
    at_most(
        "6 none, 1 event",
        "hub beside a journal",
        "hub without one",
        Figure::Cpu,
        1.05,
    ),
    at_most(
        "6 none, 1 event",
        "hub beside a journal",
        "hub without one",
        Figure::P99,
        1.1,
    ),
    at_least("7 replay", "journal", "sqlite row", 2.0),
    at_least("7 replay", "journal", "redis always", 10.0),
    at_least("7 replay", "journal", "postgres", 3.0),
    at_most("8 seek, cold", "journal", "sqlite row", Figure::P50, 2.0),
    at_most("9 disk, 1 topic", "journal", "record", Figure::Bytes, 1.15),
    at_most(
        "9 disk, 1,000 topics",
        "journal",
        "record",
        Figure::Bytes,
        1.15,
    ),
    at_most(
        "9 disk, 200,000 topics",
        "journal",
        "record",
        Figure::Bytes,
        1.15,
    ),
    Goal {
        row: "10 reopen, killed at 1 GiB, 200,000 topics",
        ours: "journal",
        theirs: None,
        figure: Figure::P50,
        wanted: 50_000.0,
    },
    at_least(
        "14 publishing, full to the bound",
        "hub, deletes",
        "hub, no bound",
        0.8,
    ),
    at_most(
        "14 publishing, full to the bound",
        "hub, deletes",
        "hub, no bound",
        Figure::P99,
        2.0,
    ),
    at_most(
        "15 disk, full to the bound",
        "hub, deletes",
        "bound",
        Figure::Bytes,
        1.2,
    ),
];

const fn at_least(row: &'static str, ours: &'static str, theirs: &'static str, ratio: f64) -> Goal {
    Goal {
        row,
        ours,
        theirs: Some(theirs),
        figure: Figure::Rate,
        wanted: ratio,
    }
}

const fn at_most(
    row: &'static str,
    ours: &'static str,
    theirs: &'static str,
    figure: Figure,
    ratio: f64,
) -> Goal {
    Goal {
        row,
        ours,
        theirs: Some(theirs),
        figure,
        wanted: ratio,
    }
}

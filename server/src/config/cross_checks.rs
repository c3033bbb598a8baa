//! Settings that are fine alone and make no sense together.

use super::fault::{Fault, Origin};
use super::layers::Effective;
use crate::cli::{Durability, ServeArgs};

/// Two settings, when they fit, and what happens when they do not.
struct CrossCheck {
    settings: [&'static str; 2],
    fits: fn(&ServeArgs) -> bool,
    consequence: &'static str,
}

const CROSS_CHECKS: [CrossCheck; 7] = [
    CrossCheck {
        settings: ["reactors", "frame-log-bytes"],
        fits: |args| args.retention.frame_log_bytes / args.network.reactors >= 64 << 10,
        consequence: "each reactor needs 64K of it",
    },
    CrossCheck {
        settings: ["buffer", "frame-log-bytes"],
        fits: |args| args.streams.buffer <= args.retention.frame_log_bytes,
        consequence: "nothing is kept for a stream that is further behind than the frame log",
    },
    CrossCheck {
        settings: ["batch-events", "capacity"],
        fits: |args| {
            let part = if args.journal.memory { 2 } else { 4 };
            args.bounds.batch_events <= (args.retention.capacity / part).max(1)
        },
        consequence: "a request may publish at most a quarter of the events that are kept in memory, half of them without a journal",
    },
    CrossCheck {
        settings: ["payload-bytes", "frame-log-bytes"],
        fits: |args| {
            args.retention.payload_bytes
                <= args.retention.frame_log_bytes / args.network.reactors / 4
        },
        consequence: "streams get a gap for an event that takes more than a quarter of a reactor's frame log",
    },
    CrossCheck {
        settings: ["payload-bytes", "ring-bytes"],
        fits: |args| args.retention.payload_bytes <= args.retention.ring_bytes,
        consequence: "one event would push out all others",
    },
    CrossCheck {
        settings: ["payload-bytes", "body-bytes"],
        fits: |args| args.retention.payload_bytes <= args.bounds.body_bytes,
        consequence: "no request can hold a payload of that size",
    },
    CrossCheck {
        settings: ["body-bytes", "bodies-in-flight"],
        fits: |args| args.bounds.body_bytes <= args.bounds.bodies_in_flight,
        consequence: "no request can have a body of that size",
    },
];

/// Checks them all: wrong when somebody set both sides, a warning when one is a default that nobody
/// thought of.
pub(super) fn check(args: &ServeArgs, rows: &[Effective]) -> Result<Vec<String>, Vec<Fault>> {
    let (mut warnings, mut faults) = (Vec::new(), Vec::new());
    for check in CROSS_CHECKS.iter().filter(|check| !(check.fits)(args)) {
        let mut sides = Vec::new();
        let mut meant = true;
        for name in check.settings {
            let Some(row) = rows.iter().find(|row| row.setting.name == name) else {
                continue;
            };
            meant &= is_meant(row);
            sides.push(format!(
                "{name} {} ({})",
                row.values.join(","),
                super::show::place(row)
            ));
        }
        let text = format!("{}: {}", sides.join(" does not fit "), check.consequence);
        if meant {
            faults.push(Fault::Together(text));
        } else {
            warnings.push(text);
        }
    }
    faults.extend(memory_and_journal(args, rows));
    if faults.is_empty() {
        Ok(warnings)
    } else {
        Err(faults)
    }
}

/// Settings that mean nothing without a journal.
const NEED_A_JOURNAL: [&str; 6] = [
    "data",
    "durability",
    "retention-bytes",
    "retention-age",
    "retention-events",
    "journal-compression",
];

/// Returns whether somebody thought of a value.
fn is_meant(row: &Effective) -> bool {
    match row.origin {
        Origin::Default => false,
        // The file that `check-config` shows has every default written out.
        Origin::File { .. } => row.values != row.setting.default,
        Origin::Environment | Origin::Flag => true,
    }
}

/// Checks that nobody who says that there is no journal also says where it is, or how safe it is to be. `memory` in a stronger
/// place than those is no mistake: so somebody tries a settings file without its journal.
fn memory_and_journal(args: &ServeArgs, rows: &[Effective]) -> Vec<Fault> {
    let find = |name: &str| rows.iter().find(|row| row.setting.name == name);
    let Some(memory) = find("memory").filter(|_| args.journal.memory) else {
        return Vec::new();
    };
    let needs_one = |row: &&Effective| {
        let fits = row.setting.name == "durability" && args.journal.durability == Durability::None;
        !fits && is_meant(row) && row.origin.rank() >= memory.origin.rank()
    };
    let rows = NEED_A_JOURNAL.into_iter().filter_map(find);
    let faults = rows.filter(needs_one).map(|row| {
        Fault::Together(format!(
            "{} {} ({}) does not fit memory ({}): without a journal events are gone when the process ends",
            row.setting.name,
            row.values.join(","),
            super::show::place(row),
            super::show::place(memory),
        ))
    });
    faults.collect()
}

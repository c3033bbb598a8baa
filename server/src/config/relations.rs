//! Settings that are fine alone and make no sense together.

use super::fault::{Fault, Origin};
use super::layers::Effective;
use crate::cli::ServeArgs;

/// Two settings, when they fit, and what happens when they do not.
struct Relation {
    settings: [&'static str; 2],
    fits: fn(&ServeArgs) -> bool,
    else_: &'static str,
}

const RELATIONS: [Relation; 7] = [
    Relation {
        settings: ["reactors", "frame-log-bytes"],
        fits: |args| args.kept.frame_log_bytes / args.network.reactors >= 64 << 10,
        else_: "each reactor needs 64K of it",
    },
    Relation {
        settings: ["buffer", "frame-log-bytes"],
        fits: |args| args.streams.buffer <= args.kept.frame_log_bytes,
        else_: "nothing is kept for a stream that is further behind than the frame log",
    },
    Relation {
        settings: ["batch-events", "capacity"],
        fits: |args| args.bounds.batch_events <= (args.kept.capacity / 2).max(1),
        else_: "a request may publish at most half of the events that are kept",
    },
    Relation {
        settings: ["payload-bytes", "frame-log-bytes"],
        fits: |args| {
            args.kept.payload_bytes <= args.kept.frame_log_bytes / args.network.reactors / 4
        },
        else_: "streams get a gap for an event that takes more than a quarter of a reactor's frame log",
    },
    Relation {
        settings: ["payload-bytes", "ring-bytes"],
        fits: |args| args.kept.payload_bytes <= args.kept.ring_bytes,
        else_: "one event would push out all others",
    },
    Relation {
        settings: ["payload-bytes", "body-bytes"],
        fits: |args| args.kept.payload_bytes <= args.bounds.body_bytes,
        else_: "no request can hold a payload of that size",
    },
    Relation {
        settings: ["body-bytes", "bodies-in-flight"],
        fits: |args| args.bounds.body_bytes <= args.bounds.bodies_in_flight,
        else_: "no request can have a body of that size",
    },
];

/// Checks them all: wrong when somebody set both sides, a warning when one is a default that nobody
/// thought of.
pub(super) fn check(args: &ServeArgs, rows: &[Effective]) -> Result<Vec<String>, Vec<Fault>> {
    let (mut warnings, mut faults) = (Vec::new(), Vec::new());
    for relation in RELATIONS.iter().filter(|relation| !(relation.fits)(args)) {
        let mut sides = Vec::new();
        let mut meant = true;
        for name in relation.settings {
            let Some(row) = rows.iter().find(|row| row.setting.name == name) else {
                continue;
            };
            meant &= match row.origin {
                Origin::Default => false,
                // The file that `check-config` shows has every default written out.
                Origin::File { .. } => row.values != row.setting.default,
                _ => true,
            };
            sides.push(format!(
                "{name} {} ({})",
                row.values.join(","),
                super::show::place(row)
            ));
        }
        let text = format!("{}: {}", sides.join(" does not fit "), relation.else_);
        if meant {
            faults.push(Fault::Together(text));
        } else {
            warnings.push(text);
        }
    }
    if faults.is_empty() {
        Ok(warnings)
    } else {
        Err(faults)
    }
}

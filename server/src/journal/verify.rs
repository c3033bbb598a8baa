//! `eventring journal verify`: everything is checked, and damage is told with its offsets.

use super::progress::Line;
use super::unusable;
use crate::cli::VerifyArgs;
use crate::{console, exit};
use bytesize::ByteSize;
use eventring::journal::{Damage, SqliteFiles, Verified};
use serde_json::json;
use std::io;
use std::process::ExitCode;

/// Checks, and prints what was found.
pub(super) fn run(args: &VerifyArgs) -> ExitCode {
    let mut files = match SqliteFiles::open(&args.journal.data) {
        Ok(files) => files,
        Err(error) => return unusable(&error),
    };
    let mut line = Line::new("verify");
    let found = files.verify(args.deep, &mut |at| line.show(at));
    line.finish();
    let found = match found {
        Ok(found) => found,
        Err(error) => return unusable(&error),
    };
    let code = match found.is_whole() {
        true => exit::OK,
        false => ExitCode::from(exit::FAILED),
    };
    let written = match args.json {
        true => console::out(as_json(&found)),
        false => text(&found),
    };
    console::printed(written, code)
}

pub(super) fn text(found: &Verified) -> io::Result<()> {
    let mut out = String::new();
    for damage in &found.damage {
        out.push_str(&format!("damaged: {}: {}\n", place(damage), damage.reason));
    }
    let more = found.damages - found.damage.len() as u64;
    if more > 0 {
        out.push_str(&format!("damaged: {more} more places\n"));
    }
    let word = if found.is_whole() { "whole" } else { "damaged" };
    out.push_str(&format!(
        "{word}: {} events in {} rows, {}",
        found.events,
        found.chunks,
        ByteSize(found.bytes)
    ));
    if found.told > 0 {
        out.push_str(&format!("; {} ranges are known to be missing", found.told));
    }
    console::out(out)
}

pub(super) fn place(damage: &Damage) -> String {
    let offsets = &damage.offsets;
    match offsets.end.saturating_sub(offsets.start) {
        0 => "no event".to_owned(),
        1 => format!("event {}", offsets.start),
        _ => format!("events {} to {}", offsets.start, offsets.end - 1),
    }
}

fn as_json(found: &Verified) -> serde_json::Value {
    let damage = found.damage.iter().map(|damage| {
        json!({
            "first": damage.offsets.start,
            "last": damage.offsets.end.saturating_sub(1),
            "events": damage.offsets.end.saturating_sub(damage.offsets.start),
            "reason": damage.reason,
        })
    });
    json!({
        "whole": found.is_whole(),
        "events": found.events,
        "rows": found.chunks,
        "bytes": found.bytes,
        "known_missing": found.told,
        "damages": found.damages,
        "damage": damage.collect::<Vec<_>>(),
    })
}

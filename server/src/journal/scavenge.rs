//! `eventring journal scavenge`: what has gone leaves the files.

use super::unusable;
use crate::cli::ScavengeArgs;
use crate::{console, exit};
use bytesize::ByteSize;
use eventring::journal::{Journal, Retention, SqliteFiles, SqliteJournal, SqliteOptions};
use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

/// Removes what has gone, and says how much of it.
pub(super) fn run(args: &ScavengeArgs) -> ExitCode {
    // Opening it for writing would make a journal where there is none.
    if let Err(error) = SqliteFiles::open(&args.journal.data) {
        return unusable(&error);
    }
    let bounds = Retention::default()
        .bytes(args.retention_bytes.map(|bytes| bytes as u64))
        .age(args.retention_age)
        .events(args.retention_events.map(|events| events as u64));
    let options = SqliteOptions::default().retention(bounds);
    let mut journal = match SqliteJournal::open_with(&args.journal.data, &options) {
        Ok(journal) => journal,
        Err(error) => return unusable(&error),
    };
    if let Err(error) = journal.scavenge() {
        return failed(error);
    }
    let view = journal.view();
    let stats = view.stats();
    if args.retention_age.is_some() && stats.is_age_suspended {
        console::err("nothing went by its age: the clock is not where the last event left it");
    }
    let closed = match args.erase {
        true => journal.erase(),
        false => journal.close(),
    };
    if let Err(error) = closed {
        return failed(error);
    }
    let erased = match (args.erase, has_repairs(&args.journal.data)) {
        (true, false) => "; no byte of what has gone is left, but for names of streams",
        (true, true) => {
            "; no byte of what has gone is left in it, but for names of streams; the repair-* folders beside it have what was there before"
        }
        (false, _) => "",
    };
    let said = format!(
        "removed {} events, {}; {} are there{erased}",
        stats.removed_events,
        ByteSize(stats.removed_bytes),
        stats.events,
    );
    console::printed(console::out(said), exit::OK)
}

/// Returns whether a repair has put an older database aside.
fn has_repairs(data: &Path) -> bool {
    let mut found = std::fs::read_dir(data).into_iter().flatten().flatten();
    found.any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"repair-"))
}

fn failed(error: impl Display) -> ExitCode {
    console::err(error);
    ExitCode::from(exit::FAILED)
}

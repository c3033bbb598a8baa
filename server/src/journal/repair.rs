//! `eventring journal repair`: what is damaged is taken out, and lies aside.

use super::progress::Line;
use super::{unusable, verify};
use crate::cli::RepairArgs;
use crate::{console, exit};
use eventring::journal::{JournalError, Repair, Repaired, SqliteFiles};
use jiff::Timestamp;
use std::path::Path;
use std::process::ExitCode;

/// Ranges that are printed one by one.
const RANGES: usize = 100;

/// Checks, and repairs where that is asked for.
pub(super) fn run(args: &RepairArgs) -> ExitCode {
    let mut repair = match Repair::open(&args.journal.data) {
        Ok(repair) => repair,
        Err(error @ JournalError::Damaged { .. }) => {
            console::err(format_args!(
                "{error}: not even its end can be read; restore a backup, nothing was changed"
            ));
            return ExitCode::from(exit::USAGE);
        }
        Err(error) => return unusable(&error),
    };
    let mut line = Line::new("verify");
    let found = repair.verify(&mut |at| line.show(at));
    line.finish();
    let found = match found {
        Ok(found) => found,
        Err(error) => return unusable(&error),
    };
    let written = verify::text(&found);
    if found.is_whole() && !args.rebase_clock {
        return console::printed(written, exit::OK);
    }
    if !args.apply {
        console::note("nothing is changed; --apply takes out what is damaged, and moves it aside");
        return console::printed(written, ExitCode::from(exit::FAILED));
    }
    let now = Timestamp::now();
    let name = format!("repair-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let not_after = args.rebase_clock.then(|| now.as_millisecond());
    let mut line = Line::new("repair");
    let done = repair.apply(&name, not_after, &mut |at| line.show(at));
    line.finish();
    match done {
        Ok(done) => {
            drop(repair);
            let left = is_whole_now(&args.journal.data);
            let written = written.and_then(|()| console::out(text(&done).join("\n")));
            let code = match done.incomplete.is_empty() && left {
                true => exit::OK,
                false => ExitCode::from(exit::FAILED),
            };
            console::printed(written, code)
        }
        Err(error) => {
            let state = match repair.is_interrupted() {
                true => "its files are exchanged half: the same command again ends it",
                false => "the journal is as it was",
            };
            console::err(format_args!("{error}; {state}"));
            ExitCode::from(exit::FAILED)
        }
    }
}

/// Looks at what was made; true where all of it is whole.
fn is_whole_now(data: &Path) -> bool {
    let found = SqliteFiles::open(data).and_then(|mut files| files.verify(false, &mut |_| {}));
    match found {
        Ok(found) => {
            for damage in &found.damage {
                console::err(format_args!(
                    "damaged still: {}: {}",
                    verify::place(damage),
                    damage.reason
                ));
            }
            found.is_whole()
        }
        Err(error) => {
            console::err(error);
            false
        }
    }
}

/// Says what it means that a table is not whole.
fn meaning(table: &str) -> &'static str {
    match table {
        "state" => {
            "checkpoints, holds and settings of topics may be missing: who asks for a checkpoint may begin anew"
        }
        "floor" => "events that were deleted may be there again",
        "stream" | "stream_version" => {
            "streams whose events have gone may count their versions anew"
        }
        "topic" => "topics have other numbers",
        "hole" => "ranges that were missing before may be told as damaged",
        _ => "the next start looks what is missing",
    }
}

fn text(done: &Repaired) -> Vec<String> {
    let mut lines = vec![format!(
        "repaired: {} events; {} rows written anew",
        done.events, done.rewritten
    )];
    for range in done.missing.iter().take(RANGES) {
        lines.push(format!(
            "missing: events {} to {}; readers are told",
            range.start,
            range.end.saturating_sub(1)
        ));
    }
    if let Some(more) = done.missing.len().checked_sub(RANGES + 1) {
        lines.push(format!("missing: {} more ranges", more + 1));
    }
    for table in &done.incomplete {
        lines.push(format!(
            "incomplete: the table {table} could not be read to its end: {}",
            meaning(table)
        ));
    }
    if done.rebased > 0 {
        lines.push(format!(
            "{} events count as taken now; the log has a new epoch",
            done.rebased
        ));
    }
    lines.push(format!("what was there is in {}", done.aside.display()));
    lines
}

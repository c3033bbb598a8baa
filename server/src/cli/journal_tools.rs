//! `eventring journal`: commands on the files of a journal.

use super::{help, names};
use crate::units;
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct JournalArgs {
    #[command(subcommand)]
    pub(crate) command: JournalCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Prints what is in a journal, and how large it is
    #[command(after_long_help = help::JOURNAL_INFO)]
    Info(InfoArgs),
    /// Checks everything in a journal; changes nothing
    #[command(after_long_help = help::JOURNAL_VERIFY)]
    Verify(VerifyArgs),
    /// Writes the events as lines of CloudEvents JSON, which import takes back whole
    #[command(after_long_help = help::JOURNAL_EXPORT)]
    Export(ExportArgs),
    /// Takes an export into a journal that no server has open
    #[command(after_long_help = help::JOURNAL_IMPORT)]
    Import(ImportArgs),
    /// Copies the journal into a new folder, beside a running server too
    #[command(after_long_help = help::JOURNAL_BACKUP)]
    Backup(BackupArgs),
    /// Removes what has gone from the files, until nothing is left to do
    #[command(after_long_help = help::JOURNAL_SCAVENGE)]
    Scavenge(ScavengeArgs),
    /// Makes a damaged journal anew of what can be read; what was there is moved aside
    #[command(after_long_help = help::JOURNAL_REPAIR)]
    Repair(RepairArgs),
}

/// The folder that a command is about.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Folder of the journal
    #[arg(long, env = "EVENTRING_DATA", value_name = "DIR", value_hint = ValueHint::DirPath)]
    #[arg(default_value = "./eventring-data")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    pub(crate) journal: DataArgs,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) journal: DataArgs,

    /// Also check what is inside of every event, and every page of the database
    ///
    /// The pages are checked in one go, during which the log of writes of a running server grows.
    #[arg(long)]
    pub(crate) deep: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// File to make; `-` is standard output
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) journal: DataArgs,

    /// Topic or pattern (`orders.*`, `orders.>`, `>`); repeatable; all topics without any
    #[arg(long, value_name = "PATTERN", value_parser = names::topic)]
    pub(crate) topic: Vec<String>,

    /// First event: a position as in an event's id, or its number alone
    #[arg(long, value_name = "POSITION")]
    pub(crate) from: Option<String>,

    /// Last event: a position as in an event's id, or its number alone
    #[arg(long, value_name = "POSITION")]
    pub(crate) to: Option<String>,

    /// Events that the server took at this time or later, such as 2026-11-30T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// File to read; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) journal: DataArgs,

    /// Give the events new positions behind those of a journal that has some
    #[arg(long)]
    pub(crate) append: bool,

    /// Take what is there of an export that is cut off
    #[arg(long)]
    pub(crate) partial: bool,

    /// Take an export once more whose events are in the journal already
    #[arg(long)]
    pub(crate) again: bool,

    /// Take events that were recorded later than now; every later event counts as recorded then
    #[arg(long)]
    pub(crate) from_future: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Folder to make; it must not be there yet
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) to: PathBuf,

    #[command(flatten)]
    pub(crate) journal: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ScavengeArgs {
    #[command(flatten)]
    pub(crate) journal: DataArgs,

    /// Leave no byte in the files of events that have gone
    ///
    /// The whole database is written anew, which needs as much room again.
    #[arg(long)]
    pub(crate) erase: bool,

    /// First let go what is beyond so many bytes, the oldest first; events with a stream stay
    #[arg(long, value_name = "BYTES", value_parser = units::bytes)]
    pub(crate) retention_bytes: Option<usize>,

    /// First let go what is older, such as 7d; events with a stream stay
    #[arg(long, value_name = "AGE", value_parser = units::retention_age)]
    pub(crate) retention_age: Option<Duration>,

    /// First let go all but so many events; events with a stream stay
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub(crate) retention_events: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    #[command(flatten)]
    pub(crate) journal: DataArgs,

    /// Do it; otherwise only what is damaged is said
    #[arg(long)]
    pub(crate) apply: bool,

    /// Let events of the future count as taken now, in a log with a new epoch
    ///
    /// For a clock that was ahead: times of a journal never go back, so that all that comes would be of that future, too.
    #[arg(long)]
    pub(crate) rebase_clock: bool,
}

/// Parses a time to milliseconds since 1970: the first one at it or later.
fn time(text: &str) -> Result<i64, String> {
    let nanos = eventring::event::parse_time(text);
    let nanos = nanos.ok_or("expected a time with its zone, such as 2026-11-30T09:00:00Z")?;
    Ok(nanos.div_euclid(1_000_000) + i64::from(nanos.rem_euclid(1_000_000) > 0))
}

//! Settings of `eventring serve` that say where events outlive the process, and which.

use crate::units;
use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the journal.
#[derive(Debug, Args)]
#[command(next_help_heading = "Journal")]
pub(crate) struct Journal {
    /// Folder of the journal, in which events outlive the process
    ///
    /// It is made where it is not there, for its owner alone (mode 0700), and is one server's at a time. Its place is
    /// a local disk: no network file system.
    #[arg(long, env = "EVENTRING_DATA", value_name = "DIR", value_hint = ValueHint::DirPath)]
    #[arg(default_value = "./eventring-data")]
    pub(crate) data: PathBuf,

    /// Safety of an event whose topic and publish ask for none
    ///
    /// An event is answered, and seen by readers, once it is that safe. A topic has its own with
    /// `PUT /api/v1/topics/T`, and a publish asks for more with `?durability=`.
    #[arg(long, env = "EVENTRING_DURABILITY", value_enum, default_value_t = Durability::Durable)]
    pub(crate) durability: Durability,

    /// Bytes that the journal takes at most; the oldest events go first
    ///
    /// Whoever resumes before what is left is told. Events with a stream stay, and so does what a hold keeps: when they
    /// alone take more, publishing is refused with 507, and nothing is deleted. `none` is no bound.
    #[arg(long, env = "EVENTRING_RETENTION_BYTES", value_name = "BYTES", value_parser = units::bytes_max)]
    #[arg(default_value = "10G")]
    pub(crate) retention_bytes: units::BytesMax,

    /// Time that an event is kept for after it was taken; else any
    #[arg(long, env = "EVENTRING_RETENTION_AGE", value_name = "AGE", value_parser = units::retention_age)]
    pub(crate) retention_age: Option<Duration>,

    /// Events that the journal keeps at most; else any number
    #[arg(long, env = "EVENTRING_RETENTION_EVENTS", value_name = "EVENTS", value_parser = units::count)]
    pub(crate) retention_events: Option<usize>,

    /// Form in which the journal keeps events
    #[arg(long, env = "EVENTRING_JOURNAL_COMPRESSION", value_enum)]
    #[arg(default_value_t = JournalCompression::Off)]
    pub(crate) journal_compression: JournalCompression,

    /// Keep no journal: events are gone when the process ends
    ///
    /// It beats what else is said of a journal where it is said in a stronger place than they are: a flag beats a variable,
    /// which beats the settings file.
    #[arg(long, env = "EVENTRING_MEMORY")]
    pub(crate) memory: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JournalCompression {
    /// as they are
    Off,
    /// deflated, some seconds after they were written: less disk, more CPU
    Deflate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    /// in memory: gone with the process
    None,
    /// written, and flushed within 20 ms: survives kill -9
    Buffered,
    /// flushed to the disk: survives a loss of power
    Durable,
}

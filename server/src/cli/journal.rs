//! Settings of `eventring serve` that say where events outlive the process, and which.

use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;

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

    /// Keep no journal: events are gone when the process ends
    ///
    /// It beats --data and --durability where it is said in a stronger place than they are: a flag beats a variable,
    /// which beats the settings file.
    #[arg(long, env = "EVENTRING_MEMORY")]
    pub(crate) memory: bool,
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

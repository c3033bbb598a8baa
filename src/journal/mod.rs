//! The journal: where a hub's events outlive the process.
//!
//! A hub with a journal shows an event to its readers once the journal has it, or at once where its topic asks for
//! nothing ([`Durability::None`]). The journal is the ring's first reader: it takes what is there in *rounds*, writes
//! each in one transaction, and everybody else reads behind it.
//!
//! [`Journal`] is what a hub writes to, one round at a time; [`JournalView`] is what any thread may ask meanwhile;
//! [`JournalReader`] reads back. [`MemoryJournal`] keeps all of it in memory: the oracle of tests, and of a program that
//! wants the rules of a journal without its files; `SqliteJournal`, with the feature `sqlite`, keeps it in a directory.
//! [`contract`] has the tests that every journal must pass.
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`guarantees`](crate::guide::guarantees)."
)]
#![deny(unsafe_code)]

#[cfg(any(test, fuzzing, feature = "sqlite"))]
#[cfg_attr(
    not(feature = "sqlite"),
    allow(
        dead_code,
        unused_imports,
        reason = "tests and fuzz targets use a part of it"
    )
)]
mod chunk;
#[cfg(any(test, feature = "sqlite"))]
#[cfg_attr(
    not(feature = "sqlite"),
    allow(dead_code, unused_imports, reason = "tests use a part of it")
)]
mod compact;
pub mod contract;
mod durability;
mod error;
mod export;
pub mod holds;
#[allow(clippy::module_inception, reason = "a file has the name of its type")]
mod journal;
mod memory;
mod reader;
mod retention;
mod round;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;

#[cfg(fuzzing)]
pub use chunk::oracle as chunk_oracle;
pub use durability::Durability;
pub use error::{CommitError, CommitFailure, JournalError};
pub use export::{ExportDecoder, ExportEncoder, ExportError, ExportLine};
#[cfg(feature = "hub")]
pub(crate) use journal::CANNOT_TRUNCATE;
pub use journal::{Journal, JournalState, JournalStats, JournalView, Recovered};
pub use memory::{MemoryJournal, MemoryLog};
pub use reader::{Hole, HoleReason, JournalReader, Scan, ScanEnd, StoredEvent};
pub use retention::{Compact, Retention, RetentionError, TopicPolicy};
pub use round::{CommitRound, RoundEvent, StateFn, StateWork};
#[cfg(feature = "sqlite")]
pub use sqlite::{
    BackedUp, Damage, JournalInfo, Progress, Repair, Repaired, SqliteFiles, Verified,
};
#[cfg(feature = "sqlite")]
pub use sqlite::{JournalCompression, SqliteJournal, SqliteOptions};
pub use state::{StateError, StateTx};

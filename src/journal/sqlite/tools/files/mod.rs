//! The files of a journal as they lie there: looking, checking, copying. Nothing is changed.

mod backup;
#[allow(clippy::module_inception, reason = "a file has the name of its type")]
mod files;
mod info;
pub(super) mod pages;
mod verify;

pub use backup::BackedUp;
pub use files::SqliteFiles;
pub(super) use files::beside;
pub use info::JournalInfo;
pub use pages::Progress;
pub use verify::{Damage, Verified};

use crate::journal::JournalError;
use crate::journal::sqlite::rows;

/// Says what an error of SQLite means for whoever looks.
pub(super) fn failed(error: rusqlite::Error) -> JournalError {
    match rows::is_damage(&error) {
        true => JournalError::Damaged {
            reason: error.to_string(),
        },
        false => JournalError::Io {
            reason: error.to_string(),
        },
    }
}

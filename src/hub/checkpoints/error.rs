//! What goes wrong with checkpoints.

use thiserror::Error;

use super::checkpoints::CHECKPOINTS_MAX;
use crate::event::{Epoch, Position, TopicError};
use crate::hub::journal::TransactError;
use crate::journal::JournalError;

/// Says why a checkpoint was not loaded, saved or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The name is none. Those that topics may have are.
    #[error("not a name: {0}")]
    Name(#[from] TopicError),
    /// A setting of a policy is out of its range.
    #[error("{field}: 0 would save for ever")]
    Policy {
        /// The setting.
        field: &'static str,
    },
    /// The position is before the one that is kept.
    #[error("{asked} is before {kept}, which is kept: force sets it back")]
    Backwards {
        /// The position that is kept.
        kept: Position,
        /// The one that was to take its place.
        asked: Position,
    },
    /// Somebody has forced the checkpoint back, or deleted it, while a writer went on: what that passes from here on is not saved.
    /// A new writer begins where it is now.
    #[error(
        "{saved} was saved and is not kept any more: somebody has set it back; begin anew from what is kept"
    )]
    Moved {
        /// The position that the writer had saved, or found.
        saved: Position,
        /// The one that is kept; `None`: none is.
        kept: Option<Position>,
    },
    /// The position is none of this hub's log.
    #[error("{asked} is of another log than this one ({epoch}): nothing here stands there")]
    Foreign {
        /// The position.
        asked: Position,
        /// The identity of the hub's log.
        epoch: Epoch,
    },
    /// The position that is kept is of another log, from which this one was copied, imported or made anew: it counts other
    /// events.
    #[error(
        "{kept}, which is kept, is of another log than {asked}: whoever has found out where to go on in this one forces it"
    )]
    OtherLog {
        /// The position that is kept.
        kept: Position,
        /// The one that was to take its place.
        asked: Position,
    },
    /// The position is behind the newest event that readers may see.
    #[error("{asked} is behind {visible}, the newest event that can be seen")]
    BeyondEnd {
        /// The position.
        asked: Position,
        /// That of the newest event.
        visible: Position,
    },
    /// As many are kept as may be.
    #[error("more than {CHECKPOINTS_MAX} checkpoints")]
    TooMany,
    /// The checkpoint is there, and cannot be read. It is not guessed at: forcing puts another one in its place.
    #[error("the checkpoint {name:?} cannot be read: {reason}")]
    Unreadable {
        /// Its name.
        name: String,
        /// The fault.
        reason: String,
    },
    /// The journal cannot be read.
    #[error("checkpoints cannot be read: {0}")]
    Read(#[from] JournalError),
    /// Too many reads wait already, or the hub is going.
    #[error("checkpoints cannot be read now: {reason}")]
    Busy {
        /// The fault.
        reason: String,
    },
    /// The journal has not taken it.
    #[error("not saved: {0}")]
    NotSaved(TransactError),
}

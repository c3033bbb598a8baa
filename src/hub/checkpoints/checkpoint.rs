//! A checkpoint.

use crate::event::Position;

/// The place that a reader has come to, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The last position that it is done with. Its epoch may be that of another log, as where the journal was copied since:
    /// [`Subscription::resume`](crate::Subscription::resume) tells that as a reset.
    pub position: Position,
    /// The time at which it was saved, milliseconds since 1970.
    pub saved: i64,
}

/// A checkpoint in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedCheckpoint {
    /// Its name.
    pub name: String,
    /// The checkpoint; `None`: it cannot be read, and [`load`](crate::hub::Checkpoints::load) says why.
    pub checkpoint: Option<Checkpoint>,
}

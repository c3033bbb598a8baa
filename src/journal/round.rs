//! A round: what one commit writes.

use super::reader::Hole;
use super::state::{StateError, StateTx};
use crate::event::EventRef;

/// The events and changes of state that one commit writes.
#[derive(Default)]
#[non_exhaustive]
pub struct CommitRound<'a> {
    /// The events, in ascending order of their offsets. A batch is in one round.
    pub events: Vec<RoundEvent<'a>>,
    /// Flushed to the disk before the commit returns; otherwise within 20 ms.
    pub flush: bool,
    /// Changes of state that commit with the events.
    pub work: Vec<StateWork<'a>>,
    /// Ranges that were given up since the commit before, ascending, below the events of later rounds: whoever resumes before
    /// one after a restart is told. A round may have nothing else.
    pub holes: Vec<Hole>,
}

/// An event of a round.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RoundEvent<'a> {
    /// Its offset.
    pub offset: u64,
    /// The time at which the hub took it, milliseconds since 1970; not before that of the event before it.
    pub recorded: i64,
    /// Events of the same batch that follow it.
    pub rest: u32,
    /// The version of its stream that the hub gave it; `None`: it has no stream.
    pub version: Option<u64>,
    /// The event.
    pub event: EventRef<'a>,
}

impl<'a> RoundEvent<'a> {
    /// Creates one that is no part of a batch and has no stream.
    pub fn new(offset: u64, recorded: i64, event: EventRef<'a>) -> Self {
        Self {
            offset,
            recorded,
            rest: 0,
            version: None,
            event,
        }
    }
}

/// A change of state: reads and writes tables of bytes in the transaction that it is given.
pub type StateFn<'a> = Box<dyn FnOnce(&mut dyn StateTx) -> Result<(), StateError> + Send + 'a>;

/// A change of state that commits with a round, and what came of it.
#[non_exhaustive]
pub struct StateWork<'a> {
    /// The change that is to be made; `None` once it was called.
    pub run: Option<StateFn<'a>>,
    /// The change's answer, or that it panicked; `None` before it was called. Means nothing if the commit fails.
    pub outcome: Option<Result<(), StateError>>,
}

impl<'a> StateWork<'a> {
    /// Wraps a change that is to be done.
    pub fn new(run: StateFn<'a>) -> Self {
        Self {
            run: Some(run),
            outcome: None,
        }
    }
}

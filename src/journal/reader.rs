//! Reading back.

use std::ops::{ControlFlow, Range};

use super::error::JournalError;
use super::state::StateTx;
use crate::event::{EventRef, Filter};
use crate::settings::setters;

/// Reads what a journal has committed. Each call is short: it looks at a bounded part, and says where to go on.
pub trait JournalReader: Send {
    /// Hands out the events of a range that are of wanted topics. Returns where to go on; that is the end of the range once
    /// there is nothing more, and it may come sooner, also without any event: so much was looked at for one call. An event
    /// at which `each` breaks off was handed out: what follows begins behind it.
    ///
    /// What is damaged is not handed out, and is among the holes.
    ///
    /// # Errors
    ///
    /// See [`JournalError`].
    fn read(
        &mut self,
        scan: &Scan<'_>,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, JournalError>;

    /// Returns the offset of the first event that was taken at a time or later, milliseconds since 1970; the offset behind
    /// the last one where there is none.
    ///
    /// # Errors
    ///
    /// See [`JournalError`].
    fn since(&mut self, recorded: i64) -> Result<u64, JournalError>;

    /// Returns the version that the last event of a stream has; `None`: none was given one.
    ///
    /// # Errors
    ///
    /// See [`JournalError`].
    fn stream_version(&mut self, ty: &str, id: &str) -> Result<Option<u64>, JournalError>;

    /// Looks at state that is committed. What is put through it is lost.
    ///
    /// # Errors
    ///
    /// See [`JournalError`].
    fn state(&mut self, look: &mut dyn FnMut(&mut dyn StateTx)) -> Result<(), JournalError>;
}

/// The part of a journal that is to be read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scan<'a> {
    /// The topics; events of others are passed over.
    pub filter: &'a Filter,
    /// The offsets.
    pub range: Range<u64>,
    /// From the end of the range back.
    pub descending: bool,
    /// Events at most. Default: 1,024.
    pub events_max: usize,
    /// Bytes of records at most; the first event may go over it. Default: 1 MiB.
    pub bytes_max: usize,
}

impl<'a> Scan<'a> {
    /// Describes the events of a range, ascending. The range ends at or before what is visible, or is told as empty above it.
    pub fn new(filter: &'a Filter, range: Range<u64>) -> Self {
        Self {
            filter,
            range,
            descending: false,
            events_max: 1024,
            bytes_max: 1 << 20,
        }
    }
}

setters! {
    Scan<'a> {
        descending: bool,
        events_max: usize,
        bytes_max: usize,
    }
}

/// An event as it is kept.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoredEvent<'a> {
    /// Its offset.
    pub offset: u64,
    /// The time at which the hub took it, milliseconds since 1970.
    pub recorded: i64,
    /// Events of the same batch that follow it.
    pub rest: u32,
    /// The version of its stream that the hub gave it.
    pub version: Option<u64>,
    /// The event.
    pub event: EventRef<'a>,
}

impl<'a> StoredEvent<'a> {
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

/// The place that a read came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanEnd {
    /// Everything of the range before this offset was looked at; descending: everything from this offset on.
    pub next: u64,
    /// Missing ranges in what was looked at that have to be told, ascending.
    pub holes: Vec<Hole>,
    /// The offset below which events of the topics may have gone by bounds; 0: none. The part of it that was looked at is
    /// among the holes. Whoever reads on and remembers it is told once of all of it, and not in each part anew.
    pub retained_below: u64,
}

/// A range of offsets whose events are missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Hole {
    /// The offsets.
    pub range: Range<u64>,
    /// Why.
    pub reason: HoleReason,
}

impl Hole {
    /// Creates one.
    pub fn new(range: Range<u64>, reason: HoleReason) -> Self {
        Self { range, reason }
    }

    /// Returns the parts of holes that lie in a range.
    pub(super) fn all_inside(holes: &[Self], range: &Range<u64>) -> Vec<Self> {
        let parts = holes.iter().map(|hole| {
            let (from, to) = (hole.range.start, hole.range.end);
            Self::new(from.max(range.start)..to.min(range.end), hole.reason)
        });
        parts.filter(|part| !part.range.is_empty()).collect()
    }
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HoleReason {
    /// Older than what is kept.
    Retention,
    /// The process ended before they were written: offsets that were shown, or reserved to be.
    Crash,
    /// Their commit failed, and they are not there.
    Aborted,
    /// Their commit failed, and it was not known whether they are there.
    Indeterminate,
    /// Damaged: they were there, and cannot be read.
    Damaged,
    /// Some may have been in memory only, since nobody asked for more durability, and have left it. No journal says so: a hub
    /// does, of the pages of its history. The range is a bound, and there may be events within it.
    Memory,
}

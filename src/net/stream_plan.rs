//! Streams in the making, and the parts of history that they catch up on.

use std::time::{Duration, Instant};

use crate::net::form::FormId;
use crate::net::slow_policy::SlowOptions;

/// A stream in the making.
#[derive(Debug)]
pub struct StreamPlan<K> {
    /// The response head.
    pub head: Vec<u8>,
    /// The bytes before the first event.
    pub first: Vec<u8>,
    /// The filter.
    pub key: K,
    /// `true`: the filter takes every event, so that no list of its frames is kept.
    pub everything: bool,
    /// The wire form.
    pub form: FormId,
    /// The time for which a class of this filter collects before its members are sent to; zero: it does not. Equal for
    /// equal keys.
    pub hold: Duration,
    /// The first offset wanted: the stream starts with it or, if it is gone, after a gap.
    pub from: u64,
    /// Longest silence before a heartbeat; zero: none.
    pub heartbeat: Duration,
    /// The moment at which the right to read ends or the connection is too old; `None`: never.
    pub expires_at: Option<Instant>,
    /// `expires_at` is when the connection is too old, not the end of the right to read.
    pub ages: bool,
    /// The policy for when it is slow.
    pub slow_options: SlowOptions,
    /// Told back with its start and end.
    pub owner: StreamOwner,
}

/// The endpoint and reserved connection that a stream belongs to; the reactor does not look into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StreamOwner {
    /// The number of the endpoint that it was opened at; 0: of none.
    pub endpoint: u32,
    /// The number of the connection that was reserved for it; 0: none was.
    pub connection: u32,
}

/// A stream of ticks in the making.
#[derive(Debug)]
pub struct WatchPlan {
    /// The response head.
    pub head: Vec<u8>,
    /// The bytes before the first tick, not framed yet.
    pub first: Vec<u8>,
    /// Each tick is one chunk of a chunked body, as the head says; else the connection's end ends it.
    pub chunked: bool,
    /// The moment at which the right to watch ends; `None`: never.
    pub expires_at: Option<Instant>,
}

/// The result of encoding a part of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaughtUp {
    /// The offset to go on from.
    pub next: u64,
    /// Events encoded.
    pub events: u64,
    /// Events that the stream was told it does not get, at most.
    pub missed: u32,
    /// Events that were looked at for it.
    pub looked_at: u32,
}

/// The share of a part of history that a stream gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryMode {
    /// Every event that its filter takes.
    All,
    /// The newest event of each topic, in order: for a stream that fell behind and wants no more.
    Latest,
    /// No event, but a notice that says how many it misses.
    Skip,
}

/// A part of history to encode for one connection.
#[derive(Debug)]
pub struct CatchUp<'a, K> {
    /// The filter.
    pub key: &'a K,
    /// The wire form.
    pub form: FormId,
    /// The share of it that the stream gets.
    pub mode: HistoryMode,
    /// First offset wanted.
    pub from: u64,
    /// First offset not wanted.
    pub to: u64,
    /// Bytes wanted at most; one frame may go over it.
    pub max: usize,
}

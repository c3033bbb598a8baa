//! The part of a stream's state that is touched now and then.

use std::collections::VecDeque;

use crate::fanout::compress::{OwnCompressor, Sent};
use crate::fanout::slow::SlowOptions;

/// Parts of the past that wait for a WebSocket before no further message of it should be read: one message adds two at
/// most.
const REPLAYS_MAX: usize = 16;

/// The figures of a stream, and what few streams have.
pub struct StreamState<K> {
    /// Events whose frames were begun, live and from history.
    delivered: u64,
    /// Second in which the last event was begun.
    last_event: u32,
    /// Events that the stream was told it does not get, at most.
    missed: u32,
    slow_options: SlowOptions,
    extra: Option<Box<Extra<K>>>,
}

/// A thing that few streams have: never two of these.
pub(in crate::fanout) enum Extra<K> {
    /// The account of one gzip stream.
    Gzip(Sent),
    /// A compressor of its own.
    Own(Box<OwnCompressor>),
    /// Parts of the past that a WebSocket is sent before its class takes over.
    Replays(VecDeque<Replay<K>>),
}

/// A part of history for one WebSocket.
pub(in crate::fanout) struct Replay<K> {
    pub(in crate::fanout) key: K,
    /// Next offset wanted.
    pub(in crate::fanout) from: u64,
    /// First offset not wanted.
    pub(in crate::fanout) to: u64,
    /// Frames that follow it.
    pub(in crate::fanout) after: Vec<u8>,
}

impl<K> Default for StreamState<K> {
    fn default() -> Self {
        const { assert!(size_of::<Self>() == 32) };
        Self {
            delivered: 0,
            last_event: 0,
            missed: 0,
            slow_options: SlowOptions::default(),
            extra: None,
        }
    }
}

impl<K> StreamState<K> {
    /// Events whose frames were begun, live and from history; the last one perhaps in part.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Events that the stream was told it does not get, at most.
    pub fn missed(&self) -> u32 {
        self.missed
    }

    /// The second in which the last event was begun; `None`: there was none.
    pub(in crate::fanout) fn last_event(&self) -> Option<u32> {
        (self.delivered > 0).then_some(self.last_event)
    }

    /// Returns whether so much of the past waits for a WebSocket that it should not ask for more.
    pub fn is_busy(&self) -> bool {
        let replays = self.replays();
        replays.is_some_and(|replays| replays.len() >= REPLAYS_MAX)
    }

    /// Begins to count anew.
    pub(in crate::fanout) fn begin(&mut self, slow_options: SlowOptions) {
        (self.delivered, self.last_event, self.missed) = (0, 0, 0);
        self.slow_options = slow_options;
    }

    pub(in crate::fanout) fn slow_options(&self) -> SlowOptions {
        self.slow_options
    }

    /// Counts events whose frames were begun in this second.
    pub(in crate::fanout) fn count_events(&mut self, events: u64, second: u32) {
        if events > 0 {
            self.delivered += events;
            self.last_event = second;
        }
    }

    pub(in crate::fanout) fn count_missed(&mut self, missed: u32) {
        self.missed = self.missed.saturating_add(missed);
    }

    pub(in crate::fanout) fn extra_mut(&mut self) -> Option<&mut Extra<K>> {
        self.extra.as_deref_mut()
    }

    /// Returns whether what it is sent is compressed as one stream.
    pub(in crate::fanout) fn is_one_compressed_stream(&self) -> bool {
        matches!(self.extra.as_deref(), Some(Extra::Gzip(_) | Extra::Own(_)))
    }

    /// The account of what a gzip stream was sent.
    pub(in crate::fanout) fn sent_mut(&mut self) -> Option<&mut Sent> {
        match self.extra.as_deref_mut() {
            Some(Extra::Gzip(sent)) => Some(sent),
            _ => None,
        }
    }

    pub(in crate::fanout) fn set_extra(&mut self, extra: Extra<K>) {
        self.extra = Some(Box::new(extra));
    }

    fn replays(&self) -> Option<&VecDeque<Replay<K>>> {
        match self.extra.as_deref() {
            Some(Extra::Replays(replays)) => Some(replays),
            _ => None,
        }
    }

    pub(in crate::fanout) fn has_replay(&self) -> bool {
        self.replays().is_some()
    }

    pub(in crate::fanout) fn push_replay(&mut self, replay: Replay<K>) {
        match self.extra.as_deref_mut() {
            Some(Extra::Replays(replays)) => replays.push_back(replay),
            _ => self.set_extra(Extra::Replays(VecDeque::from([replay]))),
        }
    }

    pub(in crate::fanout) fn first_replay(&self) -> Option<&Replay<K>> {
        self.replays()?.front()
    }

    /// Moves the first replay to offset `next`; if that is its end, it goes, and what follows it is returned.
    pub(in crate::fanout) fn advance_replay(&mut self, next: u64) -> Vec<u8> {
        let Some(Extra::Replays(replays)) = self.extra.as_deref_mut() else {
            return Vec::new();
        };
        let Some(replay) = replays.front_mut() else {
            return Vec::new();
        };
        replay.from = next;
        if replay.from < replay.to {
            return Vec::new();
        }
        let done = replays.pop_front();
        if replays.is_empty() {
            self.extra = None;
        }
        done.map_or_else(Vec::new, |replay| replay.after)
    }

    pub(in crate::fanout) fn forget_replays(&mut self) {
        if self.has_replay() {
            self.extra = None;
        }
    }
}

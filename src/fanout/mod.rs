//! The fan-out: which bytes each stream gets next. Sans-IO.
//!
//! Events are encoded once for each wire form into a [frame log](log); a stream is a [`Reader`], a place in that log, and
//! a member of the [class](class) of all who want the same. No socket, no hub and no thread is here: whoever has these
//! lends the readers, says what time it is, and sends what it is given:
//!
//! 1. [`Fanout::frames`] appends what is new, and queues the classes that want it;
//! 2. [`Fanout::next_visit`] names who has something to get;
//! 3. [`Fanout::prepare`] moves a reader to where its next bytes are: past what is not for it, from history to the log,
//!    out of a log that gives its bytes up, or wherever its [slow policy](SlowPolicy) says;
//! 4. [`Fanout::next`] gives those bytes, as one slice, however many frames they are;
//! 5. [`Fanout::sent`] notes how many were taken, which may end inside a frame.
//!
//! A reader is 20 bytes and lies where its owner has it, beside a socket, say: nothing here is allocated for it.

#![deny(unsafe_code)]

mod class;
mod class_logs;
mod compress;
mod counters;
mod deliver;
mod fall_back;
mod form;
mod frames;
mod history;
mod known;
mod log;
mod look;
mod members;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod reader;
mod rounds;
mod slow;
mod subscribe;

use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

pub use self::class::{ClassId, ClassSpec, ClosedClass};
pub use self::counters::{FanoutStats, Shared};
pub use self::deliver::Step;
pub use self::form::{Codec, FormId, Format};
pub use self::frames::Frames;
pub use self::history::{CatchUp, CaughtUp, HistoryMode};
pub use self::look::Described;
pub use self::members::{Joined, StreamStart};
pub use self::reader::{Member, Reader, Readers, StreamState};
pub use self::rounds::Pending;
pub use self::slow::{SlowOptions, SlowPolicy};
pub use self::subscribe::{CannotKeep, History, Subscribed};

use self::class_logs::ClassLogs;
use self::compress::Compressors;
use self::counters::Counters;
use self::frames::EarlyStreams;
use self::history::HistoryBudget;
use self::known::KnownPlaces;
use self::log::PartialFrames;
use self::look::{Heartbeats, SweepCounts};
use self::rounds::Rounds;

/// Bounds of one fan-out, each with its default and its consequence.
#[derive(Clone, Debug)]
pub struct FanoutLimits {
    /// Bytes of each frame log. A frame may take a quarter of it. 4 MiB.
    pub frame_log_bytes: usize,
    /// Window logs of compressed frames at once, each of a class of eight members or more; those of further
    /// classes get each event compressed by itself, three times as long. A window log takes 0.3 MiB and a
    /// frame log. 16.
    pub max_chains: usize,
    /// Bytes of history that wait for one stream before more is made. 64 KiB.
    pub private_bytes: usize,
    /// Bytes of half-sent frames kept for slow streams, of all fan-outs of a server; beyond it they are cut. 16 MiB.
    pub half_sent_bytes: usize,
}

impl Default for FanoutLimits {
    fn default() -> Self {
        Self {
            frame_log_bytes: 4 << 20,
            max_chains: 16,
            private_bytes: 64 << 10,
            half_sent_bytes: 16 << 20,
        }
    }
}

impl FanoutLimits {
    /// The bounds of one of `count` fan-outs: their frame logs are powers of two, so that all together stay within what
    /// one would have.
    pub fn share_of(&self, count: usize) -> Self {
        let frame_log_bytes = match (self.frame_log_bytes / count).checked_ilog2() {
            Some(log) if count > 1 => 1 << log,
            _ => self.frame_log_bytes,
        };
        Self {
            frame_log_bytes,
            ..self.clone()
        }
    }
}

/// The frame logs, classes and queues of one thread's streams. `K` is a filter, `F` says what the wire forms are.
pub struct Fanout<K, F> {
    logs: ClassLogs<K, F>,
    rounds: Rounds,
    known: KnownPlaces,
    compressors: Compressors,
    /// Half-sent frames that are kept: the next one inside one of them shares it.
    partial_frames: PartialFrames,
    heartbeats: Heartbeats,
    early: EarlyStreams,
    sweep: SweepCounts,
    /// An event as it is encoded; its memory is kept.
    encoded: Vec<u8>,
    /// The offset after the newest one that is in the logs.
    fed: u64,
    /// Events appended so far, over all logs.
    appended: u64,
    /// Bytes appended since all members of all classes were last visited.
    unvisited_bytes: usize,
    /// The rest of the history that all streams get in this turn.
    history: HistoryBudget,
    now: Instant,
    second: u32,
    limits: FanoutLimits,
    counters: Arc<Counters>,
    shared: Arc<Shared>,
}

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Makes fan-out `number` of those that have `shared`, whose logs begin at offset `fed`.
    pub fn new(limits: FanoutLimits, shared: &Arc<Shared>, number: usize, fed: u64) -> Self {
        Self {
            logs: ClassLogs::new(limits.frame_log_bytes),
            rounds: Rounds::default(),
            known: KnownPlaces::default(),
            compressors: Compressors::default(),
            partial_frames: PartialFrames::default(),
            heartbeats: Heartbeats::new(F::FORMS),
            early: EarlyStreams::default(),
            sweep: SweepCounts::default(),
            encoded: Vec::new(),
            fed,
            appended: 0,
            unvisited_bytes: 0,
            history: HistoryBudget::whole(),
            now: Instant::now(),
            second: 0,
            limits,
            counters: shared.counters(number),
            shared: shared.clone(),
        }
    }

    /// Begins a turn at `now`, in a `second` that the owner counts: everybody may have history again.
    pub fn begin_turn(&mut self, now: Instant, second: u32) {
        (self.now, self.second) = (now, second);
        self.history = HistoryBudget::whole();
        self.heartbeats.forget();
    }

    /// The first offset that is not in the logs.
    pub fn fed(&self) -> u64 {
        self.fed
    }

    /// Events appended so far, over all logs.
    pub fn appended(&self) -> u64 {
        self.appended
    }
}

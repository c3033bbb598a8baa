//! Looks at streams: their lag, whether they have everything, heartbeats, and the figures that only a look at all of
//! them gives.

use std::hash::Hash;

use super::form::FormId;
use super::reader::{Member, Reader, StreamState};
use super::{Fanout, Format};

/// The counts of a look at all streams, which become gauges once it is through.
#[derive(Default)]
pub(super) struct SweepCounts {
    catching_up: u64,
    lagging: u64,
    lag_max: u64,
}

impl SweepCounts {
    fn count(&mut self, catches_up: bool, lag: u64) {
        self.catching_up += u64::from(catches_up);
        self.lagging += u64::from(lag > 0);
        self.lag_max = self.lag_max.max(lag);
    }
}

/// Heartbeats of this turn.
pub(super) struct Heartbeats {
    /// The plain one of each wire form, once it was asked for.
    plain: Vec<Vec<u8>>,
    /// One that was compressed.
    compressed: Vec<u8>,
    /// `true`: some were written in this turn.
    written: bool,
}

impl Heartbeats {
    pub(super) fn new(forms: usize) -> Self {
        Self {
            plain: vec![Vec::new(); forms],
            compressed: Vec::new(),
            written: false,
        }
    }

    /// Forgets them: what is written in another turn says something newer.
    pub(super) fn forget(&mut self) {
        if std::mem::take(&mut self.written) {
            self.plain.iter_mut().for_each(Vec::clear);
        }
    }
}

/// A description of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a, K> {
    /// Its filter.
    pub key: &'a K,
    /// Its wire form.
    pub form: FormId,
    /// Events sent, live and from history; the last one perhaps in part.
    pub delivered: u64,
    /// Events that it was told it does not get, at most.
    pub missed: u32,
    /// Events between it and the newest, of all topics.
    pub lag: u64,
    /// Seconds since the last event was begun; `None`: there was none yet.
    pub last_event: Option<u32>,
    /// `true`: it reads history.
    pub catching_up: bool,
}

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Begins a look at all streams, which may take several turns.
    pub fn begin_sweep(&mut self) {
        self.sweep = SweepCounts::default();
    }

    /// Looks at one of them, which is `blocked` or not. If it was `silent` for long and has got everything, returns a
    /// heartbeat for it, to be sent between two frames: what `heartbeat` writes for its form and the first offset that
    /// is not appended.
    pub fn look(
        &mut self,
        member: Member<'_, K>,
        blocked: bool,
        silent: bool,
        heartbeat: impl FnOnce(FormId, u64, &mut Vec<u8>),
    ) -> &[u8] {
        let Member {
            reader, state, out, ..
        } = member;
        // Who neither reads history nor is blocked gets all there is in this turn or the next.
        let catches_up = reader.reads_history();
        let lag = if catches_up || blocked {
            self.lag(reader)
        } else {
            0
        };
        self.sweep.count(catches_up, lag);
        // Only to who has everything: the newest id in it would move the client's place past
        // events that it has not got.
        if !silent || blocked || !out.is_empty() || !self.is_caught_up(reader) {
            return &[];
        }
        let Some(form) = self
            .logs
            .classes
            .get(reader.class())
            .map(|class| class.form())
        else {
            return &[];
        };
        self.heartbeats.written = true;
        let plain = &mut self.heartbeats.plain[form.index()];
        if plain.is_empty() {
            heartbeat(form, self.fed, plain);
        }
        // Plain ones share the bytes and copy none.
        if !state.is_one_compressed_stream() {
            return &self.heartbeats.plain[form.index()];
        }
        let plain = std::mem::take(plain);
        let mut compressed = std::mem::take(&mut self.heartbeats.compressed);
        compressed.clear();
        self.write_heartbeat(reader, state, &plain, &mut compressed);
        self.heartbeats.plain[form.index()] = plain;
        self.heartbeats.compressed = compressed;
        &self.heartbeats.compressed
    }

    /// Ends the look at all streams.
    pub fn end_sweep(&mut self) {
        let (counters, counts) = (&self.counters, &self.sweep);
        // At the end, all of them: a reading in the middle of a sweep would show a part.
        counters.catching_up.set(counts.catching_up);
        counters.lagging.set(counts.lagging);
        counters.lag_max.set(counts.lag_max);
    }

    /// Returns whether a stream has been given everything that there is for it.
    pub fn is_caught_up(&self, reader: &Reader) -> bool {
        self.logs.is_caught_up(reader)
    }

    /// Events between a stream and the newest one, of all topics.
    pub fn lag(&self, reader: &Reader) -> u64 {
        let next = if reader.reads_history() {
            reader.cursor()
        } else if reader.reads_log() {
            self.logs.next_offset(reader).unwrap_or(self.fed)
        } else {
            self.fed
        };
        self.fed.saturating_sub(next)
    }

    /// Describes a stream.
    pub fn describe(&self, reader: &Reader, state: &StreamState<K>) -> Option<Described<'_, K>> {
        let class = self.logs.classes.get(reader.class());
        let class = class.filter(|_| reader.is_member())?;
        let last_event = state.last_event();
        Some(Described {
            key: class.key(),
            form: class.form(),
            delivered: state.delivered(),
            missed: state.missed(),
            lag: self.lag(reader),
            last_event: last_event.map(|at| self.second.saturating_sub(at)),
            catching_up: reader.reads_history(),
        })
    }
}

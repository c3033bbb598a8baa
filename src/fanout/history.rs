//! History for one stream: what its owner writes, in the stream's codec, a bounded amount a turn; and what a slow stream
//! gets instead of it.

use std::hash::Hash;

use super::deliver::Step;
use super::form::{Codec, FormId};
use super::reader::Member;
use super::slow::SlowPolicy;
use super::{Fanout, Format};

/// Bytes of history that all streams get in a turn, together; some are over it. The rest waits its turn,
/// so that what is live need not wait for it: about a millisecond.
const HISTORY_PER_TURN: u64 = 512 << 10;
/// Bytes that an event counts for that was looked at, wanted or not.
const LOOK_BYTES: u64 = 64;
/// Bytes that a byte counts for that is compressed for one stream.
const COMPRESSED_BYTES: u64 = 8;

/// The history that all streams may get in a turn.
pub(super) struct HistoryBudget(u64);

impl HistoryBudget {
    /// That of a turn which begins.
    pub(super) fn whole() -> Self {
        Self(HISTORY_PER_TURN)
    }

    fn is_spent(&self) -> bool {
        self.0 == 0
    }

    /// Takes the cost of one part: `bytes` before they are compressed.
    fn spend(&mut self, codec: Codec, bytes: usize, done: &CaughtUp) {
        let each = match codec {
            Codec::Identity => 1,
            Codec::Gzip | Codec::Brotli | Codec::Messages { .. } => COMPRESSED_BYTES,
        };
        let cost = bytes as u64 * each + u64::from(done.looked_at) * LOOK_BYTES;
        // Never free, so that a turn ends also where nothing comes of it.
        self.0 = self.0.saturating_sub(cost.max(1));
    }
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

/// A part of history to encode for one stream.
#[derive(Debug)]
pub struct CatchUp<'a, K> {
    /// The number of the stream.
    pub number: u32,
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

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Brings a stream nearer to its log, which it reads from here on if the log has what is next. Where `history` has to
    /// read elsewhere, the stream stays where it is: when it is visited again, what has come meanwhile may be in the log.
    pub(super) fn prepare_from_history(
        &mut self,
        member: Member<'_, K>,
        budget: &mut u64,
        history: impl FnMut(CatchUp<'_, K>, &mut Vec<u8>) -> Option<CaughtUp>,
    ) -> Step {
        let slow = member.reader.is_slow();
        let has_replay = member.state.has_replay();
        if (slow || has_replay) && self.history.is_spent() {
            return Step::NextTurn;
        }
        if slow {
            return self.apply_policy(member, budget, history);
        }
        if has_replay {
            return self.take_replay(member, budget, history);
        }
        let from = member.reader.cursor();
        let Some(class) = self.logs.classes.get(member.reader.class()) else {
            return Step::Cut;
        };
        let Some(log) = self.logs.forms.get(class.form()) else {
            return Step::Cut;
        };
        // In the log from here on?
        let known_from = log
            .frame_at(class.floor())
            .map_or(self.fed, |(mark, _)| mark.offset);
        if from >= known_from && from <= self.fed {
            let start = log.start_of(from);
            self.logs.begin_log(member.reader, start);
            return Step::Again;
        }
        if from > self.fed {
            self.early.wait(from, member.number);
            return Step::Soon;
        }
        if self.history.is_spent() {
            return Step::NextTurn;
        }
        self.take_history(member, HistoryMode::All, budget, history)
    }

    /// Does to a slow stream what it asked for. It stands at the start of a frame.
    fn apply_policy(
        &mut self,
        member: Member<'_, K>,
        budget: &mut u64,
        history: impl FnMut(CatchUp<'_, K>, &mut Vec<u8>) -> Option<CaughtUp>,
    ) -> Step {
        let mode = match member.state.slow_options().slow {
            SlowPolicy::CatchUp => {
                member.reader.set_slow(false);
                return Step::Again;
            }
            SlowPolicy::Disconnect => {
                member.reader.set_slow(false);
                return Step::TooSlow;
            }
            SlowPolicy::Latest => HistoryMode::Latest,
            SlowPolicy::Gap => HistoryMode::Skip,
        };
        let Member {
            number,
            reader,
            state,
            out,
        } = member;
        let step = self.take_history(
            Member {
                number,
                reader: &mut *reader,
                state,
                out,
            },
            mode,
            budget,
            history,
        );
        // What was published meanwhile is small: it comes from the log.
        if reader.cursor() >= self.fed {
            reader.set_slow(false);
        }
        step
    }

    /// Has `history` make what comes next for a stream, which reads no log, and moves the stream on.
    fn take_history(
        &mut self,
        member: Member<'_, K>,
        mode: HistoryMode,
        budget: &mut u64,
        mut history: impl FnMut(CatchUp<'_, K>, &mut Vec<u8>) -> Option<CaughtUp>,
    ) -> Step {
        let Member {
            number,
            reader,
            state,
            out,
        } = member;
        let from = reader.cursor();
        let Some(class) = self.logs.classes.get(reader.class()) else {
            return Step::Cut;
        };
        // So history is made as fast as its reader takes it, and never lies here by the megabyte.
        let max = self.limits.private_bytes.min(*budget as usize);
        let form = class.form();
        let part = CatchUp {
            number,
            key: class.key(),
            form,
            mode,
            from,
            to: self.fed,
            max,
        };
        let out = out.bytes();
        let waiting = out.len();
        let mut plain = 0;
        let done = self
            .compressors
            .write_history::<K, F, _>(form, state, out, |out| {
                let before = out.len();
                let done = history(part, out);
                plain = out.len() - before;
                done
            });
        let Some(done) = done else {
            return Step::Later;
        };
        debug_assert!(done.next >= from);
        // A quarter at least: parts in which the filter takes nothing would cost no budget and go on for ever.
        *budget = budget.saturating_sub((out.len() - waiting).max(max / 4) as u64);
        self.history.spend(F::codec(form), plain, &done);
        self.counters.looked_back.add(u64::from(done.looked_at));
        state.count_missed(done.missed);
        state.count_events(done.events, self.second);
        reader.advance(done.next);
        Step::Again
    }

    /// Encodes a part of a WebSocket's first replay.
    fn take_replay(
        &mut self,
        member: Member<'_, K>,
        budget: &mut u64,
        mut history: impl FnMut(CatchUp<'_, K>, &mut Vec<u8>) -> Option<CaughtUp>,
    ) -> Step {
        let Member {
            number,
            reader,
            state,
            out,
        } = member;
        let Some(class) = self.logs.classes.get(reader.class()) else {
            return Step::Cut;
        };
        let form = class.form();
        let Some(replay) = state.first_replay() else {
            return Step::Cut;
        };
        let max = self.limits.private_bytes.min(*budget as usize);
        let (key, from, to) = (replay.key.clone(), replay.from, replay.to);
        let out = out.bytes();
        let before = out.len();
        let mut next = from;
        if from < to {
            let mut plain = 0;
            let done = self
                .compressors
                .write_history::<K, F, _>(form, state, out, |out| {
                    let before = out.len();
                    let part = CatchUp {
                        number,
                        key: &key,
                        form,
                        mode: HistoryMode::All,
                        from,
                        to,
                        max: before + max,
                    };
                    let done = history(part, out);
                    plain = out.len() - before;
                    done
                });
            let Some(done) = done else {
                return Step::Later;
            };
            debug_assert!(done.next >= from);
            next = done.next;
            self.history.spend(F::codec(form), plain, &done);
            self.counters.looked_back.add(u64::from(done.looked_at));
            state.count_missed(done.missed);
            state.count_events(done.events, self.second);
        }
        out.append(&mut state.advance_replay(next));
        let made = out.len() - before;
        // A quarter at least: parts in which the filter takes nothing would cost no budget.
        *budget = budget.saturating_sub(made.max(max / 4) as u64);
        Step::Again
    }
}

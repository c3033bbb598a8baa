//! Which bytes a stream gets next, and what becomes of it when they are sent.

use std::hash::Hash;
use std::ops::Range;

use super::form::Codec;
use super::history::{CatchUp, CaughtUp};
use super::known::{Known, PlaceKey};
use super::log::LogName;
use super::reader::{Member, Reader, StreamState};
use super::{Fanout, Format};

/// The next thing to do for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// [`Fanout::next`] has bytes for it.
    Send,
    /// Bytes were written into its outbox, or it has moved: look again, its outbox first.
    Again,
    /// Nothing, before there is news for it.
    Wait,
    /// The event that it begins with is not appended yet: the stream is [woken](super::Readers::wake) when it is.
    Soon,
    /// The history that all streams get in a turn is used up.
    NextTurn,
    /// Its history is read elsewhere: whoever does that has it visited again once there is something.
    Later,
    /// The stream is too slow, and asked to be ended then.
    TooSlow,
    /// The stream has to be cut: the rest of the frame that it stands in cannot be kept.
    Cut,
}

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Moves a stream, for which nothing waits in its outbox, to where its next bytes are.
    ///
    /// `budget` says how many bytes it may still get in this visit: what is made for it alone is taken from that.
    /// `history` makes what no log has; `None`: that is read elsewhere, and it has the stream visited again when there is
    /// something. It is asked anew at each visit: whatever else is sent to a stream meanwhile causes one.
    pub fn prepare(
        &mut self,
        member: Member<'_, K>,
        budget: &mut u64,
        history: impl FnMut(CatchUp<'_, K>, &mut Vec<u8>) -> Option<CaughtUp>,
    ) -> Step {
        match member.reader.reads_log() {
            true => self.prepare_from_log(member, budget),
            false => self.prepare_from_history(member, budget, history),
        }
    }

    fn prepare_from_log(&mut self, member: Member<'_, K>, budget: &mut u64) -> Step {
        let key = PlaceKey::of(member.reader);
        // Members of a class stand in the same place, and come one after the other.
        if let Some(known) = self.known.found(key) {
            let slow_options = member.state.slow_options();
            if slow_options.is_too_far(known.next.start, known.log_end) {
                return again_or_cut(self.fall_behind(member));
            }
            member.reader.advance(known.next.start);
            return Step::Send;
        }
        if self.known.has_all(key) {
            return Step::Wait;
        }
        let Some(place) = self.logs.place_of(member.reader) else {
            return Step::Cut;
        };
        if place.is_lost(key.cursor) {
            return again_or_cut(self.fall_behind(member));
        }
        let Some(range) = place.next_range(key.cursor) else {
            self.known.note_all(key);
            return Step::Wait;
        };
        // Lag is looked at here alone, where something is sent: no walk over streams looks for slow ones.
        let log_end = place.log.end();
        let slow_options = member.state.slow_options();
        if slow_options.is_too_far(range.start, log_end) {
            return again_or_cut(self.fall_behind(member));
        }
        let form = place.class.form();
        if F::codec(form) == Codec::Brotli {
            return self.compress_log(member, form, range, budget);
        }
        let mut end = range.end;
        if let (LogName::Form(_), Some(entry)) = (place.name, place.class.entry()) {
            if range.start == entry.apart {
                // The keyframe is next in both logs: nothing is missed or had twice by passing.
                self.logs
                    .join_window(member.reader, member.state, entry.window);
                return Step::Again;
            }
            if range.start < entry.apart {
                // Stops in front of the keyframe, where it can pass.
                end = end.min(entry.apart);
            }
        }
        self.known.note(Known {
            key,
            name: place.name,
            next: range.start..end,
            log_end,
        });
        // Past frames of others.
        member.reader.advance(range.start);
        Step::Send
    }

    /// The next bytes of a stream that is [prepared](Self::prepare), `budget` of them at most; empty: there are none.
    ///
    /// They may end inside a frame, where the next ones go on.
    pub fn next(&self, reader: &Reader, budget: u64) -> &[u8] {
        let Some(known) = self.known.read_by(reader) else {
            return &[];
        };
        let Some(log) = self.logs.log(known.name) else {
            return &[];
        };
        let Range { start, end } = known.next;
        log.slice(start..end.min(start + budget))
    }

    /// Notes that a stream was sent the first `n` of its [next](Self::next) bytes.
    pub fn sent(&mut self, reader: &mut Reader, state: &mut StreamState<K>, n: usize) {
        let start = reader.cursor();
        let end = start + n as u64;
        let Some(name) = self.known.read_by(reader).map(|known| known.name) else {
            return;
        };
        reader.advance(end);
        if let Some(log) = self.logs.log_mut(name) {
            // By the index of the log: members ask for the same range one after the other,
            // which makes it a comparison.
            let events = log.begun_in(start..end);
            self.counters.delivered.add(events);
            state.count_events(events, self.second);
        }
        if let LogName::Form(form) = name
            && state.is_one_compressed_stream()
        {
            self.logs.digest_sent(state, form, start..end);
        }
    }
}

/// The step of a stream that had to leave its log; `kept`: the rest of the frame that it stands in was kept.
fn again_or_cut(kept: bool) -> Step {
    match kept {
        true => Step::Again,
        false => Step::Cut,
    }
}

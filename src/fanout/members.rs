//! Membership: streams join classes and leave them.

use std::hash::Hash;

use super::class::{ClassId, ClassSpec, ClosedClass};
use super::reader::{Member, Reader, Readers};
use super::slow::SlowOptions;
use super::{Fanout, Format};

/// A stream in the making.
#[derive(Debug)]
pub struct StreamStart<K> {
    /// Its class.
    pub class: ClassSpec<K>,
    /// The bytes before the first event, not compressed yet.
    pub first: Vec<u8>,
    /// The first offset wanted: the stream starts with it or, if it is gone, after a gap.
    pub from: u64,
    /// The policy for when it is slow.
    pub slow_options: SlowOptions,
}

/// The class that a stream has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The class.
    pub class: ClassId,
    /// `true`: it is its first member, so that from here on its events are to be appended.
    pub opened: bool,
}

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Begins a stream, and writes what precedes its events into its outbox.
    pub fn start(&mut self, member: Member<'_, K>, start: StreamStart<K>) -> Joined {
        let Member {
            number,
            reader,
            state,
            out,
        } = member;
        let form = start.class.form;
        // By way of history always: it passes to the log as soon as the log has what it wants next.
        let joined = self.join(number, reader, start.class, start.from);
        state.begin(start.slow_options);
        let told = start.from.saturating_sub(1);
        self.write_first(form, state, &start.first, told, out.bytes());
        joined
    }

    /// Makes a stream, which wants what comes from offset `from` on, a member of a class.
    pub(super) fn join(
        &mut self,
        number: u32,
        reader: &mut Reader,
        spec: ClassSpec<K>,
        from: u64,
    ) -> Joined {
        self.known.forget();
        // With the first stream of its form: an owner whose streams never ask for it does not pay for the log.
        let log = self.logs.forms.get_or_make(spec.form);
        let found = self.logs.classes.find(&spec.key, spec.form);
        let id = found.unwrap_or_else(|| {
            self.rounds.enter(spec.hold);
            // From the end on: nobody asked this filter about the frames that are there already.
            self.logs.classes.open(spec, log.end())
        });
        if let Some(class) = self.logs.classes.get_mut(id) {
            reader.join(id, class.add(number), from);
        }
        self.counters.streams.add(1);
        Joined {
            class: id,
            opened: found.is_none(),
        }
    }

    /// Takes a stream out of its class; returns that if it was the last one in it.
    pub fn leave(&mut self, readers: &mut impl Readers<K>, number: u32) -> Option<ClosedClass<K>> {
        let member = readers.get(number)?;
        if !member.reader.is_member() {
            return None;
        }
        if member.reader.reads_log() {
            self.logs.leave_log(member.reader, member.state);
        }
        let (id, slot) = (member.reader.class(), member.reader.slot());
        member.reader.leave();
        self.counters.streams.sub(1);
        let class = self.logs.classes.get_mut(id)?;
        if let Some(moved) = class.remove(slot) {
            if let Some(moved) = readers.get(moved) {
                moved.reader.move_to_slot(slot);
            }
            return None;
        }
        if !class.members().is_empty() {
            return None;
        }
        self.known.forget();
        let (hold, queued) = (class.hold(), class.is_queued());
        let chained = class.drop_window_log();
        self.rounds.leave(id, hold, queued);
        // No visit may come any more that would say so.
        self.note_if_all_were_visited();
        if chained {
            self.window_log_gone();
        }
        self.logs.classes.close(id)
    }

    /// Notes that a class has lost its window log: another may have one, by the same name even.
    pub(super) fn window_log_gone(&mut self) {
        self.counters.chains.sub(1);
        self.partial_frames.clear();
    }
}

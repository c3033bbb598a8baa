//! The plain list of events, and their frames in a form that says all about itself.

use std::ops::Range;

use crate::fanout::{CatchUp, CaughtUp, Codec, FormId, Format, HistoryMode};

/// The newest events of the list that history has.
const KEPT: u64 = 96;
/// Bytes before the text of a frame: what it is, the length of the text, two offsets.
pub(super) const HEAD: usize = 11;

/// Kinds of frames.
pub(super) const FIRST: u8 = b'F';
pub(super) const EVENT: u8 = b'E';
pub(super) const OVERSIZE: u8 = b'O';
pub(super) const GAP: u8 = b'G';
pub(super) const LATEST: u8 = b'L';
pub(super) const PRIVATE: u8 = b'P';
pub(super) const HEARTBEAT: u8 = b'H';
pub(super) const LAST: u8 = b'W';

/// Two plain forms and a compressed one.
pub(super) struct Forms;

impl Format for Forms {
    const FORMS: usize = 3;

    fn codec(form: FormId) -> Codec {
        match form.index() {
            2 => Codec::Gzip,
            _ => Codec::Identity,
        }
    }

    fn frame_block(_: FormId, block: &[u8], _: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(block);
    }
}

/// An event of the list; its offset is one more than its index.
#[derive(Clone, Copy)]
pub(super) struct Event {
    pub(super) topic: u8,
    pub(super) len: usize,
}

/// Everything that was ever published.
#[derive(Default)]
pub(super) struct Events(Vec<Event>);

/// Topics: who takes everything does not get the last one.
pub(super) const TOPICS: u8 = 4;
/// Keys of classes: everything; the first topic; the first two; the last one, which is reserved.
pub(super) const KEYS: usize = 4;

/// Returns whether a class takes the events of a topic.
pub(super) fn takes(key: usize, topic: u8) -> bool {
    match key {
        0 => topic + 1 < TOPICS,
        1 => topic == 0,
        2 => topic < 2,
        _ => topic + 1 == TOPICS,
    }
}

pub(super) fn frame(out: &mut Vec<u8>, kind: u8, from: u64, to: u64, text: usize) {
    out.push(kind);
    out.extend((text as u16).to_le_bytes());
    out.extend((from as u32).to_le_bytes());
    out.extend((to as u32).to_le_bytes());
    out.extend((0..text).map(|at| byte_of(from, at)));
}

/// Bytes that nothing compresses: a window log comes round as often as the others.
pub(super) fn byte_of(offset: u64, at: usize) -> u8 {
    let mixed = (offset << 20 | at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8
}

impl Events {
    pub(super) fn publish(&mut self, event: Event) -> u64 {
        self.0.push(event);
        self.0.len() as u64
    }

    /// The first offset that no event has.
    pub(super) fn end(&self) -> u64 {
        self.0.len() as u64 + 1
    }

    pub(super) fn get(&self, offset: u64) -> Option<Event> {
        self.0.get(offset.checked_sub(1)? as usize).copied()
    }

    /// The offsets of a range that a class takes.
    pub(super) fn wanted(&self, key: usize, range: Range<u64>) -> impl Iterator<Item = u64> {
        range.filter(move |offset| {
            self.get(*offset)
                .is_some_and(|event| takes(key, event.topic))
        })
    }

    /// The newest of each topic in a range that a class takes, in order.
    pub(super) fn latest(&self, key: usize, range: Range<u64>) -> Vec<u64> {
        let newest = |topic| {
            let of_topic = |offset: &u64| self.get(*offset).unwrap().topic == topic;
            self.wanted(key, range.clone()).filter(of_topic).last()
        };
        let mut newest: Vec<u64> = (0..TOPICS).filter_map(newest).collect();
        newest.sort_unstable();
        newest
    }

    pub(super) fn write(&self, offset: u64, oversize: bool, out: &mut Vec<u8>) {
        let event = self.get(offset).expect("it was published");
        match oversize {
            true => frame(out, OVERSIZE, offset, offset, 0),
            false => frame(out, EVENT, offset, offset, event.len),
        }
    }

    /// Writes history as its mode says: what is kept of it, behind a notice of what is not.
    pub(super) fn history(&self, part: &CatchUp<'_, usize>, out: &mut Vec<u8>) -> CaughtUp {
        let mut done = CaughtUp {
            next: part.to,
            events: 0,
            missed: 0,
            looked_at: 0,
        };
        match part.mode {
            HistoryMode::Skip => frame(out, GAP, part.from, part.to, 0),
            HistoryMode::Latest => {
                frame(out, LATEST, part.from, part.to, 0);
                for offset in self.latest(*part.key, part.from..part.to) {
                    self.write(offset, false, out);
                    done.events += 1;
                }
            }
            HistoryMode::All => {
                let earliest = self.end().saturating_sub(KEPT).max(1);
                let from = earliest.clamp(part.from, part.to.max(part.from));
                if from > part.from {
                    frame(out, GAP, part.from, from, 0);
                }
                for offset in self.wanted(*part.key, from..part.to) {
                    if out.len() >= part.max {
                        done.next = offset;
                        break;
                    }
                    self.write(offset, false, out);
                    done.events += 1;
                }
            }
        }
        done
    }
}

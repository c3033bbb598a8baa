//! Publishing in a hub with a journal: what is decided under the publisher's lock.

use std::ops::Range;

use smallvec::SmallVec;

use super::PublishOptions;
use super::in_flight::Entry;
use super::publisher::{Publisher, version_of};
use super::room::{RoomQueue, RoomTicket};
use super::stream_versions::{ExpectedVersion, VersionClaim};
use crate::event::{Epoch, EventRef, Position};
use crate::hub::HubPublishError;
use crate::hub::journal::{HubJournal, QueuedWork, TransactDone};
use crate::hub::shared::Shared;
use crate::hub::slot::{Slot, SlotHeader};
use crate::journal::{Durability, StateFn};
use crate::ring;

/// The terms of one publish.
#[derive(Clone, Copy)]
pub(super) struct Terms<'t> {
    pub(super) durability: Option<Durability>,
    pub(super) expected: ExpectedVersion,
    pub(super) ticket: Option<&'t RoomTicket>,
    pub(super) room: &'t RoomQueue,
    /// The safety of an event for which nobody asks for any.
    pub(super) default: Durability,
    /// The position that the first must get.
    pub(super) at: Option<Position>,
    pub(super) epoch: Epoch,
    /// A thread waits for what comes of it.
    pub(super) waits: bool,
}

impl<'t> Terms<'t> {
    pub(super) fn new(shared: &'t Shared, journal: &HubJournal, options: &PublishOptions) -> Self {
        Self {
            durability: options.durability,
            expected: options.expected,
            ticket: None,
            room: &shared.room,
            default: journal.durability(),
            at: None,
            epoch: shared.epoch,
            waits: false,
        }
    }
}

/// The events of one publish, which were checked.
pub(super) struct Events<F> {
    pub(super) len: usize,
    /// Bytes of their records, and what they may need on the heap.
    pub(super) bytes: usize,
    pub(super) heap: usize,
    /// Any of them has a stream.
    pub(super) has_streams: bool,
    pub(super) event: F,
}

/// Events that have their offsets.
pub(super) struct Staged {
    pub(super) offsets: Range<u64>,
    /// Readers see them already.
    pub(super) is_visible: bool,
    /// The driver has to look.
    pub(super) tell: bool,
}

/// A change of state that commits with the events.
pub(super) struct StagedWork {
    pub(super) state: StateFn<'static>,
    pub(super) done: TransactDone,
}

/// Gives events their offsets. Nothing is changed on errors.
pub(super) fn stage<'e, F: Fn(usize) -> EventRef<'e>>(
    publisher: &mut Publisher,
    events: &Events<F>,
    terms: &Terms<'_>,
    work: &mut Option<StagedWork>,
) -> Result<Staged, HubPublishError> {
    publisher.check()?;
    check_position(publisher, terms)?;
    let (durability, has_streams) = (durability(publisher, events, terms)?, events.has_streams);
    let is_written = durability > Durability::None;
    let next = publisher.ring.next();
    let passes = {
        let in_flight = publisher.in_flight();
        in_flight.check(is_written || work.is_some())?;
        !is_written && work.is_none() && in_flight.may_pass(next, events.len)
    };
    let claims = publisher.claim_all(events.len, terms.expected, &events.event);
    let claims = claims.map_err(|error| placed(publisher, events, terms, error))?;
    if !passes {
        let has_room = publisher
            .in_flight()
            .has_room(next, events.len, events.bytes);
        // The line first: it notes that the first in it has come when it was called, also where there is not room enough.
        if !terms.room.is_turn_of(terms.ticket) || !has_room {
            return Err(HubPublishError::Full);
        }
    }
    publisher.save_history(events.len as u64);
    publisher.make_room(events.heap);
    let streams = has_streams.then_some(&claims[..]);
    let sequences = fill(publisher, events, durability, streams)?;
    let noted = Noted {
        is_written,
        passes,
        claims: has_streams.then_some(claims),
    };
    note(publisher, events, &sequences, noted);
    let tell = match passes {
        true => show(publisher, &sequences),
        false => {
            publisher.in_flight_mut().add_bytes(events.bytes);
            true
        }
    };
    if let Some(StagedWork { state, done }) = work.take() {
        let after = sequences.end;
        let queued = QueuedWork {
            after,
            state,
            then: None,
            done,
        };
        publisher.in_flight_mut().work.push(queued);
    }
    Ok(Staged {
        offsets: sequences.start + 1..sequences.end + 1,
        is_visible: passes,
        tell,
    })
}

fn check_position(publisher: &Publisher, terms: &Terms<'_>) -> Result<(), HubPublishError> {
    let Some(got) = terms.at else {
        return Ok(());
    };
    let expected = Position {
        epoch: terms.epoch,
        offset: publisher.next_offset(),
    };
    match got == expected {
        true => Ok(()),
        false => Err(HubPublishError::Position { expected, got }),
    }
}

/// Adds to an error that the stream of the first event has another version where that comes from, while it is in flight.
#[cold]
fn placed<'e, F: Fn(usize) -> EventRef<'e>>(
    publisher: &Publisher,
    events: &Events<F>,
    terms: &Terms<'_>,
    mut error: HubPublishError,
) -> HubPublishError {
    if let HubPublishError::Version { at, .. } = &mut error
        && let (Some(streams), Some(stream)) = (&publisher.streams, (events.event)(0).stream())
    {
        let newest = publisher
            .in_flight()
            .newest_of(streams.key(stream.ty, stream.id));
        let epoch = terms.epoch;
        *at = newest.map(|offset| Position { epoch, offset });
    }
    error
}

/// Moves the barrier over events that nobody has to write. Returns whether the driver has to be told.
fn show(publisher: &mut Publisher, sequences: &Range<u64>) -> bool {
    publisher.ring.pass(sequences.end);
    let tell = publisher.in_flight_mut().pass(sequences.end);
    // What goes through the journal is marked by its driver.
    publisher.note_time((sequences.end - sequences.start) as usize);
    tell
}

/// Returns the safety of events that are published together: the greatest of what is asked for.
fn durability<'e, F: Fn(usize) -> EventRef<'e>>(
    publisher: &Publisher,
    events: &Events<F>,
    terms: &Terms<'_>,
) -> Result<Durability, HubPublishError> {
    let least = match events.has_streams {
        // What a stream lost, its versions would have: it is never in memory only.
        true => Durability::Durable,
        false => (0..events.len)
            .map(|index| {
                publisher
                    .topics
                    .durability((events.event)(index), terms.default)
            })
            .max()
            .unwrap_or(Durability::None),
    };
    match terms.durability {
        Some(asked) if asked < least => Err(HubPublishError::DurabilityBelow {
            asked,
            topic: least,
        }),
        Some(asked) => Ok(asked),
        None => Ok(least),
    }
}

/// Writes the slots. `streams` has the claims of those that have one, if any has.
fn fill<'e, F: Fn(usize) -> EventRef<'e>>(
    publisher: &mut Publisher,
    events: &Events<F>,
    durability: Durability,
    streams: Option<&[VersionClaim]>,
) -> Result<Range<u64>, HubPublishError> {
    let recorded = publisher.recorded;
    let mut heap = publisher.heap_bytes;
    let mut claims = streams.unwrap_or_default().iter();
    let has_claims = publisher.streams.is_some();
    let mut set = |index: usize, slot: &mut Slot| {
        let event = (events.event)(index);
        let version = match streams {
            None => 0,
            Some(_) if has_claims && event.stream().is_some() => {
                claims.next().map_or(0, |claim| claim.position)
            }
            Some(_) => version_of(event),
        };
        let header = SlotHeader {
            durability,
            rest: (events.len - 1 - index) as u32,
            recorded,
            version,
        };
        // A slot keeps its buffer, so the difference counts.
        heap -= slot.heap_bytes();
        slot.set(event, header);
        heap += slot.heap_bytes();
    };
    let published = if events.len == 1 {
        let one = publisher
            .ring
            .try_publish_quietly_with(|slot| slot.fill_with(Slot::new, |slot| set(0, slot)));
        match one {
            Ok(sequence) => Ok(sequence..sequence + 1),
            Err(ring::PublishError::Closed(())) => Err(HubPublishError::Closed),
            Err(_) => Err(HubPublishError::Full),
        }
    } else {
        let all = publisher
            .ring
            .try_publish_batch_quietly_with(events.len, |index, slot| {
                slot.fill_with(Slot::new, |slot| set(index, slot))
            });
        all.map_err(|error| match error {
            ring::BatchError::Closed => HubPublishError::Closed,
            ring::BatchError::TooLarge { len, capacity } => HubPublishError::TooMany {
                events: len,
                limit: capacity,
            },
            _ => HubPublishError::Full,
        })
    };
    publisher.heap_bytes = heap;
    published
}

/// The part to be kept of events that are in their slots.
struct Noted {
    is_written: bool,
    passes: bool,
    /// The versions of those that have a stream, if any has.
    claims: Option<SmallVec<[VersionClaim; 4]>>,
}

/// Keeps figures and versions of events that are in their slots, and what undoes them.
fn note<'e, F: Fn(usize) -> EventRef<'e>>(
    publisher: &mut Publisher,
    events: &Events<F>,
    sequences: &Range<u64>,
    noted: Noted,
) {
    let has_streams = noted.claims.is_some();
    let mut claims = noted.claims.unwrap_or_default().into_iter();
    for (index, sequence) in sequences.clone().enumerate() {
        let event = (events.event)(index);
        let offset = sequence + 1;
        let before = publisher.topics.count(event, offset);
        if noted.passes {
            continue;
        }
        let mut stream = None;
        if let Some(streams) = &mut publisher.streams
            && has_streams
            && event.stream().is_some()
            && let Some(claim) = claims.next()
        {
            stream = Some((claim.key, streams.take(claim)));
        }
        let topic = event.topic_hash();
        publisher.in_flight_mut().enter(Entry {
            offset,
            topic,
            before,
            stream,
            is_written: noted.is_written,
        });
    }
}

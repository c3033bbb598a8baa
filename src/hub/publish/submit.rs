//! Publishing with settings: what decides whether a publish waits, and for what.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::batch;
use super::publisher::heap_bytes;
use super::single::{check_size, wake};
use super::stage::{Events, Staged, StagedWork, Terms, stage};
use super::{Outcome, PublishOptions, RoomTicket};
use crate::deadline;
use crate::event::{EventRef, Position, StreamName};
use crate::hub::HubPublishError;
use crate::hub::journal::{HubJournal, TransactError};
use crate::hub::publish::in_flight::Condition;
use crate::hub::shared::Shared;
use crate::hub::wait::{Parker, is_committing};
use crate::journal::{Durability, StateError, StateFn};
use crate::ring::Notify;

/// Events that are published at once, and where they must stand.
pub(in crate::hub) struct Publish<F> {
    pub(in crate::hub) len: usize,
    pub(in crate::hub) event: F,
    pub(in crate::hub) options: PublishOptions,
    /// The position that the first must get.
    pub(in crate::hub) at: Option<Position>,
    pub(in crate::hub) state: Option<StateFn<'static>>,
    /// Its streams were looked up before, or it has none.
    pub(in crate::hub) are_streams_known: bool,
}

impl<'e, F: Fn(usize) -> EventRef<'e>> Publish<F> {
    pub(in crate::hub) fn new(len: usize, event: F, options: &PublishOptions) -> Self {
        Self {
            len,
            event,
            options: *options,
            at: None,
            state: None,
            are_streams_known: false,
        }
    }

    /// Publishes and waits for what comes of it.
    pub(in crate::hub) fn wait(self, shared: &Arc<Shared>) -> Result<Range<u64>, HubPublishError> {
        let Some(journal) = &shared.journal else {
            return self.in_memory(shared);
        };
        if is_committing() {
            return Err(HubPublishError::WouldBlock);
        }
        let change = self.state.is_some().then(Change::new);
        let work = self.state.zip(change.clone());
        let mut work = work.map(|(state, change)| StagedWork {
            state,
            done: Box::new(move |result| change.tell(result)),
        });
        let events = checked(shared, self.len, self.event)?;
        load_streams(shared, &events)?;
        let terms = Terms {
            at: self.at,
            waits: true,
            ..Terms::new(shared, journal, &self.options)
        };
        let timeout = self.options.timeout;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let staged = match try_stage(shared, journal, &events, &terms, &mut work) {
            Err(HubPublishError::Full) => {
                wait_for_room(shared, journal, &events, &terms, &mut work, deadline)?
            }
            staged => staged?,
        };
        let offsets = staged.offsets;
        if staged.is_visible {
            return Ok(offsets);
        }
        match timeout {
            // Nobody has to be back before the disk is.
            None => journal.lead(shared, || outcome(shared, &offsets).is_some()),
            Some(_) => journal.tell(),
        }
        let outcome = wait_outcome(shared, &offsets, deadline);
        let first = (events.len > 0).then(|| (events.event)(0));
        settled(shared, journal, outcome, &offsets, first)?;
        // Readers may see the events before it is told what came of the change.
        let Some(change) = change else {
            return Ok(offsets);
        };
        let position = shared.position(offsets.start);
        match change.wait(deadline, journal.settings().commit_timeout) {
            Some(Ok(())) => Ok(offsets),
            Some(Err(error)) => Err(HubPublishError::State {
                position,
                error: match error {
                    TransactError::State(error) => error,
                    other => StateError::Journal(other.to_string()),
                },
            }),
            None => Err(HubPublishError::TimedOut { position }),
        }
    }

    /// Publishes without waiting.
    pub(in crate::hub) fn submit(
        self,
        shared: &Shared,
        ticket: Option<&RoomTicket>,
    ) -> Result<Range<u64>, HubPublishError> {
        let Some(journal) = &shared.journal else {
            return self.in_memory(shared);
        };
        let mut work = self.state.map(|state| StagedWork {
            state,
            done: Box::new(drop),
        });
        let events = checked(shared, self.len, self.event)?;
        if !self.are_streams_known {
            load_streams(shared, &events)?;
        }
        let terms = Terms {
            at: self.at,
            ticket,
            ..Terms::new(shared, journal, &self.options)
        };
        let staged = try_stage(shared, journal, &events, &terms, &mut work)?;
        if !staged.is_visible {
            journal.tell();
        }
        Ok(staged.offsets)
    }

    fn in_memory(self, shared: &Shared) -> Result<Range<u64>, HubPublishError> {
        if self.options.durability > Some(Durability::None) {
            return Err(HubPublishError::DurabilityUnavailable);
        }
        if self.state.is_some() {
            return Err(HubPublishError::NoJournal);
        }
        batch::many(shared, self.len, self.options.expected, self.event)
    }
}

/// The result of a change of state, for which a publisher waits.
#[derive(Clone)]
struct Change {
    result: Arc<Mutex<Option<Result<(), TransactError>>>>,
    parker: Arc<Parker>,
}

impl Change {
    fn new() -> Self {
        Self {
            result: Arc::default(),
            parker: Parker::new(),
        }
    }

    fn tell(&self, result: Result<(), TransactError>) {
        *self.result.lock() = Some(result);
        self.parker.notify();
    }

    /// Waits for it, no longer than the journal may be silent.
    fn wait(
        &self,
        deadline: Option<Instant>,
        silence: Duration,
    ) -> Option<Result<(), TransactError>> {
        let longest = deadline::after(Instant::now(), silence);
        let until = deadline.map_or(longest, |deadline| deadline.min(longest));
        self.parker.park(Some(until));
        self.result.lock().take()
    }
}

/// Checks events against the limits, outside the lock.
fn checked<'e, F: Fn(usize) -> EventRef<'e>>(
    shared: &Shared,
    len: usize,
    event: F,
) -> Result<Events<F>, HubPublishError> {
    let limit = shared.batch_events_max();
    if len > limit {
        return Err(HubPublishError::TooMany { events: len, limit });
    }
    let (mut bytes, mut heap, mut has_streams) = (0, 0, false);
    for index in 0..len {
        let event = event(index);
        let checked = check_size(&shared.limits, event);
        match len {
            1 => checked?,
            _ => checked.map_err(|error| error.with_index(index))?,
        }
        bytes += event.record().len();
        heap += heap_bytes(event);
        has_streams |= event.stream().is_some();
    }
    let limit = shared.batch_bytes_max();
    // One event has a limit of its own.
    if len > 1 && bytes > limit {
        return Err(HubPublishError::TooLarge { bytes, limit });
    }
    Ok(Events {
        len,
        bytes,
        heap,
        has_streams,
        event,
    })
}

/// Takes over the versions that the journal has of streams that the hub does not know yet. Outside the lock, since it may
/// read the disk; whoever publishes on one meanwhile has looked as well, and its version stays. So a stream that is unknown
/// under the lock behind this has no event.
fn load_streams<'e, F: Fn(usize) -> EventRef<'e>>(
    shared: &Shared,
    events: &Events<F>,
) -> Result<(), HubPublishError> {
    if !events.has_streams {
        return Ok(());
    }
    let streams = (0..events.len).filter_map(|index| (events.event)(index).stream());
    for (key, stream) in unknown_streams(shared, streams)? {
        load_stream(shared, key, stream.ty, stream.id)?;
    }
    Ok(())
}

/// Returns the streams that the hub does not know and the journal may, by their keys, each once.
pub(in crate::hub) fn unknown_streams<'e>(
    shared: &Shared,
    streams: impl Iterator<Item = StreamName<'e>>,
) -> Result<SmallVec<[(u64, StreamName<'e>); 4]>, HubPublishError> {
    if shared.read_side.journal().is_none() {
        return Ok(SmallVec::new());
    }
    let publisher = shared.publisher.lock();
    publisher.check()?;
    let known = publisher.streams.as_ref();
    Ok(known.map_or_else(SmallVec::new, |known| known.unknown(streams)))
}

/// Takes over the version that the journal has of a stream.
pub(in crate::hub) fn load_stream(
    shared: &Shared,
    key: u64,
    ty: &str,
    id: &str,
) -> Result<(), HubPublishError> {
    let Some(reads) = shared.read_side.journal() else {
        return Ok(());
    };
    let found = reads.stream_version(ty, id);
    let found = found.map_err(|error| HubPublishError::Unavailable {
        reason: error.to_string(),
    })?;
    let mut publisher = shared.publisher.lock();
    match (found, &mut publisher.streams) {
        (Some(version), Some(streams)) => streams.load(key, version),
        _ => Ok(()),
    }
}

/// Gives events their offsets, and wakes for those that readers see already.
fn try_stage<'e, F: Fn(usize) -> EventRef<'e>>(
    shared: &Shared,
    journal: &HubJournal,
    events: &Events<F>,
    terms: &Terms<'_>,
    work: &mut Option<StagedWork>,
) -> Result<Staged, HubPublishError> {
    let mut publisher = shared.publisher.lock();
    // Before the events can be seen: a receiver that wakes meanwhile must not take them for judged.
    let guard = shared.wake_router.guard(publisher.next_sequence());
    let staged = stage(&mut publisher, events, terms, work);
    // Looked at inside the lock, as in `Shared::release`.
    let is_visible = matches!(&staged, Ok(staged) if staged.is_visible);
    if terms.waits && staged.is_ok() && !is_visible {
        journal.arrive();
    }
    let has_sleepers = is_visible && shared.ring.has_downstream_sleepers();
    drop(publisher);
    let staged = match staged {
        // The ring may be full of what is visible already, of which the driver knows nothing yet.
        Err(HubPublishError::Full) => {
            journal.tell();
            return Err(HubPublishError::Full);
        }
        staged => staged?,
    };
    if !is_visible {
        return Ok(staged);
    }
    if staged.tell {
        journal.tell();
    }
    if has_sleepers {
        shared.ring.wake_downstream();
    }
    if let Some(guard) = guard {
        wake(guard, staged.offsets.clone(), &events.event);
    }
    Ok(staged)
}

/// Waits in line until there is room.
fn wait_for_room<'e, F: Fn(usize) -> EventRef<'e>>(
    shared: &Arc<Shared>,
    journal: &HubJournal,
    events: &Events<F>,
    terms: &Terms<'_>,
    work: &mut Option<StagedWork>,
    deadline: Option<Instant>,
) -> Result<Staged, HubPublishError> {
    let longest = deadline::after(Instant::now(), journal.settings().publish_timeout);
    let deadline = deadline.map_or(longest, |deadline| deadline.min(longest));
    let parker = Parker::new();
    let ticket = RoomTicket::join(shared, parker.clone());
    let terms = Terms {
        ticket: Some(&ticket),
        ..*terms
    };
    loop {
        match try_stage(shared, journal, events, &terms, work) {
            Err(HubPublishError::Full) => {}
            staged => return staged,
        }
        if !parker.park(Some(deadline)) {
            return Err(HubPublishError::Full);
        }
    }
}

/// Returns what has come of a publish, as far as it is known.
pub(in crate::hub) fn outcome(shared: &Shared, offsets: &Range<u64>) -> Option<Outcome> {
    let visible = || shared.ring.visible();
    let Some(journal) = &shared.journal else {
        return (offsets.end <= visible() + 1).then_some(Outcome::Visible);
    };
    if let Some(outcome) = journal.voids().outcome(offsets, visible) {
        return Some(outcome);
    }
    let is_stuck = || {
        let publisher = shared.publisher.lock();
        matches!(publisher.in_flight().condition(), Condition::Stuck(_))
    };
    (journal.stalled().is_some() || is_stuck()).then_some(Outcome::Indeterminate)
}

/// Waits for the outcome of a publish.
pub(in crate::hub) fn wait_outcome(
    shared: &Shared,
    offsets: &Range<u64>,
    deadline: Option<Instant>,
) -> Outcome {
    let known = outcome(shared, offsets);
    let (None, Some(journal)) = (known, &shared.journal) else {
        return known.unwrap_or(Outcome::Timeout);
    };
    let parker = Parker::new();
    let notify: Arc<dyn Notify> = parker.clone();
    loop {
        // An offset is one more than its sequence.
        let end = offsets.end.saturating_sub(1);
        journal.completions().add(end, notify.clone());
        if let Some(outcome) = outcome(shared, offsets) {
            journal.completions().remove(&notify);
            return outcome;
        }
        // A commit that hangs wakes nobody.
        let stalls = journal.stalls_at();
        parker.park(Some(
            deadline.map_or(stalls, |deadline| deadline.min(stalls)),
        ));
        journal.completions().remove(&notify);
        if let Some(outcome) = outcome(shared, offsets) {
            return outcome;
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Outcome::Timeout;
        }
    }
}

/// Says what an outcome means to whoever published.
pub(super) fn settled(
    shared: &Shared,
    journal: &HubJournal,
    outcome: Outcome,
    offsets: &Range<u64>,
    first: Option<EventRef<'_>>,
) -> Result<(), HubPublishError> {
    let position = shared.position(offsets.start);
    match outcome {
        Outcome::Visible => Ok(()),
        Outcome::Timeout => Err(HubPublishError::TimedOut { position }),
        Outcome::Indeterminate => Err(HubPublishError::Indeterminate {
            position,
            id: first.map_or_else(String::new, |event| event.id().to_owned()),
        }),
        Outcome::NoSpace => Err(HubPublishError::NoSpace),
        Outcome::Aborted => {
            let error = journal.voids().find(offsets);
            Err(HubPublishError::Aborted {
                reason: error.map_or_else(String::new, |error| error.reason),
            })
        }
    }
}

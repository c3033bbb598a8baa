//! The driver of a hub's journal: one round after the other, by whoever has it.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::handle::TransactError;
use super::hub_journal::HubJournal;
use super::plan::{Gathering, Plan};
use super::work::{FinishedWork, QueuedWork, Then, Truncation, failed, outcome};
use crate::deadline;
use crate::hub::publish::Condition;
use crate::hub::shared::Shared;
use crate::hub::slot::Slot;
use crate::hub::topics;
use crate::hub::wait::{Committing, PublishGuard, Woken, notify_all};
use crate::journal::{
    CANNOT_TRUNCATE, CommitError, CommitFailure, CommitRound, Journal, StateError, StateWork,
    TopicPolicy,
};
use crate::ring::{self, Upstream};

/// Offsets that are reserved at once for events that are not written.
const RESERVED_STEP: u64 = 1 << 20;
/// The first wait before a journal that is full is tried again, and the longest.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// After so long without events that are not written, nothing is reserved for them any more.
const RESERVED_IDLE: Duration = Duration::from_secs(10);

/// The journal and its place in the ring. Behind one lock, which is taken before the publisher's, and held while a round is
/// written: nobody waits for it who holds the publisher's.
pub(super) struct Driver {
    journal: Box<dyn Journal>,
    upstream: Upstream<Slot>,
    /// Sequences before it are committed, or were passed by their publishers.
    written: u64,
    /// Offsets below it that were given up are kept as such by the journal.
    kept_holes: u64,
    /// The failure that lasts.
    failure: Option<CommitError>,
    /// The time at which a journal that is full is tried again.
    probe: Option<Retry>,
    /// The time at which offsets are asked to be reserved again, without which nothing goes on.
    stuck: Option<Retry>,
    /// The number of events that were shown without being written when that last changed, and the time at which it did.
    shown: (u64, Instant),
    gathering: Gathering,
}

/// The time at which something that failed is tried again.
struct Retry {
    at: Instant,
    wait: Duration,
}

impl Retry {
    fn first() -> Self {
        Self {
            at: deadline::after(Instant::now(), RETRY_FIRST),
            wait: RETRY_FIRST,
        }
    }

    /// Waits twice as long as the last time.
    fn after(last: Option<Self>) -> Self {
        let Some(last) = last else {
            return Self::first();
        };
        let wait = (last.wait * 2).min(RETRY_MAX);
        Self {
            at: deadline::after(Instant::now(), wait),
            wait,
        }
    }
}

/// The news to tell when the driver's lock is released.
#[derive(Default)]
pub(super) struct After {
    /// Readers see more, or a publish will never be seen.
    moved: bool,
    /// Everybody who waits for an outcome has to look: none may come.
    all: bool,
    told: Vec<FinishedWork>,
    woken: Woken,
}

/// The part of a round that readers are shown.
struct Shown {
    range: Range<u64>,
    /// Bytes of its records.
    bytes: usize,
    /// Events in it that are not written.
    unwritten: u64,
    reserved: u64,
    recorded: i64,
}

/// The state in which a round begins.
struct Begin {
    range: Range<u64>,
    reserved: u64,
    renew: bool,
    work: Vec<QueuedWork>,
    /// The gate has moved.
    followed: bool,
}

impl Driver {
    pub(super) fn new(journal: Box<dyn Journal>, upstream: Upstream<Slot>) -> Self {
        Self {
            journal,
            written: upstream.position(),
            upstream,
            kept_holes: 0,
            failure: None,
            probe: None,
            stuck: None,
            shown: (0, Instant::now()),
            gathering: Gathering::default(),
        }
    }

    /// Runs one round; `None`: there was nothing to do.
    pub(super) fn round(&mut self, shared: &Shared, hub: &HubJournal) -> Option<After> {
        // What failed is not tried again by everybody who comes by. Asked once: the clock goes on.
        let is_waiting = self.is_waiting();
        let began = Instant::now();
        self.gathering.wait(|| hub.arrived(), || began.elapsed());
        let begin = self.begin(shared, hub, is_waiting);
        let is_idle = begin.range.is_empty() && begin.work.is_empty() && !begin.renew;
        if is_waiting || is_idle {
            // Who waits for room may find it where the gate was.
            return begin.followed.then(After::moved);
        }
        let now = topics::now();
        let recorded = shared.times.lock().time(now);
        let range = begin.range.clone();
        let plan = Plan::of(&self.upstream, range.clone(), self.written, recorded);
        // Changes are made in the order in which they were asked for: one that has to wait holds those up behind it.
        let mut work = begin.work;
        let waiting = work.iter().position(|one| one.after > plan.to);
        let later = work.split_off(waiting.unwrap_or(work.len()));
        if !later.is_empty() {
            let mut publisher = shared.publisher.lock();
            // Before what came meanwhile.
            publisher.in_flight_mut().work.splice(0..0, later);
        }
        let Plan {
            events,
            written_bytes,
            to,
            bytes,
            flush,
            shown,
            unwritten,
            ..
        } = plan;
        shared.times.lock().mark(to, now);
        let mut after = After::default();
        if !events.is_empty() || !work.is_empty() {
            let (states, dones): (Vec<_>, Vec<_>) = work
                .into_iter()
                .map(|one| (StateWork::new(one.state), (one.then, one.done)))
                .unzip();
            // A change of state has nobody who asks how safe it is to be: it is as safe as can be.
            let flush = flush || !states.is_empty();
            let count = events.len();
            let mut round = CommitRound {
                events,
                flush,
                work: states,
                // Else they were known in this run only: after a restart they were passed without a word.
                holes: hub.voids().holes(&(self.kept_holes..to + 1)),
            };
            let committed = commit(&mut *self.journal, &mut round, hub);
            let outcomes: Vec<_> = round.work.drain(..).map(outcome).collect();
            drop(round);
            match committed {
                Ok(took) => {
                    self.kept_holes = to + 1;
                    self.gathering.end(took, hub.arrived());
                    hub.counters().count(took, count, written_bytes);
                    for ((then, done), outcome) in dones.into_iter().zip(outcomes) {
                        let outcome = match then {
                            Some(then) if outcome.is_ok() => self.ask(shared, hub, &then),
                            _ => outcome,
                        };
                        after.told.push(FinishedWork::new(done, outcome));
                    }
                }
                Err(error) => {
                    let result = failed(&error);
                    let told = dones.into_iter();
                    after
                        .told
                        .extend(told.map(|(_, done)| FinishedWork::new(done, Err(result.clone()))));
                    self.fail(shared, hub, range.start, error, &mut after);
                    return Some(after);
                }
            }
        }
        self.written = self.written.max(to);
        let mut reserved = begin.reserved;
        // Behind what is committed nothing needs it; before the next one is asked for it is too late.
        let needs = unwritten > 0 && unwritten >= reserved;
        if needs || begin.renew {
            let below = to.max(unwritten) + 1 + RESERVED_STEP;
            match reserve(&mut *self.journal, below, hub) {
                Ok(()) => reserved = below,
                Err(error) if needs => {
                    self.stick(shared, hub, to, &error);
                    after.all = true;
                    return Some(after);
                }
                // What is reserved still lasts; it is asked for again when it is used up.
                Err(_) => shared.publisher.lock().in_flight_mut().give_up_renewing(),
            }
        }
        if self.stuck.take().is_some() {
            hub.set_stuck(None);
        }
        let shown = Shown {
            range: range.start..to,
            bytes,
            unwritten: shown,
            reserved,
            recorded,
        };
        self.show(shared, shown, &mut after);
        Some(after)
    }

    /// Asks something of the journal, beside rounds.
    pub(super) fn ask(
        &mut self,
        shared: &Shared,
        hub: &HubJournal,
        then: &Then,
    ) -> Result<(), TransactError> {
        match then {
            Then::SetTopic { topic, policy } => {
                // A journal that panics there keeps the topic as it likes, and says what is wrong when it is written to.
                let taken = call(hub, || self.journal.set_topic(topic, policy)).unwrap_or(Ok(()));
                hub.note_taken(topic, taken.is_ok());
                taken.map_err(|reason| TransactError::State(StateError::Refused(reason)))
            }
            Then::Truncate(truncation) => self.truncate(shared, hub, truncation),
        }
    }

    /// Deletes events of a topic: in the journal, then wherever else readers find them.
    fn truncate(
        &mut self,
        shared: &Shared,
        hub: &HubJournal,
        truncation: &Truncation,
    ) -> Result<(), TransactError> {
        let Truncation {
            topic,
            below,
            streams,
            with_topic,
        } = truncation;
        // First: what cannot be hidden is not deleted.
        let mut cursor = shared
            .ring
            .subscribe(ring::Start::Oldest)
            .map_err(|_| TransactError::Aborted("the hub takes no more readers".to_owned()))?;
        if *with_topic {
            // One of that name that comes later has no bounds of this one's.
            let policy = TopicPolicy::default();
            call(hub, || self.journal.set_topic(topic, &policy).ok());
            hub.note_taken(topic, true);
        }
        let truncated = call(hub, || self.journal.truncate(topic, *below, *streams));
        match truncated.unwrap_or_else(panicked) {
            Ok(()) => {}
            // Its topic is deleted all the same. Others say why they could not.
            Err(error) if *with_topic && error.reason == CANNOT_TRUNCATE => return Ok(()),
            Err(error) => return Err(failed(&error)),
        }
        topics::delete_below(shared, &mut cursor, topic, *below, *streams);
        if let Some(reads) = shared.read_side.journal() {
            reads.forget();
        }
        Ok(())
    }

    /// Looks at what there is, and follows what publishers have shown themselves.
    fn begin(&mut self, shared: &Shared, hub: &HubJournal, is_waiting: bool) -> Begin {
        let mut begin = {
            let mut publisher = shared.publisher.lock();
            self.gathering.take(hub.arrived());
            let head = publisher.next_sequence();
            let in_flight = publisher.in_flight_mut();
            in_flight.driver_looked();
            Begin {
                range: in_flight.visible()..head,
                reserved: in_flight.reserved(),
                renew: in_flight.is_half_used(),
                work: match is_waiting {
                    true => Vec::new(),
                    false => std::mem::take(&mut in_flight.work),
                },
                followed: false,
            }
        };
        begin.followed = self.follow(begin.range.start);
        begin
    }

    /// Moves the gate up to what readers see; returns whether it was behind.
    fn follow(&mut self, visible: u64) -> bool {
        let is_behind = self.upstream.position() < visible;
        if is_behind {
            // Not above head, and not below where it stands.
            let _ = self.upstream.seek(visible);
            self.upstream.move_gate(visible);
            self.written = self.written.max(visible);
        }
        is_behind
    }

    /// Shows a range to readers.
    fn show(&mut self, shared: &Shared, shown: Shown, after: &mut After) {
        let Shown {
            range,
            bytes,
            unwritten,
            reserved,
            recorded,
        } = shown;
        let guard = {
            let mut publisher = shared.publisher.lock();
            let mut guard = None;
            // Without events, publishers have gone on by themselves since the round began: what they have shown stands.
            if !range.is_empty() {
                // Before they can be seen, as with a publish.
                guard = shared.wake_router.guard(range.start);
                shared.ring.raise_barrier(range.end);
                publisher.note_recorded(recorded);
                let in_flight = publisher.in_flight_mut();
                in_flight.settle(range.end, bytes);
                in_flight.note_shown(unwritten);
            }
            let in_flight = publisher.in_flight_mut();
            if reserved > in_flight.reserved() {
                in_flight.set_reserved(reserved, in_flight.visible());
            }
            if !matches!(in_flight.condition(), Condition::Writable) {
                in_flight.set_condition(self.condition());
            }
            guard
        };
        after.moved = true;
        if let Some(guard) = guard {
            self.judge(&guard, range.clone(), &mut after.woken);
        }
        // The gate last: what is judged must not be written over.
        self.follow(range.end);
    }

    /// Finds out who sleeps for what is shown.
    fn judge(&self, guard: &PublishGuard<'_>, range: Range<u64>, woken: &mut Woken) {
        for (sequence, slot) in self.upstream.peek(range) {
            if let Some(event) = slot.event() {
                guard.wake_for(sequence, event, woken);
            }
        }
    }

    /// Gives up everything in flight that was to be written. The next round passes it.
    fn fail(
        &mut self,
        shared: &Shared,
        hub: &HubJournal,
        from: u64,
        error: CommitError,
        after: &mut After,
    ) {
        match error.failure {
            CommitFailure::Aborted => {}
            CommitFailure::NoSpace => {
                self.failure = Some(error.clone());
                // One that is set stays: changes that are tried meanwhile must not put it off.
                self.probe.get_or_insert_with(Retry::first);
            }
            _ => self.failure = Some(error.clone()),
        }
        let result = failed(&error);
        let mut publisher = shared.publisher.lock();
        let head = publisher.next_sequence();
        // All of it, also what came behind the round: it follows from what is void now, or would fail as well.
        let offsets = publisher.undo_in_flight();
        for (sequence, slot) in self.upstream.peek(from..head) {
            if offsets.binary_search(&(sequence + 1)).is_ok() {
                slot.make_void();
            }
        }
        for run in runs(&offsets) {
            hub.voids().add(run, &error);
        }
        let in_flight = publisher.in_flight_mut();
        let work = std::mem::take(&mut in_flight.work);
        let told = work.into_iter();
        after
            .told
            .extend(told.map(|one| FinishedWork::new(one.done, Err(result.clone()))));
        in_flight.set_condition(self.condition());
        drop(publisher);
        after.moved = true;
    }

    /// Events that are not written cannot be passed: its offsets might be given out again. What is committed up to a sequence stays
    /// so.
    fn stick(&mut self, shared: &Shared, hub: &HubJournal, committed: u64, error: &CommitError) {
        hub.set_stuck(Some(error.clone()));
        self.stuck = Some(Retry::after(self.stuck.take()));
        let reason = error.reason.as_str().into();
        let mut publisher = shared.publisher.lock();
        let in_flight = publisher.in_flight_mut();
        in_flight.keep(committed);
        in_flight.set_condition(Condition::Stuck(reason));
    }

    fn condition(&self) -> Condition {
        match &self.failure {
            None => Condition::Writable,
            Some(error) if error.failure == CommitFailure::Poisoned => {
                Condition::Broken(error.reason.as_str().into())
            }
            Some(_) => Condition::Full,
        }
    }

    /// Returns whether something failed that is not to be tried again yet.
    fn is_waiting(&self) -> bool {
        let stuck = self.stuck.as_ref();
        stuck.is_some_and(|retry| retry.at > Instant::now())
    }

    /// Does what is due beside rounds. Returns until when the thread may sleep.
    pub(super) fn maintain(&mut self, shared: &Shared, hub: &HubJournal) -> Option<Instant> {
        let now = Instant::now();
        self.probe(shared, hub, now);
        self.lower_reserved(shared, hub, now);
        let due = call(hub, || self.journal.maintain(now));
        let due = due.flatten().map(|due| now + due);
        let retries = [&self.probe, &self.stuck].map(|retry| retry.as_ref().map(|retry| retry.at));
        let reserved = shared.publisher.lock().in_flight().reserved();
        let idle = (reserved > 0).then(|| self.shown.1 + RESERVED_IDLE);
        let times = [due, idle].into_iter().chain(retries);
        times.flatten().min()
    }

    /// Tries whether there is space again.
    fn probe(&mut self, shared: &Shared, hub: &HubJournal, now: Instant) {
        if self.probe.as_ref().is_none_or(|retry| retry.at > now) {
            return;
        }
        let probe = self.probe.take();
        let mut round = CommitRound {
            flush: true,
            ..CommitRound::default()
        };
        match commit(&mut *self.journal, &mut round, hub) {
            Ok(_) => self.failure = None,
            Err(error) => {
                if error.failure != CommitFailure::Poisoned {
                    self.probe = Some(Retry::after(probe));
                }
                self.failure = Some(error);
            }
        }
        // What is stuck goes on when it has what it waits for.
        if self.stuck.is_none() {
            let condition = self.condition();
            let mut publisher = shared.publisher.lock();
            publisher.in_flight_mut().set_condition(condition);
        }
    }

    /// Takes a reservation back that nobody uses, so that a crash is not told as a loss of what never was.
    fn lower_reserved(&mut self, shared: &Shared, hub: &HubJournal, now: Instant) {
        let next = {
            let mut publisher = shared.publisher.lock();
            let next = publisher.next_offset();
            let in_flight = publisher.in_flight_mut();
            if in_flight.passed_ever() != self.shown.0 {
                self.shown = (in_flight.passed_ever(), now);
            }
            if in_flight.reserved() == 0 || self.shown.1 + RESERVED_IDLE > now {
                return;
            }
            // From here on nothing is shown that is not written, before it is reserved again.
            in_flight.set_reserved(0, next);
            next
        };
        // Where it fails more is reserved than need be.
        let _ = reserve(&mut *self.journal, next, hub);
    }

    /// Flushes and closes the journal, once everything is settled.
    pub(super) fn close(mut self, shared: &Shared, hub: &HubJournal) -> Upstream<Slot> {
        let next = shared.ring.head() + 1;
        if shared.publisher.lock().in_flight().reserved() > next {
            let _ = reserve(&mut *self.journal, next, hub);
        }
        match call(hub, || self.journal.close()) {
            Some(Ok(())) => {}
            Some(Err(error)) => hub.set_unclosed(error.to_string()),
            None => hub.set_unclosed("the journal panicked".to_owned()),
        }
        self.upstream
    }
}

impl After {
    fn moved() -> Self {
        Self {
            moved: true,
            ..Self::default()
        }
    }

    /// Tells everybody: publishers, who waits for room, cursors, receivers. To be called without a lock.
    pub(super) fn tell(self, shared: &Shared, hub: &HubJournal) {
        if self.all {
            hub.completions().wake(u64::MAX);
        } else if self.moved {
            hub.completions().wake(shared.ring.visible());
        }
        self.told.into_iter().for_each(FinishedWork::tell);
        // Also where nothing moves any more: who waits for room is refused then.
        if self.all || self.moved {
            shared.room.notify_first();
        }
        if self.moved && shared.ring.has_downstream_sleepers() {
            shared.ring.wake_downstream();
        }
        notify_all(&self.woken);
    }
}

/// Writes a round, and returns how long it took.
fn commit(
    journal: &mut dyn Journal,
    round: &mut CommitRound<'_>,
    hub: &HubJournal,
) -> Result<Duration, CommitError> {
    let began = Instant::now();
    let committed = call(hub, || journal.commit(round));
    hub.count_commit();
    committed.unwrap_or_else(panicked).map(|()| began.elapsed())
}

/// Has offsets below one reserved.
fn reserve(journal: &mut dyn Journal, below: u64, hub: &HubJournal) -> Result<(), CommitError> {
    call(hub, || journal.reserve(below)).unwrap_or_else(panicked)
}

fn panicked() -> Result<(), CommitError> {
    Err(CommitError::new(
        CommitFailure::Poisoned,
        "the journal panicked",
    ))
}

/// Calls the journal, which may hang, and panic: then there is nothing.
fn call<R>(hub: &HubJournal, call: impl FnOnce() -> R) -> Option<R> {
    let _committing = Committing::begin();
    hub.call_begins(Instant::now());
    let called = catch_unwind(AssertUnwindSafe(call));
    hub.call_ends();
    match called {
        Ok(called) => Some(called),
        Err(panic) => {
            // The panic hook has told, and its payload may panic again when it is dropped.
            std::mem::forget(panic);
            None
        }
    }
}

/// Returns the runs of offsets, which ascend.
fn runs(offsets: &[u64]) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for offset in offsets.iter().copied() {
        match runs.last_mut() {
            Some(run) if run.end == offset => run.end += 1,
            _ => runs.push(offset..offset + 1),
        }
    }
    runs
}

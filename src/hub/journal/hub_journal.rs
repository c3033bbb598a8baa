//! The journal of a hub, shared by its handles and the thread that drives it.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::counters::CommitCounters;
use super::driver::Driver;
use super::handle::{TransactDone, TransactError};
use super::settings::JournalSettings;
use super::turn::Turn;
use super::voids::Voids;
use super::work::{FinishedWork, QueuedWork, Then, Transaction, Truncation, WORK_MAX};
use crate::deadline;
use crate::hub::publish::{Condition, Publisher};
use crate::hub::shared::Shared;
use crate::hub::slot::Slot;
#[cfg(feature = "async")]
use crate::hub::wait::Alarms;
use crate::hub::wait::{Committing, Completions, is_committing};
use crate::journal::{
    CommitError, CommitFailure, Durability, Journal, JournalState, JournalView, StateFn,
    TopicPolicy,
};
use crate::ring::Upstream;

/// The interval at which the journal is looked after while publishers commit themselves, and the line of those who wait for
/// room. No longer than what is buffered may stay unflushed, 20 ms: so it is found before it is due.
const TEND: Duration = Duration::from_millis(20);

/// The journal of a hub.
pub(in crate::hub) struct HubJournal {
    turn: Turn<Driver>,
    view: Arc<dyn JournalView>,
    settings: JournalSettings,
    completions: Completions,
    /// For tasks that wait: whom a call that hangs would wake never.
    #[cfg(feature = "async")]
    alarms: Alarms,
    /// Also asked by those who read the journal.
    voids: Arc<Voids>,
    counters: CommitCounters,
    made: Instant,
    /// The time at which the call of the journal that runs began, microseconds after `made` and 1 more; 0: none runs.
    began: AtomicU64,
    /// Commits in all: by it the thread sees whether there were any.
    commits: AtomicU64,
    /// Publishers that wait for what comes of a publish, all that ever did. Changed under the publisher's lock.
    arrived: AtomicU64,
    /// The thread looks after the journal by itself within [`TEND`]: nobody has to wake it for that.
    is_tended: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    is_finished: Mutex<bool>,
    finished: Condvar,
    /// Closing has waited in vain: whoever waits for more is told that nothing comes.
    is_given_up: AtomicBool,
    /// The failure of the reservation without which nothing goes on, while that is so. Locked behind all others.
    stuck: Mutex<Option<CommitError>>,
    /// The reason for which the journal could not be closed in order.
    unclosed: OnceLock<String>,
    /// Topics to whose settings the journal does not keep. Locked behind all others.
    not_taken: Mutex<BTreeSet<String>>,
}

impl HubJournal {
    pub(in crate::hub) fn new(
        journal: Box<dyn Journal>,
        upstream: Upstream<Slot>,
        settings: JournalSettings,
    ) -> Self {
        Self {
            view: journal.view(),
            turn: Turn::new(Driver::new(journal, upstream)),
            settings,
            completions: Completions::default(),
            #[cfg(feature = "async")]
            alarms: Alarms::default(),
            voids: Arc::default(),
            counters: CommitCounters::new(),
            made: Instant::now(),
            began: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            is_tended: AtomicBool::new(false),
            thread: Mutex::new(None),
            is_finished: Mutex::new(false),
            finished: Condvar::new(),
            is_given_up: AtomicBool::new(false),
            stuck: Mutex::new(None),
            unclosed: OnceLock::new(),
            not_taken: Mutex::default(),
        }
    }

    // -- What it is asked

    pub(in crate::hub) fn view(&self) -> &Arc<dyn JournalView> {
        &self.view
    }

    pub(in crate::hub) fn settings(&self) -> &JournalSettings {
        &self.settings
    }

    /// Returns what the journal says of itself, unless its hub knows of worse.
    pub(in crate::hub) fn state(&self) -> JournalState {
        let state = self.view.state();
        if matches!(
            state,
            JournalState::Full { .. } | JournalState::Poisoned { .. }
        ) {
            return state;
        }
        if let Some(reason) = self.unclosed.get() {
            let reason = reason.clone();
            return JournalState::Poisoned { reason };
        }
        match (&*self.stuck.lock(), state) {
            (Some(error), JournalState::Writable | JournalState::HeldByOther { .. }) => {
                let reason = error.reason.clone();
                match error.failure {
                    CommitFailure::Poisoned => JournalState::Poisoned { reason },
                    _ => JournalState::Full { reason },
                }
            }
            (_, state) => state,
        }
    }

    pub(in crate::hub) fn durability(&self) -> Durability {
        self.settings.durability.unwrap_or(Durability::Durable)
    }

    pub(in crate::hub) fn counters(&self) -> &CommitCounters {
        &self.counters
    }

    pub(in crate::hub) fn voids(&self) -> &Arc<Voids> {
        &self.voids
    }

    pub(in crate::hub) fn completions(&self) -> &Completions {
        &self.completions
    }

    #[cfg(feature = "async")]
    pub(in crate::hub) fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// Returns how long the commit that runs takes already, or whatever else the journal does, if that is too long.
    pub(in crate::hub) fn stalled(&self) -> Option<Duration> {
        // Relaxed: a time, which orders nothing.
        let began = self.began.load(Ordering::Relaxed).checked_sub(1)?;
        let took = self
            .made
            .elapsed()
            .saturating_sub(Duration::from_micros(began));
        (took >= self.settings.commit_timeout).then_some(took)
    }

    /// Returns the time at which the call that runs will count as stalled, or one that would begin now.
    pub(in crate::hub) fn stalls_at(&self) -> Instant {
        let began = self.began.load(Ordering::Relaxed).checked_sub(1);
        let began = began.map_or_else(Instant::now, |micros| {
            deadline::after(self.made, Duration::from_micros(micros))
        });
        deadline::after(began, self.settings.commit_timeout)
    }

    /// Notes that the journal is called: whatever it does, a commit waits for it.
    pub(super) fn call_begins(&self, now: Instant) {
        let since = now.saturating_duration_since(self.made).as_micros() as u64;
        self.began.store(since + 1, Ordering::Relaxed);
    }

    pub(super) fn call_ends(&self) {
        self.began.store(0, Ordering::Relaxed);
    }

    pub(super) fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a publisher waits for what it has published. To be called under the publisher's lock.
    pub(in crate::hub) fn arrive(&self) {
        // Relaxed, here and below: exact under the lock, and outside it an estimate of who is still to come.
        let arrived = self.arrived.load(Ordering::Relaxed) + 1;
        self.arrived.store(arrived, Ordering::Relaxed);
    }

    pub(super) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// Notes whether the journal keeps to the settings of a topic.
    pub(super) fn note_taken(&self, topic: &str, is_taken: bool) {
        let mut not_taken = self.not_taken.lock();
        match is_taken {
            true => not_taken.remove(topic),
            false => not_taken.insert(topic.to_owned()),
        };
    }

    /// Returns the number of topics to whose settings the journal does not keep, and one of them.
    #[cfg(feature = "gateway")]
    pub(super) fn not_taken(&self) -> (usize, Option<String>) {
        let not_taken = self.not_taken.lock();
        (not_taken.len(), not_taken.first().cloned())
    }

    /// Tells the journal what is kept of a topic. Before it is [started](Self::start): later that goes with a change.
    pub(in crate::hub) fn set_topic(&self, shared: &Shared, topic: &str, policy: TopicPolicy) {
        let then = Then::SetTopic {
            topic: topic.to_owned(),
            policy,
        };
        if let Some(driver) = self.turn.driver().as_mut() {
            // What it does not take is noted.
            let _ = driver.ask(shared, self, &then);
        }
    }

    // -- Driving it

    /// Starts the thread that drives it.
    pub(in crate::hub) fn start(&self, shared: &Arc<Shared>) -> io::Result<()> {
        let shared = shared.clone();
        let builder = thread::Builder::new().name("eventring-journal".into());
        let thread = builder.spawn(move || {
            // Whatever runs here must not wait for what only runs here.
            let _committing = Committing::begin();
            if let Some(journal) = &shared.journal {
                journal.run(&shared);
            }
        })?;
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    fn run(&self, shared: &Shared) {
        let mut tended = 0;
        loop {
            while self.round(shared) {}
            if self.is_done(shared) {
                return self.finish(shared, true);
            }
            if self.is_hopeless(shared) {
                return self.finish(shared, false);
            }
            let mut until = {
                let mut driver = self.turn.driver();
                driver
                    .as_mut()
                    .and_then(|driver| driver.maintain(shared, self))
            };
            // Whoever is called and does not come must not hold the others up.
            let has_line = shared.room.pass_over();
            // As long as others commit it comes back by itself: they would wake it for each commit otherwise.
            let commits = self.commits.load(Ordering::Relaxed);
            let soon = deadline::after(Instant::now(), TEND);
            if std::mem::replace(&mut tended, commits) != commits || has_line {
                until = Some(until.map_or(soon, |until| until.min(soon)));
            }
            let is_tended = until.is_some_and(|until| until <= soon);
            // Relaxed, as `commits`: who leads counts its commit, takes the publisher's lock and looks at this then; here it is
            // the other way round. Who takes that lock second finds what the other has left.
            self.is_tended.store(is_tended, Ordering::Relaxed);
            self.turn.sleep(until, || {
                self.has_more(shared)
                    || !is_tended && self.commits.load(Ordering::Relaxed) != tended
            });
        }
    }

    /// Runs a round, once nobody else does; `false`: there was nothing to do.
    fn round(&self, shared: &Shared) -> bool {
        self.turn.round(
            |driver| driver.round(shared, self),
            |after| after.tell(shared, self),
        )
    }

    /// Returns whether something was published that the driver has not seen to.
    fn has_more(&self, shared: &Shared) -> bool {
        let publisher = shared.publisher.lock();
        let in_flight = publisher.in_flight();
        let is_pending =
            publisher.next_sequence() > in_flight.visible() || !in_flight.work.is_empty();
        is_pending && !matches!(in_flight.condition(), Condition::Stuck(_))
    }

    /// Runs rounds on the thread of a publisher that waits for one, if nobody else does: that saves it two changes of
    /// threads. Until `is_enough`, or somebody else has the driver.
    pub(in crate::hub) fn lead(&self, shared: &Shared, is_enough: impl Fn() -> bool) {
        self.turn.lead(
            is_enough,
            |driver| driver.round(shared, self),
            |after| after.tell(shared, self),
            // The journal has to be looked after now and then, also where there is nothing to write.
            || self.has_more(shared) || !self.is_tended.swap(true, Ordering::Relaxed),
        );
    }

    /// Wakes the thread for something that was published.
    pub(in crate::hub) fn tell(&self) {
        self.turn.tell();
    }

    // -- Its end

    /// Returns whether nothing more will come, and everything that came is settled.
    fn is_done(&self, shared: &Shared) -> bool {
        let publisher = shared.publisher.lock();
        let in_flight = publisher.in_flight();
        publisher.is_closed()
            && publisher.next_sequence() == in_flight.visible()
            && in_flight.work.is_empty()
    }

    /// Notes that what has to be reserved was not, or that it was.
    pub(super) fn set_stuck(&self, error: Option<CommitError>) {
        *self.stuck.lock() = error;
    }

    /// Notes that the journal was not closed in order.
    pub(super) fn set_unclosed(&self, reason: String) {
        // It is closed once.
        let _ = self.unclosed.set(reason);
    }

    /// Returns whether nothing more will come, and what came will never be settled.
    fn is_hopeless(&self, shared: &Shared) -> bool {
        let publisher = shared.publisher.lock();
        let is_stuck = matches!(publisher.in_flight().condition(), Condition::Stuck(_));
        let stuck = self.stuck.lock();
        let is_lost = matches!(&*stuck, Some(error) if error.failure == CommitFailure::Poisoned);
        publisher.is_closed() && is_stuck && is_lost
    }

    /// Ends it, with everything settled or not.
    fn finish(&self, shared: &Shared, is_settled: bool) {
        let driver = self.turn.driver().take();
        if let Some(driver) = driver {
            let upstream = driver.close(shared, self);
            match is_settled {
                true => upstream.finish(),
                false => self.abandon(shared, upstream),
            }
        }
        shared.ended();
        *self.is_finished.lock() = true;
        self.finished.notify_all();
    }

    /// Gives up what is in flight: readers are told that nothing comes, and changes of state that they are not committed.
    fn abandon(&self, shared: &Shared, upstream: Upstream<Slot>) {
        // Before anybody is woken, or he would look, find nothing and sleep again.
        self.is_given_up.store(true, Ordering::Release);
        drop(upstream);
        let work = std::mem::take(&mut shared.publisher.lock().in_flight_mut().work);
        for one in work {
            FinishedWork::new(one.done, Err(TransactError::Closed)).tell();
        }
        self.completions.wake(u64::MAX);
        shared.room.notify_first();
    }

    /// Returns whether closing has waited in vain for what is in flight.
    pub(in crate::hub) fn is_given_up(&self) -> bool {
        // Acquire: pairs with the Release in `wait_finished`. Who is woken by it, or falls asleep behind it, sees it.
        self.is_given_up.load(Ordering::Acquire)
    }

    /// Waits until everything is flushed and the journal closed, as long as a commit may take; then receivers are told that
    /// the hub is closed, whatever is still in flight.
    pub(in crate::hub) fn wait_finished(&self, shared: &Shared) {
        self.turn.tell();
        // On the thread that would have to do it there is nothing to wait for.
        if is_committing() {
            return;
        }
        // A hub that could not be built: nobody but us is there, and nothing is in flight.
        if self.thread.lock().is_none() && !*self.is_finished.lock() {
            return self.finish(shared, true);
        }
        let deadline = deadline::after(Instant::now(), self.settings.commit_timeout);
        let mut is_finished = self.is_finished.lock();
        while !*is_finished {
            if self
                .finished
                .wait_until(&mut is_finished, deadline)
                .timed_out()
            {
                drop(is_finished);
                // Before they are woken, or they would look, find nothing and sleep again.
                self.is_given_up.store(true, Ordering::Release);
                return shared.ended();
            }
        }
        drop(is_finished);
        if let Some(thread) = self.thread.lock().take() {
            // It panics nowhere: what is not ours is caught.
            let _ = thread.join();
        }
    }

    // -- State

    /// Commits a change of state, and waits for it.
    pub(in crate::hub) fn transact(
        &self,
        shared: &Shared,
        state: StateFn<'static>,
    ) -> Result<(), TransactError> {
        let (transaction, done) = Transaction::begin()?;
        self.queue_alone(shared, state, None, done)?;
        self.wait(&transaction)
    }

    /// Waits for a change of state that is queued.
    pub(in crate::hub) fn wait(&self, transaction: &Transaction) -> Result<(), TransactError> {
        let Transaction { result, parker } = transaction;
        // Not on this thread, which is to be back in time also where the disk hangs.
        self.tell();
        loop {
            let until = deadline::after(Instant::now(), self.settings.commit_timeout);
            let came = parker.park(Some(until));
            if let Some(outcome) = result.lock().take() {
                return outcome;
            }
            if !came {
                return Err(TransactError::TimedOut);
            }
        }
    }

    pub(in crate::hub) fn submit_transact(
        &self,
        shared: &Shared,
        state: StateFn<'static>,
        done: TransactDone,
    ) -> Result<(), TransactError> {
        self.queue_alone(shared, state, None, done)?;
        self.tell();
        Ok(())
    }

    /// Deletes events, and waits until they are gone.
    pub(in crate::hub) fn truncate(
        &self,
        shared: &Shared,
        truncation: Truncation,
    ) -> Result<(), TransactError> {
        let (transaction, done) = Transaction::begin()?;
        let then = Some(Then::Truncate(truncation));
        self.queue_alone(shared, Box::new(|_| Ok(())), then, done)?;
        self.wait(&transaction)
    }

    /// Has events deleted, without waiting.
    pub(in crate::hub) fn submit_truncate(
        &self,
        shared: &Shared,
        truncation: Truncation,
        done: TransactDone,
    ) -> Result<(), TransactError> {
        let then = Some(Then::Truncate(truncation));
        self.queue_alone(shared, Box::new(|_| Ok(())), then, done)?;
        self.tell();
        Ok(())
    }

    fn queue_alone(
        &self,
        shared: &Shared,
        state: StateFn<'static>,
        then: Option<Then>,
        done: TransactDone,
    ) -> Result<(), TransactError> {
        let mut work = Some(QueuedWork::alone(state, done).then(then));
        // What is left of it is foreign code: it goes when the lock is released.
        queue(&mut shared.publisher.lock(), &mut work)
    }
}

/// Queues a change of state behind all that were queued before, and takes it, unless it is refused.
pub(in crate::hub) fn queue(
    publisher: &mut Publisher,
    work: &mut Option<QueuedWork>,
) -> Result<(), TransactError> {
    if publisher.is_closed() {
        return Err(TransactError::Closed);
    }
    let in_flight = publisher.in_flight_mut();
    match in_flight.condition() {
        // Where events find no room a change may: it is what makes room, as a deletion does, or lets go of what is held.
        Condition::Writable | Condition::Full => {}
        Condition::Broken(reason) | Condition::Stuck(reason) => {
            return Err(TransactError::Unavailable(reason.to_string()));
        }
    }
    if in_flight.work.len() >= WORK_MAX {
        return Err(TransactError::Full);
    }
    in_flight.work.extend(work.take());
    Ok(())
}

impl fmt::Debug for HubJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubJournal").finish_non_exhaustive()
    }
}

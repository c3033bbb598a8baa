//! A hub's journal as the program sees it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;

use super::histogram::Histogram;
use super::hub_journal::HubJournal;
use super::work::Truncation;
use crate::event::{Position, topic};
use crate::hub::shared::Shared;
use crate::hub::topics::{self, TopicConfig, TopicsError};
#[cfg(feature = "gateway")]
use crate::hub::wait::is_committing;
use crate::journal::{
    Durability, Hole, JournalState, JournalStats, JournalView, StateError, StateFn, StateTx, holds,
};

/// The journal of a hub: its figures, its readers, and state that commits in it. See
/// [`Hub::journal`](crate::hub::Hub::journal).
#[derive(Clone, Copy)]
pub struct JournalHandle<'h> {
    shared: &'h Shared,
    journal: &'h HubJournal,
}

/// Called once with what came of a change of state, on the thread that committed it, without a lock: it should be short.
pub type TransactDone = Box<dyn FnOnce(Result<(), TransactError>) + Send>;

/// Says why a change of state was not committed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransactError {
    /// The change refused, failed or panicked.
    #[error(transparent)]
    State(#[from] StateError),
    /// The commit failed, and nothing of it is there.
    #[error("not committed: {0}")]
    Aborted(String),
    /// The commit failed, and it may be there after a restart.
    #[error("not known to be committed: {0}")]
    Indeterminate(String),
    /// The disk is full.
    #[error("no space is left")]
    NoSpace,
    /// The journal takes nothing any more.
    #[error("the journal takes nothing: {0}")]
    Unavailable(String),
    /// As many changes wait as may.
    #[error("too many changes wait")]
    Full,
    /// The journal has not answered in time: it may still be committed.
    #[error("the journal has not answered in time")]
    TimedOut,
    /// The journal's own thread would wait for itself.
    #[error("the journal's thread cannot wait for itself")]
    WouldBlock,
    /// The hub is closed.
    #[error("the hub is closed")]
    Closed,
}

impl<'h> JournalHandle<'h> {
    pub(in crate::hub) fn new(shared: &'h Shared, journal: &'h HubJournal) -> Self {
        Self { shared, journal }
    }

    /// Returns what any thread may ask of the journal: readers, figures, its state.
    pub fn view(&self) -> &'h Arc<dyn JournalView> {
        self.journal.view()
    }

    /// Returns its figures.
    pub fn stats(&self) -> JournalStats {
        self.journal.view().stats()
    }

    /// Returns what it is able to do: what it says of itself, or that the hub cannot go on with it, or could not close it.
    pub fn state(&self) -> JournalState {
        self.journal.state()
    }

    /// Returns how long the commit that is running takes already, if that is longer than
    /// [`commit_timeout`](crate::hub::HubBuilder::commit_timeout): the journal is stalled, and the hub is not ready.
    pub fn stalled(&self) -> Option<Duration> {
        self.journal.stalled()
    }

    /// Returns what was given up within some offsets since the hub began, ascending, 4,096 ranges at most: offsets that readers
    /// pass, and that hold nothing.
    pub fn voids(&self, offsets: &Range<u64>) -> Vec<Hole> {
        self.journal.voids().holes(offsets)
    }

    /// Returns the safety that an event has whose topic and publish ask for none: that of
    /// [`HubBuilder::durability`](crate::hub::HubBuilder::durability).
    pub fn durability(&self) -> Durability {
        self.journal.durability()
    }

    /// Commits a change of state, and waits for it.
    ///
    /// It runs once, on the thread that commits: it should take less than 1 ms. It gets no hub, and publishes nothing.
    ///
    /// # Errors
    ///
    /// [`TransactError`].
    pub fn transact(
        &self,
        state: impl FnOnce(&mut dyn StateTx) -> Result<(), StateError> + Send + 'static,
    ) -> Result<(), TransactError> {
        self.journal.transact(self.shared, Box::new(state))
    }

    /// Has a change of state committed, without waiting: `done` is called with what comes of it.
    ///
    /// # Errors
    ///
    /// [`TransactError`]: it does not run then, and `done` is not called.
    pub fn submit_transact(
        &self,
        state: StateFn<'static>,
        done: TransactDone,
    ) -> Result<(), TransactError> {
        self.journal.submit_transact(self.shared, state, done)
    }

    /// Keeps whatever stands at a position or behind it from going by retention, for somebody of that name who needs it still;
    /// once more moves it. Waits until that is kept. It holds for seven days after it was set last, and no more than half of the
    /// bytes that the journal may have: then it is cut, which is counted. What is [deleted](Self::truncate) goes all the same.
    ///
    /// Who moves it together with state of its own uses [`holds`] in a [`transact`](Self::transact).
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::journal::{MemoryJournal, MemoryLog};
    /// use eventring::{Event, Hub};
    ///
    /// let log = MemoryLog::default();
    /// let hub = Hub::builder().journal(MemoryJournal::open(&log)).build()?;
    /// let first = hub.publish(Event::builder("orders", "t").build()?)?;
    /// let journal = hub.journal().expect("it has one");
    /// journal.hold("billing", first)?;
    /// assert_eq!(journal.release_hold("billing"), Ok(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TransactError::State`] for a name that is empty or longer than 255 bytes, more than 1,024 holds, a position of
    /// another log; else what becomes of the commit.
    pub fn hold(&self, name: &str, position: Position) -> Result<(), TransactError> {
        self.check_epoch(position)?;
        let (name, now) = (name.to_owned(), topics::now().div_euclid(1_000_000));
        self.transact(move |state| holds::set(state, &name, position.offset, now))
    }

    /// Lets go of what was [held](Self::hold), and waits until that is kept; returns whether there was such a hold.
    ///
    /// # Errors
    ///
    /// [`TransactError`].
    pub fn release_hold(&self, name: &str) -> Result<bool, TransactError> {
        let (name, was_there) = (name.to_owned(), Arc::new(AtomicBool::new(false)));
        let told = was_there.clone();
        self.transact(move |state| {
            // Relaxed, here and below: whoever waits for the commit is told of it by a lock.
            told.store(holds::remove(state, &name)?, Ordering::Relaxed);
            Ok(())
        })?;
        Ok(was_there.load(Ordering::Relaxed))
    }

    /// Deletes the events of a topic before a position, those with a stream only if `streams`, and waits until that is
    /// kept. Who reads from then on finds them nowhere: neither in the journal nor in the ring, nor among what the topic keeps.
    /// Nobody is told, since somebody asked for it. What a reader was handed stays its own, as do events that it has
    /// read ahead. Their bytes are overwritten later.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::hub::StartFrom;
    /// use eventring::journal::{MemoryJournal, MemoryLog};
    /// use eventring::{Event, Hub, Subscription};
    ///
    /// let log = MemoryLog::default();
    /// let hub = Hub::builder().journal(MemoryJournal::open(&log)).build()?;
    /// let event = Event::builder("orders", "t").build()?;
    /// hub.publish(&event)?;
    /// let second = hub.publish(&event)?;
    /// hub.journal().expect("it has one").truncate("orders", second, false)?;
    /// let all = Subscription::topic("orders").start(StartFrom::Beginning);
    /// assert_eq!(hub.subscribe(all)?.recv()?.position, second);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TransactError::State`] for a name that is none, a position of another log or behind the event that comes next;
    /// [`Aborted`](TransactError::Aborted) from a journal that deletes nothing; else what becomes of the commit.
    pub fn truncate(
        &self,
        topic: &str,
        before: Position,
        streams: bool,
    ) -> Result<(), TransactError> {
        let truncation = self.truncation(topic, before, streams)?;
        self.journal.truncate(self.shared, truncation)
    }

    /// Has events deleted as [`truncate`](Self::truncate) does, without waiting: `done` is called once they are gone.
    ///
    /// # Errors
    ///
    /// As there; `done` is not called.
    pub fn submit_truncate(
        &self,
        topic: &str,
        before: Position,
        streams: bool,
        done: TransactDone,
    ) -> Result<(), TransactError> {
        let truncation = self.truncation(topic, before, streams)?;
        self.journal.submit_truncate(self.shared, truncation, done)
    }

    fn truncation(
        &self,
        topic: &str,
        before: Position,
        streams: bool,
    ) -> Result<Truncation, TransactError> {
        let refused = |reason: String| TransactError::State(StateError::Refused(reason));
        topic::validate(topic).map_err(|error| refused(format!("not a topic name: {error}")))?;
        self.check_epoch(before)?;
        let next = self.shared.position(self.shared.ring.visible() + 1);
        if before.offset > next.offset {
            let reason = format!("{before} is behind {next}, which comes next");
            return Err(refused(reason));
        }
        Ok(Truncation {
            topic: topic.to_owned(),
            below: before.offset,
            streams,
            with_topic: false,
        })
    }

    fn check_epoch(&self, position: Position) -> Result<(), TransactError> {
        let epoch = self.shared.epoch;
        if position.epoch == epoch {
            return Ok(());
        }
        let reason = format!("{position} is of another log than this one ({epoch})");
        Err(TransactError::State(StateError::Refused(reason)))
    }

    /// Returns the number of topics to whose settings the journal does not keep, and one of them.
    #[cfg(feature = "gateway")]
    pub(crate) fn not_taken(&self) -> (usize, Option<String>) {
        self.journal.not_taken()
    }

    /// Returns whether this thread commits now, so that it must not wait for a commit.
    #[cfg(feature = "gateway")]
    pub(crate) fn is_committing(&self) -> bool {
        is_committing()
    }

    /// Settles a topic as [`Hub::set_topic`](crate::hub::Hub::set_topic) does, or deletes it where there is no config,
    /// without waiting: the settings are in force when this returns, and `done` is called once they are kept.
    ///
    /// # Errors
    ///
    /// [`TopicsError`]: nothing is changed, but for [`NotKept`](TopicsError::NotKept); `done` is not called.
    pub fn submit_topic(
        &self,
        name: &str,
        config: Option<TopicConfig>,
        done: TransactDone,
    ) -> Result<(), TopicsError> {
        topics::submit(self.shared, name, config.as_ref(), done)?;
        self.journal.tell();
        Ok(())
    }

    /// Returns the bytes of the records that are published and that readers may not see yet.
    /// [`in_flight_bytes`](crate::hub::HubBuilder::in_flight_bytes) bounds them.
    pub fn in_flight_bytes(&self) -> usize {
        self.shared.publisher.lock().in_flight().bytes()
    }

    /// Returns how long commits took, seconds.
    pub fn commit_seconds(&self) -> Histogram {
        self.journal.counters().seconds()
    }

    /// Returns how many events commits wrote.
    pub fn commit_events(&self) -> Histogram {
        self.journal.counters().events()
    }

    /// Returns how many bytes of records commits wrote.
    pub fn commit_bytes(&self) -> Histogram {
        self.journal.counters().bytes()
    }
}

impl fmt::Debug for JournalHandle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalHandle")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

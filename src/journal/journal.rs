//! What a hub writes to, and what any thread may ask of it meanwhile.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{CommitError, CommitFailure, JournalError};
use super::reader::{Hole, JournalReader};
use super::retention::TopicPolicy;
use super::round::CommitRound;
use crate::event::{Epoch, Filter};

/// Keeps the events of a hub, in the order of their offsets.
///
/// A hub calls it from one thread at a time. [`contract`](super::contract) has the tests that every journal must pass.
pub trait Journal: Send {
    /// Returns what was found when it was opened.
    fn recovered(&self) -> &Recovered;

    /// Returns what any thread may ask of it, while a round is being written too.
    fn view(&self) -> Arc<dyn JournalView>;

    /// Promises that no offset below `below` is ever given out again, after whatever crash: for events that are shown
    /// without being written, and for ranges that were given up. A lower number than before takes back what was not used;
    /// offsets that are committed are never given out again anyway.
    ///
    /// # Errors
    ///
    /// The promise could not be kept: nothing may be shown that needs it.
    fn reserve(&mut self, below: u64) -> Result<(), CommitError>;

    /// Writes a round in one transaction: all of its events, and of its [`StateWork`](super::StateWork) what succeeds, or
    /// nothing. Events come in ascending order of their offsets; offsets may be missing (events that are not kept).
    ///
    /// A closure that fails or panics is undone alone, and its outcome is its caller's.
    ///
    /// # Errors
    ///
    /// Nothing of the round counts: [`CommitError::failure`] says whether it may still be there after a restart.
    fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError>;

    /// Does what is due beside commits (flushing what was [buffered](super::Durability::Buffered), merging, checkpoints),
    /// a bounded amount. Returns how long it has time until the next call; `None`: nothing is due before the next commit.
    fn maintain(&mut self, now: Instant) -> Option<Duration>;

    /// Sets what is kept of a topic. A hub says it of every kept topic that has a policy when it starts, and of one whose policy
    /// changes. A journal that keeps everything ignores it.
    ///
    /// # Errors
    ///
    /// The reason for which it does not keep to all of the policy, for people: it keeps more than that.
    fn set_topic(&mut self, topic: &str, policy: &TopicPolicy) -> Result<(), String> {
        let _ = (topic, policy);
        Ok(())
    }

    /// Deletes the events of a topic below an offset: no reader is handed them any more once this returns, after a restart
    /// neither, and nobody is told, since somebody asked for it. Those with a stream stay, unless `streams`.
    ///
    /// # Errors
    ///
    /// Nothing was deleted. A journal that does not delete says so.
    fn truncate(&mut self, topic: &str, below: u64, streams: bool) -> Result<(), CommitError> {
        let _ = (topic, below, streams);
        Err(CommitError::new(CommitFailure::Aborted, CANNOT_TRUNCATE))
    }

    /// Flushes and closes it. It is not used any more. Its view is [`Closed`](JournalState::Closed) from then on, unless
    /// this failed.
    ///
    /// # Errors
    ///
    /// What was committed stays as safe as it was; what was [buffered](super::Durability::Buffered) may go with the power.
    fn close(&mut self) -> Result<(), JournalError>;
}

/// The words of a journal that does not delete.
pub(crate) const CANNOT_TRUNCATE: &str = "this journal does not truncate";

/// A view of a journal for any thread, while a round is being written too.
pub trait JournalView: Send + Sync + fmt::Debug {
    /// Opens a reader, which sees what is committed.
    ///
    /// # Errors
    ///
    /// See [`JournalError`].
    fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError>;

    /// Returns its figures. Cheap: it is asked at every scrape.
    fn stats(&self) -> JournalStats;

    /// Returns what it is able to do.
    fn state(&self) -> JournalState;

    /// Returns whether it would take what [`Journal::set_topic`] says of a topic: a hub asks before it changes anything. Cheap.
    ///
    /// # Errors
    ///
    /// The reason for which it would not, for people.
    fn takes_topic(&self, topic: &str, policy: &TopicPolicy) -> Result<(), String> {
        let _ = (topic, policy);
        Ok(())
    }

    /// Returns the offset below which events of the topics of a filter may have gone by bounds; 0: none. Whoever asks for
    /// all that is left is not told of these. Default: [`JournalStats::floor`].
    fn retained_below(&self, filter: &Filter) -> u64 {
        let _ = filter;
        self.stats().floor
    }
}

/// The state in which a journal was found when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// The identity of its log, made with it.
    pub epoch: Epoch,
    /// The offset of the last event that it has; 0: none.
    pub last: u64,
    /// The first offset to give out: above [`last`](Self::last), and above whatever was reserved or shown.
    pub next: u64,
    /// The time at which the last event was taken, milliseconds since 1970: what is taken next is not before it.
    pub recorded: i64,
    /// Ranges that are missing and have to be told to whoever resumes before them.
    pub holes: Vec<Hole>,
    /// Closed in order, and not ended by a crash.
    pub clean: bool,
}

impl Recovered {
    /// Describes a new log.
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            last: 0,
            next: 1,
            recorded: 0,
            holes: Vec::new(),
            clean: true,
        }
    }
}

/// The state of a journal: what it is able to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalState {
    /// Taking events.
    #[default]
    Writable,
    /// Taking events; it cannot shorten its log since another process reads it.
    HeldByOther {
        /// The other one, for people.
        reason: String,
    },
    /// There is no space. It is tried again; reading goes on.
    Full {
        /// The system's words.
        reason: String,
    },
    /// A flush or write failed. Nothing is written any more in this process; reading goes on.
    Poisoned {
        /// The system's words.
        reason: String,
    },
    /// Closed.
    Closed,
}

/// The figures of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalStats {
    /// The offset of the oldest event that it has; the next one to be published where there is none.
    pub oldest: u64,
    /// The time at which that was taken, milliseconds since 1970; 0: there is none.
    pub oldest_recorded: i64,
    /// The offset of the last event that is committed.
    pub last: u64,
    /// Events that it has, about.
    pub events: u64,
    /// Bytes on the disk in use, about, its log of writes included.
    pub bytes: u64,
    /// Bytes of its log of writes (SQLite's WAL).
    pub wal_bytes: u64,
    /// Commits so far in this process.
    pub commits: u64,
    /// Flushes to the disk so far in this process.
    pub flushes: u64,
    /// Times that small rows were joined into a larger one, so far in this process.
    pub merges: u64,
    /// Times that the log of writes was copied into the database, so far in this process.
    pub checkpoints: u64,
    /// Damage that was met so far in this process, by chunk.
    pub damaged: u64,
    /// The offset below which events went by the bounds of the journal in all; 0: none has. Those with a stream live on.
    pub floor: u64,
    /// Events that retention, truncation and compaction have removed so far in this process.
    pub removed_events: u64,
    /// Bytes of events that they have removed.
    pub removed_bytes: u64,
    /// The clock has jumped: no event goes by its age until it was steady for an hour.
    pub is_age_suspended: bool,
    /// Holds that were cut so far in this process, since they held for too long or too much.
    pub holds_cut: u64,
    /// Rows that compaction has read so far in this process, beside reading each once when it was new.
    pub compaction_rows: u64,
    /// Passes of compaction so far in this process over what is new alone, since reading a whole topic cost too much: older events of
    /// a key may have stayed, and so have events without data. More keys in memory make them rarer.
    pub compaction_parts: u64,
}

//! Errors: one small enum per operation.

use thiserror::Error;

use crate::event::{Epoch, EventError, FilterErrors, Position};
use crate::journal::{Durability, StateError};
use crate::ring;

use crate::hub::publish::ExpectedVersion;
use crate::hub::subscribe::GapReason;

/// Says why a hub could not be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubError {
    /// The capacity is 0, or more than memory can hold.
    #[error("{0}")]
    Capacity(ring::RingError),
    /// `ring_bytes` is too small to be meant.
    #[error("ring_bytes: {given} is below the least of {least}")]
    RingBytes {
        /// Bytes asked for.
        given: usize,
        /// The least there can be.
        least: usize,
    },
    /// `in_flight` or `in_flight_bytes` is too small to be meant.
    #[error("in_flight: below the least of {events_least} events and {bytes_least} bytes")]
    InFlight {
        /// The least events there can be.
        events_least: usize,
        /// The least bytes there can be.
        bytes_least: usize,
    },
    /// A durability that needs a journal, and no journal.
    #[error("durability: a hub without a journal has none")]
    NoJournal,
    /// The journal of the builder belongs to the hub that was built first.
    #[error("journal: another hub has it")]
    JournalTaken,
    /// The ring, the journal's thread, or what the journal keeps of the hub could not be had.
    #[error("journal: {reason}")]
    Journal {
        /// The reason.
        reason: String,
    },
}

/// Says why nothing was published.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubPublishError {
    /// The hub is closed.
    #[error("the hub is closed")]
    Closed,
    /// An event breaks the hub's limits or is not an event.
    #[error(transparent)]
    Invalid(#[from] EventError),
    /// A batch of too many events.
    #[error("{events} events in a batch is over the limit of {limit}")]
    TooMany {
        /// Events in the batch.
        events: usize,
        /// Half the hub's capacity.
        limit: usize,
    },
    /// A batch of too many bytes.
    #[error("{bytes} bytes in a batch is over the limit of {limit}")]
    TooLarge {
        /// Bytes of the batch's records.
        bytes: usize,
        /// Half the hub's `ring_bytes`.
        limit: usize,
    },
    /// An explicit position that is not the next one.
    #[error("position {got} is not the next one, {expected}")]
    Position {
        /// The next position.
        expected: Position,
        /// The position asked for.
        got: Position,
    },
    /// The topic was not created, and the hub makes none by itself.
    #[error("no such topic")]
    UnknownTopic,
    /// A stream position that the event states and that is not the next one.
    #[error("stream position {got} is not the next one, {expected}")]
    StreamPosition {
        /// The next position.
        expected: u64,
        /// The one stated.
        got: u64,
    },
    /// The stream has another version than was expected.
    #[error("expected the version {expected:?}, the stream has {actual:?}")]
    Version {
        /// The version that was expected.
        expected: ExpectedVersion,
        /// The version that it has; `None` where the stream is not known.
        actual: Option<u64>,
        /// The event that gave it this version, if readers do not see that yet: who reads the stream anew should
        /// [wait](crate::hub::HubPublisher::wait_outcome) for it first, which may still come to nothing.
        at: Option<Position>,
    },
    /// A version was expected of an event without a stream.
    #[error("the event belongs to no stream")]
    NoStream,
    /// The hub keeps no positions of streams: see [`HubBuilder::streams_max`](crate::hub::HubBuilder::streams_max).
    #[error("the hub keeps no positions of streams")]
    StreamsNotKept,
    /// The event's stream would be one more than the hub keeps positions of.
    #[error("more than {limit} streams")]
    TooManyStreams {
        /// The hub's `streams_max`.
        limit: usize,
    },
    /// No room for what is not committed yet: at once where nothing waits, else after
    /// [`publish_timeout`](crate::hub::HubBuilder::publish_timeout). A memory hub always has room.
    #[error("the hub is full")]
    Full,
    /// The commit failed: the events are not there, and never will be.
    #[error("not published: {reason}")]
    Aborted {
        /// The journal's reason, for people.
        reason: String,
    },
    /// The commit failed or hangs, and the events may be there after a restart, or sooner. Published again they may be there
    /// twice: who does so keeps the ids, by which readers know doubles.
    #[error("not known to be published at {position}: {id:?}, published again, may be there twice")]
    Indeterminate {
        /// The position of the (first) event.
        position: Position,
        /// Its id.
        id: String,
    },
    /// The events were published, and are not committed in the time that the publish was given: they may still be.
    #[error("not committed in time at {position}")]
    TimedOut {
        /// The position of the (first) event.
        position: Position,
    },
    /// The thread that commits would wait for itself: publish without waiting there.
    #[error("the journal's thread cannot wait for itself")]
    WouldBlock,
    /// The disk is full, or what may not go by retention takes all that the journal may have: what has to be written is refused until
    /// there is space, what is in memory only goes on. The journal's [state](crate::hub::JournalHandle::state) says which.
    #[error(
        "no space is left for the journal: on the disk, or within its bound, all of which is taken by what may not go"
    )]
    NoSpace,
    /// The journal takes nothing any more: what has to be written is refused.
    #[error("the journal takes nothing: {reason}")]
    Unavailable {
        /// The journal's reason, for people.
        reason: String,
    },
    /// Less safety was asked for than the topic, or the event's stream, asks for.
    #[error("durability: {asked:?} is below the topic's, {topic:?}")]
    DurabilityBelow {
        /// The one asked for.
        asked: Durability,
        /// The least that the event may have.
        topic: Durability,
    },
    /// More safety was asked for than a hub without a journal has.
    #[error("durability: the hub has no journal")]
    DurabilityUnavailable,
    /// A change of state that was to commit with the events, and the hub has no journal.
    #[error("the hub has no journal")]
    NoJournal,
    /// The events are there, and the change of state that was to commit with them is not.
    #[error("published at {position}, without its state: {error}")]
    State {
        /// The position of the first event.
        position: Position,
        /// Why the change was not made.
        error: StateError,
    },
}

/// Says why there is no subscription.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The filter is none; everything that is wrong with it.
    #[error(transparent)]
    Filter(#[from] FilterErrors),
    /// A list of topics without one.
    #[error("no pattern given")]
    NoTopics,
    /// The id is empty, longer than 255 bytes or unprintable.
    #[error("an id is 1 to 255 bytes of printable text")]
    Id,
    /// A subscription with this id lives.
    #[error("a subscription with the id {id:?} lives")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// The position is of another log.
    #[error("epoch {got} is not this hub's, {expected}")]
    Epoch {
        /// The hub's epoch.
        expected: Epoch,
        /// The position's epoch.
        got: Epoch,
    },
    /// The position has not been published yet.
    #[error("offset {got} is beyond the newest, {head}")]
    InFuture {
        /// The newest offset.
        head: u64,
        /// The offset asked for.
        got: u64,
    },
    /// The hub has as many readers as it can count (about a million).
    #[error("too many readers")]
    TooManyReaders,
}

/// Says why a cursor was not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CursorSeekError {
    /// Offsets count from 1.
    #[error("offsets count from 1")]
    Zero,
    /// The offset lies beyond the next one to be published.
    #[error("the offset is beyond the next one, {next}")]
    InFuture {
        /// The next offset to be published.
        next: u64,
    },
}

/// A gap: how much a reader missed. An outcome, not a failure: reading goes on at `resume_at`.
///
/// # Examples
///
/// ```
/// use eventring::hub::ReceiveError;
/// use eventring::{Event, Hub, Subscription};
///
/// let hub = Hub::builder().capacity(2).build().unwrap();
/// let mut slow = hub.subscribe(Subscription::all()).unwrap();
/// for _ in 0..5 {
///     hub.publish(Event::builder("a", "t").build().unwrap()).unwrap();
/// }
/// let Err(ReceiveError::Gap(gap)) = slow.recv() else { panic!("two of five are kept") };
/// assert_eq!(gap.to_string(), "missed 3 events, resuming at offset 4");
/// assert_eq!(slow.recv().unwrap().position.offset, 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("missed {missed} events, resuming at offset {resume_at}")]
pub struct Gap {
    /// The number of the hub's events that went before they were read, exactly. Behind a filter some of them may not
    /// have been wanted: see `exact`.
    pub missed: u64,
    /// The offset of the next event that is read: the oldest that was kept at that moment.
    pub resume_at: u64,
    /// Every event missed was wanted, so that `missed` is not just an upper bound.
    pub exact: bool,
    /// Why they are missing. In a hub without a journal always [`GapReason::Overrun`].
    pub reason: GapReason,
}

/// Says why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndReason {
    /// The hub is closed and everything was received.
    #[error("the hub is closed")]
    Closed,
    /// The subscription was ended by its id.
    #[error("unsubscribed")]
    Unsubscribed,
    /// Its topic was deleted.
    #[error("the topic was deleted")]
    TopicDeleted,
}

/// Says why nothing was received at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TryReceiveError {
    /// There is nothing new.
    #[error("nothing new")]
    Empty,
    /// Events went before they were read; the next receive goes on after them.
    #[error(transparent)]
    Gap(Gap),
    /// The hub is closed and everything was received.
    #[error("the hub is closed")]
    Closed,
    /// The subscription was ended by its id. Every later receive says so too.
    #[error("unsubscribed")]
    Unsubscribed,
    /// The topic was deleted. Every later receive says so too.
    #[error("the topic was deleted")]
    TopicDeleted,
}

/// Says why waiting ended without an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReceiveError {
    /// Events went before they were read; the next receive goes on after them.
    #[error(transparent)]
    Gap(Gap),
    /// The hub is closed and everything was received.
    #[error("the hub is closed")]
    Closed,
    /// The subscription was ended by its id. Every later receive says so too.
    #[error("unsubscribed")]
    Unsubscribed,
    /// The topic was deleted. Every later receive says so too.
    #[error("the topic was deleted")]
    TopicDeleted,
}

/// Says why waiting for a limited time ended without an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReceiveTimeoutError {
    /// Nothing came in time.
    #[error("nothing new in time")]
    TimedOut,
    /// Events went before they were read; the next receive goes on after them.
    #[error(transparent)]
    Gap(Gap),
    /// The hub is closed and everything was received.
    #[error("the hub is closed")]
    Closed,
    /// The subscription was ended by its id. Every later receive says so too.
    #[error("unsubscribed")]
    Unsubscribed,
    /// The topic was deleted. Every later receive says so too.
    #[error("the topic was deleted")]
    TopicDeleted,
}

/// Says why a [`Cursor`](crate::hub::Cursor) read nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CursorReadError {
    /// Events went before they were read; the cursor stands after them.
    #[error("missed {missed} events, resuming at offset {resume_at}")]
    Gap {
        /// Their number, exactly.
        missed: u64,
        /// The offset of the next event that is read.
        resume_at: u64,
    },
    /// The hub is closed and everything was read.
    #[error("the hub is closed")]
    Closed,
}

impl Gap {
    /// Sequences count from 0, offsets from 1.
    pub(in crate::hub) fn from_ring(gap: ring::Lagged, exact: bool) -> Self {
        Self {
            missed: gap.missed,
            resume_at: gap.resume_at + 1,
            exact,
            reason: GapReason::Overrun,
        }
    }
}

impl From<EndReason> for TryReceiveError {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Closed => Self::Closed,
            EndReason::Unsubscribed => Self::Unsubscribed,
            EndReason::TopicDeleted => Self::TopicDeleted,
        }
    }
}

impl From<TryReceiveError> for ReceiveTimeoutError {
    /// Makes a time-out of an event that is not there yet.
    fn from(error: TryReceiveError) -> Self {
        match error {
            TryReceiveError::Empty => Self::TimedOut,
            TryReceiveError::Gap(gap) => Self::Gap(gap),
            TryReceiveError::Closed => Self::Closed,
            TryReceiveError::Unsubscribed => Self::Unsubscribed,
            TryReceiveError::TopicDeleted => Self::TopicDeleted,
        }
    }
}

impl From<ReceiveTimeoutError> for ReceiveError {
    /// Without a deadline nothing times out.
    fn from(error: ReceiveTimeoutError) -> Self {
        match error {
            ReceiveTimeoutError::Gap(gap) => Self::Gap(gap),
            ReceiveTimeoutError::Unsubscribed => Self::Unsubscribed,
            ReceiveTimeoutError::TopicDeleted => Self::TopicDeleted,
            ReceiveTimeoutError::Closed | ReceiveTimeoutError::TimedOut => Self::Closed,
        }
    }
}

impl HubPublishError {
    /// Names the event of a batch that is wrong.
    pub(in crate::hub) fn with_index(self, index: usize) -> Self {
        match self {
            Self::Invalid(error) => Self::Invalid(error.with_index(index)),
            other => other,
        }
    }

    /// Returns whether what was published is too large rather than wrong (HTTP 413 rather than 400).
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::Invalid(error) => error.is_too_large(),
            Self::TooMany { .. } | Self::TooLarge { .. } => true,
            _ => false,
        }
    }
}

//! The errors of a ring: one small enum per operation.

use std::error::Error;
use std::fmt;

/// The reason why a ring could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RingError {
    /// A ring keeps at least one value.
    ZeroCapacity,
    /// More values were asked for than a ring can keep.
    CapacityTooLarge {
        /// The largest capacity there is.
        max: u64,
    },
    /// The address space has no room for so many values of this size.
    OutOfMemory,
    /// A ring that overwrites has lossy readers, so it cannot drop what gated ones have passed.
    MustRetain,
    /// A staged ring waits for its upstream handles, so it cannot overwrite.
    StagedOverwrites,
}

/// The reason why a value was not published, with the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PublishError<T> {
    /// A gated reader still needs the slot, and the ring does not wait.
    Full(T),
    /// A gated reader still needed the slot when the time was over.
    TimedOut(T),
    /// The ring is closed.
    Closed(T),
}

/// The reason why no value of a batch was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchError {
    /// The batch is longer than the ring.
    TooLarge {
        /// Values in the batch.
        len: usize,
        /// Values that the ring keeps.
        capacity: usize,
    },
    /// The iterator ended before the length that it had announced.
    Short {
        /// Values announced.
        expected: usize,
        /// Values that came.
        got: usize,
    },
    /// A gated reader still needs the slots, and the ring does not wait.
    Full,
    /// A gated reader still needed the slots when the time was over.
    TimedOut,
    /// The ring is closed.
    Closed,
}

/// The reason why a subscription was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// A ring that overwrites waits for nobody, so it cannot promise a reader to lose nothing.
    GatesNotAllowed,
    /// A ring that drops what has been passed keeps nothing for readers that do not hold it.
    LossyNotAllowed,
    /// The sequence is no longer kept.
    TooOld {
        /// The oldest sequence that is.
        oldest: u64,
    },
    /// The sequence lies beyond the next one to be published.
    InFuture {
        /// The next sequence to be published.
        head: u64,
    },
    /// The ring has as many readers as it can count.
    TooManyReaders,
}

/// The reason why there is no upstream handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The ring was made without [`Builder::staged`](super::Builder::staged).
    NotStaged,
    /// The ring has as many readers as it can count.
    TooManyReaders,
    /// Nothing is left to be released: the barrier has reached the end of a closed ring, or was abandoned.
    Closed,
}

/// The reason why an upstream handle released nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The sequence lies beyond what the handle has read.
    NotRead {
        /// The next sequence that it reads.
        position: u64,
    },
    /// The handle has released more already.
    Backwards {
        /// The sequence up to which it has.
        released: u64,
    },
    /// Another upstream handle went before the end: the barrier stays where it is.
    Abandoned,
}

/// The reason why a cursor stayed at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeekError {
    /// A gated reader asked for a sequence that is no longer kept.
    TooOld {
        /// The oldest sequence that is.
        oldest: u64,
    },
    /// The sequence lies beyond the next one to be published.
    InFuture {
        /// The next sequence to be published.
        head: u64,
    },
}

/// The gap that a lossy reader finds when it was overtaken. An outcome, not a failure: reading goes on from
/// `resume_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lagged {
    /// The number of values that were overwritten before they were read: exactly those from the old cursor up to
    /// `resume_at`.
    pub missed: u64,
    /// The new position of the cursor: the oldest sequence that was kept at that moment.
    pub resume_at: u64,
}

/// The reason why nothing was read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// Everything published has been read.
    Empty,
    /// Values were overwritten before they were read.
    Lagged(Lagged),
    /// Everything published has been read, and nothing more will come.
    Closed {
        /// True if what comes next will never be shown: on a [staged](super::Builder::staged) ring, when an upstream
        /// handle went before the end.
        abandoned: bool,
    },
}

/// The reason why waiting ended without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvError {
    /// Values were overwritten before they were read.
    Lagged(Lagged),
    /// Everything published has been read, and nothing more will come.
    Closed {
        /// True if what comes next will never be shown: on a [staged](super::Builder::staged) ring, when an upstream
        /// handle went before the end.
        abandoned: bool,
    },
}

/// The reason why waiting for a limited time ended without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// No value came in time.
    TimedOut,
    /// Values were overwritten before they were read.
    Lagged(Lagged),
    /// Everything published has been read, and nothing more will come.
    Closed {
        /// True if what comes next will never be shown: on a [staged](super::Builder::staged) ring, when an upstream
        /// handle went before the end.
        abandoned: bool,
    },
}

/// The reason why a publisher may not write now.
#[derive(Clone, Copy)]
pub(super) enum Refused {
    Full,
    TimedOut,
    Closed,
}

impl Refused {
    /// Makes the error that hands `value` back.
    pub(super) fn with<T>(self, value: T) -> PublishError<T> {
        match self {
            Refused::Full => PublishError::Full(value),
            Refused::TimedOut => PublishError::TimedOut(value),
            Refused::Closed => PublishError::Closed(value),
        }
    }
}

impl<T> PublishError<T> {
    /// Takes the value back.
    pub fn into_inner(self) -> T {
        match self {
            PublishError::Full(value)
            | PublishError::TimedOut(value)
            | PublishError::Closed(value) => value,
        }
    }
}

impl From<Refused> for BatchError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => BatchError::Full,
            Refused::TimedOut => BatchError::TimedOut,
            Refused::Closed => BatchError::Closed,
        }
    }
}

impl From<RecvError> for RecvTimeoutError {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Lagged(lagged) => RecvTimeoutError::Lagged(lagged),
            RecvError::Closed { abandoned } => RecvTimeoutError::Closed { abandoned },
        }
    }
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RingError::ZeroCapacity => write!(f, "capacity is 0, a ring keeps at least one value"),
            RingError::CapacityTooLarge { max } => write!(f, "capacity is above {max}"),
            RingError::OutOfMemory => write!(f, "no room in memory for a ring of this capacity"),
            RingError::MustRetain => write!(f, "a ring that overwrites retains its values"),
            RingError::StagedOverwrites => {
                write!(f, "a staged ring blocks or rejects, it does not overwrite")
            }
        }
    }
}

impl<T> fmt::Debug for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::Full(_) => "Full(..)",
            PublishError::TimedOut(_) => "TimedOut(..)",
            PublishError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::Full(_) => FULL,
            PublishError::TimedOut(_) => TIMED_OUT,
            PublishError::Closed(_) => CLOSED,
        })
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchError::TooLarge { len, capacity } => {
                write!(f, "a batch of {len} does not fit a ring of {capacity}")
            }
            BatchError::Short { expected, got } => {
                write!(f, "the batch announced {expected} values and gave {got}")
            }
            BatchError::Full => f.write_str(FULL),
            BatchError::TimedOut => f.write_str(TIMED_OUT),
            BatchError::Closed => f.write_str(CLOSED),
        }
    }
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubscribeError::GatesNotAllowed => {
                write!(f, "a ring that overwrites takes no gated readers")
            }
            SubscribeError::LossyNotAllowed => {
                write!(f, "a ring that does not retain takes no lossy readers")
            }
            SubscribeError::TooOld { oldest } => too_old(f, *oldest),
            SubscribeError::InFuture { head } => in_future(f, *head),
            SubscribeError::TooManyReaders => too_many(f),
        }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpstreamError::NotStaged => write!(f, "the ring is not staged"),
            UpstreamError::TooManyReaders => too_many(f),
            UpstreamError::Closed => f.write_str(CLOSED),
        }
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReleaseError::NotRead { position } => {
                write!(f, "what is released has been read, up to {position} so far")
            }
            ReleaseError::Backwards { released } => {
                write!(f, "everything below {released} has been released already")
            }
            ReleaseError::Abandoned => f.write_str(ABANDONED),
        }
    }
}

impl fmt::Display for SeekError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeekError::TooOld { oldest } => too_old(f, *oldest),
            SeekError::InFuture { head } => in_future(f, *head),
        }
    }
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "missed {} values, reading goes on at {}",
            self.missed, self.resume_at
        )
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("nothing new in the ring"),
            TryRecvError::Lagged(lagged) => lagged.fmt(f),
            TryRecvError::Closed { abandoned } => closed(f, *abandoned),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Lagged(lagged) => lagged.fmt(f),
            RecvError::Closed { abandoned } => closed(f, *abandoned),
        }
    }
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvTimeoutError::TimedOut => f.write_str("nothing came in time"),
            RecvTimeoutError::Lagged(lagged) => lagged.fmt(f),
            RecvTimeoutError::Closed { abandoned } => closed(f, *abandoned),
        }
    }
}

impl Error for RingError {}
impl<T> Error for PublishError<T> {}
impl Error for BatchError {}
impl Error for SubscribeError {}
impl Error for UpstreamError {}
impl Error for ReleaseError {}
impl Error for SeekError {}
impl Error for Lagged {}
impl Error for TryRecvError {}
impl Error for RecvError {}
impl Error for RecvTimeoutError {}

fn too_many(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "the ring has {} readers", super::blocks::MAX_READERS)
}

fn too_old(f: &mut fmt::Formatter<'_>, oldest: u64) -> fmt::Result {
    write!(f, "the sequence is no longer kept, the oldest is {oldest}")
}

fn closed(f: &mut fmt::Formatter<'_>, abandoned: bool) -> fmt::Result {
    f.write_str(if abandoned { ABANDONED } else { CLOSED })
}

fn in_future(f: &mut fmt::Formatter<'_>, head: u64) -> fmt::Result {
    write!(f, "the sequence lies in the future, the next one is {head}")
}

const FULL: &str = "a gated reader holds the ring full";
const TIMED_OUT: &str = "a gated reader held the ring full for too long";
const CLOSED: &str = "the ring is closed";
const ABANDONED: &str = "the ring was abandoned by an upstream handle";

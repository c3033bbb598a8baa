//! Lanes: a ring for each publisher, and one reader of them all.

use super::builder::Start;
use super::error::{Lagged, SubscribeError, TryRecvError};
use super::read::{Round, Subscriber, Waited};
use super::ring::Ring;
use super::wait::Select;
use std::fmt;
use std::time::Instant;

/// Rings that are read together, one for each publisher: order per publisher, and publishers that share nothing.
///
/// # Examples
///
/// ```
/// use eventring::ring::{Builder, Start};
///
/// let (publishers, lanes) = Builder::new(100).build_lanes(3).unwrap();
/// let mut group = lanes.group(Start::Newest).unwrap();
/// for (name, mut publisher) in ["a", "b", "c"].into_iter().zip(publishers) {
///     std::thread::spawn(move || (0..10).for_each(|n| drop(publisher.publish((name, n)))));
/// }
/// let mut next = [0; 3];
/// while !group.drain(usize::MAX, |lane, _first, values| {
///     for (_, n) in values {
///         assert_eq!(*n, next[lane], "in its publisher's order");
///         next[lane] += 1;
///     }
/// }).closed {
///     group.wait(None);
/// }
/// assert_eq!(next, [10; 3]);
/// ```
pub struct Lanes<T> {
    rings: Vec<Ring<T>>,
}

/// A cursor on each lane, for one thread.
pub struct LaneGroup<T> {
    lanes: Vec<Subscriber<T>>,
    /// The rings to wait for, once it has waited.
    select: Option<Select>,
    /// The positions to wait at, kept so that waiting allocates nothing.
    positions: Vec<u64>,
}

impl<T> Lanes<T> {
    /// Reads these rings together.
    pub(super) fn new(rings: Vec<Ring<T>>) -> Self {
        Self { rings }
    }

    /// Returns the rings, one for each lane.
    pub fn rings(&self) -> &[Ring<T>] {
        &self.rings
    }

    /// Subscribes a lossy reader to every lane.
    ///
    /// # Errors
    ///
    /// As [`Ring::subscribe`].
    pub fn group(&self, start: Start) -> Result<LaneGroup<T>, SubscribeError> {
        LaneGroup::new(self.rings.iter().map(|ring| ring.subscribe(start)))
    }

    /// Subscribes a gated reader to every lane.
    ///
    /// # Errors
    ///
    /// As [`Ring::subscribe_gated`].
    pub fn group_gated(&self, start: Start) -> Result<LaneGroup<T>, SubscribeError> {
        LaneGroup::new(self.rings.iter().map(|ring| ring.subscribe_gated(start)))
    }
}

impl<T> LaneGroup<T> {
    fn new(
        lanes: impl Iterator<Item = Result<Subscriber<T>, SubscribeError>>,
    ) -> Result<Self, SubscribeError> {
        Ok(Self {
            lanes: lanes.collect::<Result<_, _>>()?,
            select: None,
            positions: Vec::new(),
        })
    }

    /// Hands out what is there, at most `max` values of each lane: `read` gets the lane, the first sequence in it and a
    /// slice, once per block. Each cursor advances after `read` returned.
    ///
    /// What was missed is added up in the answer; [`drain_with`](Self::drain_with) tells on which lane.
    #[inline]
    pub fn drain(&mut self, max: usize, read: impl FnMut(usize, u64, &[T])) -> Round {
        self.drain_with(max, read, |_, _| ())
    }

    /// Like [`drain`](Self::drain), and tells `lagged` on which lane what was missed.
    #[inline]
    pub fn drain_with(
        &mut self,
        max: usize,
        mut read: impl FnMut(usize, u64, &[T]),
        mut lagged: impl FnMut(usize, Lagged),
    ) -> Round {
        let mut round = Round {
            closed: true,
            ..Round::default()
        };
        for (lane, subscriber) in self.lanes.iter_mut().enumerate() {
            match subscriber.drain(max, |first, values| read(lane, first, values)) {
                Ok(count) => round.read += count as u64,
                Err(TryRecvError::Closed { abandoned }) => {
                    round.abandoned |= abandoned;
                    continue;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Lagged(lag)) => {
                    round.missed += lag.missed;
                    lagged(lane, lag);
                }
            }
            round.closed = false;
        }
        round
    }

    /// Returns the readers of the single lanes.
    pub fn lanes_mut(&mut self) -> &mut [Subscriber<T>] {
        &mut self.lanes
    }
}

impl<T: Send + Sync + 'static> LaneGroup<T> {
    /// Waits until there is something on a lane, all are closed and read, or the deadline passes.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Waited {
        let select = self.select.get_or_insert_with(|| {
            let mut select = Select::new();
            for lane in &self.lanes {
                select.add(lane);
            }
            select
        });
        self.positions.clear();
        // A lane that is closed and read would be ready for ever: it stands at the end of all sequences.
        let positions = self.lanes.iter().map(|lane| match lane.is_finished() {
            true => u64::MAX,
            false => lane.position(),
        });
        self.positions.extend(positions);
        if self.positions.iter().all(|&position| position == u64::MAX) {
            return Waited::Closed;
        }
        match select.wait(&self.positions, deadline) {
            Some(_) => Waited::Ready,
            None => Waited::TimedOut,
        }
    }
}

impl<T> fmt::Debug for Lanes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rings).finish()
    }
}

impl<T> fmt::Debug for LaneGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.lanes).finish()
    }
}

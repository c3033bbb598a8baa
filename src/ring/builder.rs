//! The builder of a ring: its capacity, and what happens when a gated reader is slow.

use super::core::{Core, RingConfig};
use super::error::RingError;
use super::lanes::Lanes;
use super::multi::SharedPublisher;
use super::publish::Publisher;
use super::ring::Ring;
use super::wait::{FencePair, Fencing, WaitStrategy};
use std::sync::Arc;
use std::time::Duration;

/// Makes a ring that keeps the last `capacity` values and never waits for a reader.
///
/// # Examples
///
/// ```
/// let (mut publisher, ring) = eventring::ring::channel::<u64>(1000).unwrap();
/// publisher.publish(1).unwrap();
/// assert_eq!(ring.head(), 1);
/// ```
///
/// # Errors
///
/// As [`Builder::build`].
pub fn channel<T: Send + Sync>(capacity: usize) -> Result<(Publisher<T>, Ring<T>), RingError> {
    Builder::new(capacity).build()
}

/// A builder of rings.
///
/// # Examples
///
/// ```
/// use eventring::ring::{Builder, Overflow, Start};
///
/// let (mut publisher, ring) = Builder::new(2).overflow(Overflow::Reject).build().unwrap();
/// let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
/// publisher.publish('a').unwrap();
/// publisher.publish('b').unwrap();
/// assert_eq!(publisher.publish('c').unwrap_err().into_inner(), 'c');
/// assert_eq!(*gated.try_recv().unwrap(), 'a');
/// publisher.publish('c').unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    capacity: usize,
    overflow: Overflow,
    strategy: WaitStrategy,
    fencing: Fencing,
    retain: bool,
    staged: bool,
}

/// The policy of a publisher when a gated reader still needs the slot that is next.
///
/// Lossy readers never cause any of it: they are overtaken, and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// There is no such reader: gated subscriptions are refused.
    #[default]
    Overwrite,
    /// The publisher waits, for ever without a timeout. A thread that publishes and reads gated must not run into that.
    Block {
        /// The longest wait before the value comes back.
        timeout: Option<Duration>,
    },
    /// The publisher gives the value back at once.
    Reject,
}

/// The position at which a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// After what has been published so far.
    Newest,
    /// At the oldest value that is kept.
    Oldest,
    /// At this sequence. A lossy reader that starts below the oldest is told at once how much it missed.
    At(u64),
}

impl Builder {
    /// Plans a ring that keeps the last `capacity` values: exactly so many, not rounded.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            overflow: Overflow::default(),
            strategy: WaitStrategy::default(),
            fencing: Fencing::default(),
            retain: true,
            staged: false,
        }
    }

    /// Sets what a publisher does about a slow gated reader.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets what threads do that wait: publishers, and subscribers that do not
    /// [choose for themselves](super::Subscriber::set_wait_strategy).
    pub fn wait_strategy(mut self, strategy: WaitStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets who pays for the fence between publishing and going to sleep.
    pub fn fencing(mut self, fencing: Fencing) -> Self {
        self.fencing = fencing;
        self
    }

    /// Sets whether values stay after every gated reader has passed them, until they are written over (the default).
    ///
    /// With `false` the reader that is last to pass a block of 64 drops its values, and lossy readers are refused: for
    /// values that hold on to something dear. Without any reader values stay for the one who comes.
    ///
    /// What was published while no gated reader was there, and none that came later has read, stays until it is written
    /// over.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{Builder, Overflow, Start};
    /// use std::sync::Arc;
    ///
    /// let builder = Builder::new(2).overflow(Overflow::Reject).retain(false);
    /// let (mut publisher, ring) = builder.build().unwrap();
    /// let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    /// let dear = Arc::new("dear");
    /// publisher.publish_batch([dear.clone(), dear.clone()]).unwrap();
    /// gated.drain(usize::MAX, |_, _| ()).unwrap();
    /// assert_eq!(Arc::strong_count(&dear), 1);
    /// ```
    pub fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// Makes a staged ring: everybody but its [upstream handles](super::Ring::upstream) reads only what these have
    /// released. It needs an overflow that [blocks](Overflow::Block) or [rejects](Overflow::Reject).
    ///
    /// Before the first upstream handle is made nothing is shown, and publishers find the ring full after one lap. See
    /// "Stages" in the [module docs](super).
    pub fn staged(mut self) -> Self {
        self.staged = true;
        self
    }

    /// Makes the ring. It takes memory for values only as they come.
    ///
    /// # Errors
    ///
    /// - [`RingError::ZeroCapacity`] and [`RingError::CapacityTooLarge`] (above 2^32).
    /// - [`RingError::MustRetain`] when a ring shall overwrite and not [retain](Self::retain).
    /// - [`RingError::StagedOverwrites`] when a [staged](Self::staged) ring shall overwrite.
    /// - [`RingError::OutOfMemory`] when so many values of this size exceed the address space, or the allocator
    ///   refuses.
    pub fn build<T: Send + Sync>(&self) -> Result<(Publisher<T>, Ring<T>), RingError> {
        let core = self.core(false)?;
        Ok((Publisher::new(core.clone()), Ring::new(core)))
    }

    /// Makes a ring whose first sequence is not 0. `fill` makes what lies in the block of that before it, which nobody ever
    /// reads: a block is filled from its beginning.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    #[cfg(feature = "hub")]
    pub(crate) fn build_from<T: Send + Sync>(
        &self,
        first: u64,
        mut fill: impl FnMut() -> T,
    ) -> Result<(Publisher<T>, Ring<T>), RingError> {
        let core = self.core(false)?;
        let start = core.begin_before(first);
        let mut publisher = Publisher::new_at(core.clone(), start);
        for sequence in start..first {
            // Nobody else knows the ring yet: it is open, and no gate but the barrier, which is moved along, holds it full.
            let published = publisher.try_publish(fill());
            debug_assert_eq!(published.ok(), Some(sequence));
            if let Some(barrier) = &core.barrier {
                barrier.raise(sequence + 1);
            }
        }
        core.locked.lock().raise_floor(&core, first);
        Ok((publisher, Ring::new(core)))
    }

    /// Makes a ring that several publishers share; see [`SharedPublisher`].
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_shared<T: Send + Sync>(&self) -> Result<(SharedPublisher<T>, Ring<T>), RingError> {
        let core = self.core(true)?;
        Ok((SharedPublisher::new(core.clone()), Ring::new(core)))
    }

    /// Makes `count` rings of this kind, to be read together.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_lanes<T: Send + Sync>(
        &self,
        count: usize,
    ) -> Result<(Vec<Publisher<T>>, Lanes<T>), RingError> {
        let built: Result<Vec<_>, _> = (0..count).map(|_| self.build()).collect();
        let (publishers, rings) = built?.into_iter().unzip();
        Ok((publishers, Lanes::new(rings)))
    }

    fn core<T>(&self, many: bool) -> Result<Arc<Core<T>>, RingError> {
        let capacity = self.capacity as u64;
        if capacity == 0 {
            return Err(RingError::ZeroCapacity);
        }
        if capacity > CAPACITY_MAX {
            return Err(RingError::CapacityTooLarge { max: CAPACITY_MAX });
        }
        if !self.retain && self.overflow == Overflow::Overwrite {
            return Err(RingError::MustRetain);
        }
        if self.staged && self.overflow == Overflow::Overwrite {
            return Err(RingError::StagedOverwrites);
        }
        let config = RingConfig {
            capacity,
            overflow: self.overflow,
            strategy: self.strategy,
            retain: self.retain,
            many,
            staged: self.staged,
        };
        Ok(Arc::new(Core::new(config, FencePair::new(self.fencing))?))
    }
}

/// More values than any ring needs; a directory for them is a gigabyte of address space.
const CAPACITY_MAX: u64 = 1 << 32;

//! A subscription's receiving end: a cursor that skips what its filter does not take.

#[cfg(feature = "async")]
mod future;
#[cfg(feature = "async")]
mod item_stream;
mod items;
mod past;
mod scan;
mod seek;
mod wait;

use std::collections::VecDeque;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{AsEvent, Event, EventRef, Filter, Position};
use crate::ring::Subscriber;

use self::items::ItemState;
use self::past::Past;
use crate::hub::class::Class;
use crate::hub::shared::Shared;
use crate::hub::slot::Slot;
use crate::hub::subscribe::subscription::{FilterFn, Subscription};
use crate::hub::subscribe::{Reset, SubscriptionEntry, SubscriptionStats};
use crate::hub::topics::RetainedEvent;
use crate::hub::topics::TopicSet;
use crate::hub::wait::WaitState;
use crate::hub::{EndReason, Gap, ReceiveError, ReceiveTimeoutError, TryReceiveError};

#[cfg(feature = "async")]
pub use self::future::ReceiverStream;
#[cfg(feature = "async")]
pub use self::item_stream::ItemStream;

/// An event and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The position of the event; [`StartFrom::After`](crate::hub::StartFrom::After) this resumes behind it.
    pub position: Position,
    /// A copy of the event.
    pub event: Event,
}

/// Its event, to be published elsewhere.
impl AsEvent for Delivery {
    fn as_event(&self) -> EventRef<'_> {
        self.event.as_ref()
    }

    fn into_event(self) -> Event {
        self.event
    }
}

/// Receives the events of a subscription, in order.
///
/// It costs the hub nothing: there is no queue behind it, only its place in the hub's ring. If it falls behind by more
/// than the ring keeps, or begins there, it goes on from the hub's journal, on the thread that receives and a piece at a
/// time, until it has come to what the ring has: with no gap and no repeat. As a task it waits for no disk: a thread of the
/// hub reads for it. While the journal cannot be read it is tried again every 10 ms, and nothing is there meanwhile. Without a journal, and for what no journal
/// has, it receives [`Gap`] with the number and the reason, and goes on. Three things end it, and it says
/// which: [`Hub::unsubscribe`](crate::hub::Hub::unsubscribe) and the deletion of its topic at once, closing the hub
/// after everything was received. Dropping it unsubscribes.
///
/// While it waits, whoever publishes judges topics and types for it: it is not woken by others, and does not fall
/// behind because of them.
///
/// As an iterator it waits for each event, and ends when it does.
///
/// # Examples
///
/// ```
/// use eventring::{Event, Hub};
///
/// let hub = Hub::new();
/// let receiver = hub.subscribe("jobs.*").unwrap();
/// let worker = std::thread::spawn(move || receiver.filter_map(Result::ok).map(|d| d.event.ty().to_owned()).collect::<Vec<_>>());
/// for ty in ["started", "done"] {
///     hub.publish(Event::builder("jobs.1", ty).build().unwrap()).unwrap();
///     hub.publish(Event::builder("other", ty).build().unwrap()).unwrap();
/// }
/// hub.close();
/// assert_eq!(worker.join().unwrap(), ["started", "done"]);
/// ```
pub struct Receiver {
    subscriber: Subscriber<Slot>,
    shared: Arc<Shared>,
    pub(in crate::hub) entry: Arc<SubscriptionEntry>,
    class: Arc<Class>,
    filter_fn: Option<FilterFn>,
    /// `true` once it has slept, so that its class is among the routes.
    has_slept: bool,
    /// The sequence from which on publishers judge for it, while it may be asleep.
    armed: Option<u64>,
    complete: bool,
    /// The sequence before which everything was there when it was made.
    history_end: u64,
    /// The topics that it wants, once looked up.
    topics: Option<TopicSet>,
    /// Look-ups of them that are left.
    look_ups: u32,
    /// Events that topics retained and the ring has no more; they come before those that the ring has.
    backlog: VecDeque<RetainedEvent>,
    /// The part that is read from the journal, before the receiver goes on with what the ring has.
    past: Option<Box<Past>>,
    /// The offset of the last event that is not wanted, whatever it is: one that could not be seen yet when it began.
    pub(in crate::hub) after: u64,
    /// The sequence up to which it was told what was not committed.
    voids_told: u64,
    pub(in crate::hub) stage: ItemState,
    /// The waker of its task, once one waited. Kept, so that the next poll allocates nothing.
    #[cfg(feature = "async")]
    waker: Option<Arc<crate::ring::TaskWaker>>,
}

impl Receiver {
    pub(in crate::hub) fn new(
        subscriber: Subscriber<Slot>,
        shared: Arc<Shared>,
        entry: Arc<SubscriptionEntry>,
        class: Arc<Class>,
        subscription: Subscription,
    ) -> Self {
        let history_end = shared.ring.visible();
        let stage = ItemState::new(subscription.controls, history_end);
        let receiver = Self {
            subscriber,
            shared,
            entry,
            class,
            filter_fn: subscription.filter_fn,
            has_slept: false,
            armed: None,
            complete: true,
            history_end,
            topics: None,
            look_ups: scan::LOOK_UPS_MAX,
            backlog: VecDeque::new(),
            past: None,
            after: 0,
            voids_told: 0,
            stage,
            #[cfg(feature = "async")]
            waker: None,
        };
        receiver.note_position();
        receiver
    }

    /// Receives the next event, and waits for it.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Gap`] (receive again), [`ReceiveError::Closed`].
    pub fn recv(&mut self) -> Result<Delivery, ReceiveError> {
        self.with_next(copy)
    }

    /// Receives the next event if it is there.
    ///
    /// # Errors
    ///
    /// [`TryReceiveError::Empty`], [`TryReceiveError::Gap`] (receive again), [`TryReceiveError::Closed`].
    pub fn try_recv(&mut self) -> Result<Delivery, TryReceiveError> {
        self.try_with_next(copy)
    }

    /// Receives the next event, and waits so long at most.
    ///
    /// # Errors
    ///
    /// [`ReceiveTimeoutError::TimedOut`]; else as [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Delivery, ReceiveTimeoutError> {
        // A time beyond what the clock can hold is no deadline.
        self.next_until(Instant::now().checked_add(timeout), false, copy)
    }

    /// Receives the next event, and waits until then at most.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Delivery, ReceiveTimeoutError> {
        self.next_until(Some(deadline), false, copy)
    }

    /// Shows the next event in place, without a copy, and waits for it.
    ///
    /// `look` should be short: while it runs, the event's block cannot be reused. If it panics, the event counts as
    /// not received.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn with_next<R>(
        &mut self,
        look: impl FnOnce(Position, EventRef<'_>) -> R,
    ) -> Result<R, ReceiveError> {
        Ok(self.next_until(None, false, look)?)
    }

    /// Shows the next event in place, without a copy, if it is there.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    pub fn try_with_next<R>(
        &mut self,
        look: impl FnOnce(Position, EventRef<'_>) -> R,
    ) -> Result<R, TryReceiveError> {
        self.end_wait();
        let mut look = Some(look);
        let mut seen = None;
        self.scan(|position, event| {
            seen = look.take().map(|look| look(position, event));
            false
        })?;
        seen.ok_or(TryReceiveError::Empty)
    }

    /// Shows every event that is there in place, `max` at most, and returns how many there were.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv), where there is none.
    pub fn drain(
        &mut self,
        max: usize,
        mut look: impl FnMut(Position, EventRef<'_>),
    ) -> Result<usize, TryReceiveError> {
        // The scan shows an event before it counts, so none at all is not for it.
        if max == 0 {
            return Ok(0);
        }
        self.end_wait();
        let mut count = 0;
        self.scan(|position, event| {
            look(position, event);
            count += 1;
            count < max
        })?;
        if count == 0 {
            Err(TryReceiveError::Empty)
        } else {
            Ok(count)
        }
    }

    /// Returns the topics of the subscription.
    pub fn topics(&self) -> &Filter {
        self.class.filter()
    }

    /// Returns the position of the last event that was passed, wanted or not: resuming
    /// [`After`](crate::hub::StartFrom::After) it misses nothing and repeats nothing.
    pub fn position(&self) -> Position {
        Position {
            epoch: self.shared.epoch,
            offset: self.passed(),
        }
    }

    /// Returns the subscription's id.
    pub fn id(&self) -> &str {
        &self.entry.id
    }

    /// Returns why nothing more will come: unsubscribed, topic deleted, or the hub closed and everything received.
    pub fn ended(&self) -> Option<EndReason> {
        // Not by the hub's being closed: what is in flight then is still to come.
        let finished = || self.subscriber.is_finished() || self.shared.is_given_up();
        let closed = || finished() && self.lag() == 0;
        self.entry
            .ended()
            .or_else(|| closed().then_some(EndReason::Closed))
    }

    /// Returns whether [`StartFrom::Last`](crate::hub::StartFrom::Last) found as many as were asked for, or all there ever
    /// were.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns the reset that it began with, where the id of
    /// [`Subscription::resume`](crate::hub::Subscription::resume) means nothing here.
    pub fn reset(&self) -> Option<&Reset> {
        self.stage.reset.as_deref()
    }

    /// Returns what it has received so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.entry.stats(self.shared.ring.visible())
    }

    /// Returns how many events readers may see that came since, wanted or not.
    pub fn lag(&self) -> u64 {
        self.shared.ring.visible().saturating_sub(self.passed())
    }
}

/// An event on which `look` panics counts as not received, and comes again. Of foreign code it holds the condition of
/// its subscription, which is called by a shared borrow, and never inside a change of its own state.
impl UnwindSafe for Receiver {}
/// As above; by a shared borrow it gives figures only.
impl RefUnwindSafe for Receiver {}

impl Drop for Receiver {
    /// Unsubscribes. One that never slept was never among the routes, and spares copying them.
    fn drop(&mut self) {
        if let Some(wakeups) = self.shared.registry.remove(&self.entry) {
            self.shared.wake(&wakeups);
        }
        // One that has never slept has not joined the routes.
        if self.has_slept {
            let wake_router = &self.shared.wake_router;
            wake_router.remove(&self.class, &self.entry.waiter, WaitState::Awake);
            wake_router.leave(&self.class);
        }
    }
}

impl Iterator for Receiver {
    type Item = Result<Delivery, Gap>;

    /// Waits for the next event; `None` at the end, of which [`ended`](Self::ended) says the reason.
    fn next(&mut self) -> Option<Self::Item> {
        match self.recv() {
            Ok(delivery) => Some(Ok(delivery)),
            Err(ReceiveError::Gap(gap)) => Some(Err(gap)),
            Err(_) => None,
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("filter", self.topics())
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

pub(in crate::hub) fn copy(position: Position, event: EventRef<'_>) -> Delivery {
    Delivery {
        position,
        event: event.to_event(),
    }
}

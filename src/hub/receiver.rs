//! A subscription's receiving end: a cursor that skips what its filter does not take.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{Epoch, Event, EventRef, Filter, Position, Record};
use crate::ring::{self, Subscriber, Waited};

use super::class::Class;
use super::error::{Lagged, RecvError, RecvTimeoutError, TryRecvError};

/// An event and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where it stands; [`Start::After`](super::Start::After) this resumes behind it.
    pub position: Position,
    /// A copy of the event.
    pub event: Event,
}

/// Receives the events of a subscription, in order.
///
/// It costs the hub nothing: there is no queue behind it, only its place in the hub's ring. If it falls behind by more
/// than the hub keeps, it receives [`Lagged`] with the exact number and goes on; only closing the hub ends it.
///
/// As an iterator it waits for each event, and ends when the hub is closed and everything was received.
///
/// # Examples
///
/// ```
/// use eventring::event::Event;
/// use eventring::hub::{Hub, Subscription};
///
/// let hub = Hub::new();
/// let receiver = hub.subscribe(Subscription::topic("jobs.*")).unwrap();
/// let worker = std::thread::spawn(move || receiver.filter_map(Result::ok).map(|d| d.event.as_ref().ty().to_owned()).collect::<Vec<_>>());
/// for ty in ["started", "done"] {
///     hub.publish(Event::new("jobs.1", ty).build().unwrap()).unwrap();
///     hub.publish(Event::new("other", ty).build().unwrap()).unwrap();
/// }
/// hub.close();
/// assert_eq!(worker.join().unwrap(), ["started", "done"]);
/// ```
pub struct Receiver {
    subscriber: Subscriber<Record>,
    class: Arc<Class>,
    epoch: Epoch,
}

impl Receiver {
    pub(super) fn new(subscriber: Subscriber<Record>, class: Arc<Class>, epoch: Epoch) -> Self {
        Self {
            subscriber,
            class,
            epoch,
        }
    }

    /// Receives the next event, and waits for it.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] (receive again), [`RecvError::Closed`].
    pub fn recv(&mut self) -> Result<Delivery, RecvError> {
        self.with_next(copy)
    }

    /// Receives the next event if it is there.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`], [`TryRecvError::Lagged`] (receive again), [`TryRecvError::Closed`].
    pub fn try_recv(&mut self) -> Result<Delivery, TryRecvError> {
        self.try_with_next(copy)
    }

    /// Receives the next event, and waits so long at most.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError::TimedOut`]; else as [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Delivery, RecvTimeoutError> {
        self.next_until(Instant::now().checked_add(timeout), copy)
    }

    /// Receives the next event, and waits until then at most.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Delivery, RecvTimeoutError> {
        self.next_until(Some(deadline), copy)
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
    ) -> Result<R, RecvError> {
        self.next_until(None, look).map_err(|error| match error {
            RecvTimeoutError::Lagged(lagged) => RecvError::Lagged(lagged),
            // Without a deadline nothing times out.
            RecvTimeoutError::Closed | RecvTimeoutError::TimedOut => RecvError::Closed,
        })
    }

    /// Shows the next event in place, without a copy, if it is there.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    pub fn try_with_next<R>(
        &mut self,
        look: impl FnOnce(Position, EventRef<'_>) -> R,
    ) -> Result<R, TryRecvError> {
        let mut look = Some(look);
        let mut seen = None;
        self.scan(|position, event| {
            seen = look.take().map(|look| look(position, event));
            false
        })?;
        seen.ok_or(TryRecvError::Empty)
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
    ) -> Result<usize, TryRecvError> {
        if max == 0 {
            return Ok(0);
        }
        let mut count = 0;
        self.scan(|position, event| {
            look(position, event);
            count += 1;
            count < max
        })?;
        if count == 0 {
            Err(TryRecvError::Empty)
        } else {
            Ok(count)
        }
    }

    /// Returns the topics of the subscription.
    pub fn topics(&self) -> &Filter {
        self.class.filter()
    }

    /// Returns the position of the last event that was passed, wanted or not: resuming
    /// [`After`](super::Start::After) it misses nothing and repeats nothing.
    pub fn position(&self) -> Position {
        Position {
            epoch: self.epoch,
            offset: self.subscriber.position(),
        }
    }

    /// Returns how many events the hub has published since, wanted or not.
    pub fn lag(&self) -> u64 {
        self.subscriber.lag()
    }

    fn next_until<R>(
        &mut self,
        deadline: Option<Instant>,
        look: impl FnOnce(Position, EventRef<'_>) -> R,
    ) -> Result<R, RecvTimeoutError> {
        let mut look = Some(look);
        let mut seen = None;
        loop {
            let scanned = self.scan(|position, event| {
                seen = look.take().map(|look| look(position, event));
                false
            });
            match (scanned, seen.take()) {
                (Ok(()), Some(seen)) => return Ok(seen),
                (Ok(()) | Err(TryRecvError::Empty), _) => {}
                (Err(TryRecvError::Lagged(lagged)), _) => {
                    return Err(RecvTimeoutError::Lagged(lagged));
                }
                (Err(TryRecvError::Closed), _) => return Err(RecvTimeoutError::Closed),
            }
            if self.subscriber.wait(deadline) == Waited::TimedOut {
                return Err(RecvTimeoutError::TimedOut);
            }
        }
    }

    /// Walks over what was published when it began, showing what is wanted while `look` says true. The event that
    /// `look` says false to is passed too. An error says that nothing wanted came before it.
    fn scan(
        &mut self,
        mut look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryRecvError> {
        let (epoch, class) = (self.epoch, &*self.class);
        let (mut going, mut any) = (true, false);
        // What comes meanwhile is for the next time, so that a busy hub cannot keep a quiet receiver here.
        let mut left = self.subscriber.lag().max(1);
        while !any && left > 0 {
            let read = self
                .subscriber
                .read_while(left as usize, |sequence, record| {
                    if !going {
                        return false;
                    }
                    let event = record.as_ref();
                    if class.wants(event) {
                        any = true;
                        going = look(
                            Position {
                                epoch,
                                offset: sequence + 1,
                            },
                            event,
                        );
                    }
                    true
                });
            left = match read {
                Ok(read) => left.saturating_sub(read as u64),
                Err(ring::TryRecvError::Empty) => return Err(TryRecvError::Empty),
                Err(ring::TryRecvError::Lagged(lagged)) => {
                    let exact = class.filter().is_all();
                    return Err(TryRecvError::Lagged(Lagged::from_ring(lagged, exact)));
                }
                Err(ring::TryRecvError::Closed) => return Err(TryRecvError::Closed),
            };
        }
        Ok(())
    }
}

impl Iterator for Receiver {
    type Item = Result<Delivery, Lagged>;

    /// Waits for the next event; `None` once the hub is closed and everything was received.
    fn next(&mut self) -> Option<Self::Item> {
        match self.recv() {
            Ok(delivery) => Some(Ok(delivery)),
            Err(RecvError::Lagged(lagged)) => Some(Err(lagged)),
            Err(RecvError::Closed) => None,
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

fn copy(position: Position, event: EventRef<'_>) -> Delivery {
    Delivery {
        position,
        event: event.to_event(),
    }
}

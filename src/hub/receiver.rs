//! A subscription's receiving end: a cursor that skips what its filter does not take.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::Backoff;

use crate::event::{Event, EventRef, Filter, Position, Record};
use crate::ring::{self, Notify, Subscriber};

use super::class::Class;
use super::core::Inner;
use super::error::{EndReason, Lagged, RecvError, RecvTimeoutError, TryRecvError};
use super::registry::{SubscriptionStats, Ticket};
use super::sleepers::State;
use super::subscription::Accept;

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
/// than the hub keeps, it receives [`Lagged`] with the exact number and goes on. Three things end it, and it says which:
/// [`Hub::unsubscribe`](super::Hub::unsubscribe) and the deletion of its topic at once, closing the hub after everything
/// was received. Dropping it unsubscribes.
///
/// While it waits, whoever publishes judges topics and types for it: it is not woken by others, and does not fall behind
/// because of them.
///
/// As an iterator it waits for each event, and ends when it does.
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
    inner: Arc<Inner>,
    ticket: Arc<Ticket>,
    class: Arc<Class>,
    accept: Option<Accept>,
    /// Where it sleeps, once it has slept.
    bed: Option<u32>,
    /// The sequence from which on others watch for it; it may be asleep then.
    armed: Option<u64>,
    complete: bool,
}

impl Receiver {
    pub(super) fn new(
        subscriber: Subscriber<Record>,
        inner: Arc<Inner>,
        ticket: Arc<Ticket>,
        class: Arc<Class>,
        accept: Option<Accept>,
    ) -> Self {
        let receiver = Self {
            subscriber,
            inner,
            ticket,
            class,
            accept,
            bed: None,
            armed: None,
            complete: true,
        };
        receiver.note_position();
        receiver
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
        Ok(self.next_until(None, look)?)
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
        self.rise();
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
        self.rise();
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
            epoch: self.inner.epoch,
            offset: self.subscriber.position(),
        }
    }

    /// Returns the subscription's id.
    pub fn id(&self) -> &str {
        &self.ticket.id
    }

    /// Returns why nothing more will come: unsubscribed, topic deleted, or the hub closed and everything received.
    pub fn ended(&self) -> Option<EndReason> {
        let closed = || self.inner.ring.is_closed() && self.lag() == 0;
        self.ticket
            .ended()
            .or_else(|| closed().then_some(EndReason::Closed))
    }

    /// Returns whether [`Start::Last`](super::Start::Last) found as many as were asked for, or all there ever were.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns what it has received so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.ticket.stats(self.inner.ring.head())
    }

    /// Returns how many events the hub has published since, wanted or not.
    pub fn lag(&self) -> u64 {
        self.subscriber.lag()
    }

    /// Asks for one notification when something comes that it may want, or its end: how a task or a poller sleeps on
    /// it. `false` says that there is something to look at: receive first. Any receive takes the request back.
    ///
    /// The notification runs on the publisher's thread, without a lock; it should be short.
    #[must_use = "false says that there is something to receive: do not sleep"]
    pub fn arm(&mut self, notify: Arc<dyn Notify>) -> bool {
        self.rise();
        self.ticket.sleeper.set_notify(Some(notify));
        let armed = self.lie_down(true);
        if !armed {
            self.ticket.sleeper.set_notify(None);
        }
        armed
    }

    fn next_until<R>(
        &mut self,
        deadline: Option<Instant>,
        look: impl FnOnce(Position, EventRef<'_>) -> R,
    ) -> Result<R, RecvTimeoutError> {
        self.rise();
        let mut look = Some(look);
        let mut seen = None;
        loop {
            let scanned = self.scan(|position, event| {
                seen = look.take().map(|look| look(position, event));
                false
            });
            match (scanned, seen.take()) {
                (Ok(()), Some(seen)) => {
                    self.rise();
                    return Ok(seen);
                }
                (Ok(()) | Err(TryRecvError::Empty), _) => {}
                (Err(error), _) => {
                    self.rise();
                    return Err(error.into());
                }
            }
            if self.armed.is_none() {
                self.spin();
                // What was published before it lay down is scanned once more; for the rest others watch.
                self.lie_down(false);
            } else if self.ticket.sleeper.park(deadline) == State::Asleep
                && self.rise() == State::Asleep
            {
                return Err(RecvTimeoutError::TimedOut);
            } else {
                self.rise();
            }
        }
    }

    /// Gives what is about to come a moment, where nothing is there.
    fn spin(&self) {
        let backoff = Backoff::new();
        while !backoff.is_completed() && self.lag() == 0 && self.ended().is_none() {
            backoff.snooze();
        }
    }

    /// Falls asleep: from now on every event is judged by whoever publishes it. With `idle`, only if everything before
    /// was read.
    fn lie_down(&mut self, idle: bool) -> bool {
        let head_class = match self.bed {
            None => Some(self.inner.classes.get(&self.class.event_filter().head())),
            Some(_) => None,
        };
        let mut writer = self.inner.writer.lock();
        let next = writer.next_sequence();
        let unread = idle && next > self.subscriber.position();
        if unread || writer.is_closed() || self.ticket.ended().is_some() {
            return false;
        }
        let bed = match (self.bed, head_class) {
            (None, Some(class)) => *self.bed.insert(writer.sleepers.join(&class)),
            (bed, _) => bed.unwrap_or_default(),
        };
        writer.sleepers.sleep(bed, &self.ticket.sleeper);
        self.armed = Some(next);
        true
    }

    /// Wakes up, if it slept, and passes what is known not to be wanted. Says how it was woken; `Asleep` if it was not.
    fn rise(&mut self) -> State {
        let Some(armed) = self.armed.take() else {
            return State::Awake;
        };
        let sleeper = &self.ticket.sleeper;
        let (mut state, mut passed) = (sleeper.take(), 0);
        if state == State::Asleep {
            let mut writer = self.inner.writer.lock();
            state = writer.sleepers.rouse(sleeper, State::Awake);
            passed = writer.next_sequence();
            drop(writer);
            sleeper.take();
        }
        sleeper.set_notify(None);
        match state {
            State::At(sequence) => passed = sequence,
            State::Asleep => {}
            State::Awake | State::Nudged => return state,
        }
        // Others watched from `armed` on; what was before it is for the receiver itself.
        let position = self.subscriber.position();
        if position >= armed && passed > position && self.subscriber.seek(passed).is_ok() {
            self.note_position();
        }
        state
    }

    /// Walks over what was published when it began, showing what is wanted while `look` says true. The event that
    /// `look` says false to is passed too. An error says that nothing wanted came before it.
    fn scan(
        &mut self,
        mut look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryRecvError> {
        let (epoch, class, ticket) = (self.inner.epoch, &*self.class, &*self.ticket);
        let accept = self.accept.as_deref();
        let (mut going, mut count, mut time) = (true, 0, 0);
        // What comes meanwhile is for the next time, so that a busy hub cannot keep a quiet receiver here.
        let mut left = self.subscriber.lag().max(1);
        let mut outcome = Ok(());
        while outcome.is_ok() && count == 0 && left > 0 {
            if let Some(reason) = ticket.ended() {
                outcome = Err(reason.into());
                break;
            }
            let read = self
                .subscriber
                .read_while(left as usize, |sequence, record| {
                    if !going {
                        return false;
                    }
                    let event = record.as_ref();
                    if class.wants(event) && accept.is_none_or(|accept| accept(event)) {
                        if ticket.ended().is_some() {
                            going = false;
                            return false;
                        }
                        going = look(
                            Position {
                                epoch,
                                offset: sequence + 1,
                            },
                            event,
                        );
                        count += 1;
                        time = event.time();
                    }
                    true
                });
            match read {
                Ok(read) => left = left.saturating_sub(read as u64),
                Err(ring::TryRecvError::Empty) => outcome = Err(TryRecvError::Empty),
                Err(ring::TryRecvError::Lagged(lagged)) => {
                    let exact = class.event_filter().is_all() && accept.is_none();
                    outcome = Err(TryRecvError::Lagged(Lagged::from_ring(lagged, exact)));
                }
                Err(ring::TryRecvError::Closed) => outcome = Err(TryRecvError::Closed),
            }
        }
        self.note(count, time, &outcome);
        outcome
    }

    /// Keeps the figures. Relaxed: only this receiver writes them.
    fn note(&self, count: u64, time: i64, outcome: &Result<(), TryRecvError>) {
        let figures = &self.ticket.figures;
        let add = |figure: &AtomicU64, more| {
            figure.store(figure.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        };
        if count > 0 {
            add(&figures.delivered, count);
            figures.last_time.store(time as u64, Ordering::Relaxed);
        }
        if let Err(TryRecvError::Lagged(lagged)) = outcome {
            add(&figures.gaps, 1);
            add(&figures.missed, lagged.missed);
        }
        self.note_position();
    }

    fn note_position(&self) {
        let position = self.subscriber.position();
        self.ticket
            .figures
            .position
            .store(position, Ordering::Relaxed);
    }

    /// Goes to the first event that is kept and not older than that.
    pub(super) fn seek_time(&mut self, nanos: i64) {
        let mut found = None;
        self.look_over(|sequence, event| {
            if event.time() >= nanos {
                found = Some(sequence);
            }
            found.is_none()
        });
        let sequence = found.unwrap_or_else(|| self.subscriber.position());
        // What was overwritten meanwhile is told as any other gap.
        let _ = self.subscriber.seek(sequence);
        self.note_position();
    }

    /// Goes to the last events that are wanted.
    pub(super) fn seek_last(&mut self, count: usize) {
        let oldest = self.inner.ring.oldest();
        let (class, accept) = (self.class.clone(), self.accept.clone());
        let mut last = VecDeque::new();
        self.look_over(|sequence, event| {
            if class.wants(event) && accept.as_ref().is_none_or(|accept| accept(event)) {
                if last.len() == count {
                    last.pop_front();
                }
                last.push_back(sequence);
            }
            true
        });
        self.complete = last.len() == count || oldest == 0;
        if let Some(first) = last.front() {
            let _ = self.subscriber.seek(*first);
        }
        self.note_position();
    }

    /// Shows what is kept now, from the cursor on, until `look` says false; the cursor stands behind what was shown.
    fn look_over(&mut self, mut look: impl FnMut(u64, EventRef<'_>) -> bool) {
        let head = self.inner.ring.head();
        while self.subscriber.position() < head {
            let left = head - self.subscriber.position();
            let mut going = true;
            let read = self
                .subscriber
                .read_while(left as usize, |sequence, record| {
                    going = going && look(sequence, record.as_ref());
                    going
                });
            if !going
                || matches!(
                    read,
                    Err(ring::TryRecvError::Empty | ring::TryRecvError::Closed)
                )
            {
                return;
            }
        }
    }
}

impl Drop for Receiver {
    /// Unsubscribes.
    fn drop(&mut self) {
        self.inner.registry.forget(&self.ticket);
        if let Some(bed) = self.bed {
            let mut writer = self.inner.writer.lock();
            writer.sleepers.rouse(&self.ticket.sleeper, State::Awake);
            writer.sleepers.leave(bed);
        }
    }
}

impl Iterator for Receiver {
    type Item = Result<Delivery, Lagged>;

    /// Waits for the next event; `None` at the end, of which [`ended`](Self::ended) says the reason.
    fn next(&mut self) -> Option<Self::Item> {
        match self.recv() {
            Ok(delivery) => Some(Ok(delivery)),
            Err(RecvError::Lagged(lagged)) => Some(Err(lagged)),
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

fn copy(position: Position, event: EventRef<'_>) -> Delivery {
    Delivery {
        position,
        event: event.to_event(),
    }
}

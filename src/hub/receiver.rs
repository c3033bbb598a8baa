//! A subscription's receiving end: a cursor that skips what its filter does not take.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::Backoff;

use crate::event::{Event, EventRef, Filter, Position, Record};
use crate::ring::{self, Notify, Subscriber};

use super::class::Class;
use super::control::Control;
use super::core::Inner;
use super::error::{EndReason, Lagged, RecvError, RecvTimeoutError, TryRecvError};
use super::history::Kept;
use super::items::Stage;
use super::registry::{SubscriptionStats, Ticket};
use super::sleepers::State;
use super::subscription::{Accept, Subscription};

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
    pub(super) ticket: Arc<Ticket>,
    class: Arc<Class>,
    accept: Option<Accept>,
    /// Where it sleeps, once it has slept.
    bed: Option<u32>,
    /// The sequence from which on others watch for it; it may be asleep then.
    armed: Option<u64>,
    complete: bool,
    /// What topics kept of what the ring has no more; comes before what the ring has.
    backlog: VecDeque<Kept>,
    pub(super) stage: Stage,
}

impl Receiver {
    pub(super) fn new(
        subscriber: Subscriber<Record>,
        inner: Arc<Inner>,
        ticket: Arc<Ticket>,
        class: Arc<Class>,
        subscription: Subscription,
    ) -> Self {
        let stage = Stage::new(subscription.controls, inner.ring.head());
        let receiver = Self {
            subscriber,
            inner,
            ticket,
            class,
            accept: subscription.accept,
            bed: None,
            armed: None,
            complete: true,
            backlog: VecDeque::new(),
            stage,
        };
        receiver.note_position();
        receiver
            .inner
            .announce(&receiver.ticket, |id| Control::Joined { id });
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
        self.next_until(Instant::now().checked_add(timeout), false, copy)
    }

    /// Receives the next event, and waits until then at most.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Delivery, RecvTimeoutError> {
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
    ) -> Result<R, RecvError> {
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
            offset: self.passed(),
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
        self.inner.ring.head().saturating_sub(self.passed())
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

    /// With `controls`, one that waits ends it too, as if the time were over.
    pub(super) fn next_until<R>(
        &mut self,
        deadline: Option<Instant>,
        controls: bool,
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
            if controls && self.ticket.has_controls() {
                self.rise();
                return Err(RecvTimeoutError::TimedOut);
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
        let unread = idle && (next > self.subscriber.position() || self.ticket.has_controls());
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

    /// Receives the next event up to an offset if there is one; what comes later stays.
    pub(super) fn next_below(&mut self, last: u64) -> Result<Delivery, TryRecvError> {
        self.rise();
        let mut seen = None;
        self.scan_to(last, |position, event| {
            seen = Some(copy(position, event));
            false
        })?;
        seen.ok_or(TryRecvError::Empty)
    }

    /// Walks over what was published when it began, showing what is wanted while `look` says true. The event that
    /// `look` says false to is passed too. An error says that nothing wanted came before it.
    fn scan(
        &mut self,
        look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryRecvError> {
        self.scan_to(u64::MAX, look)
    }

    fn scan_to(
        &mut self,
        last: u64,
        mut look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryRecvError> {
        loop {
            let scanned = match self.backlog.is_empty() {
                true => self.scan_ring(last, &mut look),
                false => self.scan_backlog(&mut look),
            };
            let Err(TryRecvError::Lagged(lagged)) = scanned else {
                return scanned;
            };
            if let Some(lagged) = self.refill(lagged) {
                self.note_gap(lagged);
                return Err(TryRecvError::Lagged(lagged));
            }
        }
    }

    fn scan_backlog(
        &mut self,
        mut look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryRecvError> {
        let epoch = self.inner.epoch;
        let (mut going, mut count, mut time) = (true, 0, 0);
        while going && let Some((offset, event)) = self.backlog.front() {
            if let Some(reason) = self.ticket.ended() {
                if count == 0 {
                    return Err(reason.into());
                }
                break;
            }
            let offset = *offset;
            going = look(Position { epoch, offset }, Event::as_ref(event));
            time = Event::as_ref(event).time();
            count += 1;
            self.backlog.pop_front();
        }
        self.note(count, time);
        Ok(())
    }

    /// Takes what topics kept of what the ring has no more. Returns what to tell of the rest, if anything is missing.
    fn refill(&mut self, lagged: Lagged) -> Option<Lagged> {
        let (from, below) = (lagged.resume_at - lagged.missed, lagged.resume_at);
        let complete = self.recall(from, below, |_| true);
        if complete {
            return None;
        }
        let resume_at = self
            .backlog
            .front()
            .map_or(lagged.resume_at, |(offset, _)| *offset);
        Some(Lagged {
            missed: lagged.missed - self.backlog.len() as u64,
            resume_at,
            exact: lagged.exact,
        })
    }

    /// Fills the backlog with what is wanted of those offsets; says whether that is all there was.
    fn recall(
        &mut self,
        from: u64,
        below: u64,
        mut also: impl FnMut(EventRef<'_>) -> bool,
    ) -> bool {
        let (class, accept) = (&self.class, self.accept.as_deref());
        let (kept, complete) = self.inner.recall(class.filter(), from, below, |event| {
            class.wants(event) && accept.is_none_or(|accept| accept(event)) && also(event)
        });
        self.backlog = kept.into();
        complete
    }

    fn scan_ring(
        &mut self,
        last: u64,
        mut look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryRecvError> {
        let (epoch, class, ticket) = (self.inner.epoch, &*self.class, &*self.ticket);
        let accept = self.accept.as_deref();
        let (mut going, mut count, mut time) = (true, 0, 0);
        // What comes meanwhile is for the next time, so that a busy hub cannot keep a quiet receiver here.
        let mut left = self.subscriber.lag().max(1);
        left = left.min(last.saturating_sub(self.subscriber.position()));
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
        self.note(count, time);
        outcome
    }

    /// Keeps the figures. Relaxed: only this receiver writes them.
    fn note(&self, count: u64, time: i64) {
        if count > 0 {
            add(&self.ticket.figures.delivered, count);
            let last = &self.ticket.figures.last_time;
            last.store(time as u64, Ordering::Relaxed);
        }
        self.note_position();
    }

    fn note_gap(&self, lagged: Lagged) {
        add(&self.ticket.figures.gaps, 1);
        add(&self.ticket.figures.missed, lagged.missed);
    }

    fn note_position(&self) {
        let position = &self.ticket.figures.position;
        position.store(self.passed(), Ordering::Relaxed);
    }

    /// The offset of the last event that was passed.
    fn passed(&self) -> u64 {
        match self.backlog.front() {
            Some((offset, _)) => offset - 1,
            None => self.subscriber.position(),
        }
    }

    /// Begins with the oldest that the topics keep.
    pub(super) fn seek_beginning(&mut self) {
        self.recall(1, self.subscriber.position() + 1, |_| true);
        self.note_position();
    }

    /// Takes the newest event of each topic, and goes to the end.
    pub(super) fn seek_last_values(&mut self) {
        let floor = self.subscriber.position() + 1;
        self.recall(1, floor, |_| true);
        let mut newest: HashMap<u64, Kept> = HashMap::new();
        for kept in std::mem::take(&mut self.backlog) {
            let hash = Event::as_ref(&kept.1).topic_hash();
            newest.insert(hash, kept);
        }
        let (class, accept) = (self.class.clone(), self.accept.clone());
        self.look_over(|sequence, event| {
            if class.wants(event) && accept.as_ref().is_none_or(|accept| accept(event)) {
                let kept = (sequence + 1, Arc::new(event.to_event()));
                newest.insert(event.topic_hash(), kept);
            }
            true
        });
        let mut kept: Vec<Kept> = newest.into_values().collect();
        kept.sort_unstable_by_key(|(offset, _)| *offset);
        self.backlog = kept.into();
        self.note_position();
    }

    /// Goes to the first event that is kept and not older than that.
    pub(super) fn seek_time(&mut self, nanos: i64) {
        let floor = self.subscriber.position();
        let mut begun = false;
        self.recall(1, floor + 1, |event| {
            begun = begun || event.time() >= nanos;
            begun
        });
        if !self.backlog.is_empty() {
            return self.note_position();
        }
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
        let oldest = self.subscriber.position();
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
        if let Some(first) = last.front() {
            let _ = self.subscriber.seek(*first);
        }
        let short = count - last.len();
        self.complete = short == 0 || oldest == 0;
        if !self.complete {
            self.complete = self.recall(1, oldest + 1, |_| true) || self.backlog.len() >= short;
            let over = self.backlog.len().saturating_sub(short);
            self.backlog.drain(..over);
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
        if self.inner.registry.forget(&self.ticket) {
            self.inner.announce(&self.ticket, |id| Control::Left { id });
        }
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

/// Relaxed: only the receiver writes its figures.
fn add(figure: &AtomicU64, more: u64) {
    figure.store(figure.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

pub(super) fn copy(position: Position, event: EventRef<'_>) -> Delivery {
    Delivery {
        position,
        event: event.to_event(),
    }
}

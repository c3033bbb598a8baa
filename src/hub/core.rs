//! The hub itself: one ring, one lock to publish, cursors to read.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::event::{
    Epoch, ErrorKind, EventBatch, EventError, EventRef, Filter, Limits, Pattern, Position, Record,
    topic,
};
use crate::ring::{self, Ring};

use super::builder::HubBuilder;
use super::class::{Class, Classes};
use super::control::Control;
use super::error::{EndReason, PublishError, SubscribeError};
use super::history::{Histories, Kept};
use super::reader::Reader;
use super::receiver::Receiver;
use super::registry::{Registry, SubscriptionStats, Ticket};
use super::sleepers::{State, Woken};
use super::streams::ExpectedVersion;
use super::subscription::{Start, Subscription};
use super::topics::{TopicConfig, TopicInfo, TopicsError};
use super::writer::{Writer, heap_bytes};

/// Events in one total order: publish on any thread, receive on any other.
///
/// Cloning it gives another handle to the same hub. When the last handle goes, the hub is closed.
///
/// Everything is in memory: the epoch is new at each start, and offsets count from 1.
///
/// # Examples
///
/// ```
/// use eventring::event::Event;
/// use eventring::hub::{Hub, Start, Subscription};
///
/// let hub = Hub::new();
/// let publisher = hub.clone();
/// std::thread::spawn(move || publisher.publish(Event::new("a", "t").build().unwrap())).join().unwrap()?;
/// let mut late = hub.subscribe(Subscription::all().start(Start::Beginning)).unwrap();
/// assert_eq!(late.try_recv().unwrap().position, hub.position());
/// # Ok::<(), eventring::hub::PublishError>(())
/// ```
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
    /// Goes with the last handle.
    _open: Arc<Open>,
}

/// What handles and receivers share.
pub(super) struct Inner {
    pub(super) ring: Ring<Record>,
    pub(super) writer: Mutex<Writer>,
    pub(super) classes: Classes,
    pub(super) registry: Registry,
    pub(super) epoch: Epoch,
    limits: Limits,
    ring_bytes: usize,
}

/// Closes the hub when the last handle goes; receivers may outlive it.
struct Open(Arc<Inner>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What a hub holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events published, which is the newest offset.
    pub published: u64,
    /// The oldest offset that is kept.
    pub earliest: u64,
    /// Events that went before their time because of `ring_bytes`.
    pub trimmed: u64,
    /// Events on topics that are not listed, because there were `topics_max` of them.
    pub untracked: u64,
    /// Bytes of events on the heap, beside the ring's slots.
    pub heap_bytes: usize,
    /// Receivers and readers.
    pub readers: usize,
    /// Different filters in use.
    pub classes: usize,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// Creates a hub with the default settings.
    pub fn new() -> Self {
        // The defaults are in range: a test builds them.
        Self::builder()
            .build()
            .expect("the default settings are in range")
    }

    /// Starts with settings.
    pub fn builder() -> HubBuilder {
        HubBuilder::default()
    }

    pub(super) fn from_parts(
        writer: Writer,
        ring: Ring<Record>,
        ring_bytes: usize,
        limits: Limits,
    ) -> Self {
        let inner = Inner {
            ring,
            writer: Mutex::new(writer),
            classes: Classes::default(),
            registry: Registry::default(),
            epoch: Epoch::random(),
            limits: limits.honoured(),
            ring_bytes,
        };
        let inner = Arc::new(inner);
        Self {
            _open: Arc::new(Open(inner.clone())),
            inner,
        }
    }

    /// Publishes one event and returns where it stands. Nothing is allocated for a small event.
    ///
    /// # Errors
    ///
    /// [`PublishError::Invalid`] for an event beyond the hub's limits, [`PublishError::Closed`].
    pub fn publish<'e>(&self, event: impl Into<EventRef<'e>>) -> Result<Position, PublishError> {
        self.publish_expecting(ExpectedVersion::Any, event)
    }

    /// Publishes one event if its stream has the version that is expected.
    ///
    /// # Errors
    ///
    /// [`PublishError::Version`] where it has another one, [`StreamsNotKept`](PublishError::StreamsNotKept) where the
    /// hub keeps none; else as [`publish`](Self::publish).
    pub fn publish_expecting<'e>(
        &self,
        expected: ExpectedVersion,
        event: impl Into<EventRef<'e>>,
    ) -> Result<Position, PublishError> {
        let event = event.into();
        self.check(event)?;
        let mut woken = Woken::new();
        let published = {
            let mut writer = self.inner.writer.lock();
            writer.publish(event, expected, &mut woken)
        };
        tell(&woken);
        Ok(self.at(published?))
    }

    /// Publishes one event at a position that must be exactly the next.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::{Event, Position};
    /// use eventring::hub::{Hub, PublishError};
    ///
    /// let hub = Hub::new();
    /// let event = Event::new("a", "t").to_event().unwrap();
    /// let next = Position { epoch: hub.epoch(), offset: hub.head() + 1 };
    /// assert_eq!(hub.publish_at(next, &event), Ok(next));
    /// // Somebody else's event may be there already: nothing is published then.
    /// assert!(matches!(hub.publish_at(next, &event), Err(PublishError::Position { .. })));
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError::Position`] says which one is next; else as [`publish`](Self::publish).
    pub fn publish_at<'e>(
        &self,
        position: Position,
        event: impl Into<EventRef<'e>>,
    ) -> Result<Position, PublishError> {
        let event = event.into();
        self.check(event)?;
        let mut woken = Woken::new();
        let mut writer = self.inner.writer.lock();
        writer.check()?;
        let expected = self.at(writer.next_offset());
        if position != expected {
            return Err(PublishError::Position {
                expected,
                got: position,
            });
        }
        let published = writer.publish(event, ExpectedVersion::Any, &mut woken);
        drop(writer);
        tell(&woken);
        published.map(|_| position)
    }

    /// Publishes the events of a batch, contiguous and visible at once, or none of them. Returns their offsets.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::{Event, EventBatch};
    /// use eventring::hub::Hub;
    ///
    /// let mut batch = EventBatch::new();
    /// for n in 0..3 {
    ///     batch.push(Event::new("imports", "row").text(&n.to_string()).build()?);
    /// }
    /// assert_eq!(Hub::new().publish_batch(&batch)?, 1..4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError::TooMany`] and [`TooLarge`](PublishError::TooLarge) beyond half of the hub's capacity and of its
    /// `ring_bytes`; [`Invalid`](PublishError::Invalid) names the event; [`Closed`](PublishError::Closed).
    pub fn publish_batch(&self, batch: &EventBatch) -> Result<Range<u64>, PublishError> {
        self.publish_all(batch.len(), |index| batch.at(index))
    }

    /// Publishes events from an iterator as [`publish_batch`](Self::publish_batch) does.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch).
    pub fn publish_batch_iter<'e, E: Into<EventRef<'e>>>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> Result<Range<u64>, PublishError> {
        let limit = self.batch_events_max();
        let mut refs: SmallVec<[EventRef<'e>; 16]> = SmallVec::new();
        for event in events {
            if refs.len() == limit {
                return Err(PublishError::TooMany {
                    events: limit + 1,
                    limit,
                });
            }
            refs.push(event.into());
        }
        self.publish_all(refs.len(), |index| refs[index])
    }

    fn publish_all<'e>(
        &self,
        len: usize,
        event: impl Fn(usize) -> EventRef<'e>,
    ) -> Result<Range<u64>, PublishError> {
        let limit = self.batch_events_max();
        if len > limit {
            return Err(PublishError::TooMany { events: len, limit });
        }
        let (mut bytes, mut heap) = (0, 0);
        for index in 0..len {
            let event = event(index);
            self.check(event).map_err(|error| error.with_index(index))?;
            bytes += event.record().len();
            heap += heap_bytes(event);
        }
        let limit = self.inner.ring_bytes / 2;
        if bytes > limit {
            return Err(PublishError::TooLarge { bytes, limit });
        }
        let mut woken = Woken::new();
        let published = {
            let mut writer = self.inner.writer.lock();
            writer.publish_batch(len, heap, event, &mut woken)
        };
        tell(&woken);
        published
    }

    /// Subscribes: makes a receiver of what the subscription wants, from where it starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::Event;
    /// use eventring::hub::{Hub, Subscription, TryRecvError};
    ///
    /// let hub = Hub::new();
    /// let mut orders = hub.subscribe(Subscription::topic("orders.>"))?;
    /// hub.publish(Event::new("users.created", "user").build().unwrap()).unwrap();
    /// assert_eq!(orders.try_recv(), Err(TryRecvError::Empty));
    /// # Ok::<(), eventring::hub::SubscribeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]: a bad filter (with everything that is wrong with it), an id that lives, a position of
    /// another epoch or beyond the newest, too many readers.
    pub fn subscribe(&self, mut subscription: Subscription) -> Result<Receiver, SubscribeError> {
        let filter = subscription.take_filter()?;
        let (start, seek) = self.ring_start(subscription.start)?;
        let subscriber = self
            .inner
            .ring
            .subscribe(start)
            .map_err(|error| match error {
                ring::SubscribeError::InFuture { head } => SubscribeError::InFuture {
                    head,
                    got: head + 1,
                },
                _ => SubscribeError::TooManyReaders,
            })?;
        let (id, watches) = (subscription.id.take(), subscription.controls.presence);
        let ticket = self.inner.registry.enter(id, &filter, watches)?;
        let class = self.inner.classes.get(&filter);
        let mut receiver =
            Receiver::new(subscriber, self.inner.clone(), ticket, class, subscription);
        match seek {
            Seek::Stay => {}
            Seek::History => receiver.seek_beginning(),
            Seek::Time(nanos) => receiver.seek_time(nanos),
            Seek::Last(count) => receiver.seek_last(count),
            Seek::LastValues => receiver.seek_last_values(),
        }
        Ok(receiver)
    }

    /// Ends the subscription of that id: its receiver gets nothing more, and a receive that waits ends at once, with
    /// `Unsubscribed`. `false` where no such subscription lives.
    pub fn unsubscribe(&self, id: &str) -> bool {
        match self.inner.registry.take(id) {
            Some(ticket) => {
                self.inner.end(&ticket, EndReason::Unsubscribed);
                true
            }
            None => false,
        }
    }

    /// Returns the ids of the subscriptions that would get an event of this topic, were it not for its type and the
    /// rest of it, sorted: who listens there.
    pub fn presence(&self, topic: &str) -> Vec<String> {
        let all = self
            .inner
            .registry
            .all(|ticket| ticket.filter.topics().matches(topic));
        all.iter().map(|ticket| ticket.id.clone().into()).collect()
    }

    /// Returns what every subscription has done so far, sorted by id.
    pub fn subscriptions(&self) -> Vec<SubscriptionStats> {
        let head = self.head();
        let all = self.inner.registry.all(|_| true);
        all.iter().map(|ticket| ticket.stats(head)).collect()
    }

    /// Returns what one subscription has done so far; `None` where no such one lives.
    pub fn subscription(&self, id: &str) -> Option<SubscriptionStats> {
        Some(self.inner.registry.find(id)?.stats(self.head()))
    }

    /// Creates a topic with settings, or gives them to one that an event made.
    ///
    /// # Errors
    ///
    /// [`TopicsError`]: a bad name, bad settings (with everything that is wrong with them), a topic that was created
    /// before, too many of them or of what they keep.
    pub fn create_topic(&self, name: &str, config: TopicConfig) -> Result<(), TopicsError> {
        topic::validate(name)?;
        config.validate()?;
        let mut writer = self.inner.writer.lock();
        if config.retain_events > 0 && writer.histories.is_none() {
            let started = Histories::start(&self.inner.ring);
            writer.histories = Some(started.map_err(|_| TopicsError::Refused)?);
        }
        writer.topics.create(name, config.clone())?;
        if let Some(histories) = &writer.histories
            && config.retain_events > 0
        {
            histories.add(name, &config);
        }
        Ok(())
    }

    /// Deletes a topic, with what it keeps. Subscriptions that named it end, with `TopicDeleted`, unless they have a
    /// pattern or name another topic that exists.
    ///
    /// Its events that the ring still has are not rewritten: whoever starts in the past with a pattern may see them.
    ///
    /// # Errors
    ///
    /// [`TopicsError::Unknown`].
    pub fn delete_topic(&self, name: &str) -> Result<(), TopicsError> {
        {
            let mut writer = self.inner.writer.lock();
            writer.topics.delete(name)?;
            if let Some(histories) = &writer.histories {
                histories.remove(name);
            }
        }
        let named = self
            .inner
            .registry
            .all(|ticket| names(ticket.filter.topics(), name));
        for ticket in named {
            let others = {
                let writer = self.inner.writer.lock();
                let mut patterns = ticket.filter.topics().patterns().iter();
                patterns.any(|pattern| writer.topics.get(pattern.as_str()).is_some())
            };
            if !others && self.inner.registry.forget(&ticket) {
                self.inner.end(&ticket, EndReason::TopicDeleted);
            }
        }
        Ok(())
    }

    /// Returns the names of the topics that were created or published on, sorted.
    pub fn topics(&self) -> Vec<String> {
        let writer = self.inner.writer.lock();
        let mut names: Vec<String> = writer
            .topics
            .all()
            .map(|topic| topic.name.to_string())
            .collect();
        drop(writer);
        names.sort_unstable();
        names
    }

    /// Describes a topic; `None` for one that was neither created nor published on.
    pub fn describe_topic(&self, name: &str) -> Option<TopicInfo> {
        let (mut info, histories) = {
            let writer = self.inner.writer.lock();
            let topic = writer.topics.get(name)?;
            let info = TopicInfo {
                name: topic.name.to_string(),
                config: topic.config.clone(),
                published: topic.published,
                last_offset: topic.last_offset,
                retained: 0,
                retained_bytes: 0,
                subscriptions: 0,
            };
            (info, writer.histories.clone())
        };
        if let Some(histories) = histories {
            (info.retained, info.retained_bytes) = histories.size(name);
        }
        info.subscriptions = self.presence(name).len();
        Some(info)
    }

    /// Returns the position of a stream (aggregate): how many events it has, counted from the version that its first
    /// one here stated. `None` for a stream that the hub does not know, or where it keeps none.
    pub fn stream_position(&self, ty: &str, id: &str) -> Option<u64> {
        self.inner.writer.lock().streams.as_ref()?.position(ty, id)
    }

    /// Creates a cursor over everything, which stands after the newest event.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::TooManyReaders`].
    pub fn reader(&self) -> Result<Reader, SubscribeError> {
        match self.inner.ring.subscribe(ring::Start::Newest) {
            Ok(subscriber) => Ok(Reader::new(subscriber, self.inner.ring.clone())),
            Err(_) => Err(SubscribeError::TooManyReaders),
        }
    }

    /// Returns the class of a filter: one for all equal filters, as long as somebody holds it.
    pub fn class(&self, filter: &Filter) -> Arc<Class> {
        self.inner.classes.get(&filter.clone().into())
    }

    /// Returns the identity of this hub's log.
    pub fn epoch(&self) -> Epoch {
        self.inner.epoch
    }

    /// Returns the newest offset, 0 before the first.
    pub fn head(&self) -> u64 {
        self.inner.ring.head()
    }

    /// Returns the newest offset that readers may see: in a memory hub, [`head`](Self::head).
    pub fn visible(&self) -> u64 {
        self.head()
    }

    /// Returns the oldest offset that is kept; the next one to be published where none is.
    pub fn earliest(&self) -> u64 {
        self.inner.ring.oldest() + 1
    }

    /// Returns the position of the newest event.
    pub fn position(&self) -> Position {
        self.at(self.head())
    }

    /// Returns how many events are kept at most.
    pub fn capacity(&self) -> usize {
        self.inner.ring.capacity()
    }

    /// Returns the limits of each event.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Returns how many events one batch may hold: half the capacity.
    pub fn batch_events_max(&self) -> usize {
        (self.capacity() / 2).max(1)
    }

    /// Returns how many bytes of records one batch may hold: half of `ring_bytes`.
    pub fn batch_bytes_max(&self) -> usize {
        self.inner.ring_bytes / 2
    }

    /// Closes the hub: nothing more is published; who reads gets what is kept and then learns that it is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::Event;
    /// use eventring::hub::{Hub, PublishError, RecvError, Subscription};
    ///
    /// let hub = Hub::new();
    /// let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    /// let event = Event::new("a", "t").to_event().unwrap();
    /// hub.publish(&event).unwrap();
    /// hub.close();
    /// assert_eq!(hub.publish(&event), Err(PublishError::Closed));
    /// assert_eq!(receiver.recv().unwrap().position.offset, 1);
    /// assert_eq!(receiver.recv(), Err(RecvError::Closed));
    /// ```
    pub fn close(&self) {
        self.inner.close();
    }

    /// Returns whether the hub is closed.
    pub fn is_closed(&self) -> bool {
        self.inner.ring.is_closed()
    }

    /// Returns what the hub holds now.
    pub fn stats(&self) -> Stats {
        let (heap_bytes, trimmed, untracked) = {
            let writer = self.inner.writer.lock();
            (
                writer.heap_bytes(),
                writer.trimmed(),
                writer.topics.untracked(),
            )
        };
        Stats {
            published: self.head(),
            earliest: self.earliest(),
            trimmed,
            untracked,
            heap_bytes,
            readers: self.inner.ring.subscriber_count(),
            classes: self.inner.classes.len(),
        }
    }

    fn at(&self, offset: u64) -> Position {
        Position {
            epoch: self.inner.epoch,
            offset,
        }
    }

    fn ring_start(&self, start: Start) -> Result<(ring::Start, Seek), SubscribeError> {
        let position = match start {
            Start::Now | Start::Last(0) => return Ok((ring::Start::Newest, Seek::Stay)),
            Start::Beginning => return Ok((ring::Start::Oldest, Seek::History)),
            Start::LastValues => return Ok((ring::Start::Oldest, Seek::LastValues)),
            Start::Timestamp(nanos) => return Ok((ring::Start::Oldest, Seek::Time(nanos))),
            Start::Last(count) => return Ok((ring::Start::Oldest, Seek::Last(count))),
            Start::After(position) => position,
        };
        let (expected, head) = (self.inner.epoch, self.head());
        if position.epoch != expected {
            return Err(SubscribeError::Epoch {
                expected,
                got: position.epoch,
            });
        }
        if position.offset > head {
            return Err(SubscribeError::InFuture {
                head,
                got: position.offset,
            });
        }
        // The event after offset n has sequence n.
        Ok((ring::Start::At(position.offset), Seek::Stay))
    }

    /// The builder of an event may have had other limits.
    fn check(&self, event: EventRef<'_>) -> Result<(), PublishError> {
        let (limit, actual) = (self.inner.limits.payload_bytes, event.data().len());
        if actual <= limit {
            return Ok(());
        }
        Err(EventError::new(ErrorKind::TooLarge { limit, actual }, "data").into())
    }
}

/// What a start needs to look for before it is one.
enum Seek {
    Stay,
    History,
    LastValues,
    Time(i64),
    Last(usize),
}

impl Inner {
    fn close(&self) {
        let mut woken = Woken::new();
        self.writer.lock().close(&mut woken);
        tell(&woken);
    }

    /// Ends a subscription, wakes its receiver, and tells who watches.
    pub(super) fn end(&self, ticket: &Ticket, reason: EndReason) {
        ticket.end(reason);
        self.nudge(ticket);
        self.announce(ticket, |id| Control::Left { id });
    }

    /// Tells those who watch presence what became of a subscription.
    pub(super) fn announce(&self, ticket: &Ticket, control: impl Fn(String) -> Control) {
        for watcher in self.registry.watchers(ticket) {
            watcher.tell(control(ticket.id.to_string()));
            self.nudge(&watcher);
        }
    }

    /// Returns what topics keep between two offsets, and whether that is everything. Only of topics that are named can
    /// it be known to be.
    pub(super) fn recall(
        &self,
        filter: &Filter,
        from: u64,
        below: u64,
        wanted: impl FnMut(EventRef<'_>) -> bool,
    ) -> (Vec<Kept>, bool) {
        let Some(histories) = self.writer.lock().histories.clone() else {
            return (Vec::new(), false);
        };
        let kept = histories.between(filter, from, below, wanted);
        let mut patterns = filter.patterns().iter();
        let complete = patterns
            .all(|pattern| pattern.is_literal() && histories.is_complete(pattern.as_str(), from));
        (kept, complete)
    }

    fn nudge(&self, ticket: &Ticket) {
        // Under the lock: a receiver looks at its ticket there before it falls asleep.
        let state = {
            let mut writer = self.writer.lock();
            writer.sleepers.rouse(&ticket.sleeper, State::Nudged)
        };
        if state == State::Asleep {
            ticket.sleeper.tell();
        }
    }
}

/// Whether a filter has this name, and no pattern.
fn names(filter: &Filter, name: &str) -> bool {
    let patterns = filter.patterns();
    patterns.iter().all(Pattern::is_literal)
        && patterns.iter().any(|pattern| pattern.as_str() == name)
}

/// Tells those who were woken, after the publisher's lock was released.
pub(super) fn tell(woken: &Woken) {
    woken.iter().for_each(|sleeper| sleeper.tell());
}

impl PublishError {
    fn with_index(self, index: usize) -> Self {
        match self {
            Self::Invalid(error) => Self::Invalid(error.with_index(index)),
            other => other,
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("position", &self.position())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

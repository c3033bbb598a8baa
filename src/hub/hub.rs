//! The handle that a program embeds. Its methods are the front page; the rooms (`publish`, `subscribe`, `presence`,
//! `topics`) do the work on what all handles share.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::event::{AsEvent, Epoch, EventBatch, EventLimits, Filter, Position};
use crate::ring::Notify;

use crate::hub::builder::HubBuilder;
use crate::hub::checkpoints::Checkpoints;
use crate::hub::class::Class;
use crate::hub::error::{HubPublishError, SubscriptionError};
use crate::hub::history::{self, EventPage, HistoryError, HistoryQuery};
use crate::hub::journal::JournalHandle;
#[cfg(feature = "gateway")]
use crate::hub::journal_read::ReadSide;
use crate::hub::presence::{PresenceConfig, PresenceHandle, PresenceWatch, Present};
use crate::hub::publish::{self, ExpectedVersion, HubPublisher, Publish, PublishOptions};
use crate::hub::shared::Shared;
use crate::hub::stats::HubStats;
use crate::hub::subscribe::{self, Cursor, Receiver, Subscription, SubscriptionStats};
#[cfg(feature = "gateway")]
use crate::hub::topics::LookBack;
use crate::hub::topics::{self, TopicConfig, TopicInfo, TopicsError};

/// Events in one total order: publish on any thread, receive on any other.
///
/// Cloning it gives another handle to the same hub. When the last handle goes, the hub is closed.
///
/// Without a [journal](HubBuilder::journal) everything is in memory: the epoch is new at each start, and offsets count from
/// 1. With one both go on where they were.
///
/// # Examples
///
/// ```
/// use eventring::hub::StartFrom;
/// use eventring::{Event, Hub, Subscription};
///
/// let hub = Hub::new();
/// let publisher = hub.clone();
/// std::thread::spawn(move || publisher.publish(Event::builder("a", "t").build().unwrap())).join().unwrap()?;
/// let mut late = hub.subscribe(Subscription::all().start(StartFrom::Beginning)).unwrap();
/// assert_eq!(late.try_recv().unwrap().position, hub.position());
/// # Ok::<(), eventring::hub::HubPublishError>(())
/// ```
#[derive(Clone)]
pub struct Hub {
    pub(in crate::hub) shared: Arc<Shared>,
    /// Counts the handles, which receivers are not: the hub closes when nobody can publish any more.
    _open: Arc<Open>,
}

/// Closes the hub when the last handle goes; receivers may outlive it.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
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

    /// Returns the identity of this hub's log.
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// Returns the newest offset that an event has, 0 before the first. It may not be [`visible`](Self::visible) yet.
    pub fn head(&self) -> u64 {
        self.shared.ring.head()
    }

    /// Returns the newest offset that readers may see: without a journal, [`head`](Self::head).
    pub fn visible(&self) -> u64 {
        self.shared.ring.visible()
    }

    /// Returns the oldest offset that is kept; the next one to be published where none is.
    pub fn earliest(&self) -> u64 {
        self.shared.ring.oldest() + 1
    }

    /// Returns the position of the newest event that readers may see.
    pub fn position(&self) -> Position {
        self.shared.position(self.visible())
    }

    /// Returns how many events are kept at most.
    pub fn capacity(&self) -> usize {
        self.shared.ring.capacity()
    }

    /// Returns the limits of each event.
    pub fn limits(&self) -> &EventLimits {
        &self.shared.limits
    }

    // -- Publishing

    /// Publishes one event and returns where it stands. Nothing is allocated for a small event in a hub without a journal.
    ///
    /// With a journal it waits until the event is as safe as its topic asks for, and readers see it. It may write it on this
    /// thread, and then waits as long as the disk; one with a [`timeout`](PublishOptions::timeout) does not.
    ///
    /// # Errors
    ///
    /// [`HubPublishError::Invalid`] for an event beyond the hub's limits, [`HubPublishError::Closed`]. With a journal also
    /// what becomes of a commit: [`Full`](HubPublishError::Full), [`NoSpace`](HubPublishError::NoSpace),
    /// [`Aborted`](HubPublishError::Aborted), [`Indeterminate`](HubPublishError::Indeterminate).
    pub fn publish(&self, event: impl AsEvent) -> Result<Position, HubPublishError> {
        publish::one(&self.shared, ExpectedVersion::Any, event.as_event())
    }

    /// Publishes one event if its stream has the version that is expected.
    ///
    /// # Errors
    ///
    /// [`HubPublishError::Version`] where it has another one, [`StreamsNotKept`](HubPublishError::StreamsNotKept) where the
    /// hub keeps none; else as [`publish`](Self::publish).
    pub fn publish_expecting(
        &self,
        expected: ExpectedVersion,
        event: impl AsEvent,
    ) -> Result<Position, HubPublishError> {
        publish::one(&self.shared, expected, event.as_event())
    }

    /// Publishes one event at a position that must be exactly the next.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::hub::HubPublishError;
    /// use eventring::{Event, Hub, Position};
    ///
    /// let hub = Hub::new();
    /// let event = Event::builder("a", "t").build().unwrap();
    /// let next = Position { epoch: hub.epoch(), offset: hub.head() + 1 };
    /// assert_eq!(hub.publish_at(next, &event), Ok(next));
    /// // Somebody else's event may be there already: nothing is published then.
    /// assert!(matches!(hub.publish_at(next, &event), Err(HubPublishError::Position { .. })));
    /// ```
    ///
    /// # Errors
    ///
    /// [`HubPublishError::Position`] says which one is next; else as [`publish`](Self::publish).
    pub fn publish_at(
        &self,
        position: Position,
        event: impl AsEvent,
    ) -> Result<Position, HubPublishError> {
        publish::one_at(&self.shared, position, event.as_event())
    }

    /// Publishes the events of a batch, contiguous and visible at once, or none of them. Returns their offsets.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::EventBatch;
    /// use eventring::{Event, Hub};
    ///
    /// let mut batch = EventBatch::new();
    /// for n in 0..3 {
    ///     batch.push(Event::builder("imports", "row").text(&n.to_string()).build()?);
    /// }
    /// assert_eq!(Hub::new().publish_batch(&batch)?, 1..4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`HubPublishError::TooMany`] and [`TooLarge`](HubPublishError::TooLarge) beyond half of the hub's capacity and of its
    /// `ring_bytes`; [`Invalid`](HubPublishError::Invalid) names the event; [`Closed`](HubPublishError::Closed).
    pub fn publish_batch(&self, batch: &EventBatch) -> Result<Range<u64>, HubPublishError> {
        let options = PublishOptions::default();
        Publish::new(batch.len(), |index| batch.at(index), &options).wait(&self.shared)
    }

    /// Publishes events from an iterator as [`publish_batch`](Self::publish_batch) does.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch).
    pub fn publish_batch_iter<E: AsEvent>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> Result<Range<u64>, HubPublishError> {
        publish::many_from(&self.shared, events.into_iter())
    }

    /// Returns the publishing side with settings: how safe events are to be, how long to wait, and not waiting at all.
    pub fn publisher(&self) -> HubPublisher<'_> {
        HubPublisher::new(self)
    }

    /// Returns the journal: its figures, its readers, and state that commits in it. `None` where events are in memory only.
    pub fn journal(&self) -> Option<JournalHandle<'_>> {
        let journal = self.shared.journal.as_ref()?;
        Some(JournalHandle::new(&self.shared, journal))
    }

    /// Returns the checkpoints: how far readers have come, by name, kept in the journal. `None` where events are in memory only.
    pub fn checkpoints(&self) -> Option<Checkpoints<'_>> {
        Checkpoints::of(&self.shared)
    }

    // -- Subscribing

    /// Subscribes: makes a receiver of what the subscription wants, from where it starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::hub::TryReceiveError;
    /// use eventring::{Event, Hub};
    ///
    /// let hub = Hub::new();
    /// let mut orders = hub.subscribe("orders.>")?;
    /// hub.publish(Event::builder("users.created", "user").build().unwrap()).unwrap();
    /// assert_eq!(orders.try_recv(), Err(TryReceiveError::Empty));
    ///
    /// let mut both = hub.subscribe(["orders.>", "users.*"])?;
    /// hub.publish(Event::builder("users.deleted", "user").build().unwrap()).unwrap();
    /// assert_eq!(both.recv().unwrap().event.topic(), "users.deleted");
    /// # Ok::<(), eventring::hub::SubscriptionError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`]: a bad filter (with everything that is wrong with it), an id that lives, a position of
    /// another epoch or beyond the newest, too many readers.
    pub fn subscribe(
        &self,
        subscription: impl Into<Subscription>,
    ) -> Result<Receiver, SubscriptionError> {
        subscribe::open(&self.shared, subscription.into())
    }

    /// Ends the subscription of that id: its receiver gets nothing more, and a receive that waits ends at once, with
    /// `Unsubscribed`. `false` where no such subscription lives.
    pub fn unsubscribe(&self, id: &str) -> bool {
        subscribe::end(&self.shared, id)
    }

    /// Returns the figures of every subscription, sorted by id.
    pub fn subscriptions(&self) -> Vec<SubscriptionStats> {
        let head = self.visible();
        let all = self.shared.registry.all(|_| true);
        all.iter().map(|entry| entry.stats(head)).collect()
    }

    /// Returns the figures of one subscription; `None` where no such one lives.
    pub fn subscription(&self, id: &str) -> Option<SubscriptionStats> {
        let entry = self.shared.registry.get(id)?;
        Some(entry.stats(self.visible()))
    }

    /// Creates a cursor over everything, which stands after the newest event.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError::TooManyReaders`].
    pub fn cursor(&self) -> Result<Cursor, SubscriptionError> {
        Cursor::open(&self.shared.ring)
    }

    /// Returns the class of a filter: one for all equal filters, as long as somebody holds it.
    pub fn class(&self, filter: &Filter) -> Arc<Class> {
        self.shared.classes.get(&filter.clone().into())
    }

    // -- Presence

    /// Returns the ids of the subscriptions whose topics include this one, sorted. The rest of their filters (types,
    /// tags, conditions) is not looked at.
    pub fn presence(&self, topic: &str) -> Vec<String> {
        self.present(topic, usize::MAX).ids
    }

    /// Returns those whose topics include this one, and the number of the last change that the list knows of. At most
    /// `max` ids are listed, any of them where there are more; the count is of all.
    pub fn present(&self, topic: &str, max: usize) -> Present {
        let mut present = self.shared.registry.present(topic, max);
        present.ids.sort_unstable();
        present
    }

    /// Watches joins and leaves from here on. `notify` is called when there is something to take; it runs on any
    /// thread, without a lock.
    pub fn watch_presence(&self, notify: Arc<dyn Notify>) -> PresenceWatch {
        PresenceWatch::open(&self.shared, notify)
    }

    /// Opens a set of members that are present at topics until they leave, as subscriptions are: they are listed by
    /// [`presence`](Self::presence), others are told that they join and leave, they end with their topic, and
    /// [`unsubscribe`](Self::unsubscribe) ends one. They receive nothing, and are not among
    /// [`subscriptions`](Self::subscriptions).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use eventring::hub::{PresenceConfig, PresenceEvent};
    /// use eventring::ring::Notify;
    /// use eventring::{Filter, Hub};
    ///
    /// struct Ignore;
    /// impl Notify for Ignore {
    ///     fn notify(&self) {}
    /// }
    ///
    /// let hub = Hub::new();
    /// let orders = Filter::parse(["orders.*"]).unwrap();
    /// let config = PresenceConfig::new("connection-", orders, Arc::new(Ignore));
    /// let connections = hub.open_presence(config)?;
    /// connections.enter(7);
    /// connections.enter(31);
    /// assert_eq!(hub.presence("orders.eu"), ["connection-1f", "connection-7"]);
    /// hub.unsubscribe("connection-7");
    /// assert_eq!(connections.take(), Some(PresenceEvent::Ended { number: 7 }));
    /// connections.leave(31);
    /// assert!(hub.presence("orders.eu").is_empty());
    /// # Ok::<(), eventring::hub::SubscriptionError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubscriptionError::Id`] for the name.
    pub fn open_presence(
        &self,
        config: PresenceConfig,
    ) -> Result<PresenceHandle, SubscriptionError> {
        PresenceHandle::open(&self.shared, config)
    }

    // -- Topics

    /// Creates a topic with settings, or gives them to one that an event made.
    ///
    /// # Errors
    ///
    /// [`TopicsError`]: a bad name, bad settings (with everything that is wrong with them), a topic that was created
    /// before, too many of them or of what they keep.
    pub fn create_topic(&self, name: &str, config: TopicConfig) -> Result<(), TopicsError> {
        topics::create(&self.shared, name, config)
    }

    /// Gives settings to a topic, which is created where there is none. In a hub with a journal they are kept over restarts:
    /// this waits for that.
    ///
    /// What a topic keeps already goes where the new settings keep less.
    ///
    /// # Errors
    ///
    /// As [`create_topic`](Self::create_topic), but that the topic may exist.
    pub fn set_topic(&self, name: &str, config: TopicConfig) -> Result<(), TopicsError> {
        topics::set(&self.shared, name, config)
    }

    /// Deletes a topic, with what it keeps. Subscriptions that named it end, with `TopicDeleted`, unless they have a
    /// pattern or name another topic that exists.
    ///
    /// With a journal that deletes events its own go as well, but those with a stream: nobody finds them any more. Without one
    /// what the ring still has is not rewritten: whoever starts in the past with a pattern may see it.
    ///
    /// # Errors
    ///
    /// [`TopicsError::Unknown`].
    pub fn delete_topic(&self, name: &str) -> Result<(), TopicsError> {
        topics::delete(&self.shared, name)
    }

    /// Returns the names of the topics that were created or published on, sorted.
    pub fn topics(&self) -> Vec<String> {
        topics::names(&self.shared)
    }

    /// Describes a topic; `None` for one that was neither created nor published on.
    pub fn describe_topic(&self, name: &str) -> Option<TopicInfo> {
        topics::describe(&self.shared, name)
    }

    /// Returns the position of a stream (aggregate): how many events it has, counted from the version that its first
    /// one here stated. `None` for a stream that the hub does not know, or where it keeps none.
    ///
    /// In a hub with a journal a stream that nothing was published on in this run is looked up there, which may read the
    /// disk; `None` also where that cannot be read.
    pub fn stream_position(&self, ty: &str, id: &str) -> Option<u64> {
        let known = {
            let publisher = self.shared.publisher.lock();
            publisher.streams.as_ref()?.position(ty, id)
        };
        known.or_else(|| {
            let reads = self.shared.read_side.journal()?;
            reads.stream_version(ty, id).ok().flatten()
        })
    }

    // -- History

    /// Returns a page of the past: what is kept in the journal and the ring; without a journal, by topics and in the ring.
    ///
    /// It reads on this thread, from the disk where the ring has no more, and gives back a cursor for the next page.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] names the field that is wrong.
    pub fn history(&self, query: &HistoryQuery) -> Result<EventPage, HistoryError> {
        history::page(&self.shared, query)
    }

    /// Has a page of the past made on a thread of the hub's own, for those who must not wait for a disk: `on_done` is
    /// called there, once, and should be short. It is dropped without a call where the hub goes first.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use eventring::hub::HistoryQuery;
    /// use eventring::{Event, Hub};
    ///
    /// let hub = Hub::new();
    /// hub.publish(Event::builder("a", "t").build()?)?;
    /// let (sender, pages) = mpsc::channel();
    /// hub.submit_history(&HistoryQuery::default(), move |page| _ = sender.send(page))?;
    /// assert_eq!(pages.recv()??.events[0].position, hub.position());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`history`](Self::history) for what can be seen at once; the rest is the answer, where a panic is
    /// [`HistoryError::Panicked`]. [`HistoryError::Busy`] where 16,384 wait already.
    pub fn submit_history(
        &self,
        query: &HistoryQuery,
        on_done: impl FnOnce(Result<EventPage, HistoryError>) + Send + 'static,
    ) -> Result<(), HistoryError> {
        history::submit(&self.shared, query, Box::new(on_done))
    }

    // -- Its life

    /// Closes the hub: nothing more is published; who reads gets what is kept and then learns that it is closed.
    ///
    /// With a journal it waits until what is in flight is committed and the journal closed, as long as
    /// [`commit_timeout`](crate::hub::HubBuilder::commit_timeout) says. Where the journal hangs, who reads is told then that
    /// the hub is closed, and what is in flight may be there after a restart.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::hub::{HubPublishError, ReceiveError};
    /// use eventring::{Event, Hub, Subscription};
    ///
    /// let hub = Hub::new();
    /// let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    /// let event = Event::builder("a", "t").build().unwrap();
    /// hub.publish(&event).unwrap();
    /// hub.close();
    /// assert_eq!(hub.publish(&event), Err(HubPublishError::Closed));
    /// assert_eq!(receiver.recv().unwrap().position.offset, 1);
    /// assert_eq!(receiver.recv(), Err(ReceiveError::Closed));
    /// ```
    pub fn close(&self) {
        self.shared.close();
    }

    /// Returns whether the hub is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.ring.is_closed()
    }

    /// Returns the hub's figures of this moment.
    pub fn stats(&self) -> HubStats {
        let (heap_bytes, trimmed, untracked, topics_known) = {
            // One lock for the four, so that they agree with each other.
            let publisher = self.shared.publisher.lock();
            (
                publisher.heap_bytes(),
                publisher.trimmed(),
                publisher.topics.untracked(),
                publisher.topics.known(),
            )
        };
        HubStats {
            published: self.head(),
            earliest: self.earliest(),
            trimmed,
            untracked,
            topics_known,
            heap_bytes,
            readers: self.shared.ring.subscriber_count(),
            classes: self.shared.classes.len(),
        }
    }

    /// Reads the journal, on the caller's thread or on others, for those who have no receiver.
    #[cfg(feature = "gateway")]
    pub(crate) fn read_side(&self) -> &ReadSide {
        &self.shared.read_side
    }

    /// Looks events up by topic and time, for those who have no receiver.
    #[cfg(feature = "gateway")]
    pub(crate) fn look_back(&self) -> LookBack<'_> {
        self.shared.look_back()
    }
}

impl From<Shared> for Hub {
    fn from(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        Self {
            _open: Arc::new(Open(shared.clone())),
            shared,
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

//! A subscription: an interest in events, and where to start.

use std::fmt;
use std::sync::Arc;

use crate::event::{EventFilter, EventFilterBuilder, EventRef, Filter, Position};

use super::{Controls, ResumeId};
use crate::hub::SubscriptionError;

/// The place where a subscription starts.
///
/// # Examples
///
/// ```
/// use eventring::hub::StartFrom;
/// use eventring::{Event, Hub, Subscription};
///
/// let hub = Hub::new();
/// let event = Event::builder("a", "t").build().unwrap();
/// let first = hub.publish(&event).unwrap();
/// hub.publish(&event).unwrap();
/// let next = |start| {
///     let mut receiver = hub.subscribe(Subscription::all().start(start)).unwrap();
///     receiver.try_recv().ok().map(|delivery| delivery.position.offset)
/// };
/// assert_eq!(next(StartFrom::Beginning), Some(1));
/// assert_eq!(next(StartFrom::After(first)), Some(2));
/// assert_eq!(next(StartFrom::Now), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartFrom {
    /// With the next event that is published.
    #[default]
    Now,
    /// With the oldest event that is kept.
    Beginning,
    /// With the event after this one. If that is no longer kept, the first thing received is
    /// [`Gap`](crate::hub::Gap).
    After(Position),
    /// With the first event kept that the hub took at this time or later, nanoseconds since 1970, whatever time the
    /// event names. The hub looks at its clock for each event where they come slowly, and for every 256th at most where
    /// they come fast: it begins up to 255 events of a burst too early, never too late. Finding it costs a search among
    /// times. For the time that an event names there is [`Subscription::since`].
    Timestamp(i64),
    /// With the last so many that the subscription takes. They are looked up, unless it asks for more than topics or
    /// takes more than 256 of those that have events: then subscribing looks at every event that is kept, once.
    /// [`Receiver::is_complete`](crate::hub::Receiver::is_complete) says whether older ones may be missing.
    Last(usize),
    /// With the newest event of each topic, oldest first, and then the next event that is published: the state of
    /// things. Topics that keep events give theirs however long ago it was; of others, what the ring still has.
    LastValues,
}

/// A condition in the program's own words.
pub(in crate::hub) type FilterFn = Arc<dyn Fn(EventRef<'_>) -> bool + Send + Sync>;

/// An interest in events, and where to start.
///
/// # Examples
///
/// ```
/// use eventring::hub::StartFrom;
/// use eventring::{Hub, Subscription};
///
/// let hub = Hub::new();
/// hub.subscribe(Subscription::topics(["orders.>", "users.*"]).start(StartFrom::Beginning)).unwrap();
/// let large = Subscription::topic("orders.>").id("large-orders").ty_pattern("Order*").matching("/data/amount > 100");
/// let receiver = hub.subscribe(large.filter_fn(|event| event.data().len() < 1_000)).unwrap();
/// assert_eq!(receiver.id(), "large-orders");
/// let error = hub.subscribe(Subscription::topic("orders.>.x").ty("")).unwrap_err();
/// assert_eq!(error.to_string(), "topic 0: \">\" is only allowed at the end at column 8; type 0: must not be empty");
/// ```
#[derive(Clone, Default)]
#[must_use = "a subscription does nothing until a hub gets it"]
pub struct Subscription {
    pub(in crate::hub) id: Option<Box<str>>,
    filter: EventFilterBuilder,
    whole: Option<EventFilter>,
    no_topics: bool,
    pub(in crate::hub) filter_fn: Option<FilterFn>,
    pub(in crate::hub) start: StartFrom,
    pub(in crate::hub) resume: Option<ResumeId>,
    pub(in crate::hub) controls: Controls,
}

impl Subscription {
    /// Wants the topics of one pattern: `*` stands for one segment, `>` for the rest. A pattern that is none is
    /// reported by [`Hub::subscribe`](crate::hub::Hub::subscribe).
    pub fn topic(pattern: &str) -> Self {
        Self::topics([pattern])
    }

    /// Wants the topics of any of the patterns, 1 to 64.
    pub fn topics<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        let mut subscription = Self {
            no_topics: true,
            ..Self::default()
        };
        for pattern in patterns {
            subscription.filter.topic(pattern.as_ref());
            subscription.no_topics = false;
        }
        subscription
    }

    /// Wants the topics of a filter.
    pub fn filter(filter: Filter) -> Self {
        let mut subscription = Self::default();
        subscription.filter.topics(&filter);
        subscription
    }

    /// Wants what a filter takes, as one read from JSON. Parts that are added to it are ignored.
    pub fn events(filter: EventFilter) -> Self {
        Self {
            whole: Some(filter),
            ..Self::default()
        }
    }

    /// Wants every topic that does not begin with `$`: see [`topic`](crate::event::topic).
    pub fn all() -> Self {
        Self::default()
    }

    /// Names it, so that it can be ended by [`Hub::unsubscribe`](crate::hub::Hub::unsubscribe): 1 to 255 bytes of
    /// printable text, unique among those that live. Without it an id is made.
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Wants this type, or another one that is added.
    pub fn ty(mut self, ty: &str) -> Self {
        self.filter.ty(ty);
        self
    }

    /// Wants types of a [`TypePattern`](crate::event::TypePattern), as `User*`.
    pub fn ty_pattern(mut self, pattern: &str) -> Self {
        self.filter.ty_pattern(pattern);
        self
    }

    /// Wants events of streams (aggregates) of this type.
    pub fn stream_type(mut self, ty: &str) -> Self {
        self.filter.stream_type(ty);
        self
    }

    /// Wants events of the stream (aggregate) with this id.
    pub fn stream_id(mut self, id: &str) -> Self {
        self.filter.stream_id(id);
        self
    }

    /// Wants events with this tag.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.filter.tag(key, value);
        self
    }

    /// Wants events of that time (RFC 3339) or later. This is a condition, not a start.
    pub fn since(mut self, time: &str) -> Self {
        self.filter.since(time);
        self
    }

    /// Wants events before that time (RFC 3339).
    pub fn until(mut self, time: &str) -> Self {
        self.filter.until(time);
        self
    }

    /// Wants events for which a [`Predicate`](crate::event::Predicate) holds, as `/data/amount > 100`.
    pub fn matching(mut self, predicate: &str) -> Self {
        self.filter.matching(predicate);
        self
    }

    /// Wants events of which `filter_fn` says true. It runs on the receiver's thread, for events that everything else
    /// takes; if it panics, so does the receive, and the event counts as not received.
    pub fn filter_fn(
        mut self,
        filter_fn: impl Fn(EventRef<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.filter_fn = Some(Arc::new(filter_fn));
        self
    }

    /// Sets where to start; [`StartFrom::Now`] unless set.
    pub fn start(mut self, start: StartFrom) -> Self {
        self.start = start;
        self
    }

    /// Resumes after an id that was kept as text, by the rules of `Last-Event-ID`: with the event after it, with a gap
    /// first where that one is no longer kept, and with a [`Reset`](crate::hub::Reset) and what is published from now on
    /// where the id means nothing here. Unlike [`StartFrom::After`] it refuses nothing.
    ///
    /// An id beats [`start`](Self::start). Nothing at all, `null`, `undefined`, `none` and `nil` are no id: then it
    /// starts as if none were given. [`Receiver::next_item`](crate::hub::Receiver::next_item) tells the reset, and so does
    /// the stream of `Receiver::into_items`; who receives events alone asks
    /// [`Receiver::reset`](crate::hub::Receiver::reset).
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::{Event, Hub, Subscription};
    ///
    /// let hub = Hub::new();
    /// let kept = hub.publish(Event::builder("t", "one").build()?)?.to_string();
    /// hub.publish(Event::builder("t", "two").build()?)?;
    /// let mut receiver = hub.subscribe(Subscription::all().resume(&kept))?;
    /// assert_eq!(receiver.recv()?.event.ty(), "two");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume(mut self, id: &str) -> Self {
        self.resume = ResumeId::is_id(id).then(|| ResumeId::read(id));
        self
    }

    /// Sets what [`Receiver::next_item`](crate::hub::Receiver::next_item) tells beside events.
    pub fn controls(mut self, controls: Controls) -> Self {
        self.controls = controls;
        self
    }

    /// Returns the filter, or everything that is wrong with it. Reported here and not by each setter, so that setters
    /// chain.
    pub(in crate::hub) fn take_filter(&mut self) -> Result<EventFilter, SubscriptionError> {
        if self.no_topics {
            return Err(SubscriptionError::NoTopics);
        }
        match self.whole.take() {
            Some(filter) => Ok(filter),
            None => Ok(self.filter.build()?),
        }
    }
}

/// Wants the topics of one pattern.
impl From<&str> for Subscription {
    fn from(pattern: &str) -> Self {
        Self::topic(pattern)
    }
}

/// Wants the topics of one pattern.
impl From<String> for Subscription {
    fn from(pattern: String) -> Self {
        Self::topic(&pattern)
    }
}

/// Wants the topics of one pattern.
impl From<&String> for Subscription {
    fn from(pattern: &String) -> Self {
        Self::topic(pattern)
    }
}

/// Wants the topics of any of the patterns.
impl<S: AsRef<str>, const N: usize> From<[S; N]> for Subscription {
    fn from(patterns: [S; N]) -> Self {
        Self::topics(patterns)
    }
}

/// Wants the topics of a filter.
impl From<Filter> for Subscription {
    fn from(filter: Filter) -> Self {
        Self::filter(filter)
    }
}

/// Wants what a filter takes.
impl From<EventFilter> for Subscription {
    fn from(filter: EventFilter) -> Self {
        Self::events(filter)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("filter", &self.filter)
            .field("filter_fn", &self.filter_fn.is_some())
            .field("start", &self.start)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}

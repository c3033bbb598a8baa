//! What somebody wants to receive: topics, and where to start.

use crate::event::{Filter, FilterError, Position};

/// Where a subscription starts.
///
/// # Examples
///
/// ```
/// use eventring::event::Event;
/// use eventring::hub::{Hub, Start, Subscription};
///
/// let hub = Hub::new();
/// let event = Event::new("a", "t").to_event().unwrap();
/// let first = hub.publish(&event).unwrap();
/// hub.publish(&event).unwrap();
/// let next = |start| {
///     let mut receiver = hub.subscribe(Subscription::all().start(start)).unwrap();
///     receiver.try_recv().ok().map(|delivery| delivery.position.offset)
/// };
/// assert_eq!(next(Start::Beginning), Some(1));
/// assert_eq!(next(Start::After(first)), Some(2));
/// assert_eq!(next(Start::Now), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the next event that is published.
    #[default]
    Now,
    /// With the oldest event that is kept.
    Beginning,
    /// With the event after this one. If that is no longer kept, the first thing received is
    /// [`Lagged`](super::Lagged).
    After(Position),
}

/// An interest in topics, and where to start.
///
/// # Examples
///
/// ```
/// use eventring::hub::{Hub, Start, Subscription};
///
/// let hub = Hub::new();
/// hub.subscribe(Subscription::topics(["orders.>", "users.*"]).start(Start::Beginning)).unwrap();
/// let error = hub.subscribe(Subscription::topic("orders.>.x")).unwrap_err();
/// assert_eq!(error.to_string(), "pattern 0: \">\" is only allowed at the end at column 8");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a subscription does nothing until a hub gets it"]
pub struct Subscription {
    filter: Result<Filter, FilterError>,
    start: Start,
}

impl Subscription {
    /// Wants the topics of one pattern: `*` stands for one segment, `>` for the rest. A pattern that is none is
    /// reported by [`Hub::subscribe`](super::Hub::subscribe).
    pub fn topic(pattern: &str) -> Self {
        Self::topics([pattern])
    }

    /// Wants the topics of any of the patterns, 1 to 64.
    pub fn topics<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self {
            filter: Filter::parse(patterns),
            start: Start::Now,
        }
    }

    /// Wants the topics of a filter.
    pub fn filter(filter: Filter) -> Self {
        Self {
            filter: Ok(filter),
            start: Start::Now,
        }
    }

    /// Wants every topic.
    pub fn all() -> Self {
        Self::filter(Filter::all())
    }

    /// Sets where to start; [`Start::Now`] unless set.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    pub(super) fn into_parts(self) -> Result<(Filter, Start), FilterError> {
        Ok((self.filter?, self.start))
    }
}

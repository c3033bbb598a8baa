//! A filter of events: topics, types, stream, tags, time, and conditions on what is inside.

mod builder;
mod errors;

use std::sync::Arc;

use super::predicate::Predicate;
use super::topic_filter::Filter;
use super::type_pattern::TypePattern;
use crate::event::as_event::AsEvent;
use crate::event::event_ref::EventRef;

pub use self::builder::EventFilterBuilder;
pub use self::errors::{FilterErrors, FilterFault};

/// A condition on events, in canonical form: equal ones are evaluated once for all who have them.
///
/// An event is taken if *every* part takes it: one of the topics, one of the types or type patterns, one of the stream
/// types, one of the stream ids, all of the tags, the time range, all of the predicates. A part that was not given
/// takes everything. Cloning costs two reference counts.
///
/// # Examples
///
/// ```
/// use eventring::event::{Event, EventFilter};
///
/// let mut builder = EventFilter::builder();
/// let filter = builder.topic("orders.>").ty_pattern("Order*").tag("region", "eu").matching("/data/amount > 100").build().unwrap();
/// let event = Event::builder("orders.eu", "OrderPlaced").tag("region", "eu").json(r#"{"amount":250}"#).build().unwrap();
/// assert!(filter.matches(&event));
/// let errors = EventFilter::builder().topic("a..b").matching("/data/x >").build().unwrap_err();
/// assert_eq!(errors.to_string(), "topic 0: empty segment at column 3; where 0: expected a JSON value at column 10");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventFilter {
    topics: Filter,
    rest: Option<Arc<Rest>>,
}

/// Everything but topics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Rest {
    types: Vec<Box<str>>,
    type_patterns: Vec<TypePattern>,
    stream_types: Vec<Box<str>>,
    stream_ids: Vec<Box<str>>,
    tags: Vec<(Box<str>, Box<str>)>,
    since: Option<i64>,
    until: Option<i64>,
    predicates: Vec<Predicate>,
}

impl EventFilter {
    /// Returns the filter that takes every event whose topic does not begin with `$`.
    pub fn all() -> Self {
        Filter::all().into()
    }

    /// Starts one.
    pub fn builder() -> EventFilterBuilder {
        EventFilterBuilder::default()
    }

    /// Returns the topics.
    pub fn topics(&self) -> &Filter {
        &self.topics
    }

    /// Returns whether it asks for nothing but topics.
    pub fn is_topics_only(&self) -> bool {
        self.rest.is_none()
    }

    /// Returns whether it takes every event whose topic does not begin with `$`, and no other.
    pub fn is_all(&self) -> bool {
        self.rest.is_none() && self.topics.is_all()
    }

    /// Returns whether it takes this event.
    #[inline]
    pub fn matches(&self, event: impl AsEvent) -> bool {
        let event = event.as_event();
        self.topics.matches(event.topic()) && self.matches_beside_topic(event)
    }

    /// Returns whether everything but the topics takes this event.
    pub fn matches_beside_topic(&self, event: EventRef<'_>) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.matches(event))
    }

    /// Returns what of it is cheap to judge, topics and types: a filter that takes at least what this one takes.
    #[must_use]
    pub fn head(&self) -> Self {
        let rest = self.rest.as_ref().map(|rest| Rest {
            types: rest.types.clone(),
            type_patterns: rest.type_patterns.clone(),
            ..Rest::default()
        });
        Self {
            topics: self.topics.clone(),
            // Nothing, where nothing is left: filters that mean the same must be equal.
            rest: rest.filter(|rest| *rest != Rest::default()).map(Arc::new),
        }
    }

    /// Returns the types, where it asks for exact types and no patterns of them.
    pub fn exact_types(&self) -> Option<&[Box<str>]> {
        let rest = self.rest.as_ref()?;
        (rest.type_patterns.is_empty() && !rest.types.is_empty()).then_some(&rest.types)
    }
}

impl From<Filter> for EventFilter {
    fn from(topics: Filter) -> Self {
        Self { topics, rest: None }
    }
}

impl Rest {
    fn matches(&self, event: EventRef<'_>) -> bool {
        // From cheap to dear: a type is one comparison, a predicate walks through the data.
        self.takes_type(event.ty())
            && self.takes_time(event)
            && self.takes_stream(event)
            && self.takes_tags(event)
            && self
                .predicates
                .iter()
                .all(|predicate| predicate.matches(event))
    }

    fn takes_type(&self, ty: &str) -> bool {
        // `canonical` has sorted the types.
        (self.types.is_empty() && self.type_patterns.is_empty())
            || self.types.binary_search_by(|one| (**one).cmp(ty)).is_ok()
            || self.type_patterns.iter().any(|pattern| pattern.matches(ty))
    }

    fn takes_time(&self, event: EventRef<'_>) -> bool {
        self.since.is_none_or(|since| event.time() >= since)
            && self.until.is_none_or(|until| event.time() < until)
    }

    fn takes_stream(&self, event: EventRef<'_>) -> bool {
        if self.stream_types.is_empty() && self.stream_ids.is_empty() {
            return true;
        }
        let among = |list: &[Box<str>], text: &str| {
            list.is_empty() || list.iter().any(|one| **one == *text)
        };
        event.stream().is_some_and(|stream| {
            among(&self.stream_types, stream.ty) && among(&self.stream_ids, stream.id)
        })
    }

    fn takes_tags(&self, event: EventRef<'_>) -> bool {
        self.tags.iter().all(|(key, wanted)| {
            event
                .tags()
                .any(|(given, value)| *given == **key && value.as_str() == &**wanted)
        })
    }

    /// Equal conditions become equal values.
    fn canonical(mut self) -> Option<Arc<Self>> {
        fn sort<T: Ord>(list: &mut Vec<T>) {
            list.sort_unstable();
            list.dedup();
        }
        sort(&mut self.types);
        sort(&mut self.type_patterns);
        sort(&mut self.stream_types);
        sort(&mut self.stream_ids);
        sort(&mut self.tags);
        sort(&mut self.predicates);
        (self != Self::default()).then(|| Arc::new(self))
    }
}

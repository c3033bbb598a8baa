//! What somebody wants of the events: topics, types, stream, tags, time, and conditions on what is inside.

use std::fmt;
use std::sync::Arc;

use super::filter::{Filter, PATTERNS_MAX};
use super::glob::TypePattern;
use super::pattern::Pattern;
use super::predicate::Predicate;
use super::time;
use super::view::EventRef;

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
/// let filter = builder.topic("orders.>").ty_pattern("Order*").tag("region", "eu").wherever("/data/amount > 100").build().unwrap();
/// let event = Event::new("orders.eu", "OrderPlaced").tag("region", "eu").json(r#"{"amount":250}"#).to_event().unwrap();
/// assert!(filter.matches(event.as_ref()));
/// let errors = EventFilter::builder().topic("a..b").wherever("/data/x >").build().unwrap_err();
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

/// Builds an [`EventFilter`]; collects every error there is.
///
/// Bounds: 64 entries in each part, 1,024 bytes in each text.
#[derive(Clone, Debug, Default)]
pub struct EventFilterBuilder {
    patterns: Vec<Pattern>,
    topics: usize,
    all_of: Option<Filter>,
    rest: Rest,
    errors: Vec<FilterFault>,
    predicates: usize,
}

/// One thing that is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterFault {
    /// The part concerned, as the setter or the JSON member is called.
    pub field: String,
    /// Which entry of the part, counted from 0, where it can have several.
    pub index: Option<usize>,
    /// What is wrong.
    pub reason: String,
    /// The character concerned, counted from 1, where the entry is a pattern or a predicate.
    pub column: Option<usize>,
}

/// Everything that is wrong with a filter: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterErrors(Box<[FilterFault]>);

/// Longest text of a type, id or tag in a filter, bytes.
const TEXT_BYTES_MAX: usize = 1024;

impl EventFilter {
    /// Returns the filter that takes every event.
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

    /// Returns whether it takes every event.
    pub fn is_all(&self) -> bool {
        self.rest.is_none() && self.topics.is_all()
    }

    /// Returns whether it takes this event.
    pub fn matches(&self, event: EventRef<'_>) -> bool {
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

impl EventFilterBuilder {
    /// Adds a topic or a pattern of topics; one of them must take the event.
    pub fn topic(&mut self, pattern: &str) -> &mut Self {
        let index = self.topics;
        self.topics += 1;
        match Pattern::parse(pattern) {
            Ok(pattern) if self.check_count("topic", index) => self.patterns.push(pattern),
            Ok(_) => {}
            Err(error) => self.fault("topic", Some(index), error.reason, Some(error.column)),
        }
        self
    }

    /// Sets the topics to those of a filter.
    pub fn topics(&mut self, filter: &Filter) -> &mut Self {
        self.all_of = Some(filter.clone());
        self
    }

    /// Adds a type; one of the types or type patterns must take the event.
    pub fn ty(&mut self, ty: &str) -> &mut Self {
        let index = self.rest.types.len();
        if self.check_text("type", index, ty) {
            self.rest.types.push(ty.into());
        }
        self
    }

    /// Adds a pattern of types: see [`TypePattern`].
    pub fn ty_pattern(&mut self, pattern: &str) -> &mut Self {
        let index = self.rest.type_patterns.len();
        match TypePattern::parse(pattern) {
            Ok(pattern) if self.check_count("typePattern", index) => {
                self.rest.type_patterns.push(pattern)
            }
            Ok(_) => {}
            Err(error) => self.fault("typePattern", Some(index), error.reason, Some(error.column)),
        }
        self
    }

    /// Adds a type of streams (aggregates).
    pub fn stream_type(&mut self, ty: &str) -> &mut Self {
        let index = self.rest.stream_types.len();
        if self.check_text("streamType", index, ty) {
            self.rest.stream_types.push(ty.into());
        }
        self
    }

    /// Adds the id of a stream (aggregate).
    pub fn stream_id(&mut self, id: &str) -> &mut Self {
        let index = self.rest.stream_ids.len();
        if self.check_text("streamId", index, id) {
            self.rest.stream_ids.push(id.into());
        }
        self
    }

    /// Adds a tag that must be there with that value.
    pub fn tag(&mut self, key: &str, value: &str) -> &mut Self {
        let index = self.rest.tags.len();
        if self.check_text("tags", index, key) && self.check_length("tags", index, value) {
            self.rest.tags.push((key.into(), value.into()));
        }
        self
    }

    /// Takes events of that time or later, nanoseconds since 1970.
    pub fn since_nanos(&mut self, nanos: i64) -> &mut Self {
        self.rest.since = Some(nanos);
        self
    }

    /// Takes events before that time, nanoseconds since 1970.
    pub fn until_nanos(&mut self, nanos: i64) -> &mut Self {
        self.rest.until = Some(nanos);
        self
    }

    /// Takes events of that time or later, RFC 3339.
    pub fn since(&mut self, text: &str) -> &mut Self {
        self.rest.since = self.time("since", text);
        self
    }

    /// Takes events before that time, RFC 3339.
    pub fn until(&mut self, text: &str) -> &mut Self {
        self.rest.until = self.time("until", text);
        self
    }

    /// Adds a condition on a value inside the event: see [`Predicate`].
    pub fn wherever(&mut self, predicate: &str) -> &mut Self {
        let index = self.predicates;
        self.predicates += 1;
        match Predicate::parse(predicate) {
            Ok(predicate) if self.check_count("where", index) => {
                self.rest.predicates.push(predicate)
            }
            Ok(_) => {}
            Err(error) => self.fault("where", Some(index), error.reason, Some(error.column)),
        }
        self
    }

    /// Finishes the filter; the builder is empty then.
    ///
    /// # Errors
    ///
    /// [`FilterErrors`] lists everything that is wrong.
    pub fn build(&mut self) -> Result<EventFilter, FilterErrors> {
        let mut done = std::mem::take(self);
        let topics = done.take_topics();
        if let (Some(since), Some(until)) = (done.rest.since, done.rest.until)
            && since >= until
        {
            done.fault("until", None, "not after the start of the range", None);
        }
        match topics {
            Some(topics) if done.errors.is_empty() => Ok(EventFilter {
                topics,
                rest: done.rest.canonical(),
            }),
            _ => Err(FilterErrors(done.errors.into())),
        }
    }

    fn take_topics(&mut self) -> Option<Filter> {
        let patterns = std::mem::take(&mut self.patterns);
        match self.all_of.take() {
            Some(filter) => Some(filter),
            None if patterns.is_empty() => Some(Filter::all()),
            None => Filter::new(patterns).ok(),
        }
    }

    fn time(&mut self, field: &str, text: &str) -> Option<i64> {
        let nanos = Some(text)
            .filter(|text| text.len() <= 64)
            .and_then(|text| time::parse(text, false));
        if nanos.is_none() {
            self.fault(field, None, "not an RFC 3339 time", None);
        }
        nanos
    }

    fn check_text(&mut self, field: &str, index: usize, text: &str) -> bool {
        if text.is_empty() {
            self.fault(field, Some(index), "must not be empty", None);
            return false;
        }
        self.check_count(field, index) && self.check_length(field, index, text)
    }

    fn check_length(&mut self, field: &str, index: usize, text: &str) -> bool {
        let fits = text.len() <= TEXT_BYTES_MAX;
        if !fits {
            self.fault(field, Some(index), "longer than 1024 bytes", None);
        }
        fits
    }

    fn check_count(&mut self, field: &str, index: usize) -> bool {
        let fits = index < PATTERNS_MAX;
        if !fits {
            self.fault(field, None, "more than 64 entries", None);
        }
        fits
    }

    pub(super) fn fault(
        &mut self,
        field: &str,
        index: Option<usize>,
        reason: &str,
        column: Option<usize>,
    ) {
        let fault = FilterFault {
            field: field.to_owned(),
            index,
            reason: reason.to_owned(),
            column,
        };
        // A thousandth mistake says nothing new.
        if self.errors.len() < PATTERNS_MAX && !self.errors.contains(&fault) {
            self.errors.push(fault);
        }
    }
}

impl FilterErrors {
    /// Returns them, in the order in which they were met.
    pub fn faults(&self) -> &[FilterFault] {
        &self.0
    }

    pub(super) fn one(reason: &str, column: Option<usize>) -> Self {
        Self(Box::new([FilterFault {
            field: String::new(),
            index: None,
            reason: reason.to_owned(),
            column,
        }]))
    }
}

impl fmt::Display for FilterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(index) = self.index {
            write!(f, " {index}")?;
        }
        if !self.field.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)?;
        match self.column {
            Some(column) => write!(f, " at column {column}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FilterErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for FilterErrors {}

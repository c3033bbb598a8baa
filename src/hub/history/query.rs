//! A question about the past.

use crate::event::{EventFilter, EventQuery, Filter};
use crate::settings::setters;

/// The order of the events of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HistoryOrder {
    /// The oldest first. What is published meanwhile comes on later pages.
    #[default]
    Ascending,
    /// The newest first. The first page pins the newest event that later pages know of.
    Descending,
}

/// A question about the past: which events, in which order, from where on.
///
/// # Examples
///
/// ```
/// use eventring::hub::{HistoryOrder, HistoryQuery};
/// use eventring::{Event, Filter, Hub};
///
/// let hub = Hub::new();
/// for n in 0..5 {
///     hub.publish(Event::builder("orders.eu", "OrderPlaced").text(&n.to_string()).build()?)?;
/// }
/// let newest = HistoryQuery::topics(Filter::parse(["orders.*"])?).order(HistoryOrder::Descending).limit(2);
/// let page = hub.history(&newest)?;
/// let data: Vec<_> = page.events.iter().map(|one| one.event.data()).collect();
/// assert_eq!((data, page.has_more), (vec![&b"4"[..], &b"3"[..]], true));
/// let page = hub.history(&newest.cursor(page.next))?;
/// assert_eq!(page.events[0].event.data(), b"2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// The events that are wanted. Default: every one whose topic does not begin with `$`. Topics are looked up; what else
    /// it asks for is judged event by event.
    pub filter: EventFilter,
    /// Events that the hub took at this time or later, nanoseconds since 1970, whatever time they name. Default: all.
    pub since: Option<i64>,
    /// Events that the hub took before this time, nanoseconds since 1970. Default: all.
    pub until: Option<i64>,
    /// Events of a page at most, 1 to 1,000. Default 100. A page may have fewer and say that there are more: so much is
    /// looked at for one, or so many [bytes](Self::BYTES_MAX) are in it.
    pub limit: usize,
    /// The [`next`](field@crate::hub::EventPage::next) of the page before, with the same filter and times; it has the order,
    /// too, and beats `order`. Default: the first page.
    pub cursor: Option<String>,
    /// Events to pass over before the first page. Default 0. They are looked for, so a cursor is cheaper.
    pub offset: u64,
    /// The order. Default: ascending.
    pub order: HistoryOrder,
    /// Also counts how many events there are in all, up to 100,000. Default: no.
    pub total: bool,
}

impl HistoryQuery {
    /// Most events of a page.
    pub const LIMIT_MAX: usize = EventQuery::LIMIT_MAX;

    /// Most bytes of a page, 4 MiB of records: with one event more it would be over, and says that there are more. An event
    /// that is larger is a page of its own.
    pub const BYTES_MAX: usize = 4 << 20;

    /// Asks for the events of some topics.
    pub fn topics(topics: Filter) -> Self {
        Self::default().filter(topics.into())
    }
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self {
            filter: EventFilter::all(),
            since: None,
            until: None,
            limit: 100,
            cursor: None,
            offset: 0,
            order: HistoryOrder::Ascending,
            total: false,
        }
    }
}

setters! {
    HistoryQuery {
        filter: EventFilter,
        since: Option<i64>,
        until: Option<i64>,
        limit: usize,
        cursor: Option<String>,
        offset: u64,
        order: HistoryOrder,
        total: bool,
    }
}

/// The same question, of which `dateRange` is about the time that events name.
impl From<EventQuery> for HistoryQuery {
    fn from(query: EventQuery) -> Self {
        let default = Self::default();
        Self {
            limit: query.limit.unwrap_or(default.limit),
            filter: query.filter,
            offset: query.offset,
            ..default
        }
    }
}

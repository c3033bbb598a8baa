//! Topics as they are answered.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{Epoch, Position};
use crate::gateway::http::openapi::Text;
use crate::hub::{Hub, TopicInfo, topic_page};

/// A topic, its settings and its figures.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Topic")]
pub(super) struct TopicAnswer<'a> {
    topic: &'a str,
    /// The least safety of its events.
    #[schemars(extend("enum" = ["none", "buffered", "durable"]))]
    durability: &'static str,
    /// Events kept for it beside those that are kept of all topics.
    retain_events: usize,
    retain_bytes: usize,
    /// The greatest age of an event that is kept for it; null: any.
    retain_age_ms: Option<u64>,
    /// Events that the journal keeps of it; null: any number.
    journal_events: Option<u64>,
    journal_bytes: Option<u64>,
    /// The greatest age of an event that the journal keeps of it; null: any.
    journal_age_ms: Option<u64>,
    /// The bounds are for its events with a stream, too.
    journal_streams: bool,
    /// The JSON pointer to an event's key, of which the journal keeps the newest; null: it keeps every event.
    compact: Option<&'a str>,
    /// The time for which an event without data says that its key is gone; null: it keeps every event.
    tombstone_age_ms: Option<u64>,
    /// Events published on it since it was made, or the server started.
    published: u64,
    /// The position of its newest event; null: there is none, or it is not committed yet.
    last: Option<Text<Position>>,
    /// Events that are kept for it now.
    retained: usize,
    retained_bytes: usize,
    /// Subscriptions in the program that name it, or a pattern that takes it.
    subscriptions: usize,
}

/// A page of the list of topics.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Topics")]
pub(super) struct TopicsAnswer {
    /// By name.
    topics: Vec<TopicRowAnswer>,
    /// The parameter after of the next page; null: this is the last one.
    next: Option<String>,
    has_more: bool,
}

/// A topic in a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TopicRow")]
struct TopicRowAnswer {
    topic: String,
    /// The least safety of its events.
    #[schemars(extend("enum" = ["none", "buffered", "durable"]))]
    durability: &'static str,
    published: u64,
    /// The position of its newest event; null: there is none, or it is not committed yet.
    last: Option<Text<Position>>,
}

impl<'a> TopicAnswer<'a> {
    pub(super) fn new(info: &'a TopicInfo, epoch: Epoch, visible: u64) -> Self {
        let (age, journal) = (info.config.retain_age, &info.config.journal);
        let compact = info.config.compact.as_ref();
        Self {
            topic: &info.name,
            durability: info.durability.name(),
            retain_events: info.config.retain_events,
            retain_bytes: info.config.retain_bytes,
            retain_age_ms: age.map(millis),
            journal_events: journal.events,
            journal_bytes: journal.bytes,
            journal_age_ms: journal.age.map(millis),
            journal_streams: journal.streams,
            compact: compact.map(|compact| &*compact.key),
            tombstone_age_ms: compact.map(|compact| millis(compact.tombstone_age)),
            published: info.published,
            last: last(info.last_offset, epoch, visible),
            retained: info.retained,
            retained_bytes: info.retained_bytes,
            subscriptions: info.subscriptions,
        }
    }
}

impl TopicsAnswer {
    /// Reads the page of a hub's list.
    pub(super) fn read(hub: &Hub, prefix: &str, after: &str, limit: usize) -> Self {
        let (epoch, visible) = (hub.epoch(), hub.visible());
        let (rows, has_more) = topic_page(hub, prefix, after, limit);
        let topics: Vec<TopicRowAnswer> = rows
            .into_iter()
            .map(|row| TopicRowAnswer {
                topic: row.name,
                durability: row.durability.name(),
                published: row.published,
                last: last(row.last_offset, epoch, visible),
            })
            .collect();
        let next = topics.last().filter(|_| has_more);
        Self {
            next: next.map(|row| row.topic.clone()),
            topics,
            has_more,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The position of a topic's newest event, if readers may see it: no other one is told.
fn last(offset: u64, epoch: Epoch, visible: u64) -> Option<Text<Position>> {
    (1..=visible)
        .contains(&offset)
        .then_some(Text(Position { epoch, offset }))
}

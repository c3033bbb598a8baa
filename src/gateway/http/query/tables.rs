//! The parameters of each route. A route's row in a table of routes carries its list.

use crate::gateway::http::query::parameter::{Parameter, Takes, Times, once};

/// Parameters that one route knows.
pub(in crate::gateway) type Table = &'static [&'static Parameter];

/// Connections told in one answer at most.
pub(in crate::gateway) const PAGE_MAX: u64 = 1000;
/// Longest heartbeat that a client may ask for, seconds.
const HEARTBEAT_MAX_S: u64 = 3600;
/// A number with no bound of its own.
const ANY: Takes = Takes::Number {
    min: 0,
    max: u64::MAX,
};

pub(in crate::gateway) static TOPIC: Parameter = Parameter {
    times: Times::Many,
    ..once(
        "topic",
        Takes::Text,
        "a pattern of topics, as orders.* or orders.>",
    )
};
pub(in crate::gateway) static FORMAT: Parameter = once(
    "format",
    Takes::Word(&["data", "cloudevents"]),
    "data or cloudevents",
);
pub(in crate::gateway) static NAMES: Parameter =
    once("names", Takes::Word(&["type", "none"]), "type or none");
pub(in crate::gateway) static FRAMING: Parameter = once(
    "framing",
    Takes::Word(&["chunked", "close"]),
    "chunked or close",
);
pub(in crate::gateway) static FROM: Parameter =
    once("from", Takes::Text, "now, beginning or a position");
pub(in crate::gateway) static LAST: Parameter =
    once("last", ANY, "how many of the newest events to begin with");
pub(in crate::gateway) static SINCE: Parameter = once(
    "since",
    Takes::Text,
    "a time as 2026-03-01T12:00:00Z (RFC 3339)",
);
pub(in crate::gateway) static UNTIL: Parameter = once(
    "until",
    Takes::Text,
    "a time as 2026-03-01T12:00:00Z (RFC 3339), which is not part of it",
);
pub(in crate::gateway) static CURSOR: Parameter =
    once("cursor", Takes::Text, "the next of the page before");
pub(in crate::gateway) static OFFSET: Parameter =
    once("offset", ANY, "how many events to pass over first");
pub(in crate::gateway) static ORDER: Parameter =
    once("order", Takes::Word(&["asc", "desc"]), "asc or desc");
pub(in crate::gateway) static TOTAL: Parameter = once("total", Takes::Switch, "true or false");
/// The id of the last event that a client saw. Polyfills of EventSource, which cannot set the header, spell it
/// in these ways, and append it to an address that may have one: the last one that is an id counts.
pub(in crate::gateway) static LAST_EVENT_ID: Parameter = Parameter {
    name: "last-event-id",
    aliases: &[
        "last-event-id",
        "lastEventId",
        "last_event_id",
        "evs_last_event_id",
    ],
    takes: Takes::Text,
    times: Times::Last,
    expects: "the id of the last event seen, as the header of that name, which beats it; also lastEventId",
};
pub(in crate::gateway) static HEARTBEAT: Parameter = once(
    "heartbeat",
    Takes::Number {
        min: 0,
        max: HEARTBEAT_MAX_S,
    },
    "0 (none) to 3600 seconds",
);
pub(in crate::gateway) static PRESENCE: Parameter =
    once("presence", Takes::Switch, "true or false");
pub(in crate::gateway) static SLOW: Parameter = once(
    "slow",
    Takes::Word(&["catch-up", "gap", "latest", "disconnect"]),
    "catch-up, gap, latest or disconnect",
);
pub(in crate::gateway) static BUFFER: Parameter = once(
    "buffer",
    ANY,
    "0 (the frame log) or bytes from 4096 up to its size",
);
pub(in crate::gateway) static COMPRESSION: Parameter = once(
    "compression",
    Takes::Text,
    "off, or what the server compresses with",
);
pub(in crate::gateway) static CLIENT: Parameter = once(
    "client",
    Takes::Text,
    "the id by which this client is known",
);
pub(in crate::gateway) static ATOMIC: Parameter = once("atomic", Takes::Switch, "true or false");
pub(in crate::gateway) static DURABILITY: Parameter = once(
    "durability",
    Takes::Word(&["none", "buffered", "durable"]),
    "none, buffered or durable: at least what the topic asks for",
);
pub(in crate::gateway) static LIMIT: Parameter = once(
    "limit",
    Takes::Number {
        min: 1,
        max: PAGE_MAX,
    },
    "1 to 1000",
);
pub(in crate::gateway) static AFTER: Parameter =
    once("after", Takes::Text, "the id after which a page begins");
pub(in crate::gateway) static AFTER_TOPIC: Parameter = once(
    "after",
    Takes::Text,
    "the name after which a page of topics begins",
);
pub(in crate::gateway) static AFTER_NAME: Parameter =
    once("after", Takes::Text, "the name after which a page begins");
pub(in crate::gateway) static BELOW: Parameter = once(
    "below",
    Takes::Text,
    "the position of the first event that stays",
);
pub(in crate::gateway) static STREAMS: Parameter = once("streams", Takes::Switch, "true or false");
pub(in crate::gateway) static PREFIX: Parameter = once(
    "prefix",
    Takes::Text,
    "the text that the names of topics begin with",
);
pub(in crate::gateway) static PATH: Parameter =
    once("path", Takes::Text, "that of the endpoint to remove");

/// Streams of Server-Sent Events: of the hub, of endpoints, of connections that were made.
pub(in crate::gateway) const STREAM: Table = &[
    &TOPIC,
    &FROM,
    &LAST,
    &SINCE,
    &LAST_EVENT_ID,
    &FORMAT,
    &NAMES,
    &FRAMING,
    &COMPRESSION,
    &HEARTBEAT,
    &SLOW,
    &BUFFER,
    &PRESENCE,
];
/// `GET /api/v1/ws`.
pub(in crate::gateway) const SOCKET: Table = &[
    &TOPIC,
    &FROM,
    &LAST,
    &SINCE,
    &LAST_EVENT_ID,
    &COMPRESSION,
    &HEARTBEAT,
    &PRESENCE,
];
/// `GET /api/v1/events/history`.
pub(in crate::gateway) const HISTORY: Table = &[
    &TOPIC, &SINCE, &UNTIL, &LIMIT, &CURSOR, &OFFSET, &ORDER, &TOTAL,
];
/// WebSocket streams of named clients.
pub(in crate::gateway) const CLIENTS: Table = &[&CLIENT];
pub(in crate::gateway) const PUBLISH: Table = &[&ATOMIC, &DURABILITY];
pub(in crate::gateway) const CONNECTIONS: Table = &[&LIMIT, &AFTER];
pub(in crate::gateway) const TOPICS: Table = &[&PREFIX, &LIMIT, &AFTER_TOPIC];
/// `DELETE /api/v1/topics/{topic}/events`.
pub(in crate::gateway) const TRUNCATE: Table = &[&BELOW, &STREAMS];
pub(in crate::gateway) const CHECKPOINTS: Table = &[&LIMIT, &AFTER_NAME];
pub(in crate::gateway) const REMOVE_ENDPOINT: Table = &[&PATH];
/// Ticks have no ids, but polyfills that have seen one elsewhere append it.
pub(in crate::gateway) const STATS_STREAM: Table = &[&FRAMING, &LAST_EVENT_ID];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::http::router::Router;

    #[test]
    fn no_name_in_a_table_means_two_parameters() {
        let rows = Router::rows().filter_map(|route| route.parameters);
        for table in rows.chain([CLIENTS]) {
            for parameter in table {
                for name in parameter.aliases.iter().chain([&parameter.name]) {
                    let all = table.iter().filter(|other| other.is_called(name));
                    assert_eq!(all.count(), 1, "{name}");
                }
            }
        }
    }
}

//! The JSON bodies of requests that make connections and endpoints, or broadcast: read whole, with every
//! fault that they have.

use std::borrow::Cow;
use std::time::Duration;

use crate::event::{Event, EventFilter, Filter, FilterErrors};
use crate::gateway::encode::{Compression, CompressionFor};
use crate::gateway::http::body::{Body, Member, Takes};
use crate::gateway::http::problem::{Problem, pattern_fault};
use crate::gateway::stream::options::{POLICY_NAMES, StreamOptions, policy};
use crate::json::Value;

/// Members of a request to make an endpoint or to reserve a connection.
pub(super) const ENDPOINT_MEMBERS: &[Member] = &[
    Member {
        name: "path",
        takes: Takes::Text,
        wrong: "is a string",
        expects: "the path of an endpoint; a connection has none",
    },
    Member {
        name: "topics",
        takes: Takes::Patterns,
        wrong: "",
        expects: "patterns of topics; all where there are none",
    },
    Member {
        name: "heartbeat",
        takes: Takes::Seconds,
        wrong: "is a number of seconds",
        expects: "seconds; 0 for none",
    },
    Member {
        name: "retry",
        takes: Takes::Seconds,
        wrong: "is a number of seconds",
        expects: "seconds after which clients come back",
    },
    Member {
        name: "max_age",
        takes: Takes::Seconds,
        wrong: "is a number of seconds",
        expects: "seconds after which a stream ends; 0 for never",
    },
    Member {
        name: "hold_ms",
        takes: Takes::Whole,
        wrong: "is a whole number of milliseconds",
        expects: "milliseconds for which events are collected",
    },
    Member {
        name: "buffer",
        takes: Takes::Whole,
        wrong: "is a number of bytes",
        expects: "0 (the frame log) or bytes",
    },
    Member {
        name: "slow",
        takes: Takes::Words(&["catch-up", "gap", "latest", "disconnect"]),
        wrong: POLICY_NAMES,
        expects: "what becomes of a slow stream",
    },
    Member {
        name: "compression",
        takes: Takes::Name,
        wrong: "",
        expects: "off, or what the server compresses with",
    },
    Member {
        name: "compression_for",
        takes: Takes::Words(&["browsers", "all"]),
        wrong: CompressionFor::EXPECTED,
        expects: "who gets compressed streams",
    },
];
/// Members of a request to broadcast.
pub(super) const BROADCAST_MEMBERS: &[Member] = &[
    Member {
        name: "ids",
        takes: Takes::Texts,
        wrong: "is an array of strings",
        expects: "the connections that get it; not beside endpoint",
    },
    Member {
        name: "endpoint",
        takes: Takes::Text,
        wrong: "is a path",
        expects: "the endpoint whose connections get it",
    },
    Member {
        name: "type",
        takes: Takes::Text,
        wrong: "is a string",
        expects: "the type of the event: message where there is none",
    },
    Member {
        name: "data",
        takes: Takes::Any,
        wrong: "",
        expects: "its data",
    },
];

/// The body of a request to make an endpoint or to reserve a connection.
#[derive(Debug)]
pub(in crate::gateway) struct EndpointRequest {
    pub(in crate::gateway) path: Option<String>,
    pub(in crate::gateway) filter: Filter,
    pub(in crate::gateway) options: StreamOptions,
}

/// The body of a request to broadcast: an event for connections, and which ones.
#[derive(Debug)]
pub(in crate::gateway) struct BroadcastRequest {
    pub(in crate::gateway) ids: Option<Vec<String>>,
    pub(in crate::gateway) endpoint: Option<String>,
    pub(in crate::gateway) event: Event,
}

/// Reads a request for a connection, or for an endpoint with its path; `options` are those that it does
/// not mention.
pub(in crate::gateway) fn read_endpoint(
    body: &[u8],
    mut options: StreamOptions,
    frame_log: usize,
) -> Result<EndpointRequest, Problem> {
    let mut body = Body::read(body, ENDPOINT_MEMBERS)?;
    let mut filter = Filter::all();
    if let Some(value) = body.member("topics") {
        match topics("topics", value)? {
            Ok(given) => filter = given,
            Err(faults) => {
                let faults = faults.faults().iter();
                faults.for_each(|fault| body.note(&fault.field, pattern_fault(fault)));
            }
        }
    }
    let o = &mut options;
    o.heartbeat = body.seconds("heartbeat").unwrap_or(o.heartbeat);
    o.retry = body.seconds("retry").unwrap_or(o.retry);
    o.max_age = body.seconds("max_age").unwrap_or(o.max_age);
    o.hold = body.whole("hold_ms").map_or(o.hold, Duration::from_millis);
    o.buffer = match body.whole("buffer") {
        // What does not fit is over every bound.
        Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        None => o.buffer,
    };
    let slow = body.text("slow").and_then(|name| policy(&name));
    o.slow = slow.unwrap_or(o.slow);
    if let Some(value) = body.member("compression") {
        match value
            .string()
            .and_then(|name| Compression::parse_built(&name))
        {
            Some(compression) => o.compression = compression,
            None => body.note("compression", Compression::expected()),
        }
    }
    let only_for = body.text("compression_for");
    let only_for = only_for.and_then(|name| CompressionFor::parse(&name));
    o.compression_for = only_for.unwrap_or(o.compression_for);
    for (field, range) in options.faults(frame_log) {
        // What could not be read has its default, which is in range.
        body.note(field, range);
    }
    let path = body.text("path").map(Cow::into_owned);
    body.finish()?;
    Ok(EndpointRequest {
        path,
        filter,
        options,
    })
}

/// Reads the event to broadcast.
pub(in crate::gateway) fn read_broadcast(body: &[u8]) -> Result<BroadcastRequest, Problem> {
    let mut body = Body::read(body, BROADCAST_MEMBERS)?;
    let ids = body.texts("ids");
    let endpoint = body.text("endpoint").map(Cow::into_owned);
    if ids.is_some() && endpoint.is_some() {
        body.note("endpoint", "cannot be given with ids");
    }
    let ty = body.text("type").unwrap_or(Cow::Borrowed("message"));
    let mut event = Event::builder("broadcast", &ty);
    match body.member("data").map(|data| (data.raw(), data.string())) {
        Some((_, Some(text))) => event.text(&text),
        // As it came: a value in between would round numbers and sort members.
        Some((raw, None)) => event.json(raw),
        None => event.text(""),
    };
    let event = event.build().map_err(|error| Problem::of_event(&error))?;
    body.finish()?;
    Ok(BroadcastRequest {
        ids,
        endpoint,
        event,
    })
}

fn topics(name: &str, value: Value<'_>) -> Result<Result<Filter, FilterErrors>, Problem> {
    let mut builder = EventFilter::builder();
    let read = builder.read_topics(name, value);
    read.map_err(|error| Problem::of_json(error, name))?;
    Ok(builder.build().map(|filter| filter.topics().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str) -> String {
        let read = read_endpoint(body.as_bytes(), StreamOptions::default(), 1 << 20);
        read.unwrap_err().detail().to_owned()
    }

    #[test]
    fn every_fault_is_told() {
        let told = faults(
            r#"{"topics":["a..b"],"heartbeat":0.5,"buffer":1,"slow":"x","compression":"zip","colour":1}"#,
        );
        for field in [
            "topics",
            "heartbeat",
            "buffer",
            "slow",
            "compression",
            "colour",
        ] {
            assert!(told.contains(&format!("{field}: ")), "{field}: {told}");
        }
        let told = faults(r#"{"topics":["a..b","c",1,"d.>.e"]}"#);
        assert!(
            told.contains("topics: pattern 0: empty segment at column 3"),
            "{told}"
        );
        assert!(told.contains("topics: expected a string"), "{told}");
        assert!(told.contains("topics: pattern 2: "), "{told}");
        assert!(faults(r#"{"topics":[]}"#).contains("at least one"));
        assert!(faults("[]").contains("expected an object"));
        assert!(faults(r#"{"hold_ms":21}"#).contains("hold"));
    }

    #[test]
    fn what_is_not_mentioned_stays() {
        let request = read_endpoint(b"", StreamOptions::default(), 1 << 20).unwrap();
        assert!(request.filter.is_all());
        assert_eq!(request.options, StreamOptions::default());
    }
}

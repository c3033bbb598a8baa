//! The JSON bodies of requests that make connections and endpoints, or broadcast: read whole, with every
//! fault that they have.

use std::borrow::Cow;
use std::time::Duration;

use crate::event::{Event, EventFilter, Filter, FilterErrors};
use crate::gateway::encode::compression::{Compression, CompressionFor};
use crate::gateway::http::problem::{Problem, pattern_fault};
use crate::gateway::http::query::did_you_mean;
use crate::gateway::stream::options::{POLICY_NAMES, StreamOptions, policy};
use crate::json::{Members, Value};

/// A member that a body may have, as a parameter is one that a query may have.
#[derive(Debug)]
pub(in crate::gateway) struct Member {
    pub(in crate::gateway) name: &'static str,
    pub(in crate::gateway) takes: Takes,
    /// Its values, for people.
    pub(in crate::gateway) expects: &'static str,
}

/// The values that a member takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) enum Takes {
    Text,
    Texts,
    Seconds,
    /// A whole number.
    Whole,
    Words(&'static [&'static str]),
    Any,
}

const fn member(name: &'static str, takes: Takes, expects: &'static str) -> Member {
    Member {
        name,
        takes,
        expects,
    }
}

/// Members of a request to make an endpoint or to reserve a connection.
pub(super) const ENDPOINT_MEMBERS: &[Member] = &[
    member(
        "path",
        Takes::Text,
        "the path of an endpoint; a connection has none",
    ),
    member(
        "topics",
        Takes::Texts,
        "patterns of topics; all where there are none",
    ),
    member("heartbeat", Takes::Seconds, "seconds; 0 for none"),
    member(
        "retry",
        Takes::Seconds,
        "seconds after which clients come back",
    ),
    member(
        "max_age",
        Takes::Seconds,
        "seconds after which a stream ends; 0 for never",
    ),
    member(
        "hold_ms",
        Takes::Whole,
        "milliseconds for which events are collected",
    ),
    member("buffer", Takes::Whole, "0 (the frame log) or bytes"),
    member(
        "slow",
        Takes::Words(&["catch-up", "gap", "latest", "disconnect"]),
        "what becomes of a slow stream",
    ),
    member(
        "compression",
        Takes::Text,
        "off, or what the server compresses with",
    ),
    member(
        "compression_for",
        Takes::Words(&["browsers", "all"]),
        "who gets compressed streams",
    ),
];
/// Members of a request to broadcast.
pub(super) const BROADCAST_MEMBERS: &[Member] = &[
    member(
        "ids",
        Takes::Texts,
        "the connections that get it; not beside endpoint",
    ),
    member(
        "endpoint",
        Takes::Text,
        "the endpoint whose connections get it",
    ),
    member(
        "type",
        Takes::Text,
        "the type of the event: message where there is none",
    ),
    member("data", Takes::Any, "its data"),
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

/// The faults of all fields of a body, so that a client learns of them at once.
#[derive(Default)]
struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    fn note(&mut self, field: &str, why: impl Into<String>) {
        self.0.push((field.to_owned(), why.into()));
    }

    fn into_problem(self) -> Option<Problem> {
        let field = self.0.first()?.0.clone();
        let all: Vec<String> = self
            .0
            .into_iter()
            .map(|(f, why)| format!("{f}: {why}"))
            .collect();
        Some(Problem::new(400, all.join("; ")).field(field))
    }
}

fn unknown(name: &str, known: &[Member]) -> String {
    let known = known.iter().map(|member| member.name);
    format!("is not known{}", did_you_mean(name, known))
}

/// The members of a body, each as it stands; an empty body has none.
fn members(body: &[u8]) -> Result<Members<'_>, Problem> {
    if body.is_empty() {
        return Ok(Members::default());
    }
    Members::read(body).map_err(|error| Problem::of_json(error, "body"))
}

/// Reads a request for a connection, or for an endpoint with its path; `options` are those that it does
/// not mention.
pub(in crate::gateway) fn read_endpoint(
    body: &[u8],
    options: StreamOptions,
    frame_log: usize,
) -> Result<EndpointRequest, Problem> {
    let mut errors = FieldErrors::default();
    let mut request = EndpointRequest {
        path: None,
        filter: Filter::all(),
        options,
    };
    for (name, value) in members(body)?.iter() {
        let o = &mut request.options;
        let good = match name {
            "path" => value
                .string()
                .map(|path| request.path = Some(path.into_owned()))
                .ok_or("is a string"),
            "topics" => match topics(name, value)? {
                Ok(filter) => {
                    request.filter = filter;
                    Ok(())
                }
                Err(faults) => {
                    let faults = faults.faults().iter();
                    faults.for_each(|fault| errors.note(&fault.field, pattern_fault(fault)));
                    Ok(())
                }
            },
            "heartbeat" => seconds(value).map(|s| o.heartbeat = s),
            "retry" => seconds(value).map(|s| o.retry = s),
            "max_age" => seconds(value).map(|s| o.max_age = s),
            "hold_ms" => value
                .whole()
                .map(|ms| o.hold = Duration::from_millis(ms))
                .ok_or("is a whole number of milliseconds"),
            "buffer" => value
                .whole()
                .and_then(|bytes| usize::try_from(bytes).ok())
                .map(|bytes| o.buffer = bytes)
                .ok_or("is a number of bytes"),
            "slow" => value
                .string()
                .and_then(|name| policy(&name))
                .map(|slow| o.slow = slow)
                .ok_or(POLICY_NAMES),
            "compression" => match value.string().and_then(|name| Compression::parse(&name)) {
                Some(compression) => {
                    o.compression = compression;
                    Ok(())
                }
                None => {
                    errors.note(name, Compression::expected());
                    Ok(())
                }
            },
            "compression_for" => value
                .string()
                .and_then(|name| CompressionFor::parse(&name))
                .map(|who| o.compression_for = who)
                .ok_or(CompressionFor::EXPECTED),
            _ => {
                errors.note(name, unknown(name, ENDPOINT_MEMBERS));
                Ok(())
            }
        };
        if let Err(why) = good {
            errors.note(name, why);
        }
    }
    for (field, range) in request.options.faults(frame_log) {
        // What could not be read has its default, which is in range.
        errors.note(field, range);
    }
    errors.into_problem().map_or(Ok(request), Err)
}

/// Reads the event to broadcast.
pub(in crate::gateway) fn read_broadcast(body: &[u8]) -> Result<BroadcastRequest, Problem> {
    let mut errors = FieldErrors::default();
    let (mut ids, mut endpoint, mut ty, mut data) = (None, None, Cow::Borrowed("message"), None);
    for (name, value) in members(body)?.iter() {
        match name {
            "ids" => match value.strings() {
                Some(given) => ids = Some(given.into_iter().map(Cow::into_owned).collect()),
                None => errors.note(name, "is an array of strings"),
            },
            "endpoint" => match value.string() {
                Some(path) => endpoint = Some(path.into_owned()),
                None => errors.note(name, "is a path"),
            },
            "type" => match value.string() {
                Some(text) => ty = text,
                None => errors.note(name, "is a string"),
            },
            "data" => data = Some(value),
            _ => errors.note(name, unknown(name, BROADCAST_MEMBERS)),
        }
    }
    if ids.is_some() && endpoint.is_some() {
        errors.note("endpoint", "cannot be given with ids");
    }
    let mut event = Event::new("broadcast", &ty);
    match data.map(|data| (data.raw(), data.string())) {
        Some((_, Some(text))) => event.text(&text),
        // As it came: a value in between would round numbers and sort members.
        Some((raw, None)) => event.json(raw),
        None => event.text(""),
    };
    match event.to_event() {
        Ok(event) => errors.into_problem().map_or(
            Ok(BroadcastRequest {
                ids,
                endpoint,
                event,
            }),
            Err,
        ),
        Err(error) => Err(Problem::of_event(&error)),
    }
}

fn topics(name: &str, value: Value<'_>) -> Result<Result<Filter, FilterErrors>, Problem> {
    let mut builder = EventFilter::builder();
    let read = builder.read_topics(name, value);
    read.map_err(|error| Problem::of_json(error, name))?;
    Ok(builder.build().map(|filter| filter.topics().clone()))
}

fn seconds(value: Value<'_>) -> Result<Duration, &'static str> {
    // What is out of the range of f64 is infinite.
    value
        .number()
        .filter(|s| (0.0..=1e9).contains(s))
        .map(Duration::from_secs_f64)
        .ok_or("is a number of seconds")
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

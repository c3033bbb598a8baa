//! `GET /api/v1/events/stream`: from a query to the plan of a stream.

use std::borrow::Cow;
use std::time::Duration;

use super::auth::Access;
use super::forms::{Encoder, Form, Format, Framing, Names};
use super::problem::Problem;
use super::resume::{Resolved, Wanted};
use crate::event::{Filter, FilterError, PATTERNS_MAX, Position};
use crate::reactor::StreamPlan;
use crate::wire::http::{Head, ResponseHead, query};
use crate::wire::sse;

/// Longest heartbeat that a client may ask for, seconds.
const HEARTBEAT_MAX_S: u64 = 3600;

/// What a class filters by: what the client asked for, within what it may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct StreamFilter {
    pub(super) wanted: Filter,
    pub(super) allowed: Filter,
}

impl StreamFilter {
    pub(super) fn matches(&self, topic: &str) -> bool {
        self.wanted.matches(topic) && self.may_see(topic)
    }

    pub(super) fn may_see(&self, topic: &str) -> bool {
        self.allowed.is_all() || self.allowed.matches(topic)
    }

    pub(super) fn is_all(&self) -> bool {
        self.wanted.is_all() && self.allowed.is_all()
    }
}

/// What a client asked for.
#[derive(Debug)]
pub(super) struct StreamRequest {
    filter: Filter,
    form: Form,
    wanted: Wanted,
    heartbeat: Option<Duration>,
}

impl StreamRequest {
    /// Reads the query and the headers. Parameters that nobody knows are left alone: clients add
    /// their own to get past caches.
    pub(super) fn read(head: &Head) -> Result<Self, Problem> {
        let mut patterns: Vec<Cow<'_, str>> = Vec::new();
        let mut form = Form {
            format: Format::Data,
            framing: Framing::Close,
            names: Names::Type,
        };
        let (mut id, mut from, mut heartbeat) = (None, None, None);
        for pair in query(head.query().unwrap_or_default()) {
            let (name, value) = pair.map_err(|error| {
                Problem::new(400, error.to_string())
                    .field(error.name.clone())
                    .at(error.at as u64)
            })?;
            match name.as_ref() {
                "topic" if patterns.len() > PATTERNS_MAX => {}
                "topic" => patterns.push(value),
                "format" => form.format = format(&value)?,
                "names" => form.names = names(&value)?,
                "framing" => form.framing = framing(&value)?,
                "from" => from = Some(from_parameter(&value)?),
                "last-event-id" => id = Some(Wanted::after_id(value.as_bytes())),
                "heartbeat" => heartbeat = Some(heartbeat_s(&value)?),
                _ => {}
            }
        }
        if head.version() == 10 {
            form.framing = Framing::Close;
        }
        // An id that a client remembers beats what its address said when it first connected.
        let header = head.header("last-event-id").filter(|id| !id.is_empty());
        let wanted = header
            .map(Wanted::after_id)
            .or(id)
            .or(from)
            .unwrap_or(Wanted::Now);
        let filter = filter(&patterns)?;
        Ok(Self {
            filter,
            form,
            wanted,
            heartbeat,
        })
    }

    /// Makes the plan for a hub that stands at `head` and still has `earliest`.
    pub(super) fn plan(
        self,
        access: Access,
        (head, earliest): (Position, u64),
        config: &StreamDefaults,
        encoder: &mut Encoder,
    ) -> StreamPlan<StreamFilter> {
        let mut bytes = Vec::with_capacity(512);
        write_head(self.form, &mut bytes);
        let retry_ms = config.retry.as_millis().min(u128::from(u32::MAX)) as u32;
        self.form.wrap(&mut bytes, |out| sse::retry(out, retry_ms));
        let from = match self.wanted.resolve(head, earliest) {
            Resolved::Live => {
                // The id of where it starts: who is cut before the first event resumes from here.
                encoder.heartbeat(self.form, head, &mut bytes);
                head.offset + 1
            }
            Resolved::From(offset) => offset,
            Resolved::Reset { reason, asked } => {
                encoder.reset(self.form, (reason, &asked), head, &mut bytes);
                head.offset + 1
            }
        };
        let key = StreamFilter {
            wanted: self.filter,
            allowed: access.allow,
        };
        StreamPlan {
            head: bytes,
            everything: key.is_all(),
            key,
            form: self.form.index(),
            from,
            heartbeat: self.heartbeat.unwrap_or(config.heartbeat),
            expires_at: access.expires_at,
        }
    }

    /// The answer to HEAD.
    pub(super) fn head_only(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        write_head(self.form, &mut bytes);
        bytes
    }
}

/// What streams have where they do not say otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamDefaults {
    pub(super) retry: Duration,
    pub(super) heartbeat: Duration,
}

/// The head of an event stream that ends with its connection.
pub(super) fn write_head_unframed(out: &mut Vec<u8>) {
    stream_head(out).end();
}

fn write_head(form: Form, out: &mut Vec<u8>) {
    let head = stream_head(out);
    match form.framing {
        Framing::Close => head.end(),
        Framing::Chunked => head.chunked().end(),
    }
}

fn stream_head(out: &mut Vec<u8>) -> ResponseHead<'_> {
    ResponseHead::status(out, 200)
        .header("Content-Type", "text/event-stream")
        // no-transform: a proxy that compresses would hold events back.
        .header("Cache-Control", "no-cache, no-transform")
        .header("X-Accel-Buffering", "no")
        .close()
}

fn filter(patterns: &[Cow<'_, str>]) -> Result<Filter, Problem> {
    if patterns.is_empty() {
        return Ok(Filter::all());
    }
    Filter::parse(patterns.iter()).map_err(|error| {
        let problem = Problem::new(400, format!("topic: {error}")).field("topic");
        match error {
            FilterError::Pattern { error, .. } => problem.at(error.column as u64),
            FilterError::TooMany { .. } => problem.limit(PATTERNS_MAX as u64),
            FilterError::Empty => problem,
        }
    })
}

fn format(value: &str) -> Result<Format, Problem> {
    match value {
        "data" => Ok(Format::Data),
        "cloudevents" => Ok(Format::CloudEvents),
        _ => Err(Problem::new(400, "format is data or cloudevents").field("format")),
    }
}

fn framing(value: &str) -> Result<Framing, Problem> {
    match value {
        "close" => Ok(Framing::Close),
        "chunked" => Ok(Framing::Chunked),
        _ => Err(Problem::new(400, "framing is close or chunked").field("framing")),
    }
}

fn names(value: &str) -> Result<Names, Problem> {
    match value {
        "type" => Ok(Names::Type),
        "none" => Ok(Names::None),
        _ => Err(Problem::new(400, "names is type or none").field("names")),
    }
}

fn from_parameter(value: &str) -> Result<Wanted, Problem> {
    let detail = "from is now, beginning or a position";
    Wanted::from_parameter(value).ok_or_else(|| Problem::new(400, detail).field("from"))
}

fn heartbeat_s(value: &str) -> Result<Duration, Problem> {
    let seconds = value
        .parse()
        .ok()
        .filter(|seconds| *seconds <= HEARTBEAT_MAX_S);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        let detail = "heartbeat is 0 (none) to 3600 seconds";
        Problem::new(400, detail)
            .field("heartbeat")
            .limit(HEARTBEAT_MAX_S)
    })
}

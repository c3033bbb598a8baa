//! `GET /api/v1/events/stream`: what a query asks for.

use std::borrow::Cow;
use std::time::Duration;

use super::compression::{Compression, CompressionFor};
use super::forms::{Form, Format, Framing, Names};
use super::options::{BUFFER_MIN, POLICY_NAMES, StreamOptions, policy};
use super::problem::Problem;
use super::resume::{Kept, Wanted};
use crate::event::{Filter, FilterError, PATTERNS_MAX, parse_time};
use crate::reactor::SlowPolicy;
use crate::wire::http::{Coding, Head, ResponseHead, query};

/// Longest heartbeat that a client may ask for, seconds.
const HEARTBEAT_MAX_S: u64 = 3600;

/// What a class has in common: what the client asked for, within what it may see, and what of its
/// pace needs work once a class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct StreamFilter {
    pub(super) wanted: Filter,
    pub(super) allowed: Filter,
    /// What its endpoint has.
    pub(super) offered: Filter,
    /// Its members get the newest of each topic when they are slow.
    pub(super) latest: bool,
    /// Its members are told who joins and leaves.
    pub(super) presence: bool,
    /// Milliseconds for which events are collected.
    pub(super) hold_ms: u8,
}

impl StreamFilter {
    pub(super) fn matches(&self, topic: &str) -> bool {
        self.wanted.matches(topic) && self.may_see(topic)
    }

    pub(super) fn may_see(&self, topic: &str) -> bool {
        (self.allowed.is_all() || self.allowed.matches(topic))
            && (self.offered.is_all() || self.offered.matches(topic))
    }

    /// Whether it may not see every topic.
    pub(super) fn is_limited(&self) -> bool {
        !self.allowed.is_all() || !self.offered.is_all()
    }

    pub(super) fn is_all(&self) -> bool {
        self.wanted.is_all() && !self.is_limited()
    }
}

/// What a client asked for.
#[derive(Debug)]
pub(super) struct StreamRequest {
    pub(super) filter: Option<Filter>,
    pub(super) form: Form,
    pub(super) wanted: Wanted,
    pub(super) options: StreamOptions,
    pub(super) presence: bool,
}

impl StreamRequest {
    /// Reads the query and the headers; `options` are those of who does not ask for others, `frame_log`
    /// the bytes of a frame log, and `brotli` says whether there is room for one more of these streams. Parameters that nobody knows are left alone: clients add
    /// their own to get past caches.
    pub(super) fn read(
        head: &Head,
        mut options: StreamOptions,
        (frame_log, brotli): (usize, bool),
    ) -> Result<Self, Problem> {
        let mut patterns: Vec<Cow<'_, str>> = Vec::new();
        let mut form = Form {
            format: Format::Data,
            framing: Framing::Chunked,
            names: Names::Type,
            coding: Coding::Identity,
        };
        let (mut id, mut start, mut presence) = (None, Start::default(), false);
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
                "from" => start.set("from", from_parameter(&value)?)?,
                "last" => start.set("last", last_parameter(&value)?)?,
                "since" => start.set("since", since_parameter(&value)?)?,
                "last-event-id" => id = Some(Wanted::after_id(value.as_bytes())),
                "heartbeat" => options.heartbeat = heartbeat_s(&value)?,
                "presence" => presence = switch("presence", &value)?,
                "slow" => options.slow = slow(&value)?,
                "buffer" => options.buffer = buffer(&value, frame_log)?,
                "compression" => {
                    options.compression = compression(&value, options.compression)?;
                    options.compression_for = CompressionFor::All;
                }
                _ => {}
            }
        }
        let only_for = options.compression_for;
        form.coding = options.compression.choose(only_for, head, brotli)?;
        form.framing = for_version(head, form.framing);
        // An id that a client remembers beats what its address said when it first connected.
        let header = head.header("last-event-id").filter(|id| !id.is_empty());
        let wanted = header
            .map(Wanted::after_id)
            .or(id)
            .or(start.wanted)
            .unwrap_or(Wanted::Now);
        Ok(Self {
            filter: filter(&patterns)?,
            form,
            wanted,
            options,
            presence,
        })
    }

    /// The answer to HEAD.
    pub(super) fn head_only(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        write_head(self.form, &self.options, &mut bytes);
        bytes
    }
}

/// Where the query says that the stream starts: one parameter may.
#[derive(Debug, Default)]
struct Start {
    wanted: Option<Wanted>,
    by: &'static str,
}

impl Start {
    fn set(&mut self, by: &'static str, wanted: Wanted) -> Result<(), Problem> {
        if self.wanted.is_some() && self.by != by {
            let detail = format!(
                "{by} cannot be given with {}: a stream has one start",
                self.by
            );
            return Err(Problem::new(400, detail).field(by));
        }
        (self.wanted, self.by) = (Some(wanted), by);
        Ok(())
    }
}

/// The framing that the query of a stream without a [`Form`] asks for.
pub(super) fn framing_of(head: &Head) -> Result<Framing, Problem> {
    let mut wanted = Framing::Chunked;
    for (name, value) in query(head.query().unwrap_or_default()).flatten() {
        if name == "framing" {
            wanted = framing(&value)?;
        }
    }
    Ok(for_version(head, wanted))
}

// RFC 9112, 6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the
// corresponding request indicates HTTP/1.1 (or later minor revisions)."
fn for_version(head: &Head, wanted: Framing) -> Framing {
    match head.version() {
        10 => Framing::Close,
        _ => wanted,
    }
}

/// The head of an event stream that has no [`Form`].
pub(super) fn write_watch_head(framing: Framing, out: &mut Vec<u8>) {
    end_head(stream_head(out), framing);
}

pub(super) fn write_head(form: Form, options: &StreamOptions, out: &mut Vec<u8>) {
    let mut head = stream_head(out);
    if form.coding != Coding::Identity {
        head = head.header("Content-Encoding", form.coding.name());
    }
    if options.compression != Compression::Off {
        head = head.header("Vary", options.compression_for.vary());
    }
    end_head(head, form.framing);
}

fn end_head(head: ResponseHead<'_>, framing: Framing) {
    match framing {
        Framing::Close | Framing::Messages(_) => head.end(),
        Framing::Chunked => head.chunked().end(),
    }
}

fn stream_head(out: &mut Vec<u8>) -> ResponseHead<'_> {
    ResponseHead::status(out, 200)
        // HTML, 9.2.4: a stream is UTF-8 whatever is said here. Clients that know text only and not this
        // kind of it (Python's requests) take it for Latin-1 where nothing is said.
        .header("Content-Type", "text/event-stream; charset=utf-8")
        // no-transform: a proxy that compresses would hold events back.
        .header("Cache-Control", "no-cache, no-transform")
        .header("X-Accel-Buffering", "no")
        .close()
}

pub(super) fn filter(patterns: &[Cow<'_, str>]) -> Result<Option<Filter>, Problem> {
    if patterns.is_empty() {
        return Ok(None);
    }
    Filter::parse(patterns.iter()).map(Some).map_err(|error| {
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

pub(super) fn switch(name: &'static str, value: &str) -> Result<bool, Problem> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Problem::new(400, format!("{name} is true or false")).field(name)),
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

pub(super) fn from_parameter(value: &str) -> Result<Wanted, Problem> {
    let detail = "from is now, beginning or a position";
    Wanted::from_parameter(value).ok_or_else(|| Problem::new(400, detail).field("from"))
}

pub(super) fn last_parameter(value: &str) -> Result<Wanted, Problem> {
    let count = value
        .parse()
        .ok()
        .filter(|_| value.bytes().all(|b| b.is_ascii_digit()));
    let detail = "last is how many of the newest events to begin with";
    count
        .map(|count| Wanted::Kept(Kept::Last(count)))
        .ok_or_else(|| Problem::new(400, detail).field("last"))
}

pub(super) fn since_parameter(value: &str) -> Result<Wanted, Problem> {
    // A plus sign in a query is a space.
    let time = parse_time(value).or_else(|| parse_time(&value.replace(' ', "+")));
    let detail = "since is a time as 2026-03-01T12:00:00Z (RFC 3339)";
    time.map(|time| Wanted::Kept(Kept::Since(time)))
        .ok_or_else(|| Problem::new(400, detail).field("since"))
}

/// What a client asks for, of what there is: it may have less, and no other.
fn compression(value: &str, offered: Compression) -> Result<Compression, Problem> {
    let wrong = |detail: String| Problem::new(400, detail).field("compression");
    match Compression::parse(value) {
        None => Err(wrong(Compression::expected())),
        Some(wanted) if wanted == Compression::Off || wanted == offered => Ok(wanted),
        #[cfg(feature = "brotli")]
        Some(Compression::Gzip) if offered == Compression::Brotli => Ok(Compression::Gzip),
        Some(_) => {
            let detail = format!("compression: {value} is not offered here");
            Err(wrong(detail))
        }
    }
}

fn slow(value: &str) -> Result<SlowPolicy, Problem> {
    policy(value).ok_or_else(|| Problem::new(400, POLICY_NAMES).field("slow"))
}

fn buffer(value: &str, frame_log: usize) -> Result<usize, Problem> {
    let bytes = value.parse().ok();
    let range = BUFFER_MIN..=frame_log;
    bytes
        .filter(|bytes| *bytes == 0 || range.contains(bytes))
        .ok_or_else(|| {
            let detail =
                format!("buffer is 0 (the frame log) or {BUFFER_MIN} to {frame_log} bytes");
            Problem::new(400, detail)
                .field("buffer")
                .limit(frame_log as u64)
        })
}

pub(super) fn heartbeat_s(value: &str) -> Result<Duration, Problem> {
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

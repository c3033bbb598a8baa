//! `GET /api/v1/events/stream`: what a query asks for.

use std::time::Duration;

use crate::event::{EventFilter, EventFilterBuilder, Filter};
use crate::gateway::encode::compression::{Compression, CompressionFor};
use crate::gateway::encode::format::{DataFormat, EventNames, Framing, WireFormat};
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::{self, Query};
use crate::gateway::http::response::response;
use crate::gateway::stream::options::{BUFFER_MIN, StreamOptions, policy};
use crate::gateway::stream::start::StartRequest;
use crate::wire::http::{Coding, Head, ResponseHead};

/// What a class has in common: what the client asked for, within what it may see, and what of its
/// pace needs work once a class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct StreamFilter {
    pub(in crate::gateway) wanted: Filter,
    pub(in crate::gateway) allowed: Filter,
    /// What its endpoint has; `None`: it has all that is wanted, or there is no endpoint.
    pub(in crate::gateway) offered: Option<Filter>,
    /// Its members get the newest of each topic when they are slow.
    pub(in crate::gateway) latest: bool,
    /// Its members are told who joins and leaves.
    pub(in crate::gateway) presence: bool,
    /// Milliseconds for which events are collected.
    pub(in crate::gateway) hold_ms: u8,
}

impl StreamFilter {
    pub(in crate::gateway) fn matches(&self, topic: &str) -> bool {
        self.wanted.matches(topic) && self.may_see(topic)
    }

    pub(in crate::gateway) fn may_see(&self, topic: &str) -> bool {
        let is_offered = |offered: &Filter| offered.matches(topic);
        self.allowed.matches(topic) && self.offered.as_ref().is_none_or(is_offered)
    }

    /// Whether it may not see all that is wanted, so that each event is looked at. `>` allows no reserved topic: who wants
    /// one and is allowed `>` is limited.
    pub(in crate::gateway) fn is_limited(&self) -> bool {
        self.offered.is_some() || !self.allowed.covers(&self.wanted)
    }

    /// The filters that limit it beside what is wanted.
    pub(in crate::gateway) fn limits(&self) -> impl Iterator<Item = &Filter> {
        let allowed = Some(&self.allowed).filter(|allowed| !allowed.covers(&self.wanted));
        allowed.into_iter().chain(&self.offered)
    }

    /// Whether it takes every topic that is not reserved.
    pub(in crate::gateway) fn is_all(&self) -> bool {
        self.wanted.is_all() && !self.is_limited()
    }
}

/// What bounds the requests of streams on a reactor.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct StreamRoom {
    /// Bytes of a frame log.
    pub(in crate::gateway) frame_log: usize,
    /// Whether there is room for one more stream that is compressed with Brotli.
    pub(in crate::gateway) brotli: bool,
}

/// The request of a client for a stream.
#[derive(Debug)]
pub(in crate::gateway) struct StreamRequest {
    pub(in crate::gateway) filter: Option<Filter>,
    pub(in crate::gateway) form: WireFormat,
    pub(in crate::gateway) start: StartRequest,
    pub(in crate::gateway) options: StreamOptions,
    pub(in crate::gateway) presence: bool,
}

impl StreamRequest {
    /// Reads what `query` and the headers ask for, within `room`; `options` are those of who does not ask for others.
    pub(in crate::gateway) fn read(
        head: &Head,
        query: &Query<'_>,
        mut options: StreamOptions,
        room: StreamRoom,
    ) -> Result<Self, Problem> {
        if let Some(seconds) = query.number(&query::HEARTBEAT) {
            options.heartbeat = Duration::from_secs(seconds);
        }
        if let Some(slow) = query.text(&query::SLOW) {
            options.slow = policy(slow).ok_or_else(|| query::SLOW.wrong())?;
        }
        if let Some(bytes) = query.number(&query::BUFFER) {
            options.buffer = buffer(bytes, room.frame_log)?;
        }
        if query.text(&query::COMPRESSION).is_some() {
            options.compression_for = CompressionFor::All;
        }
        options.compression = compression(query, options.compression)?;
        let only_for = options.compression_for;
        let form = WireFormat {
            data: match query.text(&query::FORMAT) {
                Some("cloudevents") => DataFormat::CloudEvents,
                _ => DataFormat::Data,
            },
            framing: framing_of(head, query),
            names: match query.text(&query::NAMES) {
                Some("none") => EventNames::None,
                _ => EventNames::Type,
            },
            coding: options.compression.choose(only_for, head, room.brotli)?,
        };
        Ok(Self {
            filter: filter(query.all(&query::TOPIC))?,
            form,
            start: StartRequest::read(head, query)?.unwrap_or(StartRequest::Now),
            options,
            presence: query.switch(&query::PRESENCE).unwrap_or(false),
        })
    }

    /// The answer to HEAD.
    pub(in crate::gateway) fn head_only(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        write_head(self.form, &self.options, &mut bytes);
        bytes
    }
}

/// The framing that a query asks for, as far as the client's version has it.
// RFC 9112, 6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the
// corresponding request indicates HTTP/1.1 (or later minor revisions)."
pub(in crate::gateway) fn framing_of(head: &Head, query: &Query<'_>) -> Framing {
    match (head.version(), query.text(&query::FRAMING)) {
        (10, _) | (_, Some("close")) => Framing::Close,
        _ => Framing::Chunked,
    }
}

/// The head of an event stream that has no [`WireFormat`].
pub(in crate::gateway) fn write_watch_head(framing: Framing, out: &mut Vec<u8>) {
    end_head(stream_head(out), framing);
}

pub(super) fn write_head(form: WireFormat, options: &StreamOptions, out: &mut Vec<u8>) {
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
    response(out, 200)
        // HTML, 9.2.4: a stream is UTF-8 whatever is said here. Clients that know text only and not this
        // kind of it (Python's requests) take it for Latin-1 where nothing is said.
        .header("Content-Type", "text/event-stream; charset=utf-8")
        // no-transform: a proxy that compresses would hold events back.
        .header("Cache-Control", "no-cache, no-transform")
        .header("X-Accel-Buffering", "no")
        .close()
}

/// The filter of some patterns; none: no filter.
pub(in crate::gateway) fn filter<S: AsRef<str>>(
    patterns: impl IntoIterator<Item = S>,
) -> Result<Option<Filter>, Problem> {
    let mut patterns = patterns.into_iter().peekable();
    if patterns.peek().is_none() {
        return Ok(None);
    }
    let mut builder = EventFilter::builder();
    patterns.for_each(|pattern| _ = builder.topic(pattern.as_ref()));
    topics(&mut builder).map(Some)
}

/// Finishes a filter that was given topics and nothing else.
pub(in crate::gateway) fn topics(builder: &mut EventFilterBuilder) -> Result<Filter, Problem> {
    let filter = builder.build();
    let filter = filter.map_err(|errors| Problem::of_filter(&errors))?;
    Ok(filter.topics().clone())
}

/// What a client asks for, of what there is: it may have less, and no other.
pub(in crate::gateway) fn compression(
    query: &Query<'_>,
    offered: Compression,
) -> Result<Compression, Problem> {
    let Some(value) = query.text(&query::COMPRESSION) else {
        return Ok(offered);
    };
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

fn buffer(bytes: u64, frame_log: usize) -> Result<usize, Problem> {
    let range = BUFFER_MIN..=frame_log;
    let bytes = usize::try_from(bytes).ok();
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

//! The query of a stream, of Server-Sent Events and WebSocket alike: one reader, so that the same parameter means the
//! same, and is refused in the same words.
//!
//! Both differ in data: which parameters a route has is told by its table in [`query`]. One that is not in it cannot be
//! in a [`Query`] that was read by it, and stands here at what it is for who asks for nothing.

use std::time::Duration;

use crate::event::{EventFilter, EventFilterBuilder, Filter};
use crate::gateway::encode::stream_head::framing_of;
use crate::gateway::encode::{Compression, DataFormat, EventNames, Framing};
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::{self, Query};
use crate::gateway::stream::options::{BUFFER_MIN, StreamOptions, policy};
use crate::gateway::stream::start::StartRequest;
use crate::wire::http::Head;

/// The parameters of a request for a stream, each of its type and within its range.
#[derive(Debug)]
pub(in crate::gateway) struct StreamParameters {
    /// The topics asked for; `None`: it names none.
    pub(in crate::gateway) filter: Option<Filter>,
    /// The start asked for; `None`: it says nothing.
    pub(in crate::gateway) start: Option<StartRequest>,
    /// The options of the server or of the endpoint, and in their place those that the client asks for.
    pub(in crate::gateway) options: StreamOptions,
    /// The compression asked for by name, which is that of `options`, too.
    pub(in crate::gateway) compression: Option<Compression>,
    pub(in crate::gateway) data: DataFormat,
    pub(in crate::gateway) names: EventNames,
    pub(in crate::gateway) framing: Framing,
    pub(in crate::gateway) presence: bool,
}

impl StreamParameters {
    /// Reads `query`, and the header that may stand for one of its parameters.
    ///
    /// `options` are those of who does not ask for others, `frame_log` are the bytes of a log.
    ///
    /// # Errors
    ///
    /// 400 with the parameter: its value is none, or it contradicts another one. Of several faults always the same one
    /// is told, whatever the order in the query.
    pub(in crate::gateway) fn read(
        head: &Head,
        query: &Query<'_>,
        mut options: StreamOptions,
        frame_log: usize,
    ) -> Result<Self, Problem> {
        if let Some(seconds) = query.number(&query::HEARTBEAT) {
            options.heartbeat = Duration::from_secs(seconds);
        }
        if let Some(slow) = query.text(&query::SLOW) {
            options.slow = policy(slow).ok_or_else(|| query::SLOW.wrong())?;
        }
        if let Some(bytes) = query.number(&query::BUFFER) {
            options.buffer = buffer(bytes, frame_log)?;
        }
        let compression = compression(query, options.compression)?;
        options.compression = compression.unwrap_or(options.compression);
        Ok(Self {
            filter: filter(query.all(&query::TOPIC))?,
            start: StartRequest::read(head, query)?,
            options,
            compression,
            data: match query.text(&query::FORMAT) {
                Some("cloudevents") => DataFormat::CloudEvents,
                _ => DataFormat::Data,
            },
            names: match query.text(&query::NAMES) {
                Some("none") => EventNames::None,
                _ => EventNames::Type,
            },
            framing: framing_of(head, query),
            presence: query.switch(&query::PRESENCE).unwrap_or(false),
        })
    }
}

/// Reads the compression that a client asks for, of what is `offered`: it may have less, and no other.
fn compression(query: &Query<'_>, offered: Compression) -> Result<Option<Compression>, Problem> {
    let Some(value) = query.text(&query::COMPRESSION) else {
        return Ok(None);
    };
    let wrong = |detail: String| Problem::new(400, detail).field("compression");
    match Compression::parse_built(value) {
        None => Err(wrong(Compression::expected())),
        Some(wanted) if wanted == Compression::Off || wanted == offered => Ok(Some(wanted)),
        Some(Compression::Gzip) if offered == Compression::Brotli => Ok(Some(Compression::Gzip)),
        Some(_) => {
            let detail = format!("compression: {value} is not offered here");
            Err(wrong(detail))
        }
    }
}

/// Reads how far a stream may be behind.
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

/// Makes the filter of some patterns; none: no filter.
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

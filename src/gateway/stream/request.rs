//! `GET /api/v1/events/stream`: what a request asks for.

use crate::event::Filter;
use crate::gateway::encode::{Compression, CompressionFor, WireFormat, stream_head};
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::Query;
use crate::gateway::stream::options::StreamOptions;
use crate::gateway::stream::parameters::StreamParameters;
use crate::gateway::stream::start::StartRequest;
use crate::wire::http::{Coding, Head};

/// The key of a class: what the client asked for, within what it may see, and what of its
/// pace needs work once a class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct StreamFilter {
    pub(in crate::gateway) wanted: Filter,
    pub(in crate::gateway) allowed: Filter,
    /// The topics of its endpoint; `None`: it has all that is wanted, or there is no endpoint.
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

    /// Returns whether it may not see all that is wanted, so that each event is looked at. `>` allows no reserved topic: who wants
    /// one and is allowed `>` is limited.
    pub(in crate::gateway) fn is_limited(&self) -> bool {
        self.offered.is_some() || !self.allowed.covers(&self.wanted)
    }

    /// The filters that limit it beside what is wanted.
    pub(in crate::gateway) fn limits(&self) -> impl Iterator<Item = &Filter> {
        let allowed = Some(&self.allowed).filter(|allowed| !allowed.covers(&self.wanted));
        allowed.into_iter().chain(&self.offered)
    }

    /// Returns whether it takes every topic that is not reserved.
    pub(in crate::gateway) fn is_all(&self) -> bool {
        self.wanted.is_all() && !self.is_limited()
    }
}

/// The bounds of requests for streams on a reactor.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct StreamRoom {
    /// Bytes of a frame log.
    pub(in crate::gateway) frame_log: usize,
    /// There is room for one more stream that is compressed with Brotli.
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
        options: StreamOptions,
        room: StreamRoom,
    ) -> Result<Self, Problem> {
        let asked = StreamParameters::read(head, query, options, room.frame_log)?;
        let StreamParameters {
            filter,
            start,
            mut options,
            compression,
            data,
            names,
            framing,
            presence,
        } = asked;
        // Who asks by name knows that it can inflate as bytes come, browser or not.
        if compression.is_some() {
            options.compression_for = CompressionFor::All;
        }
        let only_for = options.compression_for;
        let coding = options.compression.choose(only_for, head, room.brotli)?;
        Ok(Self {
            filter,
            form: WireFormat {
                data,
                framing,
                names,
                coding,
            },
            start: start.unwrap_or(StartRequest::Now),
            options,
            presence,
        })
    }

    /// The answer to HEAD.
    pub(in crate::gateway) fn head_only(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        write_head(self.form, &self.options, &mut bytes);
        bytes
    }
}

pub(super) fn write_head(form: WireFormat, options: &StreamOptions, out: &mut Vec<u8>) {
    let mut head = stream_head::begin(out);
    if form.coding != Coding::Identity {
        head = head.header("Content-Encoding", form.coding.name());
    }
    if options.compression != Compression::Off {
        head = head.header("Vary", options.compression_for.vary());
    }
    stream_head::end(head, form.framing);
}

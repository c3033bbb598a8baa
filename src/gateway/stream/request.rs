//! `GET /api/v1/events/stream`: what a request asks for.

use crate::event::Filter;
use crate::gateway::encode::{Compression, CompressionFor, WireFormat, stream_head};
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::Query;
use crate::gateway::stream::options::StreamOptions;
use crate::gateway::stream::parameters::StreamParameters;
use crate::gateway::stream::start::StartRequest;
use crate::wire::http::{Coding, Head};

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

//! The answer to a client of Server-Sent Events: a head, then events, compressed or not.

use super::buffers::Buffers;
use super::gunzip::Gunzip;
use super::message::Message;
use super::response::{refusal, response_decoder};
use crate::cli::WireFormat;
use eventring::json::Members;
use eventring::wire::http::{Response, ResponseDecoder, Step};
use eventring::wire::sse::{DecodedEvent, EventDecoder};

/// Reads one stream after the other, and remembers the last event's id.
#[derive(Debug)]
pub(crate) struct EventStream {
    /// True when gzip was asked for: an answer without it is refused, since it would measure another thing.
    compressed: bool,
    http: ResponseDecoder,
    /// Bytes of the answer's framing that were not complete.
    left: Vec<u8>,
    gunzip: Option<Gunzip>,
    sse: EventDecoder,
}

impl EventStream {
    pub(crate) fn new(format: WireFormat) -> EventStream {
        EventStream {
            compressed: format == WireFormat::Gzip,
            http: response_decoder(),
            left: Vec::new(),
            gunzip: None,
            sse: EventDecoder::default(),
        }
    }

    /// Starts over for another connection.
    pub(crate) fn restart(&mut self) {
        self.http = response_decoder();
        self.left.clear();
        self.gunzip = None;
        // Not a new one: it keeps the id to resume after.
        self.sse.reconnect();
    }

    /// Returns the id that a client resumes behind; empty for one that goes on with what is new.
    pub(crate) fn last_id(&self) -> &str {
        self.sse.last_event_id()
    }

    /// Takes what came. The error is why the stream is of no more use.
    pub(crate) fn take(
        &mut self,
        input: &[u8],
        buffers: &mut Buffers,
        each: &mut impl FnMut(Message<'_>),
    ) -> Result<(), String> {
        let left = std::mem::take(&mut self.left);
        let joined;
        let mut input = if left.is_empty() {
            input
        } else {
            joined = [&left, input].concat();
            &joined
        };
        loop {
            let decoded = self.http.decode(input);
            let (used, step) = decoded.map_err(|error| error.to_string())?;
            input = &input[used..];
            match step {
                Step::Head(head) => {
                    self.begin(&head, input)?;
                    each(Message::Opened);
                }
                Step::Body(bytes) => self.body(bytes, buffers, each)?,
                Step::End => return Err("the server ended the stream".into()),
                _ => {
                    self.left.extend_from_slice(input);
                    return Ok(());
                }
            }
        }
    }

    fn begin(&mut self, head: &Response, rest: &[u8]) -> Result<(), String> {
        let kind = head.header("content-type").unwrap_or_default();
        if head.status() != 200 || !kind.starts_with(b"text/event-stream") {
            return Err(refusal(head.status(), rest));
        }
        if self.compressed {
            // A server may decline to compress, and the run would then measure something else.
            if head.header("content-encoding") != Some(b"gzip") {
                return Err("--gzip: the server does not compress".into());
            }
            self.gunzip = Some(Gunzip::new());
        }
        Ok(())
    }

    fn body(
        &mut self,
        bytes: &[u8],
        buffers: &mut Buffers,
        each: &mut impl FnMut(Message<'_>),
    ) -> Result<(), String> {
        let sse = &mut self.sse;
        let mut plain = |bytes: &[u8]| {
            let pushed = sse.push(bytes, |event| each(message(&event)));
            pushed.map_err(|error| error.to_string())
        };
        match &mut self.gunzip {
            Some(gunzip) => gunzip.push(bytes, &mut buffers.inflated, plain),
            None => plain(bytes),
        }
    }
}

fn message<'a>(event: &DecodedEvent<'a>) -> Message<'a> {
    match event.event {
        "gap" => {
            let data = Members::read(event.data.as_bytes()).unwrap_or_default();
            Message::Gap(data.get("missing").and_then(|n| n.whole()).unwrap_or(0))
        }
        "reset" => Message::Reset,
        _ => Message::Event(event.data),
    }
}

//! `POST /api/v1/topics/{topic}/events`: from a head to a publish, and from its results to an answer.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::binding::{Attributes, Mode};
use super::exchange::{Body, Publish, Reserved};
use super::guard::Cors;
use super::lines::Lines;
use super::problem::{Problem, ReplyTo, json_answer};
use super::routes;
use crate::event::{EventBatch, EventBuilder, Limits, Position};
use crate::hub::Hub;
use crate::reactor::Answer;
use crate::wire::http::{BodyLength, Head, ResponseHead, chunk, query};

/// What publishing works with: buffers that requests share, and bounds.
pub(super) struct Publisher {
    pub(super) hub: Hub,
    pub(super) builder: EventBuilder,
    pub(super) batch: EventBatch,
    pub(super) results: Vec<u8>,
    in_flight: Arc<AtomicUsize>,
    pub(super) bounds: Bounds,
    stopping: bool,
}

/// The bounds that publishing keeps to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) body_bytes: usize,
    pub(super) bodies_in_flight: usize,
    pub(super) batch_events: usize,
    pub(super) event: Limits,
}

impl Publisher {
    /// `in_flight` counts the bytes of bodies for all who share the bound.
    pub(super) fn new(hub: Hub, bounds: Bounds, in_flight: Arc<AtomicUsize>) -> Self {
        Self {
            hub,
            builder: EventBuilder::with_limits(bounds.event),
            batch: EventBatch::with_limits(bounds.event),
            results: Vec::new(),
            in_flight,
            bounds,
            stopping: false,
        }
    }

    pub(super) fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether nothing is to be published any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping || self.hub.is_closed()
    }

    /// Takes a request's head; the body limit comes with it.
    pub(super) fn begin(
        &self,
        head: &Head,
        topic: &str,
        cors: Cors,
    ) -> Result<(Publish, u64), Problem> {
        if self.is_stopping() {
            return Err(Problem::new(503, "the server is stopping").retry_after_s(1));
        }
        if let Some(coding) = head
            .header("content-encoding")
            .filter(|coding| *coding != b"identity")
        {
            let coding = String::from_utf8_lossy(coding);
            let detail = format!("content-encoding {coding} is not supported");
            return Err(Problem::new(415, detail).field("content-encoding"));
        }
        let content_type = std::str::from_utf8(head.header("content-type").unwrap_or_default())
            .map_err(|_| Problem::new(400, "content-type is not UTF-8").field("content-type"))?;
        let mode = Mode::of(content_type)?;
        let atomic = self.is_atomic(head, mode)?;
        let body = if atomic {
            self.reserve(head)?
        } else {
            Body::Lines {
                lines: Lines::default(),
                begun: false,
            }
        };
        let publish = Publish {
            topic: topic.to_owned(),
            mode,
            content_type: content_type.to_owned(),
            attributes: Attributes::of(head, mode)?,
            reply: routes::reply_to(head),
            body,
            cors,
        };
        let limit = if atomic {
            self.bounds.body_bytes as u64
        } else {
            u64::MAX
        };
        Ok((publish, limit))
    }

    fn is_atomic(&self, head: &Head, mode: Mode) -> Result<bool, Problem> {
        let mut atomic = true;
        for pair in query(head.query().unwrap_or_default()) {
            let (name, value) = pair.map_err(|error| {
                Problem::new(400, error.to_string())
                    .field(error.name.clone())
                    .at(error.at as u64)
            })?;
            if name == "atomic" {
                atomic = value
                    .parse()
                    .map_err(|_| Problem::new(400, "atomic is true or false").field("atomic"))?;
            }
        }
        if !atomic && mode != Mode::Ndjson {
            let detail = "atomic=false needs application/x-ndjson: only lines can fail one by one";
            return Err(Problem::new(415, detail).field("content-type"));
        }
        Ok(atomic)
    }

    fn reserve(&self, head: &Head) -> Result<Body, Problem> {
        let declared = match head.body() {
            BodyLength::Length(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
            BodyLength::None | BodyLength::Chunked => 0,
        };
        let total = self.in_flight.load(Ordering::Relaxed);
        if declared <= self.bounds.body_bytes
            && total.saturating_add(declared) > self.bounds.bodies_in_flight
        {
            return Err(self.too_many_bodies());
        }
        Ok(Body::Atomic(Reserved {
            bytes: Vec::new(),
            total: self.in_flight.clone(),
        }))
    }

    fn too_many_bodies(&self) -> Problem {
        let limit = self.bounds.bodies_in_flight as u64;
        Problem::new(503, "too many request bodies at once")
            .limit(limit)
            .retry_after_s(1)
    }

    /// Takes a piece of the body.
    pub(super) fn body(
        &mut self,
        publish: &mut Publish,
        piece: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Answer> {
        match &mut publish.body {
            Body::Atomic(reserved) => {
                if reserved.push(piece, self.bounds.bodies_in_flight) {
                    return Ok(());
                }
                Err(self.too_many_bodies().answer(publish.reply.closing()))
            }
            Body::Lines { lines, begun } => {
                begin_results(begun, publish.reply, out);
                self.results.clear();
                let max = self.bounds.event.payload_bytes;
                let mut lines = std::mem::take(lines);
                lines.push(piece, max, |line| self.publish_line(publish, line));
                write_results(publish.reply, &self.results, out);
                if let Body::Lines { lines: place, .. } = &mut publish.body {
                    *place = lines;
                }
                Ok(())
            }
        }
    }

    /// Takes the end of the body.
    pub(super) fn end(&mut self, mut publish: Publish, out: &mut Vec<u8>) -> Answer {
        match &mut publish.body {
            Body::Atomic(reserved) => {
                let body = std::mem::take(&mut reserved.bytes);
                let done = self.publish_all(&publish, &body);
                if let Body::Atomic(reserved) = &mut publish.body {
                    // Counted as free when it is dropped.
                    reserved.bytes = body;
                }
                match done {
                    Ok(offsets) => self.published(publish.reply, offsets),
                    Err(problem) => problem.answer(publish.reply),
                }
            }
            Body::Lines { lines, begun } => {
                begin_results(begun, publish.reply, out);
                self.results.clear();
                let max = self.bounds.event.payload_bytes;
                let mut lines = std::mem::take(lines);
                lines.finish(max, |line| self.publish_line(&publish, line));
                write_results(publish.reply, &self.results, out);
                let last: &[u8] = if publish.reply.http10 {
                    b""
                } else {
                    chunk::LAST
                };
                let close = publish.reply.http10 || !publish.reply.keep_alive;
                Answer {
                    bytes: last.to_vec(),
                    after: 0,
                    close,
                }
            }
        }
    }

    fn published(&self, reply: ReplyTo, offsets: Range<u64>) -> Answer {
        let mut body = Vec::with_capacity(96);
        let count = offsets.end - offsets.start;
        if count == 0 {
            body.extend_from_slice(b"{\"first\":null,\"last\":null,\"count\":0}\n");
        } else {
            let epoch = self.hub.epoch();
            let first = Position {
                epoch,
                offset: offsets.start,
            };
            let last = Position {
                epoch,
                offset: offsets.end - 1,
            };
            let _ = writeln!(
                body,
                r#"{{"first":"{first}","last":"{last}","count":{count}}}"#
            );
        }
        Answer {
            after: offsets.end.saturating_sub(1),
            ..json_answer(reply, &body)
        }
    }
}

fn begin_results(begun: &mut bool, reply: ReplyTo, out: &mut Vec<u8>) {
    if std::mem::replace(begun, true) {
        return;
    }
    let head = ResponseHead::status(out, 200)
        .header("Content-Type", "application/x-ndjson")
        .header("Cache-Control", "no-store");
    if reply.http10 {
        return head.close().end();
    }
    reply.finish(head.chunked());
}

fn write_results(reply: ReplyTo, results: &[u8], out: &mut Vec<u8>) {
    if results.is_empty() {
        return;
    }
    if reply.http10 {
        out.extend_from_slice(results);
    } else {
        chunk::wrap(out, results.len(), |out| out.extend_from_slice(results));
    }
}

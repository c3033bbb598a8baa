//! `POST /api/v1/topics/{topic}/events`: from a body to events and positions.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::binding::{Attributes, Mode};
use super::guard::Cors;
use super::lines::{Line, Lines};
use super::problem::{Problem, ReplyTo, json_answer, json_string};
use super::routes;
use crate::event::{EventBatch, EventBuilder, EventError, EventRef, Limits, Position};
use crate::hub::{Hub, PublishError};
use crate::reactor::Answer;
use crate::wire::http::{BodyLength, Head, ResponseHead, chunk, query};

/// A publish whose body is arriving.
pub(crate) struct Publish {
    topic: String,
    mode: Mode,
    content_type: String,
    attributes: Attributes,
    reply: ReplyTo,
    body: Body,
    /// What every answer to it says to the page that sent it.
    cors: Cors,
}

impl Publish {
    /// Whether the head of the answer is written.
    pub(super) fn has_begun(&self) -> bool {
        matches!(self.body, Body::Lines { begun: true, .. })
    }

    /// Whether the answer comes as a whole, at the end.
    pub(super) fn is_atomic(&self) -> bool {
        matches!(self.body, Body::Atomic(_))
    }

    pub(super) fn cors(&self) -> &Cors {
        &self.cors
    }
}

enum Body {
    /// All or nothing: the body is collected first.
    Atomic(Reserved),
    /// Each line is published as it comes.
    Lines { lines: Lines, begun: bool },
}

/// A body being collected, counted against the bound on all of them.
struct Reserved {
    bytes: Vec<u8>,
    total: Arc<AtomicUsize>,
}

impl Reserved {
    /// Adds a piece unless all bodies together would be over `max`.
    fn push(&mut self, piece: &[u8], max: usize) -> bool {
        // Relaxed: a count that orders nothing.
        let before = self.total.fetch_add(piece.len(), Ordering::Relaxed);
        self.bytes.extend_from_slice(piece);
        before + piece.len() <= max
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// What publishing works with: buffers that requests share, and bounds.
pub(super) struct Publisher {
    hub: Hub,
    builder: EventBuilder,
    batch: EventBatch,
    results: Vec<u8>,
    in_flight: Arc<AtomicUsize>,
    bounds: Bounds,
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

    /// Takes a request's head; the body limit comes with it.
    pub(super) fn begin(
        &self,
        head: &Head,
        topic: &str,
        cors: Cors,
    ) -> Result<(Publish, u64), Problem> {
        if self.stopping || self.hub.is_closed() {
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

    fn publish_all(&mut self, publish: &Publish, body: &[u8]) -> Result<Range<u64>, Problem> {
        match publish.mode {
            Mode::Binary => {
                publish.attributes.start(&mut self.builder, &publish.topic);
                check_text(&publish.content_type, body)?;
                self.builder.data(&publish.content_type, body);
                self.publish_one()
            }
            Mode::Structured => {
                self.builder.clear();
                let read = self
                    .builder
                    .read_cloudevents_json(Some(&publish.topic), body);
                read.map_err(|error| Problem::of_event(&error))?;
                self.check_topic(publish)?;
                self.publish_one()
            }
            Mode::Batch => {
                self.batch.clear();
                let read = self
                    .batch
                    .read_cloudevents_batch(Some(&publish.topic), body);
                read.map_err(|error| Problem::of_event(&error))?;
                self.publish_batch(publish)
            }
            Mode::Ndjson => {
                self.batch.clear();
                self.read_lines(publish, body)?;
                self.publish_batch(publish)
            }
        }
    }

    fn publish_one(&mut self) -> Result<Range<u64>, Problem> {
        let event = self
            .builder
            .build()
            .map_err(|error| Problem::of_event(&error))?;
        let position = self
            .hub
            .publish(event)
            .map_err(|error| problem_of(&error))?;
        Ok(position.offset..position.offset + 1)
    }

    fn publish_batch(&mut self, publish: &Publish) -> Result<Range<u64>, Problem> {
        if self.batch.len() > self.bounds.batch_events {
            return Err(self.too_many_events());
        }
        if let Some(index) = self
            .batch
            .iter()
            .position(|event| event.topic() != publish.topic)
        {
            let detail = format!("event {index}: its topic is not that of the path");
            return Err(Problem::new(400, detail).field("topic"));
        }
        self.hub
            .publish_batch(&self.batch)
            .map_err(|error| problem_of(&error))
    }

    fn too_many_events(&self) -> Problem {
        let limit = self.bounds.batch_events;
        let detail = format!("more than {limit} events in one batch");
        Problem::new(413, detail).limit(limit as u64)
    }

    fn read_lines(&mut self, publish: &Publish, body: &[u8]) -> Result<(), Problem> {
        let mut failed = None;
        let mut start = 0;
        for (number, line) in body.split(|byte| *byte == b'\n').enumerate() {
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            if !text.is_empty() {
                let done = self.build_line(publish, text);
                if let Err(error) = done {
                    let at = start + error.at.unwrap_or(0) as u64;
                    failed = Some(Problem::of_event(&error).line(number + 1).at(at));
                    break;
                }
                if self.batch.len() > self.bounds.batch_events {
                    return Err(self.too_many_events());
                }
            }
            start += line.len() as u64 + 1;
        }
        failed.map_or(Ok(()), Err)
    }

    fn build_line(&mut self, publish: &Publish, text: &[u8]) -> Result<(), EventError> {
        publish.attributes.start(&mut self.builder, &publish.topic);
        let event = self.builder.data("application/json", text).build()?;
        self.batch.push(event);
        Ok(())
    }

    /// Publishes one line and notes its result.
    fn publish_line(&mut self, publish: &Publish, line: Line<'_>) {
        let (number, done) = match line {
            Line::Whole(_, []) => return,
            Line::Whole(number, text) => {
                publish.attributes.start(&mut self.builder, &publish.topic);
                self.builder.data("application/json", text);
                (number, self.publish_one())
            }
            Line::TooLong(number) => {
                let limit = self.bounds.event.payload_bytes;
                let detail = format!("data: the line is over the limit of {limit} bytes");
                (
                    number,
                    Err(Problem::new(413, detail).field("data").limit(limit as u64)),
                )
            }
        };
        // Writing to a Vec cannot fail.
        let _ = write!(self.results, r#"{{"line":{number}"#);
        match done {
            Ok(offsets) => {
                let position = Position {
                    epoch: self.hub.epoch(),
                    offset: offsets.start,
                };
                let _ = write!(self.results, r#","position":"{position}""#);
            }
            Err(problem) => {
                self.results.extend_from_slice(br#","error":"#);
                json_string(&mut self.results, problem.detail());
                problem.write_members(&mut self.results);
            }
        }
        self.results.extend_from_slice(b"}\n");
    }

    fn check_topic(&mut self, publish: &Publish) -> Result<(), Problem> {
        let event: EventRef<'_> = self.builder.build().map_err(|e| Problem::of_event(&e))?;
        if event.topic() == publish.topic {
            return Ok(());
        }
        Err(Problem::new(400, "its topic is not that of the path").field("topic"))
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

/// Text must be UTF-8: what is not would reach readers as something else.
fn check_text(content_type: &str, body: &[u8]) -> Result<(), Problem> {
    let is_text = content_type
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("text/"));
    match std::str::from_utf8(body) {
        Err(error) if is_text => {
            let at = error.valid_up_to() as u64;
            Err(Problem::new(400, format!("data: not UTF-8 at byte {at}"))
                .field("data")
                .at(at))
        }
        _ => Ok(()),
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

fn problem_of(error: &PublishError) -> Problem {
    let problem = match error {
        PublishError::Invalid(error) => return Problem::of_event(error),
        PublishError::TooMany { limit, .. } | PublishError::TooLarge { limit, .. } => {
            return Problem::new(413, error.to_string()).limit(*limit as u64);
        }
        _ => Problem::new(503, error.to_string()),
    };
    problem.retry_after_s(1)
}

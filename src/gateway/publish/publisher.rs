//! `POST /api/v1/topics/{topic}/events`: from a head to a publish, and from its results to an answer.

mod execute;

use std::ops::Range;
use std::sync::Arc;

use crate::event::{EventBatch, EventBuilder, EventLimits};
use crate::gateway::access::Cors;
use crate::gateway::http::problem::{Problem, ReplyTo, json_answer};
use crate::gateway::http::query::{self, Query};
use crate::gateway::http::response::response;
use crate::gateway::http::whole_body::{Collected, too_much_unfinished};
use crate::gateway::publish::cloudevents::{Attributes, Mode};
use crate::gateway::publish::lines::{HeldLines, Line, Lines};
use crate::gateway::publish::published::Published as PublishedJson;
use crate::gateway::publish::receipt::{LineResults, Receipt};
use crate::gateway::publish::request::{Body, Publish};
use crate::gateway::publish::room::RoomPlace;
use crate::hub::{Durability, Hub, PublishOptions};
use crate::net::{Answer, Parts, Published, Response, Taken, Unfinished};
use crate::ring::Notify;
use crate::wire::http::{BodyLength, Head, chunk};

/// The means of publishing: buffers that requests share, and bounds.
pub(in crate::gateway) struct Publisher {
    pub(super) hub: Hub,
    pub(super) builder: EventBuilder,
    pub(super) batch: EventBatch,
    /// Results of lines that are not given yet.
    pub(super) results: LineResults,
    unfinished: Unfinished,
    pub(super) bounds: Bounds,
    /// Wakes the reactor when there is room for who waits for it.
    pub(super) reactor: Arc<dyn Notify>,
    stopping: bool,
}

/// The reason for which nothing was published.
pub(in crate::gateway) enum Refused {
    /// There is no room before something is committed that was published earlier, or its streams are looked up.
    Full,
    /// Something is wrong.
    For(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::For(problem)
    }
}

impl Refused {
    /// The problem of who does not wait, or no longer.
    pub(in crate::gateway) fn into_problem(self) -> Problem {
        match self {
            Self::Full => {
                let detail = "not taken in time: too much waits to be committed, or its streams to be looked up";
                Problem::new(503, detail).retry_after_s(1)
            }
            Self::For(problem) => problem,
        }
    }
}

/// About how many bytes the answer to a publish takes.
const ANSWER_BYTES: usize = 256;

/// The bounds that publishing keeps to.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct Bounds {
    pub(in crate::gateway) body_bytes: usize,
    pub(in crate::gateway) batch_events: usize,
    pub(in crate::gateway) event: EventLimits,
}

impl Publisher {
    /// `unfinished` counts the bytes of bodies for all who share the bound.
    pub(in crate::gateway) fn new(
        hub: Hub,
        bounds: Bounds,
        unfinished: Unfinished,
        reactor: Arc<dyn Notify>,
    ) -> Self {
        Self {
            hub,
            builder: EventBuilder::with_limits(bounds.event),
            batch: EventBatch::with_limits(EventLimits {
                batch_events: bounds.batch_events,
                ..bounds.event
            }),
            results: LineResults::default(),
            unfinished,
            bounds,
            reactor,
            stopping: false,
        }
    }

    pub(in crate::gateway) fn stop(&mut self) {
        self.stopping = true;
    }

    /// Returns whether nothing is to be published any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping || self.hub.is_closed()
    }

    /// Takes a request's head; the body limit comes with it.
    pub(super) fn begin(
        &self,
        head: &Head,
        query: &Query<'_>,
        topic: &str,
        cors: Cors,
    ) -> Result<(Publish, u64), Problem> {
        if self.is_stopping() {
            // With `Retry-After`: the same client will find this server or another one in its place.
            return Err(Problem::new(503, "the server is stopping").retry_after_s(1));
        }
        // Nothing inflates here. What came compressed would reach readers as it is, under a type that says something
        // else.
        let mut codings = head.header_values("content-encoding");
        if let Some(coding) = codings.find(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            let coding = String::from_utf8_lossy(coding);
            let detail = format!("content-encoding {coding} is not supported");
            return Err(Problem::new(415, detail).field("content-encoding"));
        }
        let wrong =
            |why: &str| Problem::new(400, format!("content-type {why}")).field("content-type");
        // Whichever were taken, somebody else may take the other one.
        let mut types = head.header_values("content-type");
        let content_type = types.next().unwrap_or_default();
        if types.any(|other| other != content_type) {
            return Err(wrong("is there twice"));
        }
        let content_type = std::str::from_utf8(content_type).map_err(|_| wrong("is not UTF-8"))?;
        let mode = Mode::of(content_type)?;
        let atomic = is_atomic(query, mode)?;
        let body = if atomic {
            self.reserve(head)?
        } else {
            Body::Lines {
                lines: Lines::default(),
                held: HeldLines::default(),
                begun: false,
                share: self.unfinished.share(),
            }
        };
        let publish = Publish {
            topic: topic.to_owned(),
            mode,
            content_type: content_type.to_owned(),
            attributes: Attributes::of(head, mode, topic)?,
            reply: ReplyTo::of(head),
            options: PublishOptions::default().durability(durability_of(query)),
            body,
            room: RoomPlace::default(),
            cors,
        };
        // A body of lines may go on for ever: each line is bounded by itself, and none is kept once it is published.
        let limit = if atomic {
            self.bounds.body_bytes as u64
        } else {
            u64::MAX
        };
        Ok((publish, limit))
    }

    fn reserve(&self, head: &Head) -> Result<Body, Problem> {
        let declared = match head.body() {
            BodyLength::Length(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
            BodyLength::None | BodyLength::Chunked => 0,
        };
        // At the head, so that a client which waits for `100 Continue` sends nothing in vain. A body that is over its
        // own limit is left to the 413 for that: a 503 would have it tried again.
        if declared <= self.bounds.body_bytes && !self.unfinished.has_room(declared) {
            return Err(too_much_unfinished(&self.unfinished));
        }
        Ok(Body::Atomic(Collected::new(&self.unfinished, declared)))
    }

    /// Takes a piece of the body; an empty one: there may be room for what waits.
    pub(in crate::gateway) fn body(
        &mut self,
        publish: &mut Publish,
        piece: &[u8],
        parts: &mut Parts<Receipt>,
    ) -> Result<Taken, Answer> {
        let Body::Atomic(collected) = &mut publish.body else {
            let max = self.bounds.event.payload_bytes;
            return self.take_lines(publish, parts, |lines, take| lines.push(piece, max, take));
        };
        if collected.push(piece) {
            return Ok(Taken::All);
        }
        // The rest of the body is on its way, and would be read as the next request: the connection closes.
        Err(too_much_unfinished(&self.unfinished).answer(publish.reply.closing()))
    }

    /// Publishes a body that was collected, all or nothing; `last_try`: it has waited for room for as long as it may.
    pub(in crate::gateway) fn end(
        &mut self,
        publish: &mut Publish,
        last_try: bool,
    ) -> Response<Receipt> {
        if !last_try && !publish.room.may_try() {
            return Response::Waits;
        }
        let body = match &mut publish.body {
            Body::Atomic(collected) => collected.take(),
            Body::Lines { .. } => Vec::new(),
        };
        // It is counted until it is published, and `publish` is dropped.
        match self.publish_all(publish, &body) {
            Ok(offsets) => {
                publish.room.leave();
                Response::Published {
                    published: Published {
                        offsets: offsets.clone(),
                        receipt: Receipt::Request {
                            reply: publish.reply,
                            cors: publish.cors.clone(),
                            offsets,
                        },
                        bytes: ANSWER_BYTES,
                    },
                    close: !publish.reply.keep_alive,
                }
            }
            Err(Refused::Full) if !last_try => {
                if let Body::Atomic(collected) = &mut publish.body {
                    collected.put_back(body);
                }
                publish.room.wait(&self.hub, &self.reactor);
                Response::Waits
            }
            Err(refused) => {
                publish.room.leave();
                Response::Ready(refused.into_problem().answer(publish.reply))
            }
        }
    }

    /// Publishes what is left of a body whose lines are published as they come.
    pub(in crate::gateway) fn end_lines(
        &mut self,
        publish: &mut Publish,
        parts: &mut Parts<Receipt>,
    ) -> Response<Receipt> {
        let max = self.bounds.event.payload_bytes;
        // Nothing more can refuse it as a whole.
        if let Body::Lines { begun, .. } = &mut publish.body {
            begin_results(begun, publish.reply, &publish.cors, parts);
        }
        let done = self.take_lines(publish, parts, |lines, take| lines.finish(max, take));
        match done {
            Ok(Taken::All) => Response::Ready(last_of_results(publish.reply)),
            Ok(Taken::Waits) => Response::Waits,
            Err(answer) => Response::Ready(answer),
        }
    }

    /// Publishes lines: those that wait, then those that `split` hands over.
    fn take_lines(
        &mut self,
        publish: &mut Publish,
        parts: &mut Parts<Receipt>,
        split: impl FnOnce(&mut Lines, &mut dyn FnMut(Line<'_>)),
    ) -> Result<Taken, Answer> {
        let Body::Lines { lines, held, .. } = &mut publish.body else {
            return Ok(Taken::All);
        };
        // Taken out, since publishing a line needs the rest of `publish`.
        let (mut lines, mut held) = (std::mem::take(lines), std::mem::take(held));
        if held.is_empty() || publish.room.may_try() || parts.is_last_try() {
            while let Some(line) = held.first() {
                if !self.publish_line(publish, line) {
                    break;
                }
                held.pop();
            }
        }
        split(&mut lines, &mut |line| {
            // A line behind one that waits does, too: they are published in their order.
            if !held.is_empty() || !self.publish_line(publish, line) {
                held.push(line);
            }
        });
        let waits = !held.is_empty();
        match waits {
            true => publish.room.wait(&self.hub, &self.reactor),
            false => publish.room.leave(),
        }
        let next = match held.first() {
            Some(Line::Whole(number, _) | Line::TooLong(number)) => number,
            None => lines.next(),
        };
        let held_bytes = lines.held_bytes() + held.held_bytes();
        let mut ends = None;
        if waits && parts.is_last_try() {
            ends = Some(Refused::Full.into_problem());
        }
        if let Body::Lines {
            lines: lines_place,
            held: held_place,
            share,
            begun,
        } = &mut publish.body
        {
            (*lines_place, *held_place) = (lines, held);
            if !share.set(held_bytes) {
                ends = Some(too_much_unfinished(&self.unfinished));
            }
            // The answer's status waits for the first result: until then it can be a refusal.
            if !self.results.is_empty() {
                begin_results(begun, publish.reply, &publish.cors, parts);
            } else if let Some(problem) = ends.as_ref().filter(|_| !*begun) {
                return Err(problem.answer(publish.reply.closing()));
            }
        }
        let is_over = ends.is_some();
        if let Some(problem) = ends {
            self.results.push(next, Err(problem));
        }
        self.give_results(publish.reply, parts);
        match (is_over, waits) {
            // The rest of the body is on its way, as above; what was published so far has its results all the same.
            (true, _) => Err(last_of_results(publish.reply.closing())),
            (false, true) => Ok(Taken::Waits),
            (false, false) => Ok(Taken::All),
        }
    }

    /// Gives the results of lines, to be written once their outcomes are known.
    fn give_results(&mut self, reply: ReplyTo, parts: &mut Parts<Receipt>) {
        if self.results.is_empty() {
            return;
        }
        // Handed over rather than written: a line may be answered only once its outcome is known.
        let results = std::mem::take(&mut self.results);
        parts.published(Published {
            offsets: results.offsets(),
            bytes: results.bytes(),
            receipt: Receipt::Lines { reply, results },
        });
    }

    /// The answer to a request whose events are visible.
    pub(in crate::gateway) fn published(&self, reply: ReplyTo, offsets: &Range<u64>) -> Answer {
        let mut body = Vec::with_capacity(96);
        PublishedJson::new(self.hub.epoch(), offsets).write(&mut body);
        json_answer(reply, &body)
    }
}

/// The least safety that a publish asks for.
fn durability_of(query: &Query<'_>) -> Option<Durability> {
    // The table of parameters has let nothing else pass.
    query
        .text(&query::DURABILITY)
        .and_then(Durability::from_name)
}

fn is_atomic(query: &Query<'_>, mode: Mode) -> Result<bool, Problem> {
    let atomic = query.switch(&query::ATOMIC).unwrap_or(true);
    if !atomic && mode != Mode::Ndjson {
        let detail = "atomic=false needs application/x-ndjson: only lines can fail one by one";
        return Err(Problem::new(415, detail).field("content-type"));
    }
    Ok(atomic)
}

fn begin_results(begun: &mut bool, reply: ReplyTo, cors: &Cors, parts: &mut Parts<Receipt>) {
    if std::mem::replace(begun, true) {
        return;
    }
    let out = parts.bytes();
    let start = out.len();
    let head = response(out, 200)
        .header("Content-Type", "application/x-ndjson")
        .header("Cache-Control", "no-store");
    match reply.http10 {
        true => head.close().end(),
        false => reply.finish(head.chunked()),
    }
    cors.stamp(out, start);
}

/// The end of the answer to lines.
fn last_of_results(reply: ReplyTo) -> Answer {
    let last: &[u8] = if reply.http10 { b"" } else { chunk::LAST };
    Answer {
        bytes: last.to_vec(),
        // HTTP/1.0 knows no chunks: there the end of the connection is the end of the results.
        close: reply.http10 || !reply.keep_alive,
    }
}

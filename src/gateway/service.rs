//! The gateway as the reactor's service: requests to routes, events to frames.

use std::net::SocketAddr;

use smallvec::SmallVec;

use super::auth::{Access, Action, Authorizer, Denied};
use super::forms::{Encoder, Form, Framing, Gap};
use super::guard::{Cors, Guard};
use super::health;
use super::problem::{Problem, ReplyTo};
use super::publish::{Bounds, Publish, Publisher};
use super::routes::{self, Route};
use super::stream::{StreamDefaults, StreamFilter, StreamRequest};
use crate::event::{Epoch, Position, Router};
use crate::hub::{Hub, HubWaiter, ReadError, Reader};
use crate::reactor::{Answer, Begin, CatchUp, ClassId, Farewell, Frames, Handle, Refusal, Service};
use crate::wire::http::{BodyLength, Head, Reason, RequestError, ResponseHead, chunk};
use crate::wire::sse;

/// Events read from the ring in one go.
const FEED_EVENTS: usize = 1024;
/// Events looked at for one connection that catches up, per visit.
const CATCH_UP_EVENTS: usize = 1024;
/// What a client that was refused for want of room is told to wait, seconds.
const RETRY_AFTER_S: u32 = 1;

/// HTTP and SSE on a hub.
pub(super) struct Gateway {
    hub: Hub,
    epoch: Epoch,
    /// Follows the newest event; lossy, so it never holds a publisher back.
    live: Reader,
    /// Jumps to where connections are that catch up.
    history: Reader,
    waiter: HubWaiter,
    router: Router<ClassId>,
    /// Classes that may not see all that they ask for.
    restricted: Vec<(ClassId, StreamFilter)>,
    classes: usize,
    encoder: Encoder,
    publisher: Publisher,
    guard: Guard,
    authorizer: Box<dyn Authorizer>,
    defaults: StreamDefaults,
    handle: Handle,
}

impl Gateway {
    pub(super) fn new(
        hub: &Hub,
        (live, history): (Reader, Reader),
        bounds: Bounds,
        defaults: StreamDefaults,
        guard: Guard,
        authorizer: Box<dyn Authorizer>,
        handle: &Handle,
    ) -> Self {
        let waiter = live.waiter(handle.notifier());
        Self {
            hub: hub.clone(),
            epoch: hub.epoch(),
            live,
            history,
            waiter,
            router: Router::new(),
            restricted: Vec::new(),
            classes: 0,
            encoder: Encoder::default(),
            publisher: Publisher::new(hub.clone(), bounds),
            guard,
            authorizer,
            defaults,
            handle: handle.clone(),
        }
    }

    fn at(&self, offset: u64) -> Position {
        Position {
            epoch: self.epoch,
            offset,
        }
    }

    fn begin(
        &mut self,
        head: &Head,
        peer: SocketAddr,
        cors: &Cors,
    ) -> Result<Begin<Self>, Problem> {
        let reply = routes::reply_to(head);
        match routes::find(head)? {
            Route::Index => Ok(Begin::Answer(index(reply))),
            Route::Health => {
                let newest = self.at(self.hub.head());
                Ok(Begin::Answer(health::answer(
                    reply,
                    newest,
                    self.handle.stats(),
                )))
            }
            Route::Stream => {
                let access = self.authorize(head, peer, Action::Subscribe)?;
                let request = StreamRequest::read(head)?;
                if reply.head_only {
                    let bytes = request.head_only();
                    return Ok(Begin::Answer(Answer {
                        bytes,
                        after: 0,
                        close: true,
                    }));
                }
                let place = (self.at(self.hub.head()), self.hub.earliest());
                let plan = request.plan(access, place, &self.defaults, &mut self.encoder);
                Ok(Begin::Stream(plan))
            }
            Route::Publish(topic) => {
                let access = self.authorize(head, peer, Action::Publish)?;
                if !access.allow.matches(&topic) {
                    let detail = "publishing to this topic is not allowed";
                    return Err(Problem::new(403, detail).field("topic"));
                }
                let (exchange, limit) = self.publisher.begin(head, &topic, cors.clone())?;
                Ok(Begin::Body { exchange, limit })
            }
        }
    }

    fn authorize(&self, head: &Head, peer: SocketAddr, action: Action) -> Result<Access, Problem> {
        self.authorizer
            .authorize(head, peer, action)
            .map_err(|denied| match denied {
                Denied::Unknown(challenge) => {
                    Problem::new(401, "who are you?").authenticate(challenge)
                }
                Denied::Forbidden => Problem::new(403, "not allowed"),
            })
    }

    /// Moves past what the ring has dropped before it was read: one gap for everybody.
    fn feed_gap(&mut self, frames: &mut Frames<'_, Self>, resume_at: u64) {
        let gap = Gap {
            reason: "overrun",
            asked: self.at(frames.fed() - 1),
            earliest: self.at(resume_at),
            exact: false,
        };
        let encoder = &mut self.encoder;
        frames.append_to_all(resume_at - 1, |form, _, out| {
            encoder.gap(Form::of(form), gap, out)
        });
        frames.set_fed(resume_at);
    }
}

impl Service for Gateway {
    type Key = StreamFilter;
    type Exchange = Publish;

    const FORMS: usize = Form::COUNT;

    fn head(&mut self, head: &Head, peer: SocketAddr) -> Begin<Self> {
        // A body that nobody reads would be taken for the next request.
        let bodiless = matches!(head.body(), BodyLength::None | BodyLength::Length(0));
        let reply = routes::reply_to(head);
        let reply = if bodiless { reply } else { reply.closing() };
        let cors = match self.guard.check(head, peer.ip()) {
            Ok(cors) => cors,
            Err(problem) => return Begin::Answer(problem.answer(reply)),
        };
        let begun = match Guard::preflight(head, reply, &cors) {
            Some(answer) => Begin::Answer(answer),
            None => self
                .begin(head, peer, &cors)
                .unwrap_or_else(|problem| Begin::Answer(problem.answer(reply))),
        };
        match begun {
            Begin::Answer(mut answer) => {
                cors.stamp(&mut answer.bytes, 0);
                Begin::Answer(answer)
            }
            Begin::Stream(mut plan) => {
                cors.stamp(&mut plan.head, 0);
                Begin::Stream(plan)
            }
            body => body,
        }
    }

    fn body(
        &mut self,
        exchange: &mut Publish,
        piece: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Answer> {
        let start = out.len();
        let begins = !exchange.has_begun();
        let done = self.publisher.body(exchange, piece, out);
        if begins && exchange.has_begun() {
            exchange.cors().stamp(out, start);
        }
        done.map_err(|mut answer| {
            exchange.cors().stamp(&mut answer.bytes, 0);
            answer
        })
    }

    fn end(&mut self, exchange: Publish, out: &mut Vec<u8>) -> Answer {
        let (start, cors) = (out.len(), exchange.cors().clone());
        let (begun, answers) = (exchange.has_begun(), exchange.is_atomic());
        let mut answer = self.publisher.end(exchange, out);
        if answers {
            cors.stamp(&mut answer.bytes, 0);
        } else if !begun {
            cors.stamp(out, start);
        }
        answer
    }

    fn refuse(&mut self, error: &RequestError, exchange: Option<&Publish>) -> Vec<u8> {
        let problem = Problem::new(error.status, error.to_string())
            .field(error.field.clone())
            .at(error.at);
        let problem = match error.reason {
            Reason::TooLong { limit } | Reason::TooMany { limit } => problem.limit(limit),
            _ => problem,
        };
        last_answer(&problem, exchange)
    }

    fn refuse_for(&mut self, why: Refusal, exchange: Option<&Publish>) -> Vec<u8> {
        let problem = match why {
            Refusal::TooManyConnections => {
                Problem::new(503, "too many connections").retry_after_s(RETRY_AFTER_S)
            }
            Refusal::HeadTimeout => Problem::new(408, "the head took too long"),
            Refusal::BodyTimeout => Problem::new(408, "the body took too long"),
        };
        last_answer(&problem, exchange)
    }

    fn class_opened(&mut self, id: ClassId, key: &StreamFilter, _: u8) {
        self.classes += 1;
        self.router.insert(&key.wanted, id);
        if !key.allowed.is_all() {
            self.restricted.push((id, key.clone()));
        }
    }

    fn class_closed(&mut self, id: ClassId, key: &StreamFilter, _: u8) {
        self.classes -= 1;
        self.router.remove(&key.wanted, id);
        self.restricted.retain(|(restricted, _)| *restricted != id);
    }

    fn feed(&mut self, frames: &mut Frames<'_, Self>) {
        if self.classes == 0 {
            // Nobody listens: whoever comes next catches up from the ring.
            frames.set_fed(self.hub.visible() + 1);
            return;
        }
        if self.live.next_offset() != frames.fed() && self.live.seek(frames.fed()).is_err() {
            return;
        }
        let Self {
            live,
            router,
            restricted,
            encoder,
            epoch,
            ..
        } = self;
        let mut ids: SmallVec<[ClassId; 8]> = SmallVec::new();
        let read = live.read_while(FEED_EVENTS, |offset, event| {
            if !frames.has_room() {
                return false;
            }
            ids.clear();
            router.route(event.topic(), &mut ids);
            ids.retain(|id| {
                let limited = restricted.iter().find(|(restricted, _)| restricted == id);
                limited.is_none_or(|(_, filter)| filter.may_see(event.topic()))
            });
            if !ids.is_empty() {
                let position = Position {
                    epoch: *epoch,
                    offset,
                };
                frames.append(offset, &ids, |form, oversize, out| {
                    let form = Form::of(form);
                    if oversize {
                        encoder.gap(form, Gap::oversize(position), out);
                    } else {
                        encoder.event(form, position, event, out);
                    }
                });
            }
            frames.set_fed(offset + 1);
            true
        });
        match read {
            Ok(_) | Err(ReadError::Closed) => {}
            Err(ReadError::Lagged { resume_at, .. }) => self.feed_gap(frames, resume_at),
        }
    }

    fn catch_up(&mut self, part: CatchUp<'_, StreamFilter>, out: &mut Vec<u8>) -> u64 {
        let form = Form::of(part.form);
        let earliest = self.hub.earliest();
        let mut next = part.from;
        if earliest > next {
            next = earliest.min(part.to);
            let asked = self.at(part.from - 1);
            let gap = Gap {
                reason: "retention",
                asked,
                earliest: self.at(next),
                exact: part.key.is_all(),
            };
            self.encoder.gap(form, gap, out);
        }
        if next >= part.to || self.history.seek(next).is_err() {
            return next.max(part.from + 1);
        }
        let Self {
            history,
            encoder,
            epoch,
            ..
        } = self;
        // What is overwritten between the look above and this read is met again on the next visit.
        let _ = history.read_while(CATCH_UP_EVENTS, |offset, event| {
            if offset >= part.to || out.len() >= part.max {
                return false;
            }
            if part.key.matches(event.topic()) {
                encoder.event(
                    form,
                    Position {
                        epoch: *epoch,
                        offset,
                    },
                    event,
                    out,
                );
            }
            next = offset + 1;
            true
        });
        next
    }

    fn heartbeat(&mut self, form: u8, fed: u64, out: &mut Vec<u8>) {
        let head = self.at(fed - 1);
        self.encoder.heartbeat(Form::of(form), head, out);
    }

    fn farewell(&mut self, form: u8, why: Farewell, out: &mut Vec<u8>) {
        let form = Form::of(form);
        let words = match why {
            Farewell::Stopping => "the server stops",
            Farewell::Expired => "the right to read has ended",
        };
        form.wrap(out, |out| sse::comment(out, words));
        if form.framing == Framing::Chunked {
            out.extend_from_slice(chunk::LAST);
        }
    }

    fn visible(&self) -> u64 {
        self.hub.visible()
    }

    fn arm(&mut self, fed: u64) -> bool {
        if self.classes == 0 || (self.hub.is_closed() && fed > self.hub.visible()) {
            return true;
        }
        self.waiter.arm(fed)
    }

    fn disarm(&mut self) {
        self.waiter.disarm();
    }

    fn stopping(&mut self) {
        self.publisher.stop();
    }
}

impl Gap {
    /// Stands in for an event whose frame is larger than a log takes.
    fn oversize(position: Position) -> Self {
        let before = Position {
            offset: position.offset - 1,
            ..position
        };
        let after = Position {
            offset: position.offset + 1,
            ..position
        };
        Self {
            reason: "oversize",
            asked: before,
            earliest: after,
            exact: true,
        }
    }
}

/// The answer after which the connection closes.
fn last_answer(problem: &Problem, exchange: Option<&Publish>) -> Vec<u8> {
    let mut bytes = problem.answer(ReplyTo::LAST).bytes;
    if let Some(exchange) = exchange {
        exchange.cors().stamp(&mut bytes, 0);
    }
    bytes
}

fn index(reply: ReplyTo) -> Answer {
    let mut bytes = Vec::with_capacity(512);
    let head = ResponseHead::status(&mut bytes, 200)
        .header("Content-Type", "text/plain; charset=utf-8")
        .content_length(routes::INDEX.len() as u64);
    reply.finish(head);
    if !reply.head_only {
        bytes.extend_from_slice(routes::INDEX.as_bytes());
    }
    Answer {
        bytes,
        after: 0,
        close: !reply.keep_alive,
    }
}

//! The subscribe protocol: JSON messages with a request id, each answered.

use std::borrow::Cow;
use std::io::Write as _;

use crate::event::{EventBuilder, EventError, EventFilter, Filter, Position};
use crate::fanout::{self, Subscribed};
use crate::gateway::delivery::{PlannedSubscription, StartNote, StreamFilter};
use crate::gateway::encode::Encoder;
use crate::gateway::encode::ws::write_reset;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::problem::refuse_reserved;
use crate::gateway::http::query::did_you_mean;
use crate::gateway::publish::{Publisher, Receipt, Refused, unsettled};
use crate::gateway::stream::History;
use crate::gateway::stream::parameters::topics;
use crate::gateway::stream::start::{Start, StartRequest};
use crate::gateway::ws::interner::FilterInterner;
use crate::gateway::ws::session::Session;
use crate::hub::{Durability, PublishOptions};
use crate::json::{Members, Value, write_string};
use crate::net::{Outcome, Published, Replies};
use crate::wire::ws::{CloseCode, MessageKind, Opcode, wrap};

/// Bytes of a request id, as it stands in its message.
const REQUEST_BYTES_MAX: usize = 66;
/// Members of a request to subscribe.
const SUBSCRIBE: [&str; 3] = ["topic", "from", "presence"];
/// Members of a request to publish.
const PUBLISH: [&str; 6] = [
    "topic",
    "event",
    "data",
    "datacontenttype",
    "cloudevent",
    "durability",
];
/// Members of every request.
const EVERY_REQUEST: [&str; 2] = ["type", "request"];

/// About how many bytes the answer to a publish takes, without the request's id.
const ANSWER_BYTES: usize = 96;

/// A message of a client, member by member.
struct Request<'t> {
    /// The request id as it stands in the message: a string or a number.
    id: Option<&'t str>,
    members: Members<'t>,
}

impl<'t> Request<'t> {
    fn member(&self, name: &str) -> Option<Value<'t>> {
        self.members.get(name)
    }

    /// The value of a member that is a string, if it is there.
    fn string(&self, name: &'static str) -> Result<Option<Cow<'t, str>>, Problem> {
        self.member(name)
            .map_or(Ok(None), |value| match value.string() {
                Some(text) => Ok(Some(text)),
                None => Err(wrong(name, "expected a string", value.at())),
            })
    }

    /// Returns whether a member is there and true.
    fn switch(&self, name: &'static str) -> Result<bool, Problem> {
        match self.member(name).map(|value| (value.raw(), value.at())) {
            None | Some(("false", _)) => Ok(false),
            Some(("true", _)) => Ok(true),
            Some((_, at)) => Err(wrong(name, "expected true or false", at)),
        }
    }

    /// The least safety that it asks for.
    fn durability(&self) -> Result<Option<Durability>, Problem> {
        let Some(name) = self.string("durability")? else {
            return Ok(None);
        };
        let known = Durability::from_name(&name);
        let at = self.member("durability").map_or(0, |value| value.at());
        let expected = "expected none, buffered or durable";
        known
            .map(Some)
            .ok_or_else(|| wrong("durability", expected, at))
    }

    /// Refuses members that nobody knows: a typing error must not be taken for consent.
    fn knows(&self, names: &[&str]) -> Result<(), Problem> {
        let all = || EVERY_REQUEST.iter().chain(names).copied();
        match self
            .members
            .iter()
            .find(|(name, _)| !all().any(|known| known == *name))
        {
            Some((name, value)) => {
                let detail = format!("{name}: unknown member{}", did_you_mean(name, all()));
                Err(Problem::new(400, detail).field(name).at(value.at() as u64))
            }
            None => Ok(()),
        }
    }

    fn filter(&self) -> Result<Option<Filter>, Problem> {
        let Some(value) = self.member("topic") else {
            return Ok(None);
        };
        let mut builder = EventFilter::builder();
        let read = builder.read_topics("topic", value);
        read.map_err(|error| Problem::of_json(error, "topic"))?;
        topics(&mut builder).map(Some)
    }
}

/// The parts of a gateway that answer subscribers.
pub(in crate::gateway) struct Protocol<'g> {
    pub(in crate::gateway) interner: &'g FilterInterner,
    pub(in crate::gateway) history: &'g mut History,
    pub(in crate::gateway) encoder: &'g mut Encoder,
    pub(in crate::gateway) publisher: &'g mut Publisher,
}

/// A subscription that was made.
pub(super) struct Joined {
    /// The position after which it begins.
    pub(super) after: Position,
    /// Nothing precedes what is live.
    is_live: bool,
    pub(super) subscription: PlannedSubscription,
}

impl Protocol<'_> {
    /// Answers one message of a subscriber.
    pub(in crate::gateway) fn handle_message(
        &mut self,
        session: &mut Session,
        kind: MessageKind,
        data: &[u8],
        replies: &mut Replies<'_, Gateway>,
    ) {
        // One that waits for room is not read again before there may be some.
        if !replies.is_last_try() && !session.room.may_try() {
            return replies.wait_for_room();
        }
        let mut id = None;
        let done = if kind == MessageKind::Binary {
            Err(Problem::new(400, "requests are text messages"))
        } else {
            self.answer(session, data, &mut id, replies)
        };
        let Err(problem) = done else {
            return session.note_ok();
        };
        replies.text(|out| write_error(id.unwrap_or("null"), &problem, out));
        // A program that answers each error with the same message again would keep the reactor busy for ever.
        if session.note_error() {
            replies.close(CloseCode::POLICY, "too many errors");
        }
    }

    fn answer<'t>(
        &mut self,
        session: &mut Session,
        text: &'t [u8],
        id: &mut Option<&'t str>,
        replies: &mut Replies<'_, Gateway>,
    ) -> Result<(), Problem> {
        let read = Members::read(text);
        let members = read.map_err(|error| Problem::of_event(&error.into()))?;
        let mut request = Request { id: None, members };
        request.id = match request.member("request") {
            None => {
                // First what is misspelt: that is most often why the right member is missing.
                request.knows(&[&SUBSCRIBE[..], &PUBLISH].concat())?;
                let detail = "request: is missing: a string or a number that the answer repeats";
                return Err(Problem::new(400, detail).field("request"));
            }
            Some(value) => Some(request_id(value)?),
        };
        // From here on the answer names the request, whatever is wrong with it.
        *id = request.id;
        let Some(what) = request.string("type")? else {
            request.knows(&[&SUBSCRIBE[..], &PUBLISH].concat())?;
            return Err(Problem::new(400, "type: is missing").field("type"));
        };
        match what.as_ref() {
            "subscribe" => self.subscribe(session, &request, replies),
            "unsubscribe" => self.unsubscribe(session, &request, replies),
            "publish" => self.publish(session, &request, replies),
            "ping" => {
                request.knows(&[])?;
                answer(replies, "pong", &request, |_| {});
                Ok(())
            }
            "ack" => {
                let detail = "ack: nothing that this connection receives waits to be acknowledged";
                Err(Problem::new(409, detail).field("type"))
            }
            other => {
                let detail = format!(
                    "type: {other:?} is none of subscribe, unsubscribe, publish, ack and ping"
                );
                Err(Problem::new(404, detail).field("type"))
            }
        }
    }

    fn subscribe(
        &mut self,
        session: &mut Session,
        request: &Request<'_>,
        replies: &mut Replies<'_, Gateway>,
    ) -> Result<(), Problem> {
        request.knows(&SUBSCRIBE)?;
        let Some(filter) = request.filter()? else {
            return Err(Problem::new(400, "topic: is missing").field("topic"));
        };
        let from = request.string("from")?;
        let start = from.map_or(Ok(StartRequest::Now), |from| {
            StartRequest::from_parameter(&from)
        })?;
        if session.may_read.is_none() {
            return Err(Problem::new(403, "reading is not allowed"));
        }
        let presence = request.switch("presence")?;
        let mut notice = Vec::new();
        session.presence |= presence;
        let joined = self.join(session, &filter, start, &mut notice, request.id)?;
        let after = joined.after;
        answer(replies, "subscribed", request, |out| {
            let _ = write!(out, r#","id":"{after}","topic":"#);
            write_patterns(out, session.wanted());
        });
        replies.frames(&notice);
        if joined.is_live {
            replies.text(|out| write_caught_up(out, request.id, after));
        }
        replies.subscribe(Some(joined.subscription));
        Ok(())
    }

    /// Makes a subscription; what has to be said of its start goes to `notice`.
    pub(super) fn join(
        &mut self,
        session: &mut Session,
        filter: &Filter,
        start: StartRequest,
        notice: &mut Vec<u8>,
        request: Option<&str>,
    ) -> Result<Joined, Problem> {
        // What a second one gets beside the first is live for both.
        let is_first = session.wanted().is_none();
        let union = session.add(filter, self.interner).map_err(|error| {
            Problem::new(400, format!("topic: all subscriptions together: {error}")).field("topic")
        })?;
        // Not more than it may: whoever may read nothing was refused before, here and in the handshake.
        let allowed = session.may_read.clone().unwrap_or_else(Filter::all);
        let head = self.history.visible();
        let mut live_from = head.offset + 1;
        let mut after = head;
        let (mut history, mut is_live) = (None, false);
        // History is that of the new topics alone: what the union takes beside them was received as it came.
        let asked_for = filter_of(filter.clone(), allowed.clone(), false);
        let (newest, oldest) = (self.history.newest(), self.history.oldest());
        let mut journal = None;
        let resolved = start.resolve(newest, oldest, |start| {
            self.history.replay_start(start, &asked_for)
        });
        let resolved = match resolved {
            Start::Replay(replay) => {
                if let Some(gap) = replay.gap(head.epoch) {
                    self.encoder.gap(session.form(), gap, notice);
                }
                Start::From(replay.from)
            }
            Start::InJournal(start) => {
                journal = Some(StartNote::LookedUp(start));
                // Before every event: the way to the first one leads through history.
                Start::From(0)
            }
            Start::Oldest(offset) => {
                journal = self.history.oldest_start(offset, &asked_for);
                Start::From(offset)
            }
            resolved => resolved,
        };
        match resolved {
            Start::Live | Start::Oldest(_) | Start::Replay(_) | Start::InJournal(_) => {}
            Start::Reset { reason, asked } => {
                self.encoder.note_reset(reason);
                write_reset(reason, &asked, head, notice);
            }
            Start::From(offset) => {
                // Never beyond what readers may see: an id ahead of that is its publisher's own.
                after = self.history.at(offset.saturating_sub(1).min(head.offset));
                if is_first {
                    live_from = live_from.max(offset);
                }
                let mut words = Vec::new();
                if request.is_some() {
                    wrap(&mut words, Opcode::Text, |out| {
                        write_caught_up(out, request, head)
                    });
                }
                is_live = offset >= live_from && request.is_some();
                history = (offset < live_from).then_some(fanout::History {
                    key: asked_for,
                    from: offset,
                    after: words,
                });
            }
        }
        let key = filter_of(union, allowed, session.presence);
        let subscription = PlannedSubscription {
            subscribed: Subscribed {
                class: key.class(session.form()),
                from: live_from,
                shrinks: false,
                history,
            },
            journal,
        };
        Ok(Joined {
            after,
            is_live,
            subscription,
        })
    }

    fn unsubscribe(
        &mut self,
        session: &mut Session,
        request: &Request<'_>,
        replies: &mut Replies<'_, Gateway>,
    ) -> Result<(), Problem> {
        request.knows(&["topic"])?;
        let filter = request.filter()?;
        let left = session.remove(filter.as_ref()).map_err(|pattern| {
            Problem::new(404, format!("topic: there is no subscription to {pattern}"))
                .field("topic")
        })?;
        let allowed = session.may_read.clone().unwrap_or_else(Filter::all);
        let live_from = self.history.visible().offset + 1;
        replies.subscribe(left.map(|wanted| {
            let key = filter_of(wanted, allowed, session.presence);
            PlannedSubscription {
                subscribed: Subscribed {
                    class: key.class(session.form()),
                    from: live_from,
                    shrinks: true,
                    history: None,
                },
                journal: None,
            }
        }));
        answer(replies, "unsubscribed", request, |out| {
            out.extend_from_slice(br#","topic":"#);
            write_patterns(out, session.wanted());
        });
        Ok(())
    }

    fn publish(
        &mut self,
        session: &mut Session,
        request: &Request<'_>,
        replies: &mut Replies<'_, Gateway>,
    ) -> Result<(), Problem> {
        request.knows(&PUBLISH)?;
        let topic = request.string("topic")?;
        let Some(topic) = topic else {
            return Err(Problem::new(400, "topic: is missing").field("topic"));
        };
        // Before the rights are looked at: this holds for whoever may publish everything, too.
        refuse_reserved(&topic)?;
        let may = session.may_publish.as_ref();
        if !may.is_some_and(|allowed| allowed.matches(&topic)) {
            let detail = "publishing to this topic is not allowed";
            return Err(Problem::new(403, detail).field("topic"));
        }
        let ty = request.string("event")?;
        let content_type = request.string("datacontenttype")?;
        let options = PublishOptions::default().durability(request.durability()?);
        let (room, may_wait) = (&mut session.room, !replies.is_last_try());
        let set = |builder: &mut EventBuilder| {
            match request.member("cloudevent") {
                Some(event) => {
                    builder.read_cloudevents_json(Some(&topic), event.raw().as_bytes())?;
                }
                None => {
                    builder.topic(&topic).ty(ty.as_deref().unwrap_or("message"));
                    set_data(builder, request.member("data"), content_type.as_deref());
                }
            }
            Ok::<(), EventError>(())
        };
        let published = self
            .publisher
            .publish_event(&topic, &options, room, may_wait, set);
        let offset = match published {
            Ok(offset) => offset,
            Err(Refused::Full) if may_wait => {
                replies.wait_for_room();
                return Ok(());
            }
            Err(refused) => return Err(refused.into_problem()),
        };
        let id = request.id.unwrap_or("null");
        replies.published(Published {
            offsets: offset..offset + 1,
            bytes: ANSWER_BYTES + id.len(),
            receipt: Receipt::Message {
                request: id.into(),
                offset,
            },
        });
        Ok(())
    }
}

/// Writes the answer to a message that has published, once its outcome is known; `id`: what it was given.
pub(in crate::gateway) fn write_published(
    request: &str,
    id: Position,
    outcome: Outcome,
    out: &mut Vec<u8>,
) {
    wrap(out, Opcode::Text, |out| match unsettled(outcome) {
        None => {
            let _ = write!(
                out,
                r#"{{"type":"published","request":{request},"id":"{id}"}}"#
            );
        }
        Some(problem) => write_error(request, &problem, out),
    });
}

/// Writes the answer to a message that something is wrong with.
fn write_error(request: &str, problem: &Problem, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"error","request":"#);
    out.extend_from_slice(request.as_bytes());
    let _ = write!(out, r#","code":"{}","detail":"#, code_of(problem.status()));
    write_string(out, problem.detail());
    problem.write_members(out);
    out.push(b'}');
}

/// JSON as it is; what has another type is a string, and becomes text of that type.
fn set_data(builder: &mut EventBuilder, data: Option<Value<'_>>, content_type: Option<&str>) {
    let Some(data) = data else { return };
    match (content_type, data.string()) {
        (Some(content_type), Some(text)) if !content_type.contains("json") => {
            builder.data(content_type, text.as_bytes());
        }
        // The text of the value as it came: numbers keep their digits, and members their order.
        _ => {
            let content_type = content_type.unwrap_or("application/json");
            builder.data(content_type, data.raw().as_bytes());
        }
    }
}

fn filter_of(wanted: Filter, allowed: Filter, presence: bool) -> StreamFilter {
    StreamFilter {
        wanted,
        allowed,
        offered: None,
        latest: false,
        hold_ms: 0,
        presence,
    }
}

fn request_id(value: Value<'_>) -> Result<&str, Problem> {
    let raw = value.raw();
    // Kept as it stands and not read: a number that no double holds comes back as it was sent.
    let fits = raw.len() <= REQUEST_BYTES_MAX && !matches!(raw, "null" | "true" | "false");
    if fits && !raw.starts_with(['{', '[']) {
        return Ok(raw);
    }
    let expected = "expected a number, or a string of at most 64 bytes";
    Err(wrong("request", expected, value.at()))
}

fn wrong(field: &'static str, what: &str, at: usize) -> Problem {
    Problem::new(400, format!("{field}: {what}"))
        .field(field)
        .at(at as u64)
}

/// The name of an error, by the status that it would have over HTTP.
fn code_of(status: u16) -> &'static str {
    match status {
        403 => "forbidden",
        404 => "unknown",
        409 => "conflict",
        413 => "too_large",
        503 => "unavailable",
        507 => "no_space",
        _ => "invalid",
    }
}

fn answer(
    replies: &mut Replies<'_, Gateway>,
    ty: &str,
    request: &Request<'_>,
    members: impl FnOnce(&mut Vec<u8>),
) {
    let id = request.id.unwrap_or("null");
    replies.text(|out| {
        let _ = write!(out, r#"{{"type":"{ty}","request":{id}"#);
        members(out);
        out.push(b'}');
    });
}

fn write_caught_up(out: &mut Vec<u8>, request: Option<&str>, head: Position) {
    let request = request.unwrap_or("null");
    let _ = write!(
        out,
        r#"{{"type":"caught_up","request":{request},"id":"{head}"}}"#
    );
}

/// Appends the patterns of a filter as an array of strings.
fn write_patterns(out: &mut Vec<u8>, filter: Option<&Filter>) {
    out.push(b'[');
    let patterns = filter.iter().flat_map(|filter| filter.patterns());
    for (index, pattern) in patterns.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, &pattern.to_string());
    }
    out.push(b']');
}

//! Answers to requests that look at topics, settle them and delete them.

use crate::event::{Position, topic};
use crate::gateway::access::Access;
use crate::gateway::admin::deferred::Deferred;
use crate::gateway::admin::state::{PendingCommit, of_transact};
use crate::gateway::admin::topics::json::{TopicAnswer, TopicsAnswer};
use crate::gateway::admin::topics::request::{of_config, read_config};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::{Problem, ReplyTo, json_answer, no_content};
use crate::gateway::http::query;
use crate::gateway::http::response::write_json;
use crate::gateway::http::route::{Begun, Request};
use crate::gateway::http::whole_body::WholeBody;
use crate::gateway::pending_body::PendingBody;
use crate::hub::{TopicsError, TransactError};
use crate::journal::StateError;
use crate::net::{Answer, Begin, Response};

/// Topics told in one answer where nothing else is asked for.
const PAGE: u64 = 100;

/// Answers `GET /api/v1/topics`.
pub(super) fn list_topics(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let query = &request.query;
    let limit = query.number(&query::LIMIT).unwrap_or(PAGE) as usize;
    let prefix = query.text(&query::PREFIX).unwrap_or_default();
    let after = query.text(&query::AFTER_TOPIC).unwrap_or_default();
    let page = TopicsAnswer::read(&gateway.hub, prefix, after, limit);
    let mut body = Vec::with_capacity(1 << 10);
    write_json(&mut body, &page);
    body.push(b'\n');
    Ok(Begin::Answer(json_answer(request.reply, &body)))
}

/// Answers `GET /api/v1/topics/{topic}`.
pub(super) fn describe_topic(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    described(gateway, request.captured(), request.reply).map(Begin::Answer)
}

/// Begins `PUT /api/v1/topics/{topic}`.
pub(super) fn settle_topic(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let unfinished = gateway.handle.unfinished();
    let whole = WholeBody::begin(
        request,
        unfinished,
        String::new(),
        |gateway, whole, body| {
            let (topic, reply) = (whole.captured(), whole.reply());
            let config = read_config(body)?;
            let Some(journal) = gateway.hub.journal() else {
                let set = gateway.hub.set_topic(topic, config);
                set.map_err(|error| of_topics(&error))?;
                return described(gateway, topic, reply).map(Response::Ready);
            };
            // Before anything is changed: who is told that it is busy finds everything as it was.
            gateway.deferred.check_room()?;
            let (kept, done) = PendingCommit::new(Some(gateway.handle.notifier()), || {});
            let set = journal.submit_topic(topic, Some(config), done);
            set.map_err(|error| of_topics(&error))?;
            let what = Deferred::Kept(kept, described(gateway, topic, reply)?);
            let cors = whole.cors().clone();
            let deferred = gateway.deferred.enter(what, reply, cors);
            Ok(Response::Deferred(deferred))
        },
    );
    Ok(Begin::Body {
        limit: whole.limit(),
        pending_body: PendingBody::Whole(whole),
    })
}

/// Answers `DELETE /api/v1/topics/{topic}`.
pub(super) fn delete_topic(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let (topic, reply) = (request.captured(), request.reply);
    let Some(journal) = gateway.hub.journal() else {
        let deleted = gateway.hub.delete_topic(topic);
        deleted.map_err(|error| of_topics(&error))?;
        return Ok(Begin::Answer(no_content(reply)));
    };
    gateway.deferred.check_room()?;
    let (kept, done) = PendingCommit::new(Some(gateway.handle.notifier()), || {});
    let deleted = journal.submit_topic(topic, None, done);
    deleted.map_err(|error| of_topics(&error))?;
    let what = Deferred::Kept(kept, no_content(reply));
    let cors = request.cors.clone();
    Ok(Begin::Deferred(gateway.deferred.enter(what, reply, cors)))
}

/// Answers `DELETE /api/v1/topics/{topic}/events`.
pub(super) fn truncate_topic(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let (topic, reply, query) = (request.captured(), request.reply, &request.query);
    topic::validate(topic).map_err(|error| of_topics(&error.into()))?;
    let below = |status: u16, why: String| {
        Problem::new(status, format!("below: {why}")).field(query::BELOW.name)
    };
    let text = query.text(&query::BELOW);
    let text = text.ok_or_else(|| below(400, "is missing: it is a position".to_owned()))?;
    let position: Position = text
        .parse()
        .map_err(|error| below(400, format!("is no position: {error}")))?;
    let Some(journal) = gateway.hub.journal() else {
        let detail = "there is no journal to delete from: everything is in memory";
        return Err(Problem::new(501, detail));
    };
    let streams = query.switch(&query::STREAMS).unwrap_or(false);
    gateway.deferred.check_room()?;
    let (kept, done) = PendingCommit::new(Some(gateway.handle.notifier()), || {});
    let asked = journal.submit_truncate(topic, position, streams, done);
    asked.map_err(|error| match error {
        // Its words are those of a position that none can be.
        TransactError::State(StateError::Refused(why)) => below(409, why),
        error => of_transact(&error),
    })?;
    let what = Deferred::Kept(kept, no_content(reply));
    let cors = request.cors.clone();
    Ok(Begin::Deferred(gateway.deferred.enter(what, reply, cors)))
}

/// The topic and its settings as they are now.
fn described(gateway: &Gateway, topic: &str, reply: ReplyTo) -> Result<Answer, Problem> {
    let hub = &gateway.hub;
    let info = hub.describe_topic(topic);
    let info = info.ok_or_else(|| of_topics(&TopicsError::Unknown))?;
    let mut body = Vec::with_capacity(256);
    let answer = TopicAnswer::new(&info, hub.epoch(), hub.visible());
    write_json(&mut body, &answer);
    body.push(b'\n');
    Ok(json_answer(reply, &body))
}

fn of_topics(error: &TopicsError) -> Problem {
    let detail = error.to_string();
    match error {
        TopicsError::Config(errors) => of_config(errors),
        TopicsError::Name(_) => Problem::new(400, format!("topic: {detail}")).field("topic"),
        TopicsError::Unknown => Problem::new(404, detail).field("topic"),
        TopicsError::NotTaken(_) => Problem::new(409, detail).field("topic"),
        TopicsError::Exists => Problem::new(409, detail).field("topic"),
        TopicsError::HistoryBytes { left, .. } => {
            let problem = Problem::new(409, detail).field("retain_bytes");
            problem.limit(*left as u64)
        }
        TopicsError::TooMany { limit } => Problem::new(503, detail)
            .limit(*limit as u64)
            .field("topic"),
        TopicsError::NotKept(error) => of_transact(error),
        _ => Problem::new(503, detail).retry_after_s(1),
    }
}

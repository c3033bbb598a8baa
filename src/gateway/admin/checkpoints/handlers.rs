//! Answers to requests that save checkpoints, look at them and delete them.

use std::time::{Duration, Instant};

use crate::event::{TopicError, topic};
use crate::gateway::access::Access;
use crate::gateway::admin::checkpoints::json;
use crate::gateway::admin::checkpoints::rates::PER_SECOND;
use crate::gateway::admin::checkpoints::request::read_position;
use crate::gateway::admin::deferred::Deferred;
use crate::gateway::admin::state::of_transact;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::pending_answer::PendingAnswer;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query;
use crate::gateway::http::route::{Begun, Request, RouteKind};
use crate::gateway::http::whole_body::WholeBody;
use crate::gateway::pending_body::PendingBody;
use crate::hub::{Checkpoint, CheckpointError, Checkpoints};
use crate::net::{Begin, Response};

/// Checkpoints told in one answer where nothing else is asked for.
const PAGE: u64 = 100;
/// Longest wait for a commit, or for the disk. It is less than a connection may wait for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Answers `GET /api/v1/checkpoints`.
pub(super) fn list_checkpoints(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    gateway.deferred.check_room()?;
    let query = &request.query;
    let limit = query.number(&query::LIMIT).unwrap_or(PAGE) as usize;
    let after = query
        .text(&query::AFTER_NAME)
        .unwrap_or_default()
        .to_owned();
    let (pending, maker) = PendingAnswer::new(gateway.handle.notifier());
    let asked = checkpoints(gateway)?.submit_read(move |reads| {
        // One more, to see whether there are.
        let page = reads.list(&after, limit + 1);
        let page = page.map(|page| json::page(&page, limit));
        maker.put(page.map_err(|error| of_checkpoint(&error)));
    });
    asked.map_err(|error| of_checkpoint(&error))?;
    later(gateway, request, pending.within(PATIENCE))
}

/// Answers `GET /api/v1/checkpoints/{name}`.
pub(super) fn load_checkpoint(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    gateway.deferred.check_room()?;
    let name = name(request.captured())?.to_owned();
    let (pending, maker) = PendingAnswer::new(gateway.handle.notifier());
    let asked = checkpoints(gateway)?.submit_read(move |reads| {
        maker.put(match reads.load(&name) {
            Ok(Some(checkpoint)) => Ok(json::one(&name, checkpoint)),
            Ok(None) => Err(none()),
            Err(error) => Err(of_checkpoint(&error)),
        });
    });
    asked.map_err(|error| of_checkpoint(&error))?;
    later(gateway, request, pending.within(PATIENCE))
}

/// Begins `PUT /api/v1/checkpoints/{name}`.
pub(super) fn save_checkpoint(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    // Before the body is waited for.
    name(request.captured())?;
    checkpoints(gateway)?;
    let unfinished = gateway.handle.unfinished();
    let whole = WholeBody::begin(
        request,
        unfinished,
        String::new(),
        |gateway, whole, body| {
            let (name, reply) = (whole.captured(), whole.reply());
            let (position, force) = read_position(body)?;
            gateway.deferred.check_room()?;
            if !gateway.shared.save_rates.try_save(name, Instant::now()) {
                let detail = format!("a checkpoint is saved {PER_SECOND} times a second at most");
                let problem = Problem::new(429, detail).limit(u64::from(PER_SECOND));
                return Err(problem.retry_after_s(1));
            }
            let (pending, maker) = PendingAnswer::new(gateway.handle.notifier());
            let told = name.to_owned();
            let done = move |saved: Result<Checkpoint, CheckpointError>| {
                let saved = saved.map(|checkpoint| json::one(&told, checkpoint));
                maker.put(saved.map_err(|error| of_checkpoint(&error)));
            };
            let submitted =
                checkpoints(gateway)?.submit_save(name, position, force, Box::new(done));
            submitted.map_err(|error| of_checkpoint(&error))?;
            let what = Deferred::Made(pending.within(PATIENCE), RouteKind::Manage);
            let cors = whole.cors().clone();
            Ok(Response::Deferred(
                gateway.deferred.enter(what, reply, cors),
            ))
        },
    );
    Ok(Begin::Body {
        limit: whole.limit(),
        pending_body: PendingBody::Whole(whole),
    })
}

/// Answers `DELETE /api/v1/checkpoints/{name}`.
pub(super) fn delete_checkpoint(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    gateway.deferred.check_room()?;
    let name = name(request.captured())?;
    let (pending, maker) = PendingAnswer::new(gateway.handle.notifier());
    let done = move |deleted: Result<bool, CheckpointError>| {
        maker.put(match deleted {
            // Nothing to tell: 204.
            Ok(true) => Ok(Vec::new()),
            Ok(false) => Err(none()),
            Err(error) => Err(of_checkpoint(&error)),
        });
    };
    let submitted = checkpoints(gateway)?.submit_delete(name, Box::new(done));
    submitted.map_err(|error| of_checkpoint(&error))?;
    later(gateway, request, pending.within(PATIENCE))
}

fn later(gateway: &mut Gateway, request: &Request<'_>, pending: PendingAnswer) -> Begun {
    let what = Deferred::Made(pending, RouteKind::Manage);
    let cors = request.cors.clone();
    Ok(Begin::Deferred(gateway.deferred.enter(
        what,
        request.reply,
        cors,
    )))
}

fn checkpoints(gateway: &Gateway) -> Result<Checkpoints<'_>, Problem> {
    gateway.hub.checkpoints().ok_or_else(|| {
        Problem::new(
            501,
            "there is no journal to keep checkpoints in: everything is in memory",
        )
    })
}

fn name(name: &str) -> Result<&str, Problem> {
    topic::validate(name).map_err(|error| of_name(&error))?;
    Ok(name)
}

fn none() -> Problem {
    Problem::new(404, "no such checkpoint").field("name")
}

fn of_name(error: &TopicError) -> Problem {
    Problem::new(400, format!("name: {error}")).field("name")
}

fn of_checkpoint(error: &CheckpointError) -> Problem {
    let detail = error.to_string();
    match error {
        CheckpointError::Name(error) => of_name(error),
        CheckpointError::Backwards { .. }
        | CheckpointError::Foreign { .. }
        | CheckpointError::OtherLog { .. }
        | CheckpointError::BeyondEnd { .. } => {
            Problem::new(409, format!("position: {detail}")).field("position")
        }
        CheckpointError::TooMany => Problem::new(409, detail).field("name"),
        CheckpointError::Unreadable { .. } => Problem::failed(&detail),
        CheckpointError::NotSaved(error) => of_transact(error),
        _ => Problem::new(503, detail).retry_after_s(1),
    }
}

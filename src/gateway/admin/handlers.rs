//! Answers to requests that manage connections and endpoints.
//!
//! Requests that have to ask reactors are answered later: a command goes to all of them, and the reactor that has the
//! request looks once a turn whether all have done their part.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::gateway::access::{Access, Action};
use crate::gateway::admin::commands::Reactors;
use crate::gateway::admin::connections::{Command, NamedConnection, Target};
use crate::gateway::admin::deferred::{CommandAnswer, ConnectionPage, Deferred};
use crate::gateway::admin::endpoint_path::{EndpointError, check_path};
use crate::gateway::admin::endpoints::{EndpointSpec, Endpoints};
use crate::gateway::admin::json::{MadeConnection, MadeEndpoint, connection_json};
use crate::gateway::admin::listing::Page;
use crate::gateway::admin::request::{self, BroadcastRequest};
use crate::gateway::admin::state::{Change, PendingCommit, Row, Table, of_transact};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::{Problem, ReplyTo, json_answer, no_content};
use crate::gateway::http::query::{self, Query};
use crate::gateway::http::response::{response, write_json};
use crate::gateway::http::route::{Begun, Request};
use crate::gateway::http::whole_body::{Finish, Responded, WholeBody};
use crate::gateway::pending_body::PendingBody;
use crate::gateway::stream::NewStream;
use crate::gateway::stream::gone::Gone;
use crate::gateway::stream::request::StreamRequest;
use crate::net::{Answer, Begin, DisconnectReason, Response};
use crate::wire::http::Head;

/// Begins a stream at an endpoint or of a connection that was made.
pub(in crate::gateway) fn stream_at(
    gateway: &mut Gateway,
    head: &Head,
    query: &Query<'_>,
    spec: EndpointSpec,
    access: Access,
) -> Begun {
    let request = StreamRequest::read(head, query, spec.options, gateway.room())?;
    // Before a stream is ended for it: HEAD only asks, and takes nobody's place.
    if head.method() == "HEAD" {
        return Ok(Begin::Answer(Answer {
            bytes: request.head_only(),
            close: true,
        }));
    }
    gateway.streaming.check_open()?;
    // Who comes back before the server has seen it go takes the place of its own stream.
    if let Some(occupant) = spec.occupant {
        let target = Target::These(vec![occupant]);
        gateway
            .shared
            .commands
            .send(
                Reactors::All,
                Command::End(target, DisconnectReason::Disconnected),
                || {},
            )
            .ok();
    }
    let stream = NewStream {
        request,
        access,
        offered: Some(spec.filter),
        owner: spec.owner,
    };
    let plan = gateway.streaming.open(stream, &mut gateway.encoder);
    Ok(Begin::Stream(plan))
}

/// The answer to who asks for the stream of what is not there; `None`: 404.
pub(in crate::gateway) fn gone(
    gateway: &mut Gateway,
    head: &Head,
    peer: SocketAddr,
    what: Gone<'_>,
) -> Result<Option<Answer>, Problem> {
    let endpoints = &gateway.shared.endpoints;
    let is_path = |path: &str| check_path(path).is_ok();
    if !what.may_come_back(head, is_path, |name| endpoints.was_ended(name)) {
        return Ok(None);
    }
    // The answer says where the hub stands, which is for those who may read.
    gateway
        .authorization
        .authorize(head, peer, Action::Subscribe)?;
    let query = Query::read(head, query::STREAM, &gateway.shared.foreign)?;
    let newest = gateway.streaming.history().visible();
    Ok(Some(what.answer(
        head,
        &query,
        newest,
        &mut gateway.encoder,
    )))
}

/// Makes an answer that comes later.
fn defer(gateway: &mut Gateway, what: Deferred, request: &Request<'_>) -> Begun {
    let cors = request.cors.clone();
    let answer = gateway.deferred.defer(what, request.reply, cors);
    answer.map(Begin::Deferred)
}

/// Sends a command, and makes an answer of its result.
fn defer_command(
    gateway: &mut Gateway,
    command: Command,
    render: CommandAnswer,
    request: &Request<'_>,
) -> Begun {
    let cors = request.cors.clone();
    let deferred = &mut gateway.deferred;
    let answer = deferred.defer_command(command, render, request.reply, cors);
    answer.map(Begin::Deferred)
}

/// Answers `GET /api/v1/connections`.
pub(super) fn list_connections(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let page = ConnectionPage::new(&Page::read(&request.query));
    defer(gateway, Deferred::Connections(page), request)
}

/// Answers `GET /api/v1/endpoints`.
pub(super) fn list_endpoints(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let what = Deferred::Endpoints {
        after: String::new(),
        begun: false,
    };
    defer(gateway, what, request)
}

/// Answers `GET /api/v1/connections/{id}/status`.
pub(super) fn connection_status(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let (id, endpoints) = (request.captured(), &gateway.shared.endpoints);
    if let Some(addr) = endpoints.addr_of(id) {
        let command = Command::Look(vec![NamedConnection {
            id: id.to_owned(),
            addr,
        }]);
        return defer_command(
            gateway,
            command,
            CommandAnswer::Status(id.to_owned()),
            request,
        );
    }
    let info = endpoints.last_known(id).ok_or_else(|| no_connection(id))?;
    let mut text = connection_json(&info);
    text.push(b'\n');
    Ok(Begin::Answer(json_answer(request.reply, &text)))
}

/// Begins `GET /api/v1/connections/{id}/stream`.
pub(super) fn connection_stream(
    gateway: &mut Gateway,
    request: &Request<'_>,
    access: Access,
) -> Begun {
    let id = request.captured();
    let Some(spec) = gateway.shared.endpoints.reserved(id) else {
        let gone = gone(gateway, request.head, request.client, Gone::Connection(id))?;
        return gone.map(Begin::Answer).ok_or_else(|| no_connection(id));
    };
    stream_at(gateway, request.head, &request.query, spec, access)
}

/// Answers `DELETE /api/v1/connections/{id}`.
pub(super) fn disconnect(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    // Before anything is forgotten: who is told that it is busy finds everything as it was.
    gateway.deferred.check_room()?;
    let (id, endpoints) = (request.captured(), gateway.shared.endpoints.clone());
    let turn = endpoints.turn();
    // Before it is forgotten: afterwards its id leads nowhere.
    let addr = endpoints.addr_of(id);
    let made = endpoints.forget(id).is_some();
    let kept = match made {
        true => forget_row(gateway, Table::Connections, id),
        false => Ok(None),
    };
    drop(turn);
    let command = addr.map(|addr| {
        let target = Target::These(vec![NamedConnection {
            id: id.to_owned(),
            addr,
        }]);
        Command::End(target, DisconnectReason::Disconnected)
    });
    let kept = match kept {
        Ok(kept) => kept,
        Err(problem) => return Err(end_anyway(gateway, command, problem)),
    };
    match command {
        Some(command) => {
            let render = CommandAnswer::Disconnect { made };
            defer_kept_command(gateway, command, render, kept, request)
        }
        None if made => match kept {
            None => Ok(Begin::Answer(no_content(request.reply))),
            Some(kept) => {
                let what = Deferred::Kept(kept, no_content(request.reply));
                let (reply, cors) = (request.reply, request.cors.clone());
                Ok(Begin::Deferred(gateway.deferred.enter(what, reply, cors)))
            }
        },
        None => Err(no_connection(id)),
    }
}

/// Answers `DELETE /api/v1/endpoints?path=`.
pub(super) fn remove_endpoint(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let missing = || Problem::new(400, "path names the endpoint to remove").field("path");
    let path = request.query.text(&query::PATH).ok_or_else(missing)?;
    // As for connections: a refusal changes nothing.
    gateway.deferred.check_room()?;
    // Removed first, then ended: a client that comes back at once must not find it again.
    let endpoints = gateway.shared.endpoints.clone();
    let turn = endpoints.turn();
    let removed = endpoints.remove(path);
    let group = removed.map_err(|error| of_endpoint(&error))?;
    let kept = forget_row(gateway, Table::Endpoints, path);
    drop(turn);
    let command = Command::End(Target::Group(group), DisconnectReason::Removed);
    let kept = match kept {
        Ok(kept) => kept,
        Err(problem) => return Err(end_anyway(gateway, Some(command), problem)),
    };
    let render = CommandAnswer::Disconnect { made: true };
    defer_kept_command(gateway, command, render, kept, request)
}

/// Ends the streams of what is gone although its row is still there, for the `problem` that the answer tells.
fn end_anyway(gateway: &Gateway, command: Option<Command>, problem: Problem) -> Problem {
    if let Some(command) = command {
        let commands = &gateway.shared.commands;
        let _ = commands.send(Reactors::All, command, || {});
    }
    problem
}

/// Has the row deleted of what is not there any more. Nothing is taken back where that fails: to end something must be
/// possible, however the journal is. The answer says so then, and it is there again after a restart.
fn forget_row(
    gateway: &Gateway,
    table: Table,
    key: &str,
) -> Result<Option<PendingCommit>, Problem> {
    let Some(store) = gateway.shared.endpoints.store() else {
        return Ok(None);
    };
    let bell = gateway.handle.notifier();
    let submitted = store.submit(Change::delete(table, key), bell, || {});
    submitted.map(Some).map_err(|error| of_transact(&error))
}

/// Sends a command, and makes an answer of its result once a change is kept.
fn defer_kept_command(
    gateway: &mut Gateway,
    command: Command,
    render: CommandAnswer,
    kept: Option<PendingCommit>,
    request: &Request<'_>,
) -> Begun {
    let (reply, cors) = (request.reply, request.cors.clone());
    let deferred = &mut gateway.deferred;
    let answer = deferred.defer_kept_command(command, render, kept, reply, cors);
    answer.map(Begin::Deferred)
}

/// Answers what was made in this turn: at once where nothing is kept, else when it is; `undo` takes it back where that
/// fails.
fn made(
    gateway: &mut Gateway,
    whole: &WholeBody,
    change: Change,
    answer: Answer,
    undo: impl Fn(&Endpoints) + Clone + Send + 'static,
) -> Result<Responded, Problem> {
    let endpoints = gateway.shared.endpoints.clone();
    let Some(store) = gateway.shared.endpoints.store() else {
        return Ok(Response::Ready(answer));
    };
    let bell = gateway.handle.notifier();
    let (registry, take_back) = (endpoints.clone(), undo.clone());
    let submitted = store.submit(change, bell, move || take_back(&registry));
    let kept = submitted.map_err(|error| {
        undo(&endpoints);
        of_transact(&error)
    })?;
    let what = Deferred::Kept(kept, answer);
    let (reply, cors) = (whole.reply(), whole.cors().clone());
    let deferred = gateway.deferred.enter(what, reply, cors);
    Ok(Response::Deferred(deferred))
}

/// Begins `POST /api/v1/connections`.
pub(super) fn make_connection(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    collect(gateway, request, |gateway, whole, body| {
        let shared = &gateway.shared;
        let wanted = request::read_endpoint(body, shared.options, shared.frame_log)?;
        if wanted.path.is_some() {
            return Err(Problem::new(400, "path: is that of an endpoint").field("path"));
        }
        // Before anything is made: who is told that it is busy finds everything as it was.
        gateway.deferred.check_room()?;
        let row = Row {
            filter: wanted.filter.clone(),
            options: wanted.options,
        };
        let endpoints = shared.endpoints.clone();
        let _turn = endpoints.turn();
        // What it may not see, it would not get: the stream asks again.
        let id = endpoints
            .reserve(wanted.filter, wanted.options)
            .map_err(|error| of_endpoint(&error))?;
        let location = format!("{}/api/v1/connections/{id}/stream", whole.base());
        let answer = MadeConnection {
            id: &id,
            status: "connecting",
            url: &location,
        };
        let answer = created(whole.reply(), &location, &answer);
        let change = Change::Put(Table::Connections, id.clone(), row);
        let undo = move |endpoints: &Endpoints| endpoints.undo_reserve(&id);
        made(gateway, whole, change, answer, undo)
    })
}

/// Begins `POST /api/v1/endpoints`.
pub(super) fn create_endpoint(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    collect(gateway, request, |gateway, whole, body| {
        let shared = &gateway.shared;
        let wanted = request::read_endpoint(body, shared.options, shared.frame_log)?;
        let path = wanted
            .path
            .ok_or_else(|| Problem::new(400, "path: is missing").field("path"))?;
        // As for connections.
        gateway.deferred.check_room()?;
        let row = Row {
            filter: wanted.filter.clone(),
            options: wanted.options,
        };
        let endpoints = shared.endpoints.clone();
        let _turn = endpoints.turn();
        let group = endpoints
            .create(&path, wanted.filter, wanted.options)
            .map_err(|error| of_endpoint(&error))?;
        let location = format!("{}{path}", whole.base());
        let answer = created(whole.reply(), &location, &MadeEndpoint { path: &path });
        let change = Change::Put(Table::Endpoints, path.clone(), row);
        let undo = move |endpoints: &Endpoints| endpoints.undo_create(&path, group);
        made(gateway, whole, change, answer, undo)
    })
}

/// Begins `POST /api/v1/broadcast`.
pub(super) fn broadcast(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    collect(gateway, request, |gateway, whole, body| {
        let BroadcastRequest {
            ids,
            endpoint,
            event,
        } = request::read_broadcast(body)?;
        let endpoints = &gateway.shared.endpoints;
        let target = match (&ids, endpoint) {
            (Some(ids), _) => Target::These(endpoints.addrs_of(ids)),
            (None, Some(path)) => match endpoints.group_of(&path) {
                Some(group) => Target::Group(group),
                None => return Err(of_endpoint(&EndpointError::Unknown { path })),
            },
            (None, None) => Target::All,
        };
        let render = CommandAnswer::Broadcast {
            asked: ids.unwrap_or_default(),
        };
        let command = Command::Send(target, Arc::new(event));
        let (reply, cors) = (whole.reply(), whole.cors().clone());
        let answer = gateway.deferred.defer_command(command, render, reply, cors);
        answer.map(Response::Deferred)
    })
}

/// Collects the body of a request, for `finish`.
fn collect(gateway: &Gateway, request: &Request<'_>, finish: Finish) -> Begun {
    let base = gateway.shared.base(request.head, request.socket);
    let unfinished = gateway.handle.unfinished();
    let whole = WholeBody::begin(request, unfinished, base, finish);
    Ok(Begin::Body {
        limit: whole.limit(),
        pending_body: PendingBody::Whole(whole),
    })
}

pub(in crate::gateway) fn no_connection(id: &str) -> Problem {
    Problem::new(404, format!("there is no connection {id}")).field("id")
}

fn of_endpoint(error: &EndpointError) -> Problem {
    let status = match error {
        EndpointError::Exists { .. } => 409,
        EndpointError::Unknown { .. } => 404,
        EndpointError::TooMany { .. } | EndpointError::TooLong { .. } => 503,
        EndpointError::NotKept(error) => return of_transact(error),
        _ => 400,
    };
    Problem::new(status, error.to_string()).field(error.field())
}

fn created(reply: ReplyTo, location: &str, made: &impl Serialize) -> Answer {
    let mut body = Vec::with_capacity(160);
    write_json(&mut body, made);
    body.push(b'\n');
    let mut bytes = Vec::with_capacity(320 + body.len());
    let head = response(&mut bytes, 201)
        .header("Content-Type", "application/json")
        .header("Location", location)
        .header("Cache-Control", "no-store")
        .content_length(body.len() as u64);
    reply.finish(head);
    bytes.extend_from_slice(&body);
    Answer {
        bytes,
        close: !reply.keep_alive,
    }
}

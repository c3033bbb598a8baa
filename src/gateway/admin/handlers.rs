//! Answers to requests that manage connections and endpoints.
//!
//! What has to ask reactors is answered later: a command goes to all of them, and the reactor that has the
//! request looks once a turn whether all have done their part.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::Filter;
use crate::gateway::access::authorizer::{Access, Action};
use crate::gateway::access::origin_check::Cors;
use crate::gateway::admin::commands::Reactors;
use crate::gateway::admin::connections::{Command, Target};
use crate::gateway::admin::control::{self, Control, Page};
use crate::gateway::admin::endpoint_path::EndpointError;
use crate::gateway::admin::endpoints::EndpointSpec;
use crate::gateway::admin::json::connection_json;
use crate::gateway::admin::request::{self, BroadcastRequest};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::deferred::{CommandAnswer, ConnectionPage, Deferred};
use crate::gateway::http::problem::{Problem, ReplyTo, json_answer};
use crate::gateway::http::query::Query;
use crate::gateway::http::response::response;
use crate::gateway::http::routes;
use crate::gateway::publish::publisher::too_much_unfinished;
use crate::gateway::publish::request::{Collected, Publish};
use crate::gateway::stream::gone::Gone;
use crate::gateway::stream::request::StreamRequest;
use crate::gateway::telemetry::metrics::{RouteKind, status_of};
use crate::json::write_string;
use crate::reactor::{Answer, Begin, DisconnectReason, Unfinished};
use crate::wire::http::Head;

/// Largest body of a request that manages, bytes.
const BODY_BYTES: u64 = 64 << 10;

/// A request whose body is arriving.
pub(crate) enum PendingBody {
    Publish(Publish),
    Manage(Manage),
}

impl PendingBody {
    pub(in crate::gateway) fn cors(&self) -> &Cors {
        match self {
            Self::Publish(publish) => publish.cors(),
            Self::Manage(manage) => &manage.cors,
        }
    }

    pub(in crate::gateway) fn kind(&self) -> RouteKind {
        match self {
            Self::Publish(_) => RouteKind::Publish,
            Self::Manage(_) => RouteKind::Manage,
        }
    }
}

/// A request that manages and has a body.
pub(crate) struct Manage {
    what: Body,
    body: Collected,
    unfinished: Unfinished,
    reply: ReplyTo,
    pub(in crate::gateway) cors: Cors,
    access: Access,
    /// What stands before the paths of addresses that are told.
    base: String,
}

#[derive(Clone, Copy)]
enum Body {
    Make,
    CreateEndpoint,
    Broadcast,
}

impl Manage {
    /// Takes a piece of the body.
    ///
    /// # Errors
    ///
    /// The answer, where what is unfinished is over its bound.
    pub(in crate::gateway) fn push(&mut self, piece: &[u8]) -> Result<(), Answer> {
        if self.body.push(piece) {
            return Ok(());
        }
        Err(too_much_unfinished(&self.unfinished).answer(self.reply.closing()))
    }
}

impl Gateway {
    /// Begins with a request that manages.
    pub(in crate::gateway) fn manage(
        &mut self,
        head: &Head,
        query: &Query<'_>,
        control: Control<'_>,
        (peer, socket): (SocketAddr, SocketAddr),
        cors: &Cors,
    ) -> Result<Begin<Self>, Problem> {
        let reply = routes::reply_to(head);
        let action = match control {
            Control::Make | Control::Stream(_) => Action::Subscribe,
            _ => Action::Manage,
        };
        let access = self.authorize(head, peer, action)?;
        let unfinished = self.handle.unfinished().clone();
        let body = |what| {
            let manage = Manage {
                what,
                body: Collected::new(&unfinished, 0),
                unfinished: unfinished.clone(),
                reply,
                cors: cors.clone(),
                access: access.clone(),
                base: self.shared.base(head, socket),
            };
            Ok(Begin::Body {
                exchange: PendingBody::Manage(manage),
                limit: BODY_BYTES,
            })
        };
        let endpoints = &self.shared.endpoints;
        let (command, render) = match control {
            Control::Make => return body(Body::Make),
            Control::CreateEndpoint => return body(Body::CreateEndpoint),
            Control::Broadcast => return body(Body::Broadcast),
            Control::Endpoints => {
                let what = Deferred::Endpoints {
                    after: String::new(),
                    begun: false,
                };
                let answer = self.defer(what, reply, cors.clone());
                return answer.map(Begin::Answer);
            }
            Control::RemoveEndpoint => {
                let path = control::path_parameter(query)?;
                let group = endpoints
                    .remove(&path)
                    .map_err(|error| of_endpoint(&error))?;
                let command = Command::End(Target::Group(group), DisconnectReason::Removed);
                (command, CommandAnswer::Disconnect { made: true })
            }
            Control::Stream(id) => {
                let Some(spec) = endpoints.reserved(&id) else {
                    let gone = self.gone(head, peer, Gone::Connection(&id))?;
                    return gone.map(Begin::Answer).ok_or_else(|| no_connection(&id));
                };
                return self.stream_at(head, query, spec, access);
            }
            Control::List => {
                let what = Deferred::Connections(ConnectionPage::new(&Page::read(query)));
                let answer = self.defer(what, reply, cors.clone());
                return answer.map(Begin::Answer);
            }
            Control::Status(id) => match endpoints.addr_of(&id) {
                Some(addr) => {
                    let command = Command::Look(vec![(id.to_string(), addr)]);
                    (command, CommandAnswer::Status(id.into_owned()))
                }
                None => {
                    let info = endpoints
                        .last_known(&id)
                        .ok_or_else(|| no_connection(&id))?;
                    let mut text = connection_json(&info);
                    text.push(b'\n');
                    return Ok(Begin::Answer(json_answer(reply, &text)));
                }
            },
            Control::Disconnect(id) => {
                let addr = endpoints.addr_of(&id);
                let made = endpoints.forget(&id).is_some();
                match addr {
                    Some(addr) => {
                        let target = Target::These(vec![(id.into_owned(), addr)]);
                        let command = Command::End(target, DisconnectReason::Disconnected);
                        (command, CommandAnswer::Disconnect { made })
                    }
                    None if made => return Ok(Begin::Answer(no_content(reply))),
                    None => return Err(no_connection(&id)),
                }
            }
        };
        self.defer_command(command, render, reply, cors.clone())
            .map(Begin::Answer)
    }

    /// Begins a stream at an endpoint or of a connection that was made.
    pub(in crate::gateway) fn stream_at(
        &mut self,
        head: &Head,
        query: &Query<'_>,
        spec: EndpointSpec,
        access: Access,
    ) -> Result<Begin<Self>, Problem> {
        let request = StreamRequest::read(head, query, spec.options, self.room())?;
        if head.method() == "HEAD" {
            return Ok(Begin::Answer(Answer {
                bytes: request.head_only(),
                after: 0,
                close: true,
            }));
        }
        self.check_open()?;
        // Who comes back before the server has seen it go takes the place of its own stream.
        if let Some(occupant) = spec.occupant {
            let target = Target::These(vec![occupant]);
            self.shared
                .commands
                .send(
                    (
                        Reactors::All,
                        Command::End(target, DisconnectReason::Disconnected),
                    ),
                    || {},
                )
                .ok();
        }
        let plan = self.plan_stream(request, access, Some(spec.filter), spec.owner);
        Ok(Begin::Stream(plan))
    }

    /// Answers a request that manages, whose body is here.
    pub(in crate::gateway) fn end_manage(&mut self, mut manage: Manage) -> Answer {
        let (reply, cors) = (manage.reply, manage.cors.clone());
        let body = manage.body.take();
        let answered = match manage.what {
            Body::Make => self.make(&manage, &body),
            Body::CreateEndpoint => self.create_endpoint(&manage, &body),
            Body::Broadcast => self.broadcast(&manage, &body),
        };
        let mut answer = answered.unwrap_or_else(|problem| problem.answer(reply));
        if answer.after == 0 {
            self.metrics
                .answered(RouteKind::Manage, status_of(&answer.bytes));
            cors.stamp(&mut answer.bytes, 0);
        }
        answer
    }

    fn make(&mut self, manage: &Manage, body: &[u8]) -> Result<Answer, Problem> {
        let shared = &self.shared;
        let wanted = request::read_endpoint(body, shared.options, shared.frame_log)?;
        if wanted.path.is_some() {
            return Err(Problem::new(400, "path: is that of an endpoint").field("path"));
        }
        // What it may not see, it would not get: the stream asks again.
        let id = shared
            .endpoints
            .reserve(wanted.filter, wanted.options)
            .map_err(|error| of_endpoint(&error))?;
        let location = format!("{}/api/v1/connections/{id}/stream", manage.base);
        let mut body = Vec::with_capacity(160);
        let _ = write!(body, r#"{{"id":"{id}","status":"connecting","url":"#);
        write_string(&mut body, &location);
        body.extend_from_slice(b"}\n");
        Ok(created(manage.reply, &location, &body))
    }

    fn create_endpoint(&mut self, manage: &Manage, body: &[u8]) -> Result<Answer, Problem> {
        let shared = &self.shared;
        let wanted = request::read_endpoint(body, shared.options, shared.frame_log)?;
        let path = wanted
            .path
            .ok_or_else(|| Problem::new(400, "path: is missing").field("path"))?;
        shared
            .endpoints
            .create(&path, wanted.filter, wanted.options)
            .map_err(|error| of_endpoint(&error))?;
        let mut body = br#"{"path":"#.to_vec();
        write_string(&mut body, &path);
        body.extend_from_slice(b"}\n");
        let location = format!("{}{path}", manage.base);
        Ok(created(manage.reply, &location, &body))
    }

    fn broadcast(&mut self, manage: &Manage, body: &[u8]) -> Result<Answer, Problem> {
        let BroadcastRequest {
            ids,
            endpoint,
            event,
        } = request::read_broadcast(body)?;
        if !manage.access.allow.covers(&Filter::all()) {
            let detail = "broadcasting takes the right to all topics";
            return Err(Problem::new(403, detail));
        }
        let endpoints = &self.shared.endpoints;
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
        self.defer_command(command, render, manage.reply, manage.cors.clone())
    }
}

pub(in crate::gateway) fn no_connection(id: &str) -> Problem {
    Problem::new(404, format!("there is no connection {id}")).field("id")
}

fn of_endpoint(error: &EndpointError) -> Problem {
    let status = match error {
        EndpointError::Exists { .. } => 409,
        EndpointError::Unknown { .. } => 404,
        EndpointError::TooMany { .. } | EndpointError::TooLong { .. } => 503,
        _ => 400,
    };
    Problem::new(status, error.to_string()).field(error.field())
}

fn created(reply: ReplyTo, location: &str, body: &[u8]) -> Answer {
    let mut bytes = Vec::with_capacity(320 + body.len());
    let head = response(&mut bytes, 201)
        .header("Content-Type", "application/json")
        .header("Location", location)
        .header("Cache-Control", "no-store")
        .content_length(body.len() as u64);
    reply.finish(head);
    bytes.extend_from_slice(body);
    Answer {
        bytes,
        after: 0,
        close: !reply.keep_alive,
    }
}

pub(in crate::gateway) fn no_content(reply: ReplyTo) -> Answer {
    let mut bytes = Vec::with_capacity(64);
    reply.finish(response(&mut bytes, 204));
    Answer {
        bytes,
        after: 0,
        close: !reply.keep_alive,
    }
}

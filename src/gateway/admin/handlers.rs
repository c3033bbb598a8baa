//! Answers to requests that manage connections and endpoints.
//!
//! What has to ask reactors is answered later: the order goes to all desks, and the reactor that has the
//! request looks once a turn whether all have done their part.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::gateway::access::authorizer::{Access, Action};
use crate::gateway::access::origin_check::Cors;
use crate::gateway::admin::commands::To;
use crate::gateway::admin::connections::{Order, Whom};
use crate::gateway::admin::control::{self, Control, Page};
use crate::gateway::admin::endpoint_path::EndpointError;
use crate::gateway::admin::endpoints::Offer;
use crate::gateway::admin::json::connection_json;
use crate::gateway::admin::request::{self, Message};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::deferred::{Listing, Render, What};
use crate::gateway::http::problem::{Problem, ReplyTo, json_answer, json_string};
use crate::gateway::http::query::Query;
use crate::gateway::http::routes;
use crate::gateway::publish::publisher::too_much_unfinished;
use crate::gateway::publish::request::{Collected, Publish};
use crate::gateway::stream::gone::Gone;
use crate::gateway::stream::request::StreamRequest;
use crate::gateway::telemetry::metrics::{Kind, status_of};
use crate::reactor::{Answer, Begin, DisconnectReason, Unfinished};
use crate::wire::http::{Head, ResponseHead};

/// Largest body of a request that manages, bytes.
const BODY_BYTES: u64 = 64 << 10;

/// A request whose body is arriving.
pub(crate) enum Exchange {
    Publish(Publish),
    Manage(Manage),
}

impl Exchange {
    pub(in crate::gateway) fn cors(&self) -> &Cors {
        match self {
            Self::Publish(publish) => publish.cors(),
            Self::Manage(manage) => &manage.cors,
        }
    }

    pub(in crate::gateway) fn kind(&self) -> Kind {
        match self {
            Self::Publish(_) => Kind::Publish,
            Self::Manage(_) => Kind::Manage,
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
                base: self.common.base(head, socket),
            };
            Ok(Begin::Body {
                exchange: Exchange::Manage(manage),
                limit: BODY_BYTES,
            })
        };
        let places = &self.common.places;
        let (order, render) = match control {
            Control::Make => return body(Body::Make),
            Control::CreateEndpoint => return body(Body::CreateEndpoint),
            Control::Broadcast => return body(Body::Broadcast),
            Control::Endpoints => {
                let what = What::Endpoints {
                    after: String::new(),
                    begun: false,
                };
                let answer = self.answer_later(what, reply, cors.clone());
                return answer.map(Begin::Answer);
            }
            Control::RemoveEndpoint => {
                let path = control::path_parameter(query)?;
                let group = places.remove(&path).map_err(|error| of_place(&error))?;
                let order = Order::End(Whom::Group(group), DisconnectReason::Removed);
                (order, Render::Disconnect { made: true })
            }
            Control::Stream(id) => {
                let Some(offer) = places.made(&id) else {
                    let gone = self.gone(head, peer, Gone::Connection(&id))?;
                    return gone.map(Begin::Answer).ok_or_else(|| no_connection(&id));
                };
                return self.stream_at(head, query, offer, access);
            }
            Control::List => {
                let what = What::Connections(Listing::new(&Page::read(query)));
                let answer = self.answer_later(what, reply, cors.clone());
                return answer.map(Begin::Answer);
            }
            Control::Status(id) => match places.place_of(&id) {
                Some(place) => {
                    let order = Order::Look(vec![(id.to_string(), place)]);
                    (order, Render::Status(id.into_owned()))
                }
                None => {
                    let info = places.last_known(&id).ok_or_else(|| no_connection(&id))?;
                    let mut text = connection_json(&info);
                    text.push(b'\n');
                    return Ok(Begin::Answer(json_answer(reply, &text)));
                }
            },
            Control::Disconnect(id) => {
                let place = places.place_of(&id);
                let made = places.forget(&id).is_some();
                match place {
                    Some(place) => {
                        let whom = Whom::These(vec![(id.into_owned(), place)]);
                        let order = Order::End(whom, DisconnectReason::Disconnected);
                        (order, Render::Disconnect { made })
                    }
                    None if made => return Ok(Begin::Answer(no_content(reply))),
                    None => return Err(no_connection(&id)),
                }
            }
        };
        self.answer_order(order, render, reply, cors.clone())
            .map(Begin::Answer)
    }

    /// Begins a stream at an endpoint or of a connection that was made.
    pub(in crate::gateway) fn stream_at(
        &mut self,
        head: &Head,
        query: &Query<'_>,
        offer: Offer,
        access: Access,
    ) -> Result<Begin<Self>, Problem> {
        let request = StreamRequest::read(head, query, offer.options, self.room())?;
        if head.method() == "HEAD" {
            return Ok(Begin::Answer(Answer {
                bytes: request.head_only(),
                after: 0,
                close: true,
            }));
        }
        self.check_open()?;
        // Who comes back before the server has seen it go takes its own place.
        if let Some(taken) = offer.taken {
            let whom = Whom::These(vec![taken]);
            self.common
                .desks
                .send(
                    (To::All, Order::End(whom, DisconnectReason::Disconnected)),
                    || {},
                )
                .ok();
        }
        let plan = self.plan(request, access, offer.filter, offer.owner);
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
                .answered(Kind::Manage, status_of(&answer.bytes));
            cors.stamp(&mut answer.bytes, 0);
        }
        answer
    }

    fn make(&mut self, manage: &Manage, body: &[u8]) -> Result<Answer, Problem> {
        let common = &self.common;
        let wish = request::wish(body, common.options, common.frame_log)?;
        if wish.path.is_some() {
            return Err(Problem::new(400, "path: is that of an endpoint").field("path"));
        }
        // What it may not see, it would not get: the stream asks again.
        let id = common
            .places
            .make(wish.filter, wish.options)
            .map_err(|error| of_place(&error))?;
        let location = format!("{}/api/v1/connections/{id}/stream", manage.base);
        let mut body = Vec::with_capacity(160);
        let _ = write!(body, r#"{{"id":"{id}","status":"connecting","url":"#);
        json_string(&mut body, &location);
        body.extend_from_slice(b"}\n");
        Ok(created(manage.reply, &location, &body))
    }

    fn create_endpoint(&mut self, manage: &Manage, body: &[u8]) -> Result<Answer, Problem> {
        let common = &self.common;
        let wish = request::wish(body, common.options, common.frame_log)?;
        let path = wish
            .path
            .ok_or_else(|| Problem::new(400, "path: is missing").field("path"))?;
        common
            .places
            .create(&path, wish.filter, wish.options)
            .map_err(|error| of_place(&error))?;
        let mut body = br#"{"path":"#.to_vec();
        json_string(&mut body, &path);
        body.extend_from_slice(b"}\n");
        let location = format!("{}{path}", manage.base);
        Ok(created(manage.reply, &location, &body))
    }

    fn broadcast(&mut self, manage: &Manage, body: &[u8]) -> Result<Answer, Problem> {
        let Message {
            ids,
            endpoint,
            event,
        } = request::message(body)?;
        if !manage.access.allow.is_all() {
            let detail = "broadcasting takes the right to all topics";
            return Err(Problem::new(403, detail));
        }
        let places = &self.common.places;
        let whom = match (&ids, endpoint) {
            (Some(ids), _) => Whom::These(places.places_of(ids)),
            (None, Some(path)) => match places.group_of(&path) {
                Some(group) => Whom::Group(group),
                None => return Err(of_place(&EndpointError::Unknown { path })),
            },
            (None, None) => Whom::All,
        };
        let render = Render::Broadcast {
            asked: ids.unwrap_or_default(),
        };
        let order = Order::Send(whom, Arc::new(event));
        self.answer_order(order, render, manage.reply, manage.cors.clone())
    }
}

pub(in crate::gateway) fn no_connection(id: &str) -> Problem {
    Problem::new(404, format!("there is no connection {id}")).field("id")
}

fn of_place(error: &EndpointError) -> Problem {
    let status = match error {
        EndpointError::Exists { .. } => 409,
        EndpointError::Unknown { .. } => 404,
        EndpointError::TooMany { .. } | EndpointError::TooLong { .. } => 503,
        _ => 400,
    };
    Problem::new(status, error.to_string()).field(error.field())
}

fn created(reply: ReplyTo, location: &str, body: &[u8]) -> Answer {
    let mut bytes = Vec::with_capacity(256 + body.len());
    let head = ResponseHead::status(&mut bytes, 201)
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
    reply.finish(ResponseHead::status(&mut bytes, 204));
    Answer {
        bytes,
        after: 0,
        close: !reply.keep_alive,
    }
}

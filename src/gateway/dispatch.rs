//! From a request to the handler of its route.

use std::net::SocketAddr;

use crate::gateway::access::{Action, Cors};
use crate::gateway::admin::handlers::{gone, stream_at};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::health;
use crate::gateway::http::problem::{Problem, ReplyTo};
use crate::gateway::http::query::{self, Query};
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::route::{Begun, Handler, Request};
use crate::gateway::http::router::{self, Found, Router};
use crate::gateway::readiness;
use crate::gateway::server::shared::Shared;
use crate::gateway::stream::gone::Gone;
use crate::net::{Answer, Begin, Peer};
use crate::wire::http::Head;

/// Answers a request, or begins what it asked for; and says what the metrics call it.
pub(super) fn begin(
    gateway: &mut Gateway,
    head: &Head,
    peer: &Peer,
    cors: &Cors,
) -> (RouteKind, Begun) {
    match Router::get().find(head) {
        Err(problem) => (RouteKind::None, Err(problem)),
        Ok(Some(found)) => {
            let kind = found.route.kind;
            (kind, handle_found(gateway, head, found, peer, cors))
        }
        Ok(None) if gateway.shared.endpoints.group_of(head.path()).is_some() => (
            RouteKind::Stream,
            begin_endpoint(gateway, head, peer.client),
        ),
        Ok(None) => (RouteKind::None, begin_endpoint(gateway, head, peer.client)),
    }
}

fn handle_found(
    gateway: &mut Gateway,
    head: &Head,
    Found { route, captures }: Found<'_>,
    peer: &Peer,
    cors: &Cors,
) -> Begun {
    // Before anything else: a typing error must not pass for a request that says less.
    let query = match route.parameters {
        Some(table) => Query::read(head, table, &gateway.shared.foreign)?,
        None => Query::none(),
    };
    let request = Request {
        route,
        head,
        reply: ReplyTo::of(head),
        query,
        captures,
        client: peer.client,
        socket: peer.socket,
        cors,
    };
    match route.handler {
        Handler::Open(handler) | Handler::Asks(_, handler) => handler(gateway, &request),
        Handler::Claimed(claim, handler) => {
            let access = gateway
                .authorization
                .authorize(head, peer.client, claim.action)?;
            claim.check(&request, &access)?;
            handler(gateway, &request, access)
        }
    }
}

/// Begins the stream of an endpoint: of a path that is none of ours.
fn begin_endpoint(gateway: &mut Gateway, head: &Head, client: SocketAddr) -> Begun {
    let Some(spec) = gateway.shared.endpoints.endpoint(head.path()) else {
        let gone = gone(gateway, head, client, Gone::Endpoint(head.path()))?;
        return gone.map(Begin::Answer).ok_or_else(router::not_found);
    };
    if !matches!(head.method(), "GET" | "HEAD") {
        let detail = "an endpoint is answered to GET, HEAD only";
        return Err(Problem::new(405, detail).field("method").allow(router::GET));
    }
    let access = gateway
        .authorization
        .authorize(head, client, Action::Subscribe)?;
    let query = Query::read(head, query::STREAM, &gateway.shared.foreign)?;
    stream_at(gateway, head, &query, spec, access)
}

/// Answers a probe that goes by a name which is not ours.
pub(super) fn probed(gateway: &Gateway, head: &Head, reply: ReplyTo) -> Answer {
    match head.path() {
        "/readyz" | "/health/ready" => health::readiness(reply, readiness::fault(gateway)),
        _ => health::alive(reply),
    }
}

/// The methods of the path that a preflight is for; `None`: it is none.
pub(super) fn methods(shared: &Shared, head: &Head) -> Option<&'static str> {
    if shared.user_routes.find(head.path()).is_some() {
        return Some("GET");
    }
    let own = Router::get().methods(head.path());
    own.or_else(|| shared.endpoints.group_of(head.path()).map(|_| router::GET))
}

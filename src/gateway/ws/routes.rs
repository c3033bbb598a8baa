//! The route of WebSockets on the hub.

use crate::gateway::access::authorizer::Action;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::query;
use crate::gateway::http::route::{Begun, Claim, Delivers, Handler, Method, Request, Route};
use crate::gateway::telemetry::metrics::RouteKind;
use crate::reactor::Begin;

/// One of them will do: who may only read, reads.
const CLAIMS: &[Claim] = &[
    Claim::topics(Action::Subscribe),
    Claim::topics(Action::Publish),
];

pub(in crate::gateway) const ROUTES: &[Route] = &[Route {
    summary: "events over WebSocket, both ways",
    parameters: Some(query::SOCKET),
    delivers: Delivers::Socket,
    ..Route::new(
        Method::Get,
        "/api/v1/ws",
        RouteKind::Socket,
        Handler::Asks(CLAIMS, upgrade),
    )
}];

fn upgrade(gateway: &mut Gateway, request: &Request<'_>) -> Begun {
    let plan = gateway.upgrade(request.head, &request.query, request.client)?;
    Ok(Begin::Socket(Box::new(plan)))
}

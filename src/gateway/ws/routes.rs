//! The route of WebSockets on the hub.

use crate::gateway::access::Action;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::openapi::AnswerSpec;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query;
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::route::{Begun, Claim, Delivers, Handler, Method, Request, Route};
use crate::gateway::stream::parameters::StreamParameters;
use crate::gateway::ws::{Protocol, Upgrade};
use crate::net::Begin;

/// One of them will do: who may only read, reads.
const CLAIMS: &[Claim] = &[
    Claim::topics(Action::Subscribe),
    Claim::topics(Action::Publish),
];

pub(in crate::gateway) const ROUTES: &[Route] = &[Route {
    summary: "events over WebSocket, both ways",
    answers: &[AnswerSpec::new(
        101,
        "A WebSocket that speaks eventring.v1: docs/asyncapi.yaml says what goes over it.",
        &[],
    )],
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
    let (shared, authorization) = (&gateway.shared, &gateway.authorization);
    // Before the handshake, as a misspelt name is: what is wrong with an address is told before what is wrong with how
    // it was asked for.
    let asked = StreamParameters::read(
        request.head,
        &request.query,
        shared.options,
        shared.frame_log,
    )?;
    let open = gateway.streaming.check_open();
    let protocol = Protocol {
        interner: gateway.sockets.interner(),
        history: gateway.streaming.history_mut(),
        encoder: &mut gateway.encoder,
        publisher: &mut gateway.publisher,
    };
    let plan = Upgrade::subscriber(
        request.head,
        asked,
        gateway.sockets.limits(),
        protocol,
        || open,
        |action| {
            let access = authorization.authorize(request.head, request.client, action);
            access.map_err(Problem::from)
        },
    )?;
    Ok(Begin::Socket(Box::new(plan)))
}

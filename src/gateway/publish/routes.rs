//! The route that publishes.

use crate::gateway::access::authorizer::{Access, Action};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::pending_body::PendingBody;
use crate::gateway::http::query;
use crate::gateway::http::route::{Begun, Claim, Handler, Method, Request, Resource, Route};
use crate::gateway::publish::cloudevents::refuse_reserved;
use crate::gateway::telemetry::metrics::RouteKind;
use crate::reactor::Begin;

const PUBLISH: Claim = Claim {
    action: Action::Publish,
    resource: Resource::Topic,
    denied: "publishing to this topic is not allowed",
};

pub(in crate::gateway) const ROUTES: &[Route] = &[Route {
    summary: "publish",
    parameters: Some(query::PUBLISH),
    ..Route::new(
        Method::Post,
        "/api/v1/topics/{topic}/events",
        RouteKind::Publish,
        Handler::Claimed(&PUBLISH, publish),
    )
}];

fn publish(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let topic = request.captured();
    refuse_reserved(topic)?;
    let (head, cors) = (request.head, request.cors.clone());
    let (publish, limit) = gateway.publisher.begin(head, &request.query, topic, cors)?;
    let exchange = PendingBody::Publish(publish);
    Ok(Begin::Body { exchange, limit })
}

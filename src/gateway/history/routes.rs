//! The route of history.

use crate::gateway::access::{Access, Action};
use crate::gateway::admin::deferred::Deferred;
use crate::gateway::gateway::Gateway;
use crate::gateway::history::page;
use crate::gateway::history::request::HistoryRequest;
use crate::gateway::history::schemas;
use crate::gateway::http::openapi::{AnswerSpec, Content};
use crate::gateway::http::query;
use crate::gateway::http::route::{Begun, Claim, Handler, Method, Request, Route, RouteKind};
use crate::net::Begin;

/// The topics that a principal may not read are left out.
const READ: Claim = Claim::topics(Action::Subscribe);

pub(in crate::gateway) const ROUTES: &[Route] = &[Route {
    summary: "what was published, a page at a time",
    answers: &[AnswerSpec::new(
        200,
        "A page of events.",
        &[Content::Json(schemas::page)],
    )],
    parameters: Some(query::HISTORY),
    ..Route::new(
        Method::Get,
        "/api/v1/events/history",
        RouteKind::History,
        Handler::Claimed(&READ, history),
    )
}];

fn history(gateway: &mut Gateway, request: &Request<'_>, access: Access) -> Begun {
    // Before anything is read for it.
    gateway.deferred.check_room()?;
    let asked = HistoryRequest::read(&request.query, &access)?;
    let page = page::ask(&gateway.hub, asked, gateway.handle.notifier())?;
    let cors = request.cors.clone();
    let what = Deferred::Made(page, RouteKind::History);
    let answer = gateway.deferred.defer(what, request.reply, cors);
    answer.map(Begin::Deferred)
}

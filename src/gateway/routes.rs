//! The table of routes: those of all rooms, and of the server itself.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::gateway::dashboard::{self, File};
use crate::gateway::delivery::ServerStats;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::health::{Health, Readiness};
use crate::gateway::http::openapi::{self, AnswerSpec, Content};
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::route::{Begun, Handler, Method, Request, Route};
use crate::gateway::http::{health, index};
use crate::gateway::{admin, history, publish, readiness, stream, telemetry, ws};
use crate::net::Begin;

/// The rows, in the order in which people are told of them: a room contributes its own.
pub(in crate::gateway) const ROWS: &[&[Route]] = &[
    ROUTES,
    stream::routes::ROUTES,
    history::routes::ROUTES,
    ws::routes::ROUTES,
    publish::routes::ROUTES,
    admin::topics::routes::ROUTES,
    admin::checkpoints::routes::ROUTES,
    admin::routes::ROUTES,
    telemetry::routes::ROUTES,
];

/// The routes of the server itself: its page, its state.
const ROUTES: &[Route] = &[
    Route {
        summary: "the dashboard, in a browser; this list otherwise",
        answers: &[AnswerSpec::new(
            200,
            "The page where the client takes HTML, else a list of routes.",
            &[
                Content::Text("text/html; charset=utf-8"),
                Content::Text("text/plain; charset=utf-8"),
            ],
        )],
        ..look("/", RouteKind::Page, front)
    },
    Route {
        summary: "style of the dashboard",
        answers: &[AnswerSpec::new(
            200,
            "The file.",
            &[Content::Text("text/css; charset=utf-8")],
        )],
        ..look("/dashboard.css", RouteKind::Page, style)
    },
    Route {
        summary: "script of the dashboard",
        answers: &[AnswerSpec::new(
            200,
            "The file.",
            &[Content::Text("text/javascript; charset=utf-8")],
        )],
        ..look("/dashboard.js", RouteKind::Page, script)
    },
    Route {
        summary: "icon of the dashboard",
        answers: &[AnswerSpec::new(
            200,
            "The file.",
            &[Content::Text("image/svg+xml")],
        )],
        ..look("/favicon.svg", RouteKind::Page, icon)
    },
    Route {
        summary: "state",
        answers: ALIVE,
        ..look("/health/live", RouteKind::Health, state)
    },
    Route {
        summary: "whether to send clients here: 503 before a stop, and with what is the matter",
        answers: READINESS,
        ..look("/health/ready", RouteKind::Health, ready)
    },
    Route {
        summary: "short for /health/live",
        answers: ALIVE,
        ..look("/healthz", RouteKind::Health, state)
    },
    Route {
        summary: "short for /health/ready",
        answers: READINESS,
        ..look("/readyz", RouteKind::Health, ready)
    },
    Route {
        summary: "all of this for programs: OpenAPI 3.1",
        answers: &[
            AnswerSpec::new(200, "The document.", &[Content::Json(any_object)]),
            AnswerSpec::new(304, "The client has it already, by its ETag.", &[]),
        ],
        ..look("/api/v1/openapi.json", RouteKind::Page, document)
    },
];

const ALIVE: &[AnswerSpec] = &[AnswerSpec::new(
    200,
    "It is alive. Who asks by a name that is not the server's is told the status only.",
    &[Content::Json(openapi::of::<Health>)],
)];

const READINESS: &[AnswerSpec] = &[
    AnswerSpec::new(
        200,
        "They should.",
        &[Content::Json(openapi::of::<Readiness>)],
    ),
    AnswerSpec::new(
        503,
        "They should not, for this reason.",
        &[Content::Json(openapi::of::<Readiness>)],
    ),
];

/// A row of what everybody may look at, whatever parameters are added to its address.
const fn look(
    path: &'static str,
    kind: RouteKind,
    handler: fn(&mut Gateway, &Request<'_>) -> Begun,
) -> Route {
    Route {
        parameters: None,
        ..Route::new(Method::Get, path, kind, Handler::Open(handler))
    }
}

fn front(_: &mut Gateway, request: &Request<'_>) -> Begun {
    Ok(Begin::Answer(match dashboard::wants_page(request.head) {
        true => File::Page.answer(request.reply),
        false => index::answer(request.reply),
    }))
}

fn style(_: &mut Gateway, request: &Request<'_>) -> Begun {
    Ok(Begin::Answer(File::Style.answer(request.reply)))
}

fn script(_: &mut Gateway, request: &Request<'_>) -> Begun {
    Ok(Begin::Answer(File::Script.answer(request.reply)))
}

fn icon(_: &mut Gateway, request: &Request<'_>) -> Begun {
    Ok(Begin::Answer(File::Icon.answer(request.reply)))
}

fn state(gateway: &mut Gateway, request: &Request<'_>) -> Begun {
    let newest = gateway.at(gateway.hub.visible());
    let ServerStats {
        connections,
        streams,
        ..
    } = gateway.shared.stats(&gateway.handle);
    let answer = health::answer(request.reply, newest, connections, streams);
    Ok(Begin::Answer(answer))
}

fn ready(gateway: &mut Gateway, request: &Request<'_>) -> Begun {
    let fault = readiness::fault(gateway);
    Ok(Begin::Answer(health::readiness(request.reply, fault)))
}

fn document(_: &mut Gateway, request: &Request<'_>) -> Begun {
    Ok(Begin::Answer(openapi::answer(request)))
}

/// The schema of a document whose parts have a standard of their own.
fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

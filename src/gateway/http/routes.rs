//! The routes of the server itself: what it is, how it is, and the files of its page.

use std::sync::atomic::Ordering;

use crate::gateway::dashboard::{self, File};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::route::{Begun, Handler, Method, Request, Route};
use crate::gateway::http::{health, index};
use crate::gateway::telemetry::metrics::RouteKind;
use crate::reactor::Begin;

pub(super) const ROUTES: &[Route] = &[
    Route {
        summary: "the dashboard, in a browser; this list otherwise",
        ..look("/", RouteKind::Page, front)
    },
    Route {
        summary: "style of the dashboard",
        ..look("/dashboard.css", RouteKind::Page, style)
    },
    Route {
        summary: "script of the dashboard",
        ..look("/dashboard.js", RouteKind::Page, script)
    },
    Route {
        summary: "icon of the dashboard",
        ..look("/favicon.svg", RouteKind::Page, icon)
    },
    Route {
        summary: "state",
        ..look("/healthz", RouteKind::Health, state)
    },
    Route {
        summary: "whether to send clients here: 503 before a stop",
        ..look("/readyz", RouteKind::Health, readiness)
    },
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
    let newest = gateway.at(gateway.hub.head());
    let stats = gateway.handle.stats();
    Ok(Begin::Answer(health::answer(request.reply, newest, stats)))
}

fn readiness(gateway: &mut Gateway, request: &Request<'_>) -> Begun {
    // Relaxed: see `Handle::drain`.
    let draining = gateway.shared.draining.load(Ordering::Relaxed);
    Ok(Begin::Answer(health::readiness(request.reply, draining)))
}

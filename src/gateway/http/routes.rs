//! The routes: which path and method mean what.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::event::topic;
use crate::gateway::admin::control::{self, Control};
use crate::gateway::dashboard::{self, File};
use crate::gateway::http::problem::{Problem, ReplyTo};
use crate::gateway::http::query::{self, Table};
use crate::gateway::telemetry::metrics::RouteKind;
use crate::wire::http::{Head, percent_decode};

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Route<'a> {
    /// `GET /`: the list of routes.
    Index,
    /// A file of the dashboard; its page is `GET /` too, for browsers.
    File(File),
    /// `GET /healthz`.
    Health,
    /// `GET /readyz`.
    Ready,
    /// `GET /metrics`.
    Metrics,
    /// `GET /api/v1/stats`.
    Stats,
    /// `GET /api/v1/stats/stream`.
    StatsStream,
    /// `GET /api/v1/events/stream`.
    Stream,
    /// `GET /api/v1/topics/{topic}/presence`.
    Presence(Cow<'a, str>),
    /// `GET /api/v1/ws`.
    Socket,
    /// `POST /api/v1/topics/{topic}/events`.
    Publish(Cow<'a, str>),
    /// Connections, endpoints and broadcasts.
    Manage(Control<'a>),
    /// Perhaps an endpoint's.
    Other,
}

/// The methods of what is looked at.
pub(in crate::gateway) const GET: &str = "GET, HEAD";
const POST: &str = "POST";

/// What `GET /` answers before the parameters.
const INDEX: &str = "\
eventring

GET  /                                     the dashboard, in a browser
GET  /api/v1/events/stream?topic=PATTERN   events as Server-Sent Events
GET  /api/v1/ws?topic=PATTERN              events over WebSocket
POST /api/v1/topics/TOPIC/events           publish
GET  /api/v1/topics/TOPIC/presence         who listens
GET  /healthz                              state
GET  /readyz                               whether to send clients here: 503 before a stop
GET  /api/v1/connections                   open connections; POST makes one; .../ID/status, DELETE .../ID
GET  /api/v1/endpoints                     endpoints; POST makes one, DELETE ?path= removes it
POST /api/v1/broadcast                     an event for connections, not kept
GET  /metrics                              figures for Prometheus
GET  /api/v1/stats                         figures as JSON
GET  /api/v1/stats/stream                  the same once a second, as Server-Sent Events
";

/// What `GET /` answers.
pub(in crate::gateway) fn index() -> &'static str {
    static WHOLE: OnceLock<String> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let mut text = INDEX.to_owned();
        query::write_all(&mut text);
        text
    })
}

impl Route<'_> {
    /// The parameters that it has; `None`: whatever stands behind the question mark means nothing, as who
    /// watches over health, links to a page or fetches a version of a file puts there what it likes.
    pub(in crate::gateway) fn parameters(&self) -> Option<Table> {
        match self {
            Self::Index | Self::File(_) | Self::Health | Self::Ready => None,
            // Not there, unless it is an endpoint's.
            Self::Other => None,
            Self::Metrics | Self::Stats | Self::Presence(_) => Some(query::NONE),
            Self::StatsStream => Some(query::STATS_STREAM),
            Self::Stream => Some(query::STREAM),
            Self::Socket => Some(query::SOCKET),
            Self::Publish(_) => Some(query::PUBLISH),
            Self::Manage(control) => Some(control.parameters()),
        }
    }

    /// What the metrics call it.
    pub(in crate::gateway) fn kind(&self) -> RouteKind {
        match self {
            Self::Index | Self::File(_) => RouteKind::Page,
            Self::Health | Self::Ready => RouteKind::Health,
            Self::Metrics => RouteKind::Metrics,
            Self::Stats | Self::StatsStream | Self::Presence(_) => RouteKind::Stats,
            Self::Stream => RouteKind::Stream,
            Self::Socket => RouteKind::Socket,
            Self::Publish(_) => RouteKind::Publish,
            Self::Manage(_) => RouteKind::Manage,
            Self::Other => RouteKind::None,
        }
    }
}

/// Finds the route of a request.
pub(in crate::gateway) fn find(head: &Head) -> Result<Route<'_>, Problem> {
    let method = head.method();
    let (route, methods) = match head.path() {
        "/" if dashboard::wants_page(head) => (Route::File(File::Page), GET),
        "/" => (Route::Index, GET),
        "/healthz" => (Route::Health, GET),
        "/readyz" => (Route::Ready, GET),
        "/metrics" => (Route::Metrics, GET),
        "/api/v1/stats" => (Route::Stats, GET),
        "/api/v1/stats/stream" => (Route::StatsStream, GET),
        "/api/v1/events/stream" => (Route::Stream, GET),
        "/api/v1/ws" => (Route::Socket, "GET"),
        path if topic_of(path, "/presence").is_some() => {
            let topic = topic_name(topic_of(path, "/presence").unwrap_or_default())?;
            (Route::Presence(topic), GET)
        }
        path => match (File::at(path), topic_of(path, "/events")) {
            (Some(file), _) => (Route::File(file), GET),
            (_, Some(raw)) if method == POST => return Ok(Route::Publish(topic_name(raw)?)),
            (_, Some(_)) => (Route::Index, POST),
            _ => {
                let managed = control::find(head).map(|found| found.map(Route::Manage));
                return managed.unwrap_or(Ok(Route::Other));
            }
        },
    };
    if methods.split(", ").any(|allowed| allowed == method) {
        Ok(route)
    } else {
        let detail = format!("{} is answered to {methods} only", head.path());
        Err(Problem::new(405, detail).field("method").allow(methods))
    }
}

/// Whether a request asks how the server is.
pub(in crate::gateway) fn is_probe(head: &Head) -> bool {
    matches!(head.path(), "/healthz" | "/readyz") && matches!(head.method(), "GET" | "HEAD")
}

/// No such resource.
pub(super) fn not_found() -> Problem {
    Problem::new(404, "no such resource").field("path")
}

/// Whether a path belongs to the server, so that no endpoint can have it.
pub(in crate::gateway) fn is_reserved(path: &str) -> bool {
    matches!(
        path,
        "/" | "/healthz" | "/readyz" | "/metrics" | "/dashboard" | "/api"
    ) || path.starts_with("/api/")
        || path.starts_with("/health/")
        || File::at(path).is_some()
}

/// The raw topic segment of a path that ends so.
fn topic_of<'a>(path: &'a str, end: &str) -> Option<&'a str> {
    let raw = path.strip_prefix("/api/v1/topics/")?.strip_suffix(end)?;
    (!raw.contains('/')).then_some(raw)
}

fn topic_name(raw: &str) -> Result<Cow<'_, str>, Problem> {
    let name = percent_decode(raw).map_err(|error| {
        Problem::new(400, format!("topic: {error}"))
            .field("topic")
            .at(error.at as u64)
    })?;
    match topic::validate(&name) {
        Ok(()) => Ok(name),
        Err(error) => Err(Problem::new(400, format!("topic: {error}")).field("topic")),
    }
}

/// What an answer to `head` has to know.
pub(in crate::gateway) fn reply_to(head: &Head) -> ReplyTo {
    ReplyTo {
        keep_alive: head.keep_alive(),
        head_only: head.method() == "HEAD",
        http10: head.version() == 10,
    }
}

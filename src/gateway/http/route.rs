//! A route: one row of the table that all is read off which the server says of its addresses.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::event::Filter;
use crate::gateway::access::{Access, Action, Cors};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::openapi::{AnswerSpec, BodySpec};
use crate::gateway::http::problem::{Problem, ReplyTo, refuse_reserved};
use crate::gateway::http::query::{Query, Table};
use crate::net::Begin;
use crate::wire::http::Head;

/// Most parts of a path that are captured.
pub(super) const CAPTURES_MAX: usize = 2;

/// A route of the server's own. Its row says everything: what it is found by, who may use it, what it takes, and who
/// answers.
#[derive(Debug)]
pub(in crate::gateway) struct Route {
    pub(in crate::gateway) method: Method,
    /// Its path. A segment in braces captures: `{topic}` the name of a topic, any other one text.
    pub(in crate::gateway) path: &'static str,
    /// One line for people.
    pub(in crate::gateway) summary: &'static str,
    /// The metrics' name of it.
    pub(in crate::gateway) kind: RouteKind,
    /// The parameters that it has; `None`: whatever stands behind the question mark means nothing, as who watches over
    /// health, links to a page or fetches a version of a file puts there what it likes.
    pub(in crate::gateway) parameters: Option<Table>,
    /// The form of what is answered where nothing is wrong.
    pub(in crate::gateway) delivers: Delivers,
    /// The largest body that it reads whole, bytes; `None`: it takes none, or has a bound of its own.
    pub(in crate::gateway) body_bytes: Option<u64>,
    /// The forms of the body that it takes.
    pub(in crate::gateway) bodies: &'static [BodySpec],
    /// The answer where nothing is wrong.
    pub(in crate::gateway) answers: &'static [AnswerSpec],
    pub(in crate::gateway) handler: Handler,
}

/// The kinds of routes that metrics tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum RouteKind {
    /// The index, the dashboard and its files.
    Page,
    Health,
    Metrics,
    Stats,
    Stream,
    History,
    Publish,
    /// Topics, connections, endpoints and broadcasts.
    Manage,
    /// A WebSocket.
    Socket,
    /// No route, refused before one was looked for, or not HTTP.
    None,
}

impl RouteKind {
    pub(in crate::gateway) const ALL: [Self; 10] = [
        Self::Page,
        Self::Health,
        Self::Metrics,
        Self::Stats,
        Self::Stream,
        Self::History,
        Self::Publish,
        Self::Manage,
        Self::Socket,
        Self::None,
    ];

    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Stats => "stats",
            Self::Stream => "stream",
            Self::History => "history",
            Self::Publish => "publish",
            Self::Manage => "manage",
            Self::Socket => "socket",
            Self::None => "none",
        }
    }
}

/// The methods that routes have. HEAD is answered wherever GET is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::gateway) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// The form of what a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Delivers {
    /// A response that ends.
    Answer,
    /// Server-Sent Events.
    Stream,
    /// A WebSocket. There is no HEAD of a handshake.
    Socket,
}

/// The right that a route takes: what is done, and what a grant of it must cover.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct Claim {
    pub(in crate::gateway) action: Action,
    pub(in crate::gateway) resource: Resource,
    /// The detail of the 403 where the grant does not cover it.
    pub(in crate::gateway) denied: &'static str,
}

/// The thing that a claim must cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Resource {
    /// The topic in the path.
    Topic,
    /// The topics that the request, or each message behind it, names: the handler narrows them to what is granted.
    Topics,
    /// Every topic.
    AllTopics,
    /// The server: no topic matters.
    Server,
}

/// The function that answers, and the claims that are looked at before.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) enum Handler {
    /// Nobody is asked.
    Open(fn(&mut Gateway, &Request<'_>) -> Begun),
    /// Whoever may do this; with what was granted.
    Claimed(
        &'static Claim,
        fn(&mut Gateway, &Request<'_>, Access) -> Begun,
    ),
    /// The handler asks for each of these: it can do with some.
    Asks(&'static [Claim], fn(&mut Gateway, &Request<'_>) -> Begun),
}

/// The return type of handlers.
pub(in crate::gateway) type Begun = Result<Begin<Gateway>, Problem>;

/// A request that a route was found for.
#[derive(Debug)]
pub(in crate::gateway) struct Request<'a> {
    pub(in crate::gateway) route: &'static Route,
    pub(in crate::gateway) head: &'a Head,
    pub(in crate::gateway) reply: ReplyTo,
    pub(in crate::gateway) query: Query<'a>,
    pub(in crate::gateway) captures: Captures<'a>,
    /// The client, as a trusted proxy names it.
    pub(in crate::gateway) client: SocketAddr,
    /// The other end of the socket.
    pub(in crate::gateway) socket: SocketAddr,
    pub(in crate::gateway) cors: &'a Cors,
}

/// The captured parts of a path, decoded, in order. Those that the pattern does not have are empty.
pub(in crate::gateway) type Captures<'a> = [Cow<'a, str>; CAPTURES_MAX];

impl Request<'_> {
    /// The first captured part.
    pub(in crate::gateway) fn captured(&self) -> &str {
        &self.captures[0]
    }
}

impl Route {
    /// The row of a route without parameters, which takes no body and gives a whole answer: the others are made of it.
    pub(in crate::gateway) const fn new(
        method: Method,
        path: &'static str,
        kind: RouteKind,
        handler: Handler,
    ) -> Self {
        Self {
            method,
            path,
            summary: "",
            kind,
            parameters: Some(&[]),
            delivers: Delivers::Answer,
            body_bytes: None,
            bodies: &[],
            answers: &[],
            handler,
        }
    }

    /// Returns whether requests of this method are its own.
    pub(super) fn is_for(&self, method: &str) -> bool {
        method == self.method.name() || (method == "HEAD" && self.has_head())
    }

    /// Returns whether it is answered to HEAD.
    pub(super) fn has_head(&self) -> bool {
        self.method == Method::Get && self.delivers != Delivers::Socket
    }
}

impl Method {
    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl Handler {
    /// The claims that the route takes; none: it is everybody's.
    pub(in crate::gateway) fn claims(&self) -> &'static [Claim] {
        match self {
            Self::Open(_) => &[],
            Self::Claimed(claim, _) => std::slice::from_ref(claim),
            Self::Asks(claims, _) => claims,
        }
    }
}

impl Resource {
    /// The word for it in the OpenAPI document.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Topics => "topics",
            Self::AllTopics => "all-topics",
            Self::Server => "server",
        }
    }
}

impl Claim {
    /// The claim to do something with the server.
    pub(in crate::gateway) const fn server(action: Action) -> Self {
        Self {
            action,
            resource: Resource::Server,
            denied: "",
        }
    }

    /// The claim to do something with the topics that a request names.
    pub(in crate::gateway) const fn topics(action: Action) -> Self {
        Self {
            action,
            resource: Resource::Topics,
            denied: "",
        }
    }

    /// Checks that `access` covers what the request is about.
    pub(in crate::gateway) fn check(
        &self,
        request: &Request<'_>,
        access: &Access,
    ) -> Result<(), Problem> {
        // First: that no grant reaches there says more than that this one does not.
        if let (Action::Publish, Resource::Topic) = (self.action, self.resource) {
            refuse_reserved(request.captured())?;
        }
        let covered = match self.resource {
            Resource::Topic => access.allow.matches(request.captured()),
            // Not `is_all`: whoever is granted reserved names besides is granted more, not less.
            Resource::AllTopics => access.allow.covers(&Filter::all()),
            Resource::Topics | Resource::Server => true,
        };
        if covered {
            return Ok(());
        }
        let problem = Problem::new(403, self.denied);
        Err(match self.resource {
            Resource::Topic => problem.field("topic"),
            _ => problem,
        })
    }
}

//! Who may do what: the seam for authentication.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::event::Filter;
use crate::gateway::access::ticket::{Ticket, Tickets};
use crate::net::RequestId;
use crate::settings::setters;
use crate::wire::http::Head;

/// Decides what the sender of a request may do.
///
/// It is asked once for each request, on a reactor's thread: it must not block. What it says holds for all that follows
/// from the request: every message of a WebSocket, the whole of a stream. Several reactors ask at once. A panic in it is
/// a 500 for that request, and counted in `eventring_callback_panics_total`; the others go on.
///
/// # Answering later
///
/// Whoever has to ask somebody else first takes the request's [ticket](AccessRequest::ticket), returns it as
/// [`Decision::Later`] and [answers](Ticket::answer) it from any thread. Until then the request waits: no more of its
/// connection is read, no `100 Continue` is sent, and pipelined requests wait behind it. At most
/// [`max_pending_authorizations`](crate::gateway::ServerConfig::max_pending_authorizations) wait at each reactor, for at
/// most [`authorization_timeout`](crate::gateway::ServerConfig::authorization_timeout); whoever goes over either is
/// answered 503 with `Retry-After`.
///
/// ```
/// use std::sync::mpsc;
/// use std::thread;
///
/// use eventring::gateway::{AccessRequest, Authorizer, Decision, Denied, Principal, Ticket};
///
/// /// Asks a directory that takes its time, on a thread of its own.
/// struct Directory(mpsc::Sender<(String, Ticket)>);
///
/// impl Directory {
///     fn new() -> Self {
///         let (ask, asked) = mpsc::channel::<(String, Ticket)>();
///         thread::spawn(move || {
///             for (token, ticket) in asked {
///                 // Here the directory would be asked.
///                 let known = token == "Bearer word";
///                 let said = if known { Ok(Principal::all()) } else { Err(Denied::Forbidden) };
///                 ticket.answer(said);
///             }
///         });
///         Self(ask)
///     }
/// }
///
/// impl Authorizer for Directory {
///     fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
///         let Some(token) = request.head().header("authorization") else {
///             return Decision::Now(Err(Denied::Unknown("Bearer")));
///         };
///         let token = String::from_utf8_lossy(token).into_owned();
///         let ticket = request.ticket();
///         match self.0.send((token, ticket.clone())) {
///             Ok(()) => Decision::Later(ticket),
///             Err(_) => Decision::Now(Err(Denied::Forbidden)),
///         }
///     }
/// }
/// # let _ = Directory::new();
/// ```
pub trait Authorizer: Send + Sync {
    /// Says what the sender of a request may do, why it may not, or that the answer comes later.
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision;
}

/// One that was chosen while the program runs.
impl<A: Authorizer + ?Sized> Authorizer for Box<A> {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        (**self).authorize(request)
    }
}

/// One that the program goes on holding.
impl<A: Authorizer + ?Sized> Authorizer for Arc<A> {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        (**self).authorize(request)
    }
}

/// A request whose sender's rights are asked for.
#[derive(Debug)]
pub struct AccessRequest<'a> {
    pub(super) head: &'a Head,
    pub(super) peer: SocketAddr,
    pub(super) action: Action,
    pub(super) id: RequestId,
    pub(super) tickets: &'a Tickets,
}

impl<'a> AccessRequest<'a> {
    /// The head of the request.
    pub fn head(&self) -> &'a Head {
        self.head
    }

    /// The client, as far as trusted proxies have told.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The first thing that the request does. What is granted beyond it counts too: a WebSocket begins with
    /// [`Action::Subscribe`], and what it may publish is taken from the same answer.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The ticket by which the request can be answered later.
    pub fn ticket(&self) -> Ticket {
        self.tickets.issue(self.id)
    }
}

/// The answer of an [`Authorizer`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision {
    /// This is so.
    Now(Result<Principal, Denied>),
    /// The holder of the ticket, which must be the request's own, says it later.
    Later(Ticket),
}

impl From<Result<Principal, Denied>> for Decision {
    fn from(said: Result<Principal, Denied>) -> Self {
        Self::Now(said)
    }
}

/// An action that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Read a stream of events.
    Subscribe,
    /// Publish events.
    Publish,
    /// Read figures about the whole server: `/metrics` and `/api/v1/stats`, which names the busiest
    /// topics.
    Observe,
    /// Look at connections, end them, make and remove endpoints, broadcast.
    Manage,
}

impl Action {
    /// The word for it in claims and in lists of routes.
    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Observe => "observe",
            Self::Manage => "manage",
        }
    }
}

/// Somebody who is known, with everything that it may do.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Principal {
    /// Topics that it may read; a stream gets only what also matches this. `>` allows no
    /// [reserved](crate::event::topic::is_reserved) topic: to read one takes its name, and nobody publishes there.
    /// `None`: none.
    pub subscribe: Option<Filter>,
    /// Topics that it may publish to. `None`: none.
    pub publish: Option<Filter>,
    /// Topics whose connections it may manage; a broadcast takes all. `None`: it may not manage.
    pub manage: Option<Filter>,
    /// `true` where it may read figures about the whole server.
    pub observe: bool,
    /// The time at which its rights end; a stream and a WebSocket end with them. `None`: they do not end.
    pub expires_at: Option<Instant>,
}

impl Principal {
    /// Somebody who may do nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody who may do everything, without an end.
    pub fn all() -> Self {
        Self {
            subscribe: Some(Filter::all()),
            publish: Some(Filter::all()),
            manage: Some(Filter::all()),
            observe: true,
            expires_at: None,
        }
    }

    /// Returns what it is granted for one action.
    pub(super) fn access(&self, action: Action) -> Option<Access> {
        let allow = match action {
            Action::Subscribe => self.subscribe.clone(),
            Action::Publish => self.publish.clone(),
            Action::Manage => self.manage.clone(),
            Action::Observe => self.observe.then(Filter::all),
        };
        Some(Access {
            allow: allow?,
            expires_at: self.expires_at,
        })
    }
}

setters! {
    Principal {
        subscribe: Option<Filter>,
        publish: Option<Filter>,
        manage: Option<Filter>,
        observe: bool,
        expires_at: Option<Instant>,
    }
}

/// The grant of one action.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct Access {
    /// Topics that it holds for.
    pub(in crate::gateway) allow: Filter,
    /// The time at which it ends. `None`: it does not end.
    pub(in crate::gateway) expires_at: Option<Instant>,
}

/// Why a request may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// Nobody is known: 401 with this `WWW-Authenticate`.
    Unknown(&'static str),
    /// Somebody is known, and may not: 403.
    Forbidden,
}

/// Lets everybody do everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Authorizer for AllowAll {
    fn authorize(&self, _: &AccessRequest<'_>) -> Decision {
        Decision::Now(Ok(Principal::all()))
    }
}

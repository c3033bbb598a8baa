//! Who may read and publish what: the seam for authentication.

use std::net::SocketAddr;
use std::time::Instant;

use crate::event::Filter;
use crate::settings::setters;
use crate::wire::http::Head;

/// Decides what a request may do.
///
/// It is asked once per request, on a reactor's thread: it must not block. Several reactors ask at once. A panic in it is
/// a 500 for that request, and counted in `eventring_callback_panics_total`; the others go on.
pub trait Authorizer: Send + Sync {
    /// Says what the sender of `head` may do, or why not.
    ///
    /// # Errors
    ///
    /// [`Denied`] is answered 401 or 403.
    fn authorize(&self, head: &Head, peer: SocketAddr, action: Action) -> Result<Access, Denied>;
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Read a stream of events.
    Subscribe,
    /// Publish events.
    Publish,
    /// Read figures about the whole server: `/metrics` and `/api/v1/stats`, which names the busiest
    /// topics. [`Access::allow`] is not looked at.
    Observe,
    /// Look at connections, end them, make and remove endpoints, broadcast. [`Access::allow`] must be all
    /// topics for a broadcast.
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

/// What a request may do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Access {
    /// Topics that it may read or publish to; a stream gets only what also matches this. `>` allows no
    /// [reserved](crate::event::topic::is_reserved) topic: to read one takes its name, and nobody publishes there.
    pub allow: Filter,
    /// When the right ends; a stream ends with it. `None`: it does not.
    pub expires_at: Option<Instant>,
}

impl Access {
    /// Access to the topics that `allow` takes, without an end.
    pub fn new(allow: Filter) -> Self {
        Self {
            allow,
            expires_at: None,
        }
    }
}

setters! {
    Access {
        allow: Filter,
        expires_at: Option<Instant>,
    }
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

/// Lets everybody do everything but read reserved topics, which nobody is allowed by `>`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Authorizer for AllowAll {
    fn authorize(&self, _: &Head, _: SocketAddr, _: Action) -> Result<Access, Denied> {
        Ok(Access::new(Filter::all()))
    }
}

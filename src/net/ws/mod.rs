//! WebSockets: what a connection is after its upgrade.
//!
//! What comes in goes through a decoder to the service, whose replies go out between frames. What goes
//! out to everybody is delivered like any stream: a socket with a subscription is one, one without is in
//! [`Phase::Socket`](crate::net::conns::phase::Phase).

mod close;
mod input;
mod open;
mod output;
mod plan;
mod queued;
mod replies;
mod socket;
pub(in crate::net) mod state;
mod subscription;
mod unfinished;

pub use self::plan::{SocketLimits, SocketPlan};
pub use self::replies::Replies;
pub(in crate::net) use self::socket::Ws;
use crate::net::core::Core;
use crate::net::service::Service;

/// Does what WebSockets need, for as long as it borrows the table of connections and the service.
pub(in crate::net) struct WebSockets<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
}

impl<'a, S: Service> WebSockets<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>, service: &'a mut S) -> Self {
        Self { core, service }
    }
}

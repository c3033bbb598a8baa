//! The decision that the request in hand has been given: asked for once, whatever its handler needs it for.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::gateway::access::authorizer::{
    Access, AccessRequest, Action, Authorizer, Decision, Denied,
};
use crate::gateway::access::ticket::{Grant, Tickets};
use crate::gateway::callbacks::Callbacks;
use crate::net::{Handle, RequestId};
use crate::wire::http::Head;

/// The reason for which a request is granted nothing, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum AccessError {
    /// Nobody is known: the challenge says how to become known.
    Unknown(&'static str),
    /// Somebody is known, and may not.
    Forbidden,
    /// The authorizer does not do what it has to.
    Failed(&'static str),
    /// The decision comes later; ends the handler, nobody is told.
    Later,
}

/// The rights behind the request that a reactor's gateway has in hand, as far as they are known.
pub(in crate::gateway) struct Authorization {
    authorizer: Arc<dyn Authorizer>,
    callbacks: Arc<Callbacks>,
    tickets: Tickets,
    current: RefCell<Current>,
}

/// A `RefCell`, since whoever asks for rights has borrowed other parts of the gateway; it is never borrowed while foreign
/// code runs.
enum Current {
    /// Nobody has been asked.
    Unasked(Option<RequestId>),
    /// The decision is there.
    Decided(Grant),
    /// The decision comes later.
    Waits,
    /// The authorizer has been asked, and does not do what it has to.
    Failed(&'static str),
}

impl Authorization {
    /// `waiting_max` requests may wait for their decisions at once.
    pub(in crate::gateway) fn new(
        handle: &Handle,
        authorizer: Arc<dyn Authorizer>,
        callbacks: Arc<Callbacks>,
        waiting_max: usize,
    ) -> Self {
        Self {
            authorizer,
            callbacks,
            tickets: Tickets::new(handle, waiting_max),
            current: RefCell::new(Current::Unasked(None)),
        }
    }

    /// Takes a request in hand.
    pub(in crate::gateway) fn begin(&self, id: RequestId) {
        self.current.replace(Current::Unasked(Some(id)));
    }

    /// Takes a request in hand again that has waited.
    pub(in crate::gateway) fn resume(&self, grant: Grant) {
        self.current.replace(Current::Decided(grant));
    }

    /// Returns whether the request in hand has to wait for its decision: then what its handler came to counts for nothing, and
    /// it begins again.
    pub(in crate::gateway) fn waits(&self) -> bool {
        matches!(*self.current.borrow(), Current::Waits)
    }

    /// The tickets of requests that wait.
    pub(in crate::gateway) fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// Returns what the sender of the request in hand is granted for `action`.
    ///
    /// The authorizer is asked at most once for a request. A handler asks before it changes anything: where the decision
    /// comes later, the error that it gets here ends it, and it begins again with the decision.
    pub(in crate::gateway) fn authorize(
        &self,
        head: &Head,
        peer: SocketAddr,
        action: Action,
    ) -> Result<Access, AccessError> {
        let unasked = match *self.current.borrow() {
            Current::Unasked(id) => id,
            _ => None,
        };
        if let Some(id) = unasked {
            let request = AccessRequest {
                head,
                peer,
                action,
                id,
                tickets: &self.tickets,
            };
            let ask = || self.authorizer.authorize(&request);
            let said = self.callbacks.call("authorizer", ask);
            // A failure is kept, too: a handler that asks for two actions must not have the authorizer asked twice.
            self.current.replace(match said {
                Some(Decision::Now(grant)) => Current::Decided(grant),
                Some(Decision::Later(ticket)) if ticket.is_of(id, &self.tickets) => Current::Waits,
                Some(Decision::Later(_)) => {
                    // Parked on it, the request would wait for an answer that reaches another one.
                    Current::Failed("the authorizer gave the ticket of another request")
                }
                None => Current::Failed("the authorizer failed"),
            });
        }
        match &*self.current.borrow() {
            Current::Decided(Ok(principal)) => {
                principal.access(action).ok_or(AccessError::Forbidden)
            }
            Current::Decided(Err(Denied::Unknown(challenge))) => {
                Err(AccessError::Unknown(challenge))
            }
            Current::Decided(Err(Denied::Forbidden)) => Err(AccessError::Forbidden),
            Current::Waits => Err(AccessError::Later),
            Current::Failed(why) => Err(AccessError::Failed(why)),
            Current::Unasked(_) => Err(AccessError::Failed("no request is in hand")),
        }
    }
}

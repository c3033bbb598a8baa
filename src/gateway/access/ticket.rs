//! Tickets of requests that are answered later, and the mailbox that the answers come by.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::gateway::access::authorizer::{Denied, Principal};
use crate::mailbox::{Mailbox, Pushed};
use crate::net::{Handle, RequestId};
use crate::ring::Notify;

/// The answer of an authorizer.
pub(in crate::gateway) type Grant = Result<Principal, Denied>;

/// The right to answer one request of one reactor, from any thread, once.
///
/// It names the reactor, the connection's slot there, and the request: an answer that comes when the client has gone, or
/// when it has been told that it took too long, reaches nobody, whoever has the slot by then.
#[derive(Clone)]
pub struct Ticket(Arc<Issued>);

struct Issued {
    id: RequestId,
    answered: AtomicBool,
    decisions: Arc<Decisions>,
}

struct Decisions {
    reactor: usize,
    mailbox: Mailbox<(RequestId, Grant)>,
    notifier: Arc<dyn Notify>,
}

impl Ticket {
    /// Answers the request; `false`: it has been answered before, or its reactor takes nothing more. That an answer is
    /// taken does not say that somebody still waits for it.
    pub fn answer(&self, said: Result<Principal, Denied>) -> bool {
        let Issued {
            id,
            answered,
            decisions,
        } = &*self.0;
        // Relaxed: it only counts; what the reactor reads comes by the mailbox's lock.
        if answered.swap(true, Ordering::Relaxed) {
            return false;
        }
        // Over the bound if need be: a ticket is answered once, so no more can lie there than were handed out, while those
        // of clients that have gone would take the room of those that still wait.
        match decisions.mailbox.push_over((*id, said)) {
            Ok(Pushed::First) => {
                decisions.notifier.notify();
                true
            }
            Ok(Pushed::Behind) => true,
            Err(_) => false,
        }
    }

    /// Returns whether this is the ticket of that request, issued by `tickets`.
    pub(super) fn is_of(&self, id: RequestId, tickets: &Tickets) -> bool {
        self.0.id == id && Arc::ptr_eq(&self.0.decisions, &tickets.0)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("reactor", &self.0.decisions.reactor)
            .field("id", &self.0.id)
            .finish()
    }
}

/// The tickets of one reactor.
pub(in crate::gateway) struct Tickets(Arc<Decisions>);

impl Tickets {
    /// `max`: requests of the reactor that may wait at once.
    pub(super) fn new(handle: &Handle, max: usize) -> Self {
        Self(Arc::new(Decisions {
            reactor: handle.reactor(),
            // Answers to requests that are gone lie there too until the next turn.
            mailbox: Mailbox::new(max.saturating_mul(2).max(1)),
            notifier: handle.notifier(),
        }))
    }

    pub(super) fn issue(&self, id: RequestId) -> Ticket {
        Ticket(Arc::new(Issued {
            id,
            answered: AtomicBool::new(false),
            decisions: self.0.clone(),
        }))
    }

    /// Takes the answers that have come.
    pub(in crate::gateway) fn take(&self) -> VecDeque<(RequestId, Grant)> {
        let mut taken = VecDeque::new();
        self.0.mailbox.take_into(&mut taken);
        taken
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tickets").field(&self.0.reactor).finish()
    }
}

impl Drop for Tickets {
    fn drop(&mut self) {
        // Dropped without the lock: principals are the program's own.
        drop(self.0.mailbox.close());
    }
}

//! Those who wait for room, in the order in which they came.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::hub::shared::Shared;
use crate::ring::{self, Notify};

/// The line of those who found no room. Whoever comes later waits behind, so that a large batch gets its turn beside many
/// small publishes.
#[derive(Default)]
pub(in crate::hub) struct RoomQueue {
    places: Mutex<VecDeque<Arc<Place>>>,
    /// The number of places: the one word that a publisher looks at while nobody waits.
    waiting: AtomicUsize,
}

struct Place {
    notify: Arc<dyn Notify>,
}

/// A place among those who wait for room; see [`HubPublisher::room`](crate::hub::HubPublisher::room). Dropping it leaves.
#[must_use = "dropping it gives the place up"]
pub struct RoomTicket {
    shared: Arc<Shared>,
    place: Arc<Place>,
}

impl RoomQueue {
    /// Returns whether a publish may take room: nobody waits, or it is that of the first in line. To be called under the
    /// publisher's lock.
    #[inline]
    pub(in crate::hub) fn is_turn_of(&self, ticket: Option<&RoomTicket>) -> bool {
        // Relaxed: changed outside the publisher's lock, so that one who is just coming or leaving counts or not.
        self.waiting.load(Ordering::Relaxed) == 0 || self.is_first(ticket)
    }

    #[cold]
    fn is_first(&self, ticket: Option<&RoomTicket>) -> bool {
        let places = self.places.lock();
        match (places.front(), ticket) {
            (None, _) => true,
            (Some(first), Some(ticket)) => Arc::ptr_eq(first, &ticket.place),
            (Some(_), None) => false,
        }
    }

    /// Tells the first in line that there may be room. To be called without a lock.
    pub(in crate::hub) fn notify_first(&self) {
        // Relaxed: who comes in between is told when it comes.
        if self.waiting.load(Ordering::Relaxed) > 0 {
            let first = self.places.lock().front().cloned();
            if let Some(first) = first {
                ring::notify_and_drop(first.notify.clone());
            }
        }
    }

    fn join(&self, place: &Arc<Place>) {
        let is_first = {
            let mut places = self.places.lock();
            places.push_back(place.clone());
            self.waiting.store(places.len(), Ordering::Relaxed);
            places.len() == 1
        };
        // There may have come room since it found none; nobody else would tell it.
        if is_first {
            ring::notify_and_drop(place.notify.clone());
        }
    }

    fn leave(&self, place: &Arc<Place>) {
        let was_first = {
            let mut places = self.places.lock();
            let at = places.iter().position(|other| Arc::ptr_eq(other, place));
            let _left = at.and_then(|at| places.remove(at));
            self.waiting.store(places.len(), Ordering::Relaxed);
            at == Some(0)
        };
        // What it left over is for the next, whether it published or gave up.
        if was_first {
            self.notify_first();
        }
    }
}

impl RoomTicket {
    pub(in crate::hub) fn join(shared: &Arc<Shared>, notify: Arc<dyn Notify>) -> Self {
        let place = Arc::new(Place { notify });
        shared.room.join(&place);
        Self {
            shared: shared.clone(),
            place,
        }
    }
}

impl Drop for RoomTicket {
    fn drop(&mut self) {
        self.shared.room.leave(&self.place);
    }
}

impl fmt::Debug for RoomTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomTicket").finish_non_exhaustive()
    }
}

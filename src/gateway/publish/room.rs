//! Places in the line of those who found no room in the hub.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::hub::{Hub, HubPublisher, RoomTicket};
use crate::ring::Notify;

/// The place of one publish, as long as it has one. Boxed: each WebSocket has room for one, and few have one.
#[derive(Default)]
pub(in crate::gateway) struct RoomPlace(Option<Box<Place>>);

struct Place {
    ticket: RoomTicket,
    turn: Arc<Turn>,
}

/// Notes that it is a publish's turn, and wakes the reactor that has it.
struct Turn {
    has_come: AtomicBool,
    reactor: Arc<dyn Notify>,
}

impl Notify for Turn {
    fn notify(&self) {
        // Release: pairs with the Acquire in `may_try`, which then sees the room that was made before.
        self.has_come.store(true, Ordering::Release);
        self.reactor.notify();
    }
}

impl RoomPlace {
    /// Returns whether there may be room: it has no place yet, or its turn has come since it was asked last. A look at one
    /// word, since all who wait are asked in each turn of the reactor.
    pub(in crate::gateway) fn may_try(&self) -> bool {
        let place = self.0.as_ref();
        place.is_none_or(|place| place.turn.has_come.swap(false, Ordering::Acquire))
    }

    /// Takes a place, behind all who have one, unless it has its own already.
    pub(super) fn wait(&mut self, hub: &Hub, reactor: &Arc<dyn Notify>) {
        self.0.get_or_insert_with(|| {
            let turn = Arc::new(Turn {
                has_come: AtomicBool::new(false),
                reactor: reactor.clone(),
            });
            Box::new(Place {
                ticket: hub.publisher().room(turn.clone()),
                turn,
            })
        });
    }

    /// Gives the place up, to the next one.
    pub(in crate::gateway) fn leave(&mut self) {
        self.0 = None;
    }

    /// The publisher in whose name this place's turn is used.
    pub(super) fn publisher<'h>(&'h self, hub: &'h Hub) -> HubPublisher<'h> {
        match &self.0 {
            Some(place) => hub.publisher().with_ticket(&place.ticket),
            None => hub.publisher(),
        }
    }
}

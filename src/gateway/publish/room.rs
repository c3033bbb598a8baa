//! Places of those who cannot publish yet: in the line of those who found no room in the hub, or behind a look-up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::event::EventRef;
use crate::hub::{Hub, HubPublishError, HubPublisher, RoomTicket, StreamLookUp};
use crate::ring::Notify;

/// The place of one publish, as long as it has one. Boxed: each WebSocket has room for one, and few have one.
#[derive(Default)]
pub(in crate::gateway) struct RoomPlace(Option<Box<Place>>);

struct Place {
    turn: Arc<Turn>,
    ticket: Option<RoomTicket>,
    /// The streams of its events, while they are looked up: it is in no line meanwhile.
    look_up: Option<StreamLookUp>,
    are_streams_known: bool,
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

impl Place {
    fn new(reactor: &Arc<dyn Notify>) -> Box<Self> {
        Box::new(Self {
            turn: Arc::new(Turn {
                has_come: AtomicBool::new(false),
                reactor: reactor.clone(),
            }),
            ticket: None,
            look_up: None,
            are_streams_known: false,
        })
    }
}

impl RoomPlace {
    /// Returns whether it may be tried: it has no place yet, or its turn has come since it was asked last. A look at one
    /// word, since all who wait are asked in each turn of the reactor.
    pub(in crate::gateway) fn may_try(&self) -> bool {
        let place = self.0.as_ref();
        place.is_none_or(|place| place.turn.has_come.swap(false, Ordering::Acquire))
    }

    /// Takes a place in the line for room, behind all who have one, unless it has its own already or waits for something
    /// else.
    pub(super) fn wait(&mut self, hub: &Hub, reactor: &Arc<dyn Notify>) {
        let place = self.0.get_or_insert_with(|| Place::new(reactor));
        if place.ticket.is_none() && place.look_up.is_none() {
            place.ticket = Some(hub.publisher().room(place.turn.clone()));
        }
    }

    /// Gives the place up, to the next one.
    pub(in crate::gateway) fn leave(&mut self) {
        self.0 = None;
    }

    /// Returns in whose name events are published; `None`: their streams are looked up, and it is its turn once they are.
    /// A reactor reads no disk.
    pub(super) fn publisher<'h, 'e>(
        &'h mut self,
        hub: &'h Hub,
        reactor: &Arc<dyn Notify>,
        events: impl Iterator<Item = EventRef<'e>> + Clone,
    ) -> Result<Option<HubPublisher<'h>>, HubPublishError> {
        let is_known = self.0.as_ref().is_some_and(|place| place.are_streams_known);
        if !is_known
            && events.clone().any(|event| event.stream().is_some())
            && !self.are_looked_up(hub, reactor, events)?
        {
            return Ok(None);
        }
        let publisher = hub.publisher().with_known_streams();
        let ticket = self.0.as_ref().and_then(|place| place.ticket.as_ref());
        Ok(Some(match ticket {
            Some(ticket) => publisher.with_ticket(ticket),
            None => publisher,
        }))
    }

    /// Returns whether the hub knows the streams of events, as far as the journal does. If not, they are looked up.
    fn are_looked_up<'e>(
        &mut self,
        hub: &Hub,
        reactor: &Arc<dyn Notify>,
        events: impl Iterator<Item = EventRef<'e>>,
    ) -> Result<bool, HubPublishError> {
        if let Some(place) = &mut self.0
            && let Some(look_up) = &place.look_up
        {
            let Some(result) = look_up.result() else {
                return Ok(false);
            };
            place.look_up = None;
            result?;
            place.are_streams_known = true;
            return Ok(true);
        }
        let place = &mut self.0;
        let turn = || -> Arc<dyn Notify> {
            let place = place.get_or_insert_with(|| Place::new(reactor));
            place.turn.clone()
        };
        let look_up = hub.publisher().look_up_streams(events, turn)?;
        let is_known = look_up.is_none();
        if let Some(place) = &mut self.0 {
            place.look_up = look_up;
        }
        Ok(is_known)
    }
}

//! Reading what the ring has no more: receivers that go on from the journal, and pages of history.

mod catch_up;
#[cfg(feature = "async")]
mod hard_reads;
mod holes;
mod model;
mod outrun;
mod pages;
#[cfg(feature = "sqlite")]
mod retained;
mod unkept;
#[cfg(feature = "async")]
mod unread;

use eventring::event::Event;
use eventring::hub::{Hub, Item, Receiver, TryReceiveError};
use eventring::journal::{MemoryJournal, MemoryLog};

/// A hub on a log that outlives it, with a ring of 64 events.
fn open(log: &MemoryLog) -> Hub {
    let builder = Hub::builder().capacity(64);
    builder.journal(MemoryJournal::open(log)).build().unwrap()
}

/// Publishes events that say their offset.
fn publish(hub: &Hub, topic: &str, count: u64) {
    for _ in 0..count {
        let text = (hub.head() + 1).to_string();
        let event = Event::builder(topic, "t").text(&text).build().unwrap();
        let position = hub.publish(event).unwrap();
        assert_eq!(position.offset.to_string(), text);
    }
}

/// The offsets of everything that is there; anything but an event is a failure. What it says is compared, too.
fn drain(receiver: &mut Receiver) -> Vec<u64> {
    let mut offsets = Vec::new();
    loop {
        match receiver.try_recv() {
            Ok(delivery) => {
                let offset = delivery.position.offset;
                assert_eq!(delivery.event.data(), offset.to_string().as_bytes());
                offsets.push(offset);
            }
            Err(TryReceiveError::Empty) if receiver.lag() == 0 => return offsets,
            Err(TryReceiveError::Empty) => {}
            Err(other) => panic!("{other:?} behind {:?}", offsets.last()),
        }
    }
}

/// The items up to the moment of having caught up, that one included.
fn until_caught_up(receiver: &mut Receiver) -> Vec<Item> {
    let mut items = Vec::new();
    while !matches!(items.last(), Some(Item::CaughtUp(_))) {
        items.push(receiver.next_item().unwrap());
    }
    items
}

/// The offset of an event.
fn offset(item: &Item) -> Option<u64> {
    match item {
        Item::Event(delivery) => Some(delivery.position.offset),
        _ => None,
    }
}

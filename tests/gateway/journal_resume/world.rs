//! A hub with a small ring and a journal, and its server.

use std::sync::Arc;

use eventring::event::{EventBuilder, Position};
use eventring::gateway::ServerThread;
use eventring::hub::Hub;
use eventring::journal::{Journal, MemoryJournal};

use super::gated::{Gate, Gated};
use crate::streams::client::{Client, serve};

/// Events that the ring has: few, so that everything older comes from the journal.
pub(super) const RING: usize = 64;

/// Where the events of a hub are kept, whatever keeps them.
pub(super) struct World {
    pub(super) hub: Hub,
    pub(super) server: ServerThread,
}

impl World {
    /// Starts on a journal in memory.
    pub(super) fn new() -> Self {
        Self::on(MemoryJournal::new())
    }

    pub(super) fn on(journal: impl Journal + 'static) -> Self {
        let hub = Hub::builder()
            .capacity(RING)
            .streams_max(1_000)
            .journal(journal);
        let hub = hub.build().unwrap();
        let server = serve(&hub, |_| {});
        Self { hub, server }
    }

    /// Publishes `count` events on a topic; their texts are their offsets.
    pub(super) fn publish(&self, topic: &str, count: u64) {
        for _ in 0..count {
            publish(&self.hub, topic);
        }
    }

    pub(super) fn at(&self, offset: u64) -> Position {
        Position {
            epoch: self.hub.epoch(),
            offset,
        }
    }

    pub(super) fn open(&self, query: &str) -> Client {
        Client::open(self.server.addr(), query)
    }

    /// Opens a stream that comes back with the id of an offset.
    pub(super) fn resume(&self, query: &str, offset: u64) -> Client {
        let at = self.at(offset);
        self.open(&format!("{query}&last-event-id={at}"))
    }
}

/// A hub with `count` events on topic `a`, whose journal is read only once the gate is open.
pub(super) fn gated(count: u64) -> (World, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let world = World::on(Gated(MemoryJournal::new(), gate.clone()));
    world.publish("a", count);
    (world, gate)
}

/// Publishes an event; returns its offset.
pub(super) fn publish(hub: &Hub, topic: &str) -> u64 {
    let mut builder = EventBuilder::new();
    builder.topic(topic).ty("t").text("text");
    hub.publish(builder.build_ref().unwrap()).unwrap().offset
}

/// The offsets of the events that a client got.
pub(super) fn offsets(client: &Client) -> Vec<u64> {
    client.events().map(|seen| seen.offset()).collect()
}

/// The names of the notices that a client got.
pub(super) fn notices(client: &Client) -> Vec<String> {
    let all = client.seen.iter();
    let notices = all.filter(|seen| matches!(&*seen.event, "gap" | "reset"));
    notices
        .map(|seen| {
            let json = seen.json();
            format!("{} {}", seen.event, json["reason"].as_str().unwrap())
        })
        .collect()
}

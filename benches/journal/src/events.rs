//! The events that everybody is given: 256 bytes of data that do not compress, and what an event has beside it.

use eventring::Event;
use eventring::event::EventBatch;

/// Different events; they come again and again.
pub const POOL: usize = 4096;
const DATA: usize = 256;

pub struct Events {
    pub events: Vec<Event>,
}

impl Events {
    pub fn new(topics: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut data = [0; DATA];
        let events = (0..POOL.max(topics)).map(|number| {
            for word in data.chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes());
            }
            let topic = format!("orders.{}", number % topics);
            let mut event = Event::builder(&topic, "placed");
            event.source("/bench");
            event.data("application/octet-stream", &data);
            event.build().expect("an event within all limits")
        });
        Self {
            events: events.collect(),
        }
    }

    /// Events whose data is JSON, as programs have it: 200 bytes of it, which deflate to a third with what is beside them.
    pub fn orders(topics: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let events = (0..POOL).map(|number| {
            let data = format!(
                "{{\"order\":{},\"customer\":{{\"id\":{},\"name\":\"{}\"}},\"status\":\"{}\",\"total\":{}.{:02},\
                 \"currency\":\"EUR\",\"items\":[{{\"sku\":\"SKU-{:05}\",\"qty\":{}}},{{\"sku\":\"SKU-{:05}\",\"qty\":{}}}],\
                 \"note\":null}}",
                1_000_000 + number,
                random(5_000),
                ["alice", "bob", "carol", "dave", "erin"][random(5) as usize],
                ["placed", "paid", "shipped", "cancelled"][random(4) as usize],
                random(500),
                random(100),
                random(20_000),
                random(9),
                random(20_000),
                random(9),
            );
            let topic = format!("orders.{}", number % topics);
            let mut event = Event::builder(&topic, "placed");
            event.source("/bench").json(&data);
            event.build().expect("an event within all limits")
        });
        Self {
            events: events.collect(),
        }
    }

    pub fn get(&self, number: u64) -> &Event {
        &self.events[number as usize % self.events.len()]
    }

    pub fn record(&self, number: u64) -> &[u8] {
        self.get(number).as_ref().record()
    }

    /// Bytes of a record, on average.
    pub fn record_bytes(&self) -> f64 {
        let bytes: usize = self
            .events
            .iter()
            .map(|event| event.as_ref().record().len())
            .sum();
        bytes as f64 / self.events.len() as f64
    }

    /// Batches of a size, as many as the pool has.
    pub fn batches(&self, size: usize) -> Vec<EventBatch> {
        let batches = self.events.chunks_exact(size).map(|events| {
            let mut batch = EventBatch::new();
            for event in events {
                batch.push(event);
            }
            batch
        });
        batches.collect()
    }
}

//! What tests of subscriptions have in common: publishing, the offsets that came, a notification that is counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use eventring::ring::Notify;
use eventring::{Event, Hub, Receiver};

/// Publishes an event of a topic and a type; returns its offset.
pub(crate) fn publish(hub: &Hub, topic: &str, ty: &str) -> u64 {
    hub.publish(Event::builder(topic, ty).build().unwrap())
        .unwrap()
        .offset
}

/// The offsets of all that is there for a receiver.
pub(crate) fn offsets(receiver: &mut Receiver) -> Vec<u64> {
    let mut seen = Vec::new();
    let _ = receiver.drain(usize::MAX, |position, _| seen.push(position.offset));
    seen
}

/// A notification that is counted.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Notify for Count {
    fn notify(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

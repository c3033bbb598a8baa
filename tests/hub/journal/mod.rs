//! A hub with a journal: what is seen when, how safe it is, and what becomes of it when a commit fails.

mod checkpoints;
mod commit;
mod failure;
pub(crate) mod faulty;
mod kept;
mod memory;
mod recovery;
mod room;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod state;
mod streams;
mod wake;

use std::time::{Duration, Instant};

use eventring::hub::{Hub, HubBuilder, Outcome, PublishOptions, TryReceiveError};
use eventring::{Event, Receiver};

use self::faulty::{Control, FaultyJournal};

/// A hub whose journal does as it is told.
fn hub(build: impl FnOnce(HubBuilder) -> HubBuilder) -> (Hub, Control) {
    let control = Control::default();
    let journal = FaultyJournal::new(&control);
    let hub = build(Hub::builder().journal(journal)).build().unwrap();
    (hub, control)
}

fn event(topic: &str) -> Event {
    Event::builder(topic, "t").build().unwrap()
}

fn submit(hub: &Hub, topic: &str) -> u64 {
    let offsets = hub
        .publisher()
        .submit(event(topic), &PublishOptions::default());
    offsets.unwrap().start
}

fn outcome(hub: &Hub, offset: u64) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(20);
    hub.publisher()
        .wait_outcome(offset..offset + 1, Some(deadline))
}

/// Waits until something is so, which takes moments.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// The offsets of all that is there, gaps aside.
fn seen(receiver: &mut Receiver) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Ok(_) | Err(TryReceiveError::Gap(_)) =
        receiver.drain(usize::MAX, |position, _| seen.push(position.offset))
    {}
    seen
}

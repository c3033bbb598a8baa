//! A bound that what may not go takes up alone: it is said in words, nothing is deleted, and a deletion makes room.

use eventring::hub::{Hub, HubPublishError};
use eventring::journal::{JournalState, Retention, SqliteJournal, SqliteOptions};
use eventring::{Event, Position};

use super::super::eventually;
use super::super::sqlite::Directory;

const BOUND: u64 = 2 << 20;
/// Events of 10 KB that take more than the bound by far.
const EVENTS_MAX: usize = 2_000;

fn streamed() -> Event {
    let mut builder = Event::builder("a", "t");
    builder.data("application/octet-stream", &[b'x'; 10_000]);
    builder.stream("order", "7", None);
    builder.build().unwrap()
}

#[test]
fn streams_that_take_up_the_bound_refuse_events_until_somebody_deletes_some() {
    let directory = Directory::new();
    let retention = Retention::default().bytes(Some(BOUND));
    let options = SqliteOptions::default().retention(retention);
    let journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
    let hub = Hub::builder().capacity(256).streams_max(10);
    let hub = hub.journal(journal).build().unwrap();
    let journal = hub.journal().unwrap();
    let mut published = 0;
    let refused = loop {
        match hub.publish(streamed()) {
            Ok(_) => published += 1,
            Err(refused) => break refused,
        }
        assert!(published < EVENTS_MAX, "nothing is refused");
    };
    assert_eq!(refused, HubPublishError::NoSpace);
    assert!(refused.to_string().contains("what may not go"), "{refused}");
    let JournalState::Full { reason } = journal.state() else {
        panic!("{:?}", journal.state())
    };
    assert!(reason.contains("events with a stream"), "{reason}");
    assert_eq!(journal.stats().oldest, 1, "nothing is deleted");
    assert_eq!(hub.stream_position("order", "7"), Some(published as u64));
    let before = Position {
        epoch: hub.epoch(),
        offset: published as u64,
    };
    journal.truncate("a", before, true).unwrap();
    eventually("there is room", || hub.publish(streamed()).is_ok());
    assert_eq!(
        hub.stream_position("order", "7"),
        Some(published as u64 + 1)
    );
}

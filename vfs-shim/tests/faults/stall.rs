//! A disk that hangs, under a real hub.

use std::thread;
use std::time::{Duration, Instant};

use eventring::hub::{
    Durability, Hub, HubPublishError, PublishOptions, StartFrom, Subscription, TopicConfig,
};
use eventring::journal::JournalState;
use eventring::{Event, Receiver};
use vfs_shim::{Call, Part, Shim};

use crate::directory::Directory;
use crate::script;

const PAGE: u32 = 16 << 10;
const DEADLINE: Duration = Duration::from_secs(20);
const COMMIT_TIMEOUT: Duration = Duration::from_millis(100);

fn hub(shim: &Shim, directory: &Directory) -> Hub {
    let journal = script::open(directory.path(), shim.name(), PAGE);
    let hub = Hub::builder()
        .journal(journal)
        .commit_timeout(COMMIT_TIMEOUT);
    hub.build().unwrap()
}

fn event(topic: &str, bytes: usize) -> Event {
    let mut event = Event::builder(topic, "t");
    event.data("application/octet-stream", &vec![7; bytes]);
    event.build().unwrap()
}

/// Who has a timeout commits nothing itself.
fn publish(hub: &Hub, topic: &str) -> Result<u64, HubPublishError> {
    let patient = PublishOptions::default().timeout(Some(DEADLINE));
    let position = hub.publisher().publish(event(topic, 10), &patient);
    position.map(|position| position.offset)
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "{what}");
        thread::yield_now();
    }
}

fn seen(hub: &Hub, topic: &str) -> usize {
    let all = Subscription::topic(topic).start(StartFrom::Beginning);
    let mut receiver: Receiver = hub.subscribe(all).unwrap();
    let mut seen = 0;
    while receiver.drain(usize::MAX, |_, _| seen += 1).is_ok() {}
    seen
}

#[test]
fn a_flush_that_hangs_is_told_and_goes_on() {
    let shim = Shim::register("stall-flush");
    let directory = Directory::new("stall-flush");
    let hub = hub(&shim, &directory);
    let memory = TopicConfig::default().durability(Durability::None);
    hub.create_topic("memory", memory).unwrap();
    let first = publish(&hub, "a").unwrap();
    shim.hang(Part::Wal, Call::Sync);
    let error = publish(&hub, "a").unwrap_err();
    assert!(
        matches!(error, HubPublishError::Indeterminate { .. }),
        "{error:?}"
    );
    assert!(shim.wait_hanging(DEADLINE));
    let journal = hub.journal().unwrap();
    assert!(journal.stalled().is_some());
    assert_eq!(journal.state(), JournalState::Writable, "it may go on");
    // What is there is read, in memory and from the disk.
    assert_eq!(seen(&hub, "a"), 1);
    let mut reader = journal.view().reader().unwrap();
    let all = eventring::event::Filter::all();
    let scan = eventring::journal::Scan::new(&all, 1..first + 1);
    let read = reader.read(&scan, &mut |_| std::ops::ControlFlow::Continue(()));
    assert_eq!(read.unwrap().next, first + 1);
    drop(reader);
    shim.release();
    eventually("it goes on", || hub.visible() == hub.head());
    assert!(journal.stalled().is_none());
    assert_eq!(seen(&hub, "a"), 2, "nobody knew, and it was committed");
    publish(&hub, "a").unwrap();
    hub.close();
    drop(hub);
    let hub = self::hub(&shim, &directory);
    assert_eq!(seen(&hub, "a"), 3);
}

/// Its thread hangs, and nobody waits for it but the end.
#[test]
fn a_checkpoint_that_hangs_holds_no_commit() {
    let shim = Shim::register("stall-checkpoint");
    let directory = Directory::new("stall-checkpoint");
    let hub = hub(&shim, &directory);
    shim.hang(Part::Database, Call::Write);
    let mut published = 0;
    let begun = Instant::now();
    while !shim.wait_hanging(Duration::ZERO) {
        hub.publish(event("a", 100_000)).unwrap();
        published += 1;
        assert!(begun.elapsed() < DEADLINE, "it is copied once it is long");
    }
    for _ in 0..200 {
        hub.publish(event("a", 100_000)).unwrap();
        published += 1;
    }
    let journal = hub.journal().unwrap();
    assert!(
        journal.stats().wal_bytes > 16 << 20,
        "the log grows meanwhile"
    );
    assert!(journal.stalled().is_none());
    shim.release();
    eventually("the log is short again", || {
        hub.publish(event("a", 100)).unwrap();
        published += 1;
        journal.stats().wal_bytes < 4 << 20
    });
    hub.close();
    drop(hub);
    let hub = self::hub(&shim, &directory);
    assert_eq!(hub.head(), published);
}

//! Commits that fail, that take their time, and what was there before a restart.

use std::sync::atomic::Ordering;

use eventring::event::EventBuilder;
use eventring::hub::PublishOptions;
use eventring::journal::{JournalState, JournalView, MemoryJournal, MemoryLog};

use super::world::{World, gated, notices, offsets};
use crate::streams::client::eventually;

#[test]
fn a_commit_that_failed_is_told_to_who_is_live_and_to_who_comes_back() {
    let (world, gate) = gated(5);
    gate.open();
    let mut live = world.resume("topic=a", 0);
    live.read_to(5);
    gate.fails.store(true, Ordering::Relaxed);
    let mut builder = EventBuilder::new();
    builder.topic("a").ty("t").text("lost");
    world.hub.publish(builder.build_ref().unwrap()).unwrap_err();
    // Told at once, not with the next event.
    live.read_until(|client| client.seen.last().is_some_and(|seen| seen.event == "gap"));
    gate.fails.store(false, Ordering::Relaxed);
    world.publish("a", 2);
    live.read_to(8);
    assert_eq!(offsets(&live), [1, 2, 3, 4, 5, 7, 8]);
    assert_eq!(notices(&live), ["gap aborted"]);
    let mut again = world.resume("topic=a", 3);
    again.read_to(8);
    assert_eq!(offsets(&again), [4, 5, 7, 8]);
    assert_eq!(notices(&again), ["gap aborted"]);
    // And once it has left the ring.
    world.publish("a", 300);
    let mut late = world.resume("topic=a", 3);
    late.read_to(308);
    assert_eq!(notices(&late), ["gap aborted"]);
    assert_eq!(offsets(&late).len(), 304);
}

#[test]
fn an_id_that_is_not_shown_yet_is_waited_for() {
    let (world, gate) = gated(5);
    gate.open();
    let held = gate.commits.lock();
    let mut builder = EventBuilder::new();
    builder.topic("a").ty("t").text("text");
    let event = builder.build_ref().unwrap();
    let options = PublishOptions::default();
    let submitted = world.hub.publisher().submit(event, &options).unwrap();
    assert_eq!(submitted, 6..7);
    // Whoever asks is told what readers may see, and not more.
    let mut new = world.open("topic=a");
    new.read_until(|client| !client.decoder.last_event_id().is_empty());
    let told = new.decoder.last_event_id().to_owned();
    assert_eq!(crate::streams::client::offset(&told), 5);
    // Its publisher knows it already.
    let mut client = world.resume("topic=a", 6);
    let handle = world.server.handle();
    eventually("it is open", || handle.stats().streams == 2);
    drop(held);
    world.publish("a", 3);
    client.read_to(9);
    assert_eq!(offsets(&client), [7, 8, 9]);
    assert_eq!(notices(&client), Vec::<String>::new());
    new.read_to(9);
    assert_eq!(offsets(&new), [6, 7, 8, 9]);
}

#[test]
fn an_id_of_before_a_restart_resumes() {
    let log = MemoryLog::default();
    let world = World::on(MemoryJournal::open(&log));
    world.publish("a", 300);
    let id = world.at(17);
    drop(world);
    // The last handle of a hub may be a thread's own for a moment more.
    eventually("it is closed", || log.state() == JournalState::Closed);
    let world = World::on(MemoryJournal::open(&log));
    assert_eq!(world.at(17), id, "one log, one epoch");
    let mut client = world.resume("topic=a", 17);
    world.publish("a", 2);
    client.read_to(302);
    assert_eq!(offsets(&client), (18..=302).collect::<Vec<_>>());
    assert_eq!(notices(&client), Vec::<String>::new());
}

#[cfg(feature = "sqlite")]
#[test]
fn an_id_of_before_a_restart_resumes_from_the_disk() {
    use eventring::journal::SqliteJournal;

    let name = format!("eventring-resume-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::remove_dir_all(&path).ok();
    let world = World::on(SqliteJournal::open(&path).unwrap());
    world.publish("a", 300);
    let id = world.at(17);
    drop(world);
    // The last handle of a hub may be a thread's own for a moment more.
    let deadline = std::time::Instant::now() + crate::streams::client::PATIENCE;
    let journal = loop {
        match SqliteJournal::open(&path) {
            Ok(journal) => break journal,
            Err(error) => assert!(std::time::Instant::now() < deadline, "{error}"),
        }
        std::thread::yield_now();
    };
    let world = World::on(journal);
    assert_eq!(world.at(17), id);
    let mut client = world.resume("topic=a", 17);
    world.publish("a", 2);
    client.read_to(302);
    assert_eq!(offsets(&client), (18..=302).collect::<Vec<_>>());
    assert_eq!(notices(&client), Vec::<String>::new());
    drop((client, world));
    std::fs::remove_dir_all(&path).unwrap();
}

//! Checkpoints by name: forward only unless forced, of one log, never guessed at; and the writer that saves now and then.

use std::time::Duration;

use eventring::Position;
use eventring::event::Epoch;
use eventring::hub::{
    Checkpoint, CheckpointError, CheckpointPolicy, CheckpointWriter, Checkpoints, Hub,
    NamedCheckpoint, TransactError,
};
use eventring::journal::{CommitFailure, MemoryJournal, StateTx};
use proptest::prelude::*;

use super::faulty::FaultyJournal;
use super::{event, eventually, hub};

/// Long enough that only the other reason to save is met.
const NEVER: Duration = Duration::from_secs(3_600);

fn checkpoints(hub: &Hub) -> Checkpoints<'_> {
    hub.checkpoints().expect("it has a journal")
}

fn publish(hub: &Hub, events: usize) {
    (0..events).for_each(|_| _ = hub.publish(event("a")).unwrap());
}

fn at(hub: &Hub, offset: u64) -> Position {
    let epoch = hub.epoch();
    Position { epoch, offset }
}

fn offset(kept: Option<Checkpoint>) -> Option<u64> {
    kept.map(|kept| kept.position.offset)
}

fn put_raw(hub: &Hub, name: &'static str, line: &'static [u8]) {
    let put = move |state: &mut dyn StateTx| state.put("checkpoints", name.as_bytes(), line);
    hub.journal().unwrap().transact(put).unwrap();
}

fn writer(hub: &Hub, events: u64, every: Duration) -> CheckpointWriter {
    let policy = CheckpointPolicy::default().every_events(events);
    checkpoints(hub).writer("w", policy.every(every)).unwrap()
}

#[test]
fn a_checkpoint_goes_forward_unless_it_is_forced() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 9);
    let all = checkpoints(&hub);
    assert_eq!(all.load("a"), Ok(None));
    for next in [0, 3, 3, 7] {
        all.save("a", at(&hub, next)).unwrap();
        assert_eq!(offset(all.load("a").unwrap()), Some(next));
    }
    let (kept, asked) = (at(&hub, 7), at(&hub, 6));
    let backwards = CheckpointError::Backwards { kept, asked };
    assert_eq!(
        backwards.to_string(),
        format!("{asked} is before {kept}, which is kept: force sets it back")
    );
    assert_eq!(all.save("a", asked), Err(backwards));
    assert_eq!(offset(all.load("a").unwrap()), Some(7));
    all.force("a", asked).unwrap();
    assert_eq!(offset(all.load("a").unwrap()), Some(6));
    assert_eq!(all.load("b"), Ok(None), "each name has its own");
}

#[test]
fn a_position_that_is_not_there_yet_or_of_another_log_is_refused_even_by_force() {
    let (hub, control) = hub(|builder| builder);
    publish(&hub, 2);
    let all = checkpoints(&hub);
    let (asked, visible) = (at(&hub, 3), at(&hub, 2));
    let beyond = CheckpointError::BeyondEnd { asked, visible };
    assert_eq!(all.save("a", asked), Err(beyond.clone()));
    assert_eq!(all.force("a", asked), Err(beyond.clone()));
    // In flight, it has a position that nobody may know of yet.
    control.hold();
    super::submit(&hub, "a");
    control.wait_held();
    assert_eq!(all.save("a", asked), Err(beyond));
    control.release();
    let asked = Position {
        epoch: Epoch(7),
        offset: 1,
    };
    let epoch = hub.epoch();
    let foreign = CheckpointError::Foreign { asked, epoch };
    assert_eq!(all.save("a", asked), Err(foreign.clone()));
    assert_eq!(all.force("a", asked), Err(foreign));
    assert_eq!(all.load("a"), Ok(None));
}

#[test]
fn one_of_another_log_is_told_and_replaced_by_force_only() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 2);
    let all = checkpoints(&hub);
    put_raw(&hub, "a", b"1 00000000004hm-900 1500");
    let kept = all.load("a").unwrap().unwrap();
    let old: Position = "00000000004hm-900".parse().unwrap();
    assert_eq!((kept.position, kept.saved), (old, 1_500));
    let (kept, asked) = (old, at(&hub, 1));
    assert_eq!(
        all.save("a", asked),
        Err(CheckpointError::OtherLog { kept, asked })
    );
    all.force("a", asked).unwrap();
    all.save("a", at(&hub, 2)).unwrap();
}

#[test]
fn one_that_cannot_be_read_is_an_error_and_not_the_beginning() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 2);
    let all = checkpoints(&hub);
    all.save("b", at(&hub, 1)).unwrap();
    for line in [&b""[..], b"\xff", b"7", b"2 00000000004hm-1 5", b"1 x 5"] {
        put_raw(&hub, "a", line);
        let loaded = all.load("a");
        assert!(
            matches!(&loaded, Err(CheckpointError::Unreadable { name, .. }) if name == "a"),
            "{loaded:?}"
        );
        let saved = all.save("a", at(&hub, 2));
        assert!(
            matches!(saved, Err(CheckpointError::Unreadable { .. })),
            "{saved:?}"
        );
        // It hides no other one.
        let list = all.list("", 10).unwrap();
        let list = list.iter().map(|one| (&*one.name, offset(one.checkpoint)));
        assert_eq!(list.collect::<Vec<_>>(), [("a", None), ("b", Some(1))]);
    }
    all.force("a", at(&hub, 2)).unwrap();
    assert_eq!(offset(all.load("a").unwrap()), Some(2));
}

#[test]
fn names_are_those_that_topics_may_have() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 1);
    let all = checkpoints(&hub);
    let long = "x".repeat(256);
    for name in ["", "a..b", "a\n", &long] {
        let wrong = Err(CheckpointError::Name(
            eventring::event::topic::validate(name).unwrap_err(),
        ));
        assert_eq!(all.save(name, at(&hub, 1)), wrong);
        assert_eq!(all.load(name).map(drop), wrong);
        assert_eq!(all.delete(name).map(drop), wrong);
        let writer = all.writer(name, CheckpointPolicy::default());
        assert_eq!(writer.map(drop), wrong);
    }
    all.save(&long[..255], at(&hub, 1)).unwrap();
}

#[test]
fn they_are_listed_in_pages_deleted_and_bounded() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 1);
    let all = checkpoints(&hub);
    assert_eq!(all.delete("n.00"), Ok(false));
    for n in 0..25 {
        all.save(&format!("n.{n:02}"), at(&hub, 1)).unwrap();
    }
    let mut names = Vec::new();
    let mut after = String::new();
    loop {
        let page: Vec<NamedCheckpoint> = all.list(&after, 10).unwrap();
        let Some(last) = page.last() else { break };
        after.clone_from(&last.name);
        names.extend(page.into_iter().map(|one| one.name));
    }
    let expected: Vec<String> = (0..25).map(|n| format!("n.{n:02}")).collect();
    assert_eq!(names, expected);
    // As many as there may be, put beside the door.
    let fill = |state: &mut dyn StateTx| {
        (25..10_000).try_for_each(|n| {
            let name = format!("n.{n}");
            state.put("checkpoints", name.as_bytes(), b"1 00000000004hm-1 5")
        })?;
        state.delete("hub", b"checkpoints").map(drop)
    };
    hub.journal().unwrap().transact(fill).unwrap();
    assert_eq!(all.save("one", at(&hub, 1)), Err(CheckpointError::TooMany));
    all.save("n.07", at(&hub, 1)).unwrap();
    assert_eq!(all.delete("n.07"), Ok(true));
    assert_eq!(all.load("n.07"), Ok(None));
    all.save("one", at(&hub, 1)).unwrap();
    assert_eq!(all.save("two", at(&hub, 1)), Err(CheckpointError::TooMany));
}

#[test]
fn a_memory_hub_has_none() {
    assert!(Hub::new().checkpoints().is_none());
}

#[test]
fn they_outlive_the_hub() {
    let (first, control) = hub(|builder| builder);
    publish(&first, 3);
    checkpoints(&first).save("a", at(&first, 2)).unwrap();
    first.close();
    let journal = MemoryJournal::open(&control.log());
    let second = Hub::builder().journal(journal).build().unwrap();
    assert_eq!(offset(checkpoints(&second).load("a").unwrap()), Some(2));
}

#[test]
fn a_save_that_is_not_committed_changes_nothing() {
    let (hub, control) = hub(|builder| builder);
    publish(&hub, 3);
    let all = checkpoints(&hub);
    all.save("a", at(&hub, 1)).unwrap();
    control.fail(Some(CommitFailure::Aborted));
    let failed = all.save("a", at(&hub, 3));
    assert!(
        matches!(
            failed,
            Err(CheckpointError::NotSaved(TransactError::Aborted(_)))
        ),
        "{failed:?}"
    );
    assert_eq!(offset(all.load("a").unwrap()), Some(1));
}

#[test]
fn a_policy_that_would_never_rest_is_refused() {
    let (hub, _control) = hub(|builder| builder);
    let default = CheckpointPolicy::default();
    for (policy, field) in [
        (default.every_events(0), "every_events"),
        (default.every(Duration::ZERO), "every"),
    ] {
        let refused = checkpoints(&hub).writer("w", policy).map(drop);
        assert_eq!(refused, Err(CheckpointError::Policy { field }));
    }
}

#[test]
fn a_writer_saves_after_so_many_events() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 30);
    let writer = writer(&hub, 10, NEVER);
    let kept = || offset(checkpoints(&hub).load("w").unwrap());
    (1..10).for_each(|n| writer.passed(at(&hub, n)));
    assert_eq!((kept(), writer.saved_position()), (None, None));
    assert_eq!(writer.position(), Some(at(&hub, 9)));
    writer.passed(at(&hub, 10));
    eventually("it is saved", || {
        writer.saved_position() == Some(at(&hub, 10))
    });
    assert_eq!((kept(), writer.age()), (Some(10), Duration::ZERO));
    // A place before it counts as an event, and sets nothing back.
    (0..10).for_each(|_| writer.passed(at(&hub, 3)));
    assert_eq!(writer.position(), Some(at(&hub, 10)));
    writer.passed(at(&hub, 11));
    eventually("it is saved", || kept() == Some(11));
}

#[test]
fn a_writer_saves_after_some_time_however_few_there_were() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 3);
    let writer = writer(&hub, u64::MAX, Duration::from_millis(5));
    writer.passed(at(&hub, 2));
    eventually("it is saved", || {
        writer.saved_position() == Some(at(&hub, 2))
    });
    writer.passed(at(&hub, 3));
    eventually("it is saved", || {
        writer.saved_position() == Some(at(&hub, 3))
    });
    assert_eq!(offset(checkpoints(&hub).load("w").unwrap()), Some(3));
}

/// KurrentDB tried none again once one had failed.
#[test]
fn a_save_that_fails_is_tried_again_and_its_age_is_seen() {
    let (hub, control) = hub(|builder| builder);
    publish(&hub, 9);
    let writer = writer(&hub, 1, NEVER);
    control.fail(Some(CommitFailure::Aborted));
    writer.passed(at(&hub, 4));
    eventually("it fails", || writer.last_error().is_some());
    writer.passed(at(&hub, 5));
    eventually("it has an age", || writer.age() > Duration::ZERO);
    assert_eq!(writer.saved_position(), None);
    let flushed = writer.flush();
    assert!(
        matches!(flushed, Err(CheckpointError::NotSaved(_))),
        "{flushed:?}"
    );
    control.fail(None);
    eventually("it is saved", || {
        writer.saved_position() == Some(at(&hub, 5))
    });
    assert_eq!((writer.last_error(), writer.age()), (None, Duration::ZERO));
}

/// Once the look that the first event had asked for, an hour off, kept the one after a failure from being made.
#[test]
fn a_save_by_count_that_fails_is_tried_again_before_long() {
    let (hub, control) = hub(|builder| builder);
    publish(&hub, 9);
    let writer = writer(&hub, 2, NEVER);
    writer.passed(at(&hub, 1));
    control.fail(Some(CommitFailure::Aborted));
    writer.passed(at(&hub, 2));
    eventually("it fails", || writer.last_error().is_some());
    control.fail(None);
    eventually("it is saved", || {
        writer.saved_position() == Some(at(&hub, 2))
    });
}

#[test]
fn a_writer_does_not_undo_what_was_forced_or_deleted() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 9);
    type Back = fn(&Hub);
    let back: [(Back, Option<u64>); 2] = [
        (
            |hub| checkpoints(hub).force("w", at(hub, 1)).unwrap(),
            Some(1),
        ),
        (|hub| assert!(checkpoints(hub).delete("w").unwrap()), None),
    ];
    for (back, kept) in back {
        let _ = checkpoints(&hub).delete("w");
        let first = writer(&hub, u64::MAX, NEVER);
        first.passed(at(&hub, 5));
        assert_eq!(first.flush(), Ok(()));
        // One of a later run, which has saved nothing itself.
        let second = writer(&hub, u64::MAX, NEVER);
        back(&hub);
        let moved = CheckpointError::Moved {
            saved: at(&hub, 5),
            kept: kept.map(|offset| at(&hub, offset)),
        };
        for writer in [first, second] {
            writer.passed(at(&hub, 6));
            assert_eq!(writer.flush(), Err(moved.clone()));
            writer.passed(at(&hub, 7));
            assert_eq!(writer.flush(), Err(moved.clone()));
        }
        assert_eq!(offset(checkpoints(&hub).load("w").unwrap()), kept);
        let next = writer(&hub, u64::MAX, NEVER);
        next.passed(at(&hub, 3));
        assert_eq!(next.flush(), Ok(()));
    }
}

#[test]
fn a_writer_does_not_hide_that_another_one_is_ahead() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 9);
    checkpoints(&hub).save("w", at(&hub, 8)).unwrap();
    let writer = writer(&hub, u64::MAX, NEVER);
    writer.passed(at(&hub, 2));
    let (kept, asked) = (at(&hub, 8), at(&hub, 2));
    let backwards = CheckpointError::Backwards { kept, asked };
    assert_eq!(writer.flush(), Err(backwards.clone()));
    assert_eq!(writer.last_error(), Some(backwards));
    writer.passed(at(&hub, 9));
    assert_eq!(writer.flush(), Ok(()));
    assert_eq!(
        (writer.saved_position(), writer.last_error()),
        (Some(at(&hub, 9)), None)
    );
}

#[test]
fn flushing_waits_for_what_was_passed_and_passing_for_nothing() {
    let (hub, control) = hub(|builder| builder);
    publish(&hub, 9);
    let writer = writer(&hub, 2, NEVER);
    assert_eq!(writer.flush(), Ok(()), "nothing was passed");
    control.hold();
    // All of it while the journal hangs.
    (1..=9).for_each(|n| writer.passed(at(&hub, n)));
    assert_eq!(writer.saved_position(), None);
    control.wait_held();
    std::thread::scope(|scope| {
        let flushing = scope.spawn(|| writer.flush());
        control.release();
        assert_eq!(flushing.join().unwrap(), Ok(()));
    });
    assert_eq!(offset(checkpoints(&hub).load("w").unwrap()), Some(9));
}

#[test]
fn flushing_gives_up_where_the_journal_hangs() {
    let (hub, control) = hub(|builder| builder.commit_timeout(Duration::from_millis(20)));
    publish(&hub, 1);
    let writer = writer(&hub, u64::MAX, NEVER);
    writer.passed(at(&hub, 1));
    control.hold();
    let timed_out = CheckpointError::NotSaved(TransactError::TimedOut);
    assert_eq!(writer.flush(), Err(timed_out));
    control.release();
    eventually("it is saved", || {
        writer.saved_position() == Some(at(&hub, 1))
    });
}

#[test]
fn flushing_on_the_thread_that_commits_is_refused() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, 1);
    let writer = writer(&hub, u64::MAX, NEVER);
    writer.passed(at(&hub, 1));
    let (told, heard) = std::sync::mpsc::channel();
    let done = Box::new(move |_| told.send(writer.flush()).unwrap());
    let journal = hub.journal().unwrap();
    journal.submit_transact(Box::new(|_| Ok(())), done).unwrap();
    let would_block = CheckpointError::NotSaved(TransactError::WouldBlock);
    assert_eq!(heard.recv().unwrap(), Err(would_block));
    // Dropped there, it has the rest saved.
    eventually("it is saved", || {
        offset(checkpoints(&hub).load("w").unwrap()) == Some(1)
    });
}

#[test]
fn a_writer_that_is_dropped_has_the_rest_saved_and_keeps_no_hub_open() {
    let (hub, control) = hub(|builder| builder);
    publish(&hub, 3);
    let dropped = writer(&hub, u64::MAX, NEVER);
    dropped.passed(at(&hub, 2));
    drop(dropped);
    eventually("it is saved", || {
        offset(checkpoints(&hub).load("w").unwrap()) == Some(2)
    });
    let kept = writer(&hub, u64::MAX, NEVER);
    kept.passed(at(&hub, 3));
    drop(hub);
    let closed = CheckpointError::NotSaved(TransactError::Closed);
    assert_eq!(kept.flush(), Err(closed));
    drop(kept);
    // Nobody has the journal any more.
    let hub = Hub::builder().journal(FaultyJournal::new(&control));
    let hub = hub.build().unwrap();
    assert_eq!(offset(checkpoints(&hub).load("w").unwrap()), Some(2));
}

/// What is done to one name, judged by an `Option<u64>`.
#[derive(Clone, Debug)]
enum Step {
    Save(u64),
    Force(u64),
    Delete,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..12_u64).prop_map(Step::Save),
        1 => (0..12_u64).prop_map(Step::Force),
        1 => Just(Step::Delete),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_checkpoint_is_what_the_rules_say(steps in steps()) {
        let (hub, _control) = hub(|builder| builder);
        publish(&hub, 9);
        let all = checkpoints(&hub);
        let mut model = None;
        for step in steps {
            match step {
                Step::Save(n) => {
                    let fine = n <= 9 && model.is_none_or(|kept| kept <= n);
                    prop_assert_eq!(all.save("a", at(&hub, n)).is_ok(), fine);
                    model = if fine { Some(n) } else { model };
                }
                Step::Force(n) => {
                    prop_assert_eq!(all.force("a", at(&hub, n)).is_ok(), n <= 9);
                    model = if n <= 9 { Some(n) } else { model };
                }
                Step::Delete => prop_assert_eq!(all.delete("a"), Ok(model.take().is_some())),
            }
            prop_assert_eq!(offset(all.load("a").unwrap()), model);
        }
    }
}

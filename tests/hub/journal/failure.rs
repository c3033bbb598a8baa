//! Commits that fail, hang, or cannot be made.

use std::thread;
use std::time::Duration;

use eventring::hub::{
    Durability, ExpectedVersion, HubPublishError, JournalHandle, Outcome, PublishOptions,
    StartFrom, Subscription, TopicConfig, TransactError,
};
use eventring::journal::{CommitFailure, JournalState};
use eventring::{Event, Hub};

use super::{event, eventually, hub, outcome, seen, submit};

/// Once a publish was answered by its position: visible passes what is void, so a failed commit was answered 201.
#[test]
fn a_commit_that_fails_under_a_thousand_publishes_lets_none_succeed() {
    let failures = [
        (CommitFailure::Aborted, Outcome::Aborted),
        (CommitFailure::NoSpace, Outcome::NoSpace),
        (CommitFailure::Poisoned, Outcome::Indeterminate),
    ];
    for (failure, expected) in failures {
        let (hub, control) = hub(|builder| builder);
        let mut receiver = hub.subscribe(Subscription::all()).unwrap();
        control.hold();
        let offsets: Vec<u64> = (0..1_000).map(|_| submit(&hub, "a")).collect();
        control.wait_held();
        control.fail(Some(failure));
        control.release();
        for offset in offsets {
            assert_eq!(outcome(&hub, offset), expected, "{failure:?}");
        }
        eventually("what is void is passed", || hub.visible() == 1_000);
        assert!(seen(&mut receiver).is_empty());
        assert_eq!(receiver.position().offset, 1_000, "told, and passed");
        let all = Subscription::all().start(StartFrom::Beginning);
        assert!(seen(&mut hub.subscribe(all).unwrap()).is_empty());
        let last = Subscription::topic("a").start(StartFrom::Last(10));
        assert!(seen(&mut hub.subscribe(last).unwrap()).is_empty());
        let info = hub.describe_topic("a").unwrap();
        assert_eq!((info.published, info.last_offset), (0, 0));
    }
}

#[test]
fn after_a_failed_commit_versions_stand_where_they_stood() {
    let (hub, control) = hub(|builder| builder.streams_max(10));
    let stream = || {
        Event::builder("a", "t")
            .stream("order", "7", None)
            .build()
            .unwrap()
    };
    hub.publish(stream()).unwrap();
    assert_eq!(hub.stream_position("order", "7"), Some(1));
    control.fail(Some(CommitFailure::Aborted));
    for _ in 0..3 {
        let failed = hub.publish_expecting(ExpectedVersion::Exactly(1), stream());
        assert!(
            matches!(failed, Err(HubPublishError::Aborted { .. })),
            "{failed:?}"
        );
        assert_eq!(hub.stream_position("order", "7"), Some(1));
    }
    control.fail(None);
    hub.publish_expecting(ExpectedVersion::Exactly(1), stream())
        .unwrap();
    assert_eq!(hub.stream_position("order", "7"), Some(2));
    let info = hub.describe_topic("a").unwrap();
    assert_eq!((info.published, info.last_offset), (2, hub.head()));
}

#[test]
fn a_full_disk_refuses_what_is_to_be_written_until_there_is_space() {
    let (hub, control) = hub(|builder| builder);
    let memory = TopicConfig::default().durability(Durability::None);
    hub.create_topic("memory", memory).unwrap();
    hub.publish(event("memory")).unwrap();
    control.fail(Some(CommitFailure::NoSpace));
    assert_eq!(hub.publish(event("a")), Err(HubPublishError::NoSpace));
    eventually("the void is passed", || hub.visible() == hub.head());
    let written = hub.head();
    assert_eq!(hub.publish(event("a")), Err(HubPublishError::NoSpace));
    assert_eq!(hub.head(), written, "refused at once");
    hub.publish(event("memory")).unwrap();
    control.fail(None);
    eventually("there is space again", || hub.publish(event("a")).is_ok());
}

#[test]
fn a_broken_journal_takes_nothing_more_and_memory_goes_on() {
    let (hub, control) = hub(|builder| builder);
    let memory = TopicConfig::default().durability(Durability::None);
    hub.create_topic("memory", memory).unwrap();
    control.fail(Some(CommitFailure::Poisoned));
    let broken = event("a");
    let error = hub.publish(&broken).unwrap_err();
    let HubPublishError::Indeterminate { position, id } = error else {
        panic!("{error:?}")
    };
    assert_eq!((position.offset, id.as_str()), (1, broken.id()));
    control.fail(None);
    let refused = hub.publish(event("a"));
    assert!(
        matches!(refused, Err(HubPublishError::Unavailable { .. })),
        "{refused:?}"
    );
    eventually("what is void is passed", || hub.visible() == 1);
    let mut receiver = hub.subscribe("memory").unwrap();
    for _ in 0..100 {
        let position = hub.publish(event("memory")).unwrap();
        assert_eq!(receiver.recv().unwrap().position, position);
    }
}

#[test]
fn a_commit_that_hangs_is_told_and_may_still_be() {
    let (hub, control) = hub(|builder| builder.commit_timeout(Duration::from_millis(50)));
    control.hold();
    let submitted = submit(&hub, "a");
    control.wait_held();
    let error = hub.publish(event("a")).unwrap_err();
    assert!(
        matches!(error, HubPublishError::Indeterminate { position, .. } if position.offset == 2)
    );
    let journal: JournalHandle<'_> = hub.journal().unwrap();
    assert!(journal.stalled().is_some());
    assert_eq!(outcome(&hub, submitted), Outcome::Indeterminate);
    control.release();
    eventually("it goes on", || hub.visible() == 2);
    assert!(hub.journal().unwrap().stalled().is_none());
    assert_eq!(outcome(&hub, submitted), Outcome::Visible);
}

#[test]
fn a_publish_waits_no_longer_than_it_was_told() {
    let (hub, control) = hub(|builder| builder);
    control.hold();
    submit(&hub, "a");
    control.wait_held();
    let brief = PublishOptions::default().timeout(Some(Duration::from_millis(10)));
    let error = hub.publisher().publish(event("a"), &brief).unwrap_err();
    assert!(matches!(error, HubPublishError::TimedOut { position } if position.offset == 2));
    control.release();
    assert_eq!(outcome(&hub, 2), Outcome::Visible);
}

/// Once it committed itself, and was back when the disk was.
#[test]
fn a_publish_that_has_a_timeout_does_not_hang_with_the_disk() {
    let (hub, control) = hub(|builder| builder);
    control.hold();
    let brief = PublishOptions::default().timeout(Some(Duration::from_millis(10)));
    let error = hub.publisher().publish(event("a"), &brief).unwrap_err();
    assert!(matches!(error, HubPublishError::TimedOut { position } if position.offset == 1));
    control.release();
    assert_eq!(outcome(&hub, 1), Outcome::Visible);
}

/// As above.
#[test]
fn who_finds_the_journal_free_is_told_of_a_commit_that_hangs() {
    let (hub, control) = hub(|builder| builder.commit_timeout(Duration::from_millis(50)));
    control.hold();
    let patient = PublishOptions::default().timeout(Some(Duration::from_secs(60)));
    let error = hub.publisher().publish(event("a"), &patient).unwrap_err();
    assert!(
        matches!(error, HubPublishError::Indeterminate { position, .. } if position.offset == 1)
    );
    control.release();
    eventually("it goes on", || hub.visible() == 1);
    control.hold();
    let changed = hub.journal().unwrap().transact(|_| Ok(()));
    assert_eq!(changed, Err(TransactError::TimedOut));
    control.release();
    assert_eq!(hub.journal().unwrap().transact(|_| Ok(())), Ok(()));
}

/// Once it was never woken again: nobody but the commit would have done so.
#[cfg(feature = "async")]
#[test]
fn a_task_is_told_of_a_commit_that_hangs_and_that_there_is_no_room() {
    let brief = Duration::from_millis(50);
    let (hub, control) = hub(|builder| {
        let builder = builder.commit_timeout(brief).publish_timeout(brief);
        builder.in_flight(2)
    });
    control.hold();
    let publish = || {
        let options = PublishOptions::default();
        futures::executor::block_on(hub.publisher().publish_async(event("a"), &options))
    };
    for offset in [1, 2] {
        let error = publish().unwrap_err();
        assert!(
            matches!(error, HubPublishError::Indeterminate { position, .. } if position.offset == offset),
            "{error:?}"
        );
    }
    assert_eq!(publish(), Err(HubPublishError::Full));
    assert_eq!(hub.head(), 2);
    control.release();
    eventually("it goes on", || hub.visible() == 2);
    assert_eq!(publish().unwrap().offset, 3);
}

#[cfg(feature = "async")]
#[test]
fn a_task_waits_no_longer_than_it_was_told() {
    let (hub, control) = hub(|builder| builder.in_flight(2));
    control.hold();
    let publish = || {
        let brief = PublishOptions::default().timeout(Some(Duration::from_millis(10)));
        futures::executor::block_on(hub.publisher().publish_async(event("a"), &brief))
    };
    for offset in [1, 2] {
        let error = publish().unwrap_err();
        assert!(
            matches!(error, HubPublishError::TimedOut { position } if position.offset == offset),
            "{error:?}"
        );
    }
    assert_eq!(publish(), Err(HubPublishError::Full));
    control.release();
    assert_eq!(outcome(&hub, 2), Outcome::Visible);
    let patient = PublishOptions::default().timeout(Some(Duration::MAX));
    let publish = hub.publisher().publish_async(event("a"), &patient);
    assert_eq!(futures::executor::block_on(publish).unwrap().offset, 3);
}

#[test]
fn nothing_is_passed_whose_offset_could_be_given_out_again() {
    let (hub, control) = hub(|builder| builder);
    control.fail(Some(CommitFailure::Aborted));
    control.fail_to_reserve(true);
    eventually("it refuses", || {
        matches!(
            hub.publish(event("a")),
            Err(HubPublishError::Unavailable { .. })
        )
    });
    assert_eq!(hub.visible(), 0);
    // Once every publish was refused, and the journal was said to take them.
    let state = || hub.journal().unwrap().state();
    assert!(
        matches!(state(), JournalState::Full { .. }),
        "{:?}",
        state()
    );
    control.fail(None);
    control.fail_to_reserve(false);
    eventually("it goes on", || hub.publish(event("a")).is_ok());
    assert_eq!(state(), JournalState::Writable);
    assert_eq!(hub.visible(), hub.head());
}

fn publish_there(hub: &Hub) -> Result<u64, HubPublishError> {
    hub.publish(event("a")).map(|position| position.offset)
}

#[test]
fn the_thread_that_commits_does_not_wait_for_itself() {
    let (hub, _control) = hub(|builder| builder);
    let other = hub.clone();
    let (send, receive) = std::sync::mpsc::channel();
    let state = move |_: &mut dyn eventring::journal::StateTx| {
        let submitted = other
            .publisher()
            .submit(event("a"), &PublishOptions::default());
        send.send((publish_there(&other), submitted)).unwrap();
        Ok(())
    };
    hub.journal().unwrap().transact(state).unwrap();
    let (waited, submitted) = receive.recv().unwrap();
    assert_eq!(waited, Err(HubPublishError::WouldBlock));
    assert_eq!(submitted, Ok(1..2), "what does not wait is published");
    assert_eq!(outcome(&hub, 1), Outcome::Visible);
    thread::scope(|scope| scope.spawn(|| publish_there(&hub).unwrap()).join().unwrap());
}

#[test]
fn a_reservation_that_panics_is_one_that_fails() {
    let (hub, control) = hub(|builder| builder.durability(Durability::None));
    control.panic_to_reserve(true);
    eventually("it refuses", || {
        matches!(
            hub.publish(event("a")),
            Err(HubPublishError::Unavailable { .. })
        )
    });
    let state = || hub.journal().unwrap().state();
    assert!(
        matches!(state(), JournalState::Poisoned { .. }),
        "{:?}",
        state()
    );
    control.panic_to_reserve(false);
    eventually("it goes on", || hub.publish(event("a")).is_ok());
}

/// Once only a commit was looked at: everybody waited for a journal that hung elsewhere.
#[test]
fn a_reservation_that_hangs_is_told_as_a_commit_that_does() {
    let (hub, control) = hub(|builder| {
        builder
            .durability(Durability::None)
            .commit_timeout(Duration::from_millis(50))
    });
    control.hold_reserve(true);
    let submitted = submit(&hub, "a");
    assert_eq!(outcome(&hub, submitted), Outcome::Indeterminate);
    assert!(hub.journal().unwrap().stalled().is_some());
    control.hold_reserve(false);
    eventually("it goes on", || hub.visible() == 1);
}

#[test]
fn a_commit_that_fails_takes_nothing_from_a_topic_that_was_made_anew() {
    let (hub, control) = hub(|builder| builder);
    control.hold();
    let old = submit(&hub, "a");
    control.wait_held();
    control.fail(Some(CommitFailure::Aborted));
    let journal = hub.journal().unwrap();
    let done = || Box::new(drop);
    journal.submit_topic("a", None, done()).unwrap();
    let memory = TopicConfig::default().durability(Durability::None);
    journal.submit_topic("a", Some(memory), done()).unwrap();
    let new = submit(&hub, "a");
    control.release();
    assert_eq!(outcome(&hub, old), Outcome::Aborted);
    assert_eq!(outcome(&hub, new), Outcome::Visible);
    let info = hub.describe_topic("a").unwrap();
    assert_eq!((info.published, info.last_offset), (1, new));
}

/// Once its thread tried for ever, and closing waited as long as a commit may take.
#[test]
fn a_hub_that_can_reserve_nothing_any_more_ends_when_it_is_closed() {
    let longest = Duration::from_secs(60);
    let (hub, control) =
        hub(|builder| builder.durability(Durability::None).commit_timeout(longest));
    let receiver = hub.subscribe("a").unwrap();
    control.panic_to_reserve(true);
    let refused = hub.publish(event("a"));
    assert!(
        matches!(refused, Err(HubPublishError::Indeterminate { .. })),
        "{refused:?}"
    );
    let began = std::time::Instant::now();
    hub.close();
    assert!(began.elapsed() < longest / 2, "{:?}", began.elapsed());
    assert_eq!(receiver.ended(), Some(eventring::hub::EndReason::Closed));
}

/// Once whatever came of it was dropped, and the journal was said to be closed.
#[test]
fn a_journal_that_cannot_be_closed_in_order_says_so() {
    for fails in [false, true] {
        let (hub, control) = hub(|builder| builder);
        hub.publish(event("a")).unwrap();
        if fails {
            control.fail_to_close();
        }
        hub.close();
        let state = hub.journal().unwrap().state();
        match fails {
            false => assert_eq!(state, JournalState::Closed),
            true => assert!(matches!(state, JournalState::Poisoned { .. }), "{state:?}"),
        }
    }
}

//! Events that are in memory only, beside a journal.

use eventring::hub::{Durability, Outcome, Subscription, TopicConfig};

use super::faulty::Control;
use super::{event, hub, outcome, seen, submit};

/// Whether no event was written; that the default is none is.
fn is_unwritten(control: &Control) -> bool {
    let rounds = control.rounds();
    rounds.iter().all(|round| round.offsets.is_empty())
}

#[test]
fn what_is_not_written_is_seen_at_once_when_nothing_is_in_flight() {
    let (hub, control) = hub(|builder| builder.durability(Durability::None));
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    // The first waits for its offset to be reserved.
    hub.publish(event("a")).unwrap();
    control.hold();
    for offset in 2..=1_000 {
        assert_eq!(submit(&hub, "a"), offset);
        assert_eq!(hub.visible(), offset, "by its publisher");
    }
    assert_eq!(seen(&mut receiver).len(), 1_000);
    assert!(is_unwritten(&control));
    assert!(control.reserved()[0] > 1_000);
}

#[test]
fn a_ring_that_is_full_of_what_publishers_have_shown_is_not_full() {
    let build =
        |builder: eventring::hub::HubBuilder| builder.durability(Durability::None).capacity(128);
    let (hub, control) = hub(build);
    for offset in 1..=10_000 {
        assert_eq!(hub.publish(event("a")).unwrap().offset, offset);
    }
    assert_eq!((hub.visible(), hub.stats().published), (10_000, 10_000));
    assert!(is_unwritten(&control));
}

#[test]
fn what_is_not_written_stays_behind_what_is_in_flight_before_it() {
    let (hub, control) = hub(|builder| builder);
    let memory = TopicConfig::default().durability(Durability::None);
    hub.create_topic("memory", memory).unwrap();
    hub.publish(event("memory")).unwrap();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    control.hold();
    let durable = submit(&hub, "a");
    control.wait_held();
    let behind = submit(&hub, "memory");
    assert_eq!(hub.visible(), durable - 1);
    control.release();
    assert_eq!(outcome(&hub, behind), Outcome::Visible);
    assert_eq!(seen(&mut receiver), [durable, behind]);
}

#[test]
fn a_failed_commit_takes_nothing_that_was_not_to_be_written() {
    let (hub, control) = hub(|builder| builder);
    let memory = TopicConfig::default().durability(Durability::None);
    hub.create_topic("memory", memory).unwrap();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    control.hold();
    let first = submit(&hub, "a");
    control.wait_held();
    let between = submit(&hub, "memory");
    let last = submit(&hub, "a");
    control.fail(Some(eventring::journal::CommitFailure::Aborted));
    control.release();
    assert_eq!(outcome(&hub, first), Outcome::Aborted);
    assert_eq!(outcome(&hub, last), Outcome::Aborted);
    assert_eq!(outcome(&hub, between), Outcome::Visible);
    assert_eq!(seen(&mut receiver), [between]);
    assert_eq!(hub.describe_topic("memory").unwrap().last_offset, between);
}

/// Once the round that had begun without events moved visible back to where it was then.
#[test]
fn what_publishers_show_while_a_change_commits_stays_shown() {
    let (hub, control) = hub(|builder| builder.durability(Durability::None));
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    hub.publish(event("a")).unwrap();
    control.hold();
    let journal = hub.journal().unwrap();
    let change = Box::new(|_: &mut dyn eventring::journal::StateTx| Ok(()));
    journal.submit_transact(change, Box::new(drop)).unwrap();
    control.wait_held();
    for offset in 2..=100 {
        assert_eq!(submit(&hub, "a"), offset);
    }
    control.release();
    // A publish behind it goes through the journal, and is the only one that does.
    let durable = eventring::hub::PublishOptions::default().durability(Some(Durability::Durable));
    let last = hub.publisher().publish(event("a"), &durable).unwrap();
    assert_eq!((last.offset, hub.visible()), (101, 101));
    assert_eq!(seen(&mut receiver), (1..=101).collect::<Vec<_>>());
    for offset in 102..=200 {
        assert_eq!(submit(&hub, "a"), offset);
        assert_eq!(hub.visible(), offset, "by its publisher");
    }
}

/// Once a commit counted as what keeps offsets from being given out again, flushed or not.
#[test]
fn what_is_seen_before_a_commit_that_is_not_flushed_is_reserved() {
    let (hub, control) = hub(|builder| builder.durability(Durability::Buffered));
    let memory = TopicConfig::default().durability(Durability::None);
    hub.create_topic("memory", memory).unwrap();
    control.hold();
    submit(&hub, "a");
    control.wait_held();
    let shown = submit(&hub, "memory");
    let last = submit(&hub, "a");
    control.release();
    assert_eq!(outcome(&hub, last), Outcome::Visible);
    assert!(control.reserved().iter().any(|below| *below > shown));
}

//! Who sleeps for events that are committed later.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use eventring::Subscription;
use eventring::hub::{EndReason, ReceiveError, TryReceiveError};

use super::{event, eventually, hub, seen, submit};
use crate::common::Count;

/// Once an event was judged when it was published: whoever lay down between that and its commit slept on.
#[test]
fn a_sleeper_is_woken_when_what_it_wants_is_seen_and_not_by_the_rest() {
    let (hub, control) = hub(|builder| builder);
    let mut wanted = hub.subscribe("wanted").unwrap();
    let mut other = hub.subscribe("other").unwrap();
    let (count, none) = (Arc::new(Count::default()), Arc::new(Count::default()));
    assert!(other.arm(none.clone()));
    control.hold();
    let offset = submit(&hub, "wanted");
    control.wait_held();
    // Between publish and commit.
    assert!(wanted.arm(count.clone()), "nothing is seen yet");
    assert_eq!(count.get(), 0);
    control.release();
    eventually("it is woken", || count.get() == 1);
    assert_eq!(seen(&mut wanted), [offset]);
    for _ in 0..100 {
        hub.publish(event("wanted")).unwrap();
    }
    assert_eq!((count.get(), none.get()), (1, 0));
    assert_eq!(other.try_recv().ok(), None);
    assert_eq!(
        other.position(),
        hub.position(),
        "what others judged is passed"
    );
}

#[test]
fn nobody_sleeps_through_anything_however_publishers_and_commits_meet() {
    let (hub, _control) = hub(|builder| builder);
    let (publishers, events) = (4, 500);
    thread::scope(|scope| {
        for class in ["a", "b"] {
            for _ in 0..2 {
                let mut receiver = hub.subscribe(Subscription::topic(class)).unwrap();
                scope.spawn(move || {
                    for _ in 0..publishers / 2 * events {
                        receiver.recv().unwrap();
                    }
                });
            }
        }
        for publisher in 0..publishers {
            let hub = &hub;
            let topic = ["a", "b"][publisher % 2];
            scope.spawn(move || (0..events).for_each(|_| _ = hub.publish(event(topic)).unwrap()));
        }
    });
}

#[test]
fn a_cursor_sleeps_until_the_barrier_moves() {
    let (hub, control) = hub(|builder| builder);
    let mut cursor = hub.cursor().unwrap();
    let count = Arc::new(Count::default());
    let waiter = cursor.waiter(count.clone());
    control.hold();
    submit(&hub, "a");
    control.wait_held();
    assert!(waiter.arm(cursor.next_offset()), "nothing is seen yet");
    control.release();
    eventually("it is notified", || count.get() == 1);
    assert_eq!(cursor.read_while(9, |offset, _| offset == 1), Ok(1));
}

/// Who waits for events is not held by a journal that hangs: closing gives up in time, and says so.
#[test]
fn closing_with_a_journal_that_hangs_wakes_who_waits() {
    let (hub, control) = hub(|builder| builder.commit_timeout(Duration::from_millis(50)));
    let mut receivers: Vec<_> = (0..3)
        .map(|_| hub.subscribe(Subscription::all()).unwrap())
        .collect();
    let mut armed = hub.subscribe(Subscription::all()).unwrap();
    let count = Arc::new(Count::default());
    let first = hub.publish(event("a")).unwrap().offset;
    assert_eq!(seen(&mut armed), [first]);
    assert!(armed.arm(count.clone()));
    control.hold();
    submit(&hub, "a");
    control.wait_held();
    thread::scope(|scope| {
        let waiting: Vec<_> = receivers
            .iter_mut()
            .map(|receiver| {
                scope.spawn(move || {
                    let first = receiver.recv().map(|delivery| delivery.position.offset);
                    (first, receiver.recv().unwrap_err())
                })
            })
            .collect();
        hub.close();
        for one in waiting {
            let ended = one.join().unwrap();
            assert_eq!(ended, (Ok(first), ReceiveError::Closed));
        }
    });
    assert_eq!(count.get(), 1);
    assert_eq!(armed.try_recv(), Err(TryReceiveError::Closed));
    assert_eq!(armed.ended(), Some(EndReason::Closed));
    control.release();
}

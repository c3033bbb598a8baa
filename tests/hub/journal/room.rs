//! Room for what is in flight, and the line of those who wait for it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use eventring::event::EventBatch;
use eventring::hub::{HubPublishError, Outcome, PublishOptions, RoomTicket};
use eventring::{Event, Hub};

use super::{event, eventually, hub, outcome, submit};
use crate::common::Count;

fn full(hub: &Hub) -> bool {
    let options = PublishOptions::default();
    hub.publisher().submit(event("a"), &options) == Err(HubPublishError::Full)
}

#[test]
fn events_and_bytes_in_flight_are_bounded() {
    let (hub, control) = hub(|builder| builder.in_flight(8).in_flight_bytes(64 << 10));
    assert_eq!(
        (
            hub.publisher().batch_events_max(),
            hub.publisher().batch_bytes_max()
        ),
        (4, 32 << 10)
    );
    control.hold();
    (0..8).for_each(|_| _ = submit(&hub, "a"));
    assert!(full(&hub));
    control.release();
    assert_eq!(outcome(&hub, 8), Outcome::Visible);
    control.hold();
    let large = Event::builder("a", "t")
        .text(&"x".repeat(40 << 10))
        .build()
        .unwrap();
    let options = PublishOptions::default();
    hub.publisher().submit(&large, &options).unwrap();
    assert_eq!(
        hub.publisher().submit(&large, &options),
        Err(HubPublishError::Full)
    );
    assert!(!full(&hub), "there is room for a small one");
    control.release();
    eventually("there is room", || {
        hub.publisher().submit(&large, &options).is_ok()
    });
}

#[test]
fn a_batch_gets_its_turn_beside_those_who_need_less() {
    let (hub, control) = hub(|builder| builder.in_flight(8));
    control.hold();
    (0..6).for_each(|_| _ = submit(&hub, "a"));
    control.wait_held();
    let mut batch = EventBatch::new();
    (0..4).for_each(|_| batch.push(event("batch")));
    let options = PublishOptions::default();
    assert_eq!(
        hub.publisher().submit_batch(&batch, &options),
        Err(HubPublishError::Full)
    );
    let (count, later) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let first = hub.publisher().room(count.clone());
    let second = hub.publisher().room(later.clone());
    // There is room for one more; but others came before.
    assert!(full(&hub));
    let in_turn = |ticket: &RoomTicket| {
        let publisher = hub.publisher();
        publisher.with_ticket(ticket).submit_batch(&batch, &options)
    };
    assert_eq!(in_turn(&second), Err(HubPublishError::Full));
    let told = count.get();
    control.release();
    eventually("the first is told", || count.get() > told);
    // On a machine that is busy it may be late, and behind the other one for a while.
    let mut offsets = 0..0;
    eventually("the first has room", || {
        let published = in_turn(&first);
        published.is_ok_and(|range| {
            offsets = range;
            true
        })
    });
    drop(first);
    assert!(later.get() > 0, "the next is told");
    eventually("there is room for the second", || in_turn(&second).is_ok());
    drop(second);
    assert_eq!(offsets, 7..11);
    eventually("everybody is through", || !full(&hub));
}

/// Once a place whose owner did not come, as a future that nobody polls, held up all who came behind it.
#[test]
fn a_place_that_is_not_used_when_it_is_told_holds_nobody_up() {
    let (hub, control) = hub(|builder| builder.in_flight(2));
    control.hold();
    (0..2).for_each(|_| _ = submit(&hub, "a"));
    control.wait_held();
    let forgotten = [0; 2].map(|_| hub.publisher().room(Arc::new(Count::default())));
    let told = Arc::new(Count::default());
    let ticket = hub.publisher().room(told.clone());
    control.release();
    eventually("the last is told, though nothing else happens", || {
        told.get() > 0
    });
    let in_turn = hub.publisher().with_ticket(&ticket);
    in_turn
        .submit(event("a"), &PublishOptions::default())
        .unwrap();
    drop(ticket);
    // And whoever comes without a place.
    eventually("nobody waits for those who do not come", || !full(&hub));
    hub.publish(event("a")).unwrap();
    drop(forgotten);
}

#[test]
fn thirty_one_publishers_and_a_batch_all_get_through() {
    let (hub, _control) = hub(|builder| builder.in_flight(64));
    thread::scope(|scope| {
        for _ in 0..31 {
            scope.spawn(|| (0..100).for_each(|_| _ = hub.publish(event("a")).unwrap()));
        }
        scope.spawn(|| {
            let mut batch = EventBatch::new();
            (0..32).for_each(|_| batch.push(event("batch")));
            for _ in 0..20 {
                let offsets = hub.publish_batch(&batch).unwrap();
                assert_eq!(offsets.end - offsets.start, 32);
            }
        });
    });
    assert_eq!((hub.head(), hub.visible()), (3_740, 3_740));
}

#[test]
fn who_waits_for_room_too_long_is_refused() {
    let patient = Duration::from_millis(20);
    let (hub, control) = hub(|builder| builder.in_flight(2).publish_timeout(patient));
    control.hold();
    submit(&hub, "a");
    submit(&hub, "a");
    assert_eq!(hub.publish(event("a")), Err(HubPublishError::Full));
    assert_eq!(hub.head(), 2, "nothing is published");
    control.release();
    assert_eq!(outcome(&hub, 2), Outcome::Visible);
    hub.publish(event("a")).unwrap();
}

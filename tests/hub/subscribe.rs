//! Receiving: patterns, starts, lag, waiting, the raw reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eventring::event::{Epoch, Event, Position};
use eventring::hub::{
    CursorReadError, CursorSeekError, Gap, GapReason, Hub, ReceiveError, ReceiveTimeoutError,
    StartFrom, Subscription, SubscriptionError, TryReceiveError,
};
use eventring::ring::{Notify, Waited};
use proptest::prelude::*;

fn publish(hub: &Hub, topic: &str) -> u64 {
    hub.publish(Event::builder(topic, "t").build().unwrap())
        .unwrap()
        .offset
}

fn publish_many(hub: &Hub, topic: &str, count: usize) {
    for _ in 0..count {
        publish(hub, topic);
    }
}

fn small(capacity: usize) -> Hub {
    Hub::builder().capacity(capacity).build().unwrap()
}

#[test]
fn only_wanted_topics_are_received_in_order() {
    let hub = Hub::new();
    let mut receiver = hub
        .subscribe(Subscription::topics(["orders.*", "users.>"]))
        .unwrap();
    for topic in [
        "orders.a",
        "orders",
        "users",
        "users.x.y",
        "orders.a.b",
        "orders.b",
    ] {
        publish(&hub, topic);
    }
    hub.close();
    let seen: Vec<_> = receiver
        .by_ref()
        .map(|delivery| delivery.unwrap())
        .map(|delivery| (delivery.position.offset, delivery.event.topic().to_owned()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, "orders.a".into()),
            (4, "users.x.y".into()),
            (6, "orders.b".into())
        ]
    );
    assert_eq!(
        receiver.position(),
        hub.position(),
        "what is not wanted is passed too"
    );
}

#[test]
fn a_subscription_starts_where_it_says() {
    let hub = small(4);
    publish_many(&hub, "t", 6);
    let first = |start| {
        let mut receiver = hub.subscribe(Subscription::all().start(start)).unwrap();
        receiver.try_recv().map(|delivery| delivery.position.offset)
    };
    let after = |offset| {
        StartFrom::After(Position {
            epoch: hub.epoch(),
            offset,
        })
    };
    assert_eq!(first(StartFrom::Now), Err(TryReceiveError::Empty));
    assert_eq!(first(StartFrom::Beginning), Ok(3));
    assert_eq!(first(after(4)), Ok(5));
    assert_eq!(first(after(2)), Ok(3));
    assert_eq!(first(after(6)), Err(TryReceiveError::Empty));
    let gap = Gap {
        missed: 2,
        resume_at: 3,
        exact: true,
        reason: GapReason::Overrun,
    };
    assert_eq!(first(after(0)), Err(TryReceiveError::Gap(gap)));
    let refused = |start| hub.subscribe(Subscription::all().start(start)).unwrap_err();
    assert_eq!(
        refused(after(7)),
        SubscriptionError::InFuture { head: 6, got: 7 }
    );
    let other = Epoch(hub.epoch().0 ^ 1);
    let position = Position {
        epoch: other,
        offset: 1,
    };
    assert_eq!(
        refused(StartFrom::After(position)),
        SubscriptionError::Epoch {
            expected: hub.epoch(),
            got: other
        }
    );
}

#[test]
fn bad_patterns_are_refused_with_their_column() {
    let hub = Hub::new();
    let message = |subscription| hub.subscribe(subscription).unwrap_err().to_string();
    assert_eq!(
        message(Subscription::topic("a..b")),
        "topic 0: empty segment at column 3"
    );
    assert_eq!(
        message(Subscription::topics(["a", "b*"])),
        "topic 1: a wildcard must be a whole segment at column 2"
    );
    assert_eq!(
        message(Subscription::topics::<&str>([])),
        "no pattern given"
    );
}

#[test]
fn lag_is_an_item_and_never_the_end() {
    let hub = small(8);
    let mut all = hub.subscribe(Subscription::all()).unwrap();
    let mut some = hub.subscribe(Subscription::topic("b")).unwrap();
    for n in 0..20 {
        publish(&hub, if n % 2 == 0 { "a" } else { "b" });
    }
    let gap = |exact| Gap {
        missed: 12,
        resume_at: 13,
        exact,
        reason: GapReason::Overrun,
    };
    assert_eq!(all.next().unwrap().unwrap_err(), gap(true));
    assert_eq!(
        some.recv().unwrap_err(),
        ReceiveError::Gap(gap(false)),
        "behind a filter it is a bound"
    );
    assert_eq!(all.drain(usize::MAX, |_, _| {}), Ok(8));
    let mut seen = Vec::new();
    assert_eq!(
        some.drain(3, |position, _| seen.push(position.offset)),
        Ok(3)
    );
    assert_eq!(
        some.drain(3, |position, _| seen.push(position.offset)),
        Ok(1)
    );
    assert_eq!(seen, [14, 16, 18, 20]);
    assert_eq!(some.drain(3, |_, _| {}), Err(TryReceiveError::Empty));
    publish(&hub, "b");
    hub.close();
    assert!(some.recv().is_ok());
    assert_eq!(some.recv(), Err(ReceiveError::Closed));
    assert_eq!(some.try_recv(), Err(TryReceiveError::Closed));
}

#[test]
fn a_blocked_receiver_is_woken_by_what_it_wants_and_by_close() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::topic("wanted")).unwrap();
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let first = receiver.recv().unwrap().position.offset;
            (first, receiver.recv())
        });
        publish_many(&hub, "other", 1_000);
        publish(&hub, "wanted");
        hub.close();
        assert_eq!(worker.join().unwrap(), (1_001, Err(ReceiveError::Closed)));
    });
}

#[test]
fn a_timed_receive_gives_up_when_only_others_come() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::topic("wanted")).unwrap();
    publish(&hub, "other");
    assert_eq!(
        receiver.recv_timeout(Duration::from_millis(1)),
        Err(ReceiveTimeoutError::TimedOut)
    );
    publish(&hub, "wanted");
    assert_eq!(
        receiver
            .recv_timeout(Duration::from_secs(60))
            .unwrap()
            .position
            .offset,
        2
    );
}

#[test]
fn the_borrowed_receive_sees_the_event_in_place() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    hub.publish(Event::builder("t", "t").text("hello").build().unwrap())
        .unwrap();
    let seen = receiver.with_next(|position, event| (position.offset, event.data().len()));
    assert_eq!(seen, Ok((1, 5)));
    assert_eq!(
        receiver.try_with_next(|_, _| ()),
        Err(TryReceiveError::Empty)
    );
}

#[test]
fn an_event_whose_look_panicked_was_not_received() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    publish(&hub, "t");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        receiver
            .with_next(|_, _| panic!("a test panics here on purpose"))
            .unwrap_or(())
    }));
    assert!(panicked.is_err());
    assert_eq!(receiver.recv().unwrap().position.offset, 1);
}

#[test]
fn a_reader_that_dwells_on_an_event_holds_nobody_up() {
    let hub = Hub::builder()
        .capacity(64)
        .ring_bytes(64 << 10)
        .build()
        .unwrap();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    let large = "x".repeat(3_000);
    let event = Event::builder("t", "t").text(&large).build().unwrap();
    hub.publish(&event).unwrap();
    // Publishing inside the look also shows that no lock is held then.
    let same = receiver.with_next(|_, seen| {
        (0..1_000).for_each(|_| assert!(hub.publish(&event).is_ok()));
        seen.data() == large.as_bytes()
    });
    assert_eq!((same, hub.head()), (Ok(true), 1_001));
    let gap = receiver.recv().unwrap_err();
    let ReceiveError::Gap(gap) = gap else {
        panic!("{gap}")
    };
    assert_eq!(gap.resume_at, hub.earliest());
    assert_eq!(gap.missed, gap.resume_at - 2);
    let rest = receiver.drain(usize::MAX, |_, event| {
        assert_eq!(event.data(), large.as_bytes())
    });
    assert_eq!(rest, Ok((1_001 - gap.resume_at + 1) as usize));
}

#[test]
fn the_raw_reader_seeks_reads_and_tells_gaps() {
    let hub = small(8);
    let mut reader = hub.cursor().unwrap();
    assert_eq!(
        (reader.next_offset(), reader.read_while(9, |_, _| true)),
        (1, Ok(0))
    );
    publish_many(&hub, "t", 4);
    assert_eq!(reader.read_while(2, |_, _| true), Ok(2));
    assert_eq!(
        reader.read_while(9, |offset, _| offset < 4),
        Ok(1),
        "the event that is refused comes again"
    );
    assert_eq!((reader.next_offset(), reader.lag()), (4, 1));
    assert_eq!(reader.seek(0), Err(CursorSeekError::Zero));
    assert_eq!(reader.seek(6), Err(CursorSeekError::InFuture { next: 5 }));
    assert_eq!((reader.next_offset(), reader.seek(5)), (4, Ok(())));
    publish_many(&hub, "t", 12);
    reader.seek(2).unwrap();
    let gap = CursorReadError::Gap {
        missed: 7,
        resume_at: 9,
    };
    assert_eq!(reader.read_while(9, |_, _| true), Err(gap));
    let mut offsets = Vec::new();
    let read = reader.read_while(99, |offset, _| {
        offsets.push(offset);
        true
    });
    assert_eq!((read, offsets), (Ok(8), (9..=16).collect()));
    hub.close();
    assert_eq!(
        reader.read_while(9, |_, _| true),
        Err(CursorReadError::Closed)
    );
    assert_eq!(reader.wait(None), Waited::Closed);
}

struct Count(AtomicUsize);

impl Notify for Count {
    fn notify(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_waiter_is_notified_once_when_its_offset_is_there() {
    let hub = Hub::new();
    let reader = hub.cursor().unwrap();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waiter = reader.waiter(count.clone());
    let notified = || count.0.load(Ordering::SeqCst);
    assert!(waiter.arm(reader.next_offset()), "nothing is there: armed");
    publish(&hub, "t");
    publish(&hub, "t");
    assert_eq!(notified(), 1);
    assert!(
        !waiter.arm(1) && !waiter.arm(2),
        "something is there: do not sleep"
    );
    assert!(waiter.arm(3));
    waiter.disarm();
    publish(&hub, "t");
    assert_eq!(notified(), 1);
    assert!(waiter.arm(4));
    hub.close();
    assert_eq!(notified(), 2);
}

#[derive(Clone, Debug)]
enum Step {
    Publish(String),
    Receive(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => "[ab](\\.[ab]){0,2}".prop_map(Step::Publish),
        1 => (1usize..6).prop_map(Step::Receive),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// A list of everything published judges the receiver: it gets every wanted event once and in order, and gaps are
    /// exactly what the hub no longer kept.
    #[test]
    fn a_receiver_agrees_with_a_list(capacity in 1usize..40, pattern in "[ab*](\\.[ab*]){0,1}(\\.>)?", steps in steps()) {
        let hub = small(capacity);
        let mut receiver = hub.subscribe(Subscription::topic(&pattern)).unwrap();
        let filter = receiver.topics().clone();
        let mut published: Vec<String> = Vec::new();
        let mut cursor = 0usize;
        for step in steps {
            match step {
                Step::Publish(topic) => {
                    publish(&hub, &topic);
                    published.push(topic);
                }
                Step::Receive(count) => for _ in 0..count {
                    let oldest = published.len().saturating_sub(capacity);
                    let expected = if cursor < oldest {
                        let missed = (oldest - cursor) as u64;
                        cursor = oldest;
                        Err(TryReceiveError::Gap(Gap { missed, resume_at: oldest as u64 + 1, exact: filter.is_all(), reason: GapReason::Overrun }))
                    } else {
                        let found = (cursor..published.len()).find(|at| filter.matches(&published[*at]));
                        cursor = found.map_or(published.len(), |at| at + 1);
                        found.map(|at| at as u64 + 1).ok_or(TryReceiveError::Empty)
                    };
                    prop_assert_eq!(receiver.try_recv().map(|delivery| delivery.position.offset), expected);
                },
            }
        }
    }
}

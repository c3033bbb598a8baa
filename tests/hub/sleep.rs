//! Sleeping until something wanted comes, whoever publishes and whenever.

use std::sync::Arc;

use eventring::event::{Event, EventFilter};
use eventring::hub::{Gap, GapReason, Hub, Receiver, Subscription, TryReceiveError};
use eventring::ring::Notify;
use proptest::prelude::*;

use crate::common::{Count, offsets, publish};

#[test]
fn a_sleeper_is_not_woken_by_what_it_does_not_want_nor_left_behind_by_it() {
    let hub = Hub::builder().capacity(8).build().unwrap();
    for subscription in [
        Subscription::topic("wanted.*"),
        Subscription::all().ty("wanted"),
        Subscription::all().ty_pattern("want*"),
        Subscription::topics(["wanted.*", "x"])
            .ty("wanted")
            .matching("/type"),
    ] {
        let mut receiver = hub.subscribe(subscription).unwrap();
        let count = Arc::new(Count::default());
        assert!(receiver.arm(count.clone()), "nothing is there: armed");
        (0..1_000).for_each(|_| _ = publish(&hub, "other", "other"));
        assert_eq!(count.get(), 0);
        let wanted = publish(&hub, "wanted.1", "wanted");
        publish(&hub, "wanted.1", "wanted");
        assert_eq!(count.get(), 1, "once");
        assert_eq!(offsets(&mut receiver), [wanted, wanted + 1]);
        assert!(receiver.arm(count.clone()));
        (0..1_000).for_each(|_| _ = publish(&hub, "other", "other"));
        assert_eq!(
            receiver.try_recv(),
            Err(TryReceiveError::Empty),
            "and not Gap"
        );
        assert_eq!(receiver.position(), hub.position());
        publish(&hub, "wanted.2", "wanted");
        assert!(
            !receiver.arm(count.clone()),
            "something is there: do not sleep"
        );
        assert_eq!(count.get(), 1, "a receive took the request back");
    }
    assert_eq!(hub.stats().readers, 0);
}

struct Panics;

impl Notify for Panics {
    fn notify(&self) {
        panic!("a test panics here on purpose");
    }
}

/// Weakness 2: an error in one handler reached the publisher and hid the event from the others.
#[test]
fn weakness_2_a_notification_that_panics_harms_nobody() {
    let hub = Hub::new();
    let count = Arc::new(Count::default());
    let mut bad = hub.subscribe(Subscription::all()).unwrap();
    let mut good = hub.subscribe(Subscription::all()).unwrap();
    assert!(bad.arm(Arc::new(Panics)) && good.arm(count.clone()));
    publish(&hub, "t", "t");
    assert_eq!(
        (count.get(), offsets(&mut good), offsets(&mut bad)),
        (1, vec![1], vec![1])
    );
}

#[test]
fn classes_and_beds_go_with_the_last_receiver() {
    let hub = Hub::new();
    for round in 0..3 {
        let mut all: Vec<Receiver> = (0..50)
            .map(|n| {
                let topics = Subscription::topics([format!("a.{n}"), "b.>".into()]);
                let subscription = if n % 2 == 0 {
                    topics
                } else {
                    Subscription::all().ty(&format!("t{}", n % 5))
                };
                hub.subscribe(subscription.matching("/data/x > 1")).unwrap()
            })
            .collect();
        let count = Arc::new(Count::default());
        assert!(all.iter_mut().all(|receiver| receiver.arm(count.clone())));
        for x in [1, 2] {
            let event = Event::builder("b.x", "t1")
                .json(&format!(r#"{{"x":{x}}}"#))
                .build();
            hub.publish(event.unwrap()).unwrap();
            assert!(x == 2 || count.get() == 0, "1 is not what they want");
        }
        assert_eq!(count.get(), 25 + 5, "round {round}");
    }
    assert_eq!((hub.stats().classes, hub.stats().readers), (0, 0));
    let mut all = hub
        .subscribe(Subscription::events(EventFilter::all()))
        .unwrap();
    assert!(all.arm(Arc::new(Count::default())));
}

#[derive(Clone, Debug)]
enum Step {
    Publish(String),
    Receive(usize),
    Arm,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => "[ab](\\.[ab]){0,2}".prop_map(Step::Publish),
        2 => (1usize..6).prop_map(Step::Receive),
        2 => Just(Step::Arm),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// A list judges a receiver that sleeps now and then: it is told exactly when something wanted comes, and what it
    /// slept through counts as read.
    #[test]
    fn a_sleeping_receiver_agrees_with_a_list(capacity in 1usize..20, pattern in "[ab*](\\.[ab*]){0,1}(\\.>)?", steps in steps()) {
        let hub = Hub::builder().capacity(capacity).build().unwrap();
        let mut receiver = hub.subscribe(Subscription::topic(&pattern)).unwrap();
        let filter = receiver.topics().clone();
        let count = Arc::new(Count::default());
        let (mut published, mut told) = (Vec::<String>::new(), 0);
        let (mut cursor, mut armed) = (0usize, false);
        for step in steps {
            match step {
                Step::Publish(topic) => {
                    publish(&hub, &topic, "t");
                    if armed && filter.matches(&topic) {
                        (cursor, armed, told) = (published.len(), false, told + 1);
                    }
                    published.push(topic);
                    prop_assert_eq!(count.get(), told);
                }
                Step::Arm => {
                    if armed {
                        cursor = published.len();
                    }
                    armed = cursor == published.len();
                    prop_assert_eq!(receiver.arm(count.clone()), armed);
                }
                Step::Receive(times) => for _ in 0..times {
                    if armed {
                        (cursor, armed) = (published.len(), false);
                    }
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

/// Weakness 16: a receive that was cancelled lost an event. Here receivers give up and come back all the time.
#[test]
fn weakness_16_a_timed_receive_that_gives_up_loses_nothing() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::topic("a")).unwrap();
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut seen = Vec::new();
            loop {
                match receiver.recv_timeout(std::time::Duration::from_micros(20)) {
                    Ok(delivery) => seen.push(delivery.position.offset),
                    Err(eventring::hub::ReceiveTimeoutError::TimedOut) => {}
                    Err(_) => return seen,
                }
            }
        });
        let sent: Vec<u64> = (0..5_000)
            .filter_map(|n| {
                let offset = publish(&hub, if n % 3 == 0 { "a" } else { "b" }, "t");
                if n % 64 == 0 {
                    std::thread::yield_now();
                }
                (n % 3 == 0).then_some(offset)
            })
            .collect();
        hub.close();
        assert_eq!(reading.join().unwrap(), sent);
    });
}

/// Publishers judge what they published at the same time, in any order; who sleeps must pass nothing unseen.
#[test]
fn several_publishers_wake_sleepers_without_leaving_anything_out() {
    let hub = Hub::new();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|n| {
                let wanted = Subscription::topic("t.*").matching(&format!("/data/n == {n}"));
                let mut receiver = hub.subscribe(wanted).unwrap();
                scope.spawn(move || {
                    let mut seen = Vec::new();
                    loop {
                        match receiver.recv_timeout(std::time::Duration::from_micros(50)) {
                            Ok(delivery) => seen.push(delivery.position.offset),
                            Err(eventring::hub::ReceiveTimeoutError::TimedOut) => {}
                            Err(_) => return seen,
                        }
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let hub = hub.clone();
                scope.spawn(move || {
                    let mut batch = eventring::event::EventBatch::new();
                    let mut sent = Vec::new();
                    for round in 0..3_000u64 {
                        let n = (round * 7 + writer) % 5;
                        let event = Event::builder("t.1", "t")
                            .json(&format!(r#"{{"n":{n}}}"#))
                            .build()
                            .unwrap();
                        if round % 9 == 0 {
                            batch.clear();
                            (0..3).for_each(|_| batch.push(&event));
                            sent.extend(hub.publish_batch(&batch).unwrap().map(|at| (n, at)));
                        } else {
                            sent.push((n, hub.publish(event).unwrap().offset));
                        }
                        if round % 32 == 0 {
                            std::thread::yield_now();
                        }
                    }
                    sent
                })
            })
            .collect();
        let mut sent: Vec<(u64, u64)> = Vec::new();
        writers
            .into_iter()
            .for_each(|writer| sent.extend(writer.join().unwrap()));
        sent.sort_unstable_by_key(|(_, offset)| *offset);
        hub.close();
        for (n, reader) in readers.into_iter().enumerate() {
            let own = sent.iter().filter(|(wanted, _)| *wanted == n as u64);
            let own: Vec<u64> = own.map(|(_, offset)| *offset).collect();
            assert_eq!(reader.join().unwrap(), own);
        }
    });
}

#[test]
fn many_receivers_of_many_filters_get_theirs_whatever_the_timing() {
    let hub = Hub::new();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|n| {
                let topic = format!("t.{}", n % 4);
                let mut receiver = hub.subscribe(Subscription::topic(&topic)).unwrap();
                scope.spawn(move || {
                    receiver
                        .by_ref()
                        .map(|item| item.unwrap().position.offset)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let hub = hub.clone();
                scope.spawn(move || {
                    (0..4_000)
                        .map(|n| (n % 4, publish(&hub, &format!("t.{}", n % 4), "t")))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let mut sent: Vec<_> = writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect();
        sent.sort_unstable_by_key(|(_, offset)| *offset);
        hub.close();
        for (number, reader) in readers.into_iter().enumerate() {
            let own: Vec<u64> = sent
                .iter()
                .filter(|(n, _)| *n == number % 4)
                .map(|(_, offset)| *offset)
                .collect();
            assert_eq!(reader.join().unwrap(), own);
        }
    });
}

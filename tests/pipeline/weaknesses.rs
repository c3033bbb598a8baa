//! Regression tests of the weaknesses that no other file has: see `tests/README.md`.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use eventring::event::{Epoch, Event, Position};
use eventring::hub::{
    Gap, GapReason, Hub, HubPublishError, Item, ReceiveError, StartFrom, Subscription,
    SubscriptionError,
};
use eventring::wire::sse::{EventDecoder, Frame, encode};

fn publish(hub: &Hub, topic: &str) -> Position {
    hub.publish(Event::builder(topic, "t").build().unwrap())
        .unwrap()
}

/// `to_sse` ended with one newline, so that no EventSource dispatched anything, and falsy payloads became empty.
#[test]
fn weakness_1_frames_end_with_a_blank_line_and_falsy_payloads_are_kept() {
    for json in ["0", "false", "[]", r#""""#, "null", "{}"] {
        let event = Event::builder("t", "t").json(json).build().unwrap();
        let mut bytes = Vec::new();
        let data = event.data();
        let frame = Frame::default().id(b"1").event("t").data(data);
        encode(&mut bytes, frame).unwrap();
        assert!(bytes.ends_with(b"\n\n"), "{json}");
        let mut seen = Vec::new();
        let decoded =
            EventDecoder::default().push(&bytes, |event| seen.push(event.data.to_owned()));
        assert!(decoded.is_ok());
        assert_eq!(seen, [json]);
    }
}

/// There were no ids that order events, no resume and no replay.
#[test]
fn weakness_10_positions_order_events_and_resume_them() {
    let hub = Hub::new();
    let positions: Vec<Position> = (0..10).map(|_| publish(&hub, "t")).collect();
    assert!(positions.is_sorted_by(|a, b| a.offset + 1 == b.offset));
    for (read, position) in positions.iter().enumerate() {
        // As a client keeps it: text.
        let kept: Position = position.to_string().parse().unwrap();
        let start = Subscription::all().start(StartFrom::After(kept));
        let mut receiver = hub.subscribe(start).unwrap();
        let mut seen = Vec::new();
        let _ = receiver.drain(usize::MAX, |position, _| seen.push(position));
        assert_eq!(seen, positions[read + 1..]);
    }
}

/// On lag the receiver raised and the loop ended: 5000 events into capacity 1000 gave 0 events and no error.
#[test]
fn weakness_14_lag_is_told_and_ends_nothing() {
    let hub = Hub::builder().capacity(1_000).build().unwrap();
    let receiver = hub.subscribe(Subscription::all()).unwrap();
    (0..5_000).for_each(|_| _ = publish(&hub, "t"));
    hub.close();
    let received: Vec<_> = receiver.collect();
    let gap = Gap {
        missed: 4_000,
        resume_at: 4_001,
        exact: true,
        reason: GapReason::Overrun,
    };
    assert_eq!((received.len(), &received[0]), (1_001, &Err(gap)));
    let offsets: Vec<u64> = received[1..]
        .iter()
        .flatten()
        .map(|d| d.position.offset)
        .collect();
    assert_eq!(offsets, (4_001..=5_000).collect::<Vec<_>>());
}

/// Saving and publishing were two steps, in other orders for others; the position began again at 0 in each process.
#[test]
fn weakness_18_storing_and_publishing_are_one_step_in_one_order() {
    let hub = Hub::new();
    let mut readers = [(); 2].map(|()| hub.subscribe(Subscription::all()).unwrap());
    let mut published: Vec<(u64, String)> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let hub = &hub;
                scope.spawn(move || {
                    let each = |n| {
                        let text = format!("{writer}-{n}");
                        let event = Event::builder("t", "t").text(&text).build().unwrap();
                        (hub.publish(&event).unwrap().offset, text)
                    };
                    (0..500).map(each).collect::<Vec<_>>()
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    published.sort_unstable();
    for reader in &mut readers {
        let mut seen = Vec::new();
        let _ = reader.drain(usize::MAX, |position, event| {
            seen.push((
                position.offset,
                String::from_utf8(event.data().to_vec()).unwrap(),
            ));
        });
        assert_eq!(seen, published);
    }
    // A position of another life is refused, never taken for one of this.
    let old = Position {
        epoch: Epoch(hub.epoch().0.wrapping_add(1)),
        offset: 3,
    };
    let resumed = hub.subscribe(Subscription::all().start(StartFrom::After(old)));
    assert!(matches!(resumed, Err(SubscriptionError::Epoch { .. })));
    let event = Event::builder("t", "t").build().unwrap();
    assert!(matches!(
        hub.publish_at(old, &event),
        Err(HubPublishError::Position { .. })
    ));
}

/// The bridge polled each 100 ms; the stream polled each second, took 50 events and moved on: the 51st was lost.
#[test]
fn weakness_19_catching_up_and_going_live_is_one_call_without_polling_or_loss() {
    let hub = Hub::new();
    let first = publish(&hub, "t");
    let publishing = hub.clone();
    let writer = std::thread::spawn(move || {
        (0..5_000).for_each(|_| _ = publish(&publishing, "t"));
        publishing.close();
    });
    let mut receiver = hub
        .subscribe(Subscription::all().start(StartFrom::After(first)))
        .unwrap();
    let (mut seen, mut caught_up) = (Vec::new(), 0);
    while let Ok(item) = receiver.next_item() {
        match item {
            Item::Event(delivery) => seen.push(delivery.position.offset),
            Item::CaughtUp(_) => caught_up += 1,
            Item::Gap(gap) => panic!("{gap}"),
            _ => {}
        }
    }
    writer.join().unwrap();
    assert_eq!(seen, (2..=5_001).collect::<Vec<_>>());
    assert_eq!(caught_up, 1);
}

/// Position and read model were saved apart, and `reset` left the model as it was.
#[test]
fn weakness_20_a_projection_moves_its_state_and_its_position_together() {
    let hub = Hub::new();
    (0..100).for_each(|_| _ = publish(&hub, "t"));
    // One value holds both: there is no moment at which one is newer than the other.
    let fold = |from: Option<(Position, u64)>, events: usize| {
        let start = from.map_or(StartFrom::Beginning, |(position, _)| {
            StartFrom::After(position)
        });
        let mut receiver = hub.subscribe(Subscription::all().start(start)).unwrap();
        let mut saved = from;
        for _ in 0..events {
            let Ok(position) = receiver.try_with_next(|position, _| position) else {
                break;
            };
            saved = Some((position, saved.map_or(0, |(_, count)| count) + 1));
        }
        saved
    };
    let half = fold(None, 37);
    let whole = fold(half, usize::MAX);
    assert_eq!(
        whole,
        Some((hub.position(), 100)),
        "nothing twice, nothing left out"
    );
    assert_eq!(fold(None, usize::MAX), whole, "and again from nothing");
}

/// An unsubscribed consumer woke after up to 30 s. The best of many rounds shows what it takes; the machine may be busy
/// in any one of them.
#[test]
fn weakness_6_unsubscribing_wakes_a_blocked_receive_within_a_millisecond() {
    let hub = Hub::new();
    let round = |_| {
        let mut receiver = hub
            .subscribe(Subscription::topic("quiet").id("blocked"))
            .unwrap();
        let (report, woken) = mpsc::channel();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            ready.send(()).unwrap();
            let ended = receiver.recv();
            report.send((ended, Instant::now())).unwrap();
        });
        started.recv().unwrap();
        // It looks, spins for a few microseconds, and sleeps long before this is over.
        let asleep = Instant::now() + Duration::from_millis(2);
        while Instant::now() < asleep {
            std::thread::yield_now();
        }
        let unsubscribed = Instant::now();
        assert!(hub.unsubscribe("blocked"));
        let (ended, at) = woken.recv().unwrap();
        assert_eq!(ended, Err(ReceiveError::Unsubscribed));
        thread.join().unwrap();
        at.saturating_duration_since(unsubscribed)
    };
    // On a machine that is busy it takes more than a few to see one.
    assert!(
        (0..1000)
            .map(round)
            .any(|took| took < Duration::from_millis(1))
    );
}

//! Publishers that wait for the slowest reader. Named after what the systems that this replaces got wrong.

use std::time::Duration;

use eventring::event::Event;
use eventring::hub::{Control, Item};
use eventring::pipeline::{BackpressureConfig, BackpressureError, BackpressureStream, Consumer};

const LONG: Duration = Duration::from_secs(60);

fn event(ty: &str) -> Event {
    Event::builder("t", ty).build().unwrap()
}

fn taken(consumer: &mut Consumer) -> Vec<u64> {
    let item = |item| match item {
        Item::Event(delivery) => Some(delivery.position.offset),
        _ => None,
    };
    std::iter::from_fn(|| consumer.next_timeout(Duration::ZERO))
        .map_while(item)
        .collect()
}

fn backpressure(buffer: usize) -> BackpressureStream {
    let config = BackpressureConfig::default()
        .buffer(buffer)
        .reader_buffer(0)
        .publish_timeout(Duration::ZERO)
        .heartbeat(None);
    BackpressureStream::new(config).unwrap()
}

#[test]
fn what_waits_is_bounded_in_bytes_too() {
    let config = BackpressureConfig::default()
        .buffer_bytes(10_000)
        .publish_timeout(Duration::ZERO);
    let stream = BackpressureStream::new(config).unwrap();
    stream.start().unwrap();
    let sized = |bytes: usize| {
        Event::builder("t", "t")
            .text(&"x".repeat(bytes))
            .build()
            .unwrap()
    };
    let too_large = stream.publish_or(sized(10_001)).unwrap_err();
    assert!(
        matches!(too_large, BackpressureError::TooLarge { limit: 10_000, .. }),
        "{too_large}"
    );
    (0..50).for_each(|_| assert!(stream.publish(sized(4_000)), "nobody reads: nothing waits"));
    let mut reader = stream.subscribe("*").unwrap();
    assert!(stream.publish(sized(4_000)) && stream.publish(sized(4_000)));
    assert_eq!(
        stream.publish_or(sized(4_000)),
        Err(BackpressureError::TimedOut)
    );
    assert!(stream.publish(sized(100)), "a small one still fits");
    assert_eq!(taken(&mut reader), [51, 52, 53]);
    // Large and small, far more than fits at once: nothing is let go before it was read.
    let mut sent = 53;
    for round in 0..2_000 {
        if stream.publish(sized(if round % 7 == 0 { 9_000 } else { 10 })) {
            sent += 1;
        } else {
            let seen = taken(&mut reader);
            assert_eq!(seen.last(), Some(&sent));
        }
    }
    drop(reader);
    assert!(stream.publish(sized(9_000)), "who left does not count");
}

/// Weakness 5: events were dropped for a slow subscriber with a debug log only.
#[test]
fn weakness_5_publishers_wait_for_the_slowest_and_nothing_is_dropped() {
    let config = BackpressureConfig::default()
        .buffer(7)
        .reader_buffer(3)
        .publish_timeout(LONG)
        .heartbeat(None);
    let stream = BackpressureStream::new(config).unwrap();
    stream.start().unwrap();
    let readers: Vec<Consumer> = (0..3).map(|_| stream.subscribe("*").unwrap()).collect();
    std::thread::scope(|scope| {
        let reading: Vec<_> = readers
            .into_iter()
            .map(|reader| {
                scope.spawn(move || {
                    reader
                        .map(|item| match item {
                            Item::Event(delivery) => delivery.position.offset,
                            other => panic!("{other:?}"),
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        (0..2_000).for_each(|_| assert!(stream.publish(event("t"))));
        assert_eq!(stream.stop(LONG).left, 0, "a stop drains");
        for reader in reading {
            assert_eq!(reader.join().unwrap(), (1..=2_000).collect::<Vec<_>>());
        }
    });
}

/// Weakness 5, too: `stop` threw away what was queued, and publishing before `start` filled the queue.
#[test]
fn weakness_5_stop_says_what_is_left_and_keeps_it() {
    let stream = backpressure(4);
    assert_eq!(
        stream.publish_or(event("t")),
        Err(BackpressureError::NotStarted)
    );
    stream.start().unwrap();
    assert_eq!(stream.start(), Err(BackpressureError::AlreadyStarted));
    (0..9).for_each(|_| {
        assert!(
            stream.publish(event("t")),
            "nobody reads: nobody is waited for"
        )
    });
    let mut reader = stream.subscribe("t").unwrap();
    (0..4).for_each(|_| assert!(stream.publish(event("t"))));
    assert!(!stream.publish(event("t")));
    assert_eq!(
        stream.try_publish(event("t")),
        Err(BackpressureError::TimedOut)
    );
    assert_eq!(stream.stop(Duration::ZERO).left, 4);
    assert_eq!(
        stream.publish_or(event("t")),
        Err(BackpressureError::Stopped)
    );
    assert_eq!(stream.start(), Err(BackpressureError::Stopped));
    assert_eq!(taken(&mut reader), [10, 11, 12, 13]);
    assert_eq!((reader.next(), stream.stop(LONG).left), (None, 0));
    assert!(BackpressureStream::new(BackpressureConfig::default().buffer(0)).is_err());
}

#[test]
fn a_reader_that_goes_makes_room() {
    let stream = backpressure(2);
    stream.start().unwrap();
    let slow = stream.subscribe("*").unwrap();
    (0..2).for_each(|_| assert!(stream.publish(event("t"))));
    assert!(!stream.publish(event("t")));
    drop(slow);
    assert!(stream.publish(event("t")));
}

#[test]
fn an_idle_reader_gets_a_heartbeat() {
    let config = BackpressureConfig::default().heartbeat(Some(Duration::ZERO));
    let stream = BackpressureStream::new(config).unwrap();
    stream.start().unwrap();
    let mut reader = stream.subscribe("*").unwrap();
    assert_eq!(reader.next(), Some(Item::Control(Control::Heartbeat)));
}

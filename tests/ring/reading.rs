//! The promises to a subscriber: order, exact capacity, exact lag, positions.

use eventring::ring::{
    self, Builder, Lagged, Overflow, Publisher, Ring, RingError, SeekError, Start, SubscribeError,
    Subscriber, TryRecvError,
};

/// A range that knows its length, which one of `u64` does not say.
fn span(range: std::ops::Range<u64>) -> impl ExactSizeIterator<Item = u64> {
    (range.start as usize..range.end as usize).map(|n| n as u64)
}

fn lossless(capacity: usize) -> (Publisher<u64>, Ring<u64>) {
    Builder::new(capacity)
        .overflow(Overflow::Reject)
        .build()
        .unwrap()
}

fn next(subscriber: &mut Subscriber<u64>) -> Result<u64, TryRecvError> {
    subscriber.try_recv().map(|value| *value)
}

fn all(subscriber: &mut Subscriber<u64>) -> Vec<u64> {
    let mut seen = Vec::new();
    while subscriber
        .drain(usize::MAX, |_, values| seen.extend_from_slice(values))
        .is_ok()
    {}
    seen
}

#[test]
fn values_come_in_order_with_their_sequences() {
    let (mut publisher, ring) = ring::channel::<u64>(1000).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    for value in 0..300 {
        assert_eq!(publisher.publish(value * 10), Ok(value));
    }
    for sequence in 0..300 {
        let value = subscriber.try_recv().unwrap();
        assert_eq!((value.sequence(), *value), (sequence, sequence * 10));
    }
    assert_eq!(next(&mut subscriber), Err(TryRecvError::Empty));
}

/// 3 lives in blocks of 4, 100 in blocks of 64: what is kept must not follow the blocks.
#[test]
fn exactly_the_capacity_is_kept() {
    for capacity in [1, 2, 3, 5, 63, 64, 65, 100, 129] {
        let (mut publisher, ring) = ring::channel::<u64>(capacity).unwrap();
        assert_eq!(
            (ring.capacity(), publisher.capacity()),
            (capacity, capacity)
        );
        let capacity = capacity as u64;
        for published in 1..400 {
            publisher.publish(published - 1).unwrap();
            let oldest = published.saturating_sub(capacity);
            assert_eq!((ring.oldest(), ring.head()), (oldest, published));
            let mut late = ring.subscribe(Start::Oldest).unwrap();
            assert_eq!(late.position(), oldest);
            assert_eq!(all(&mut late), (oldest..published).collect::<Vec<_>>());
        }
    }
}

#[test]
fn lag_is_exact_and_told_once() {
    for capacity in [1u64, 3, 64, 100] {
        let (mut publisher, ring) = ring::channel::<u64>(capacity as usize).unwrap();
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        for behind in 0..500 {
            let start = publisher.next();
            assert_eq!(subscriber.position(), start);
            for value in start..start + behind {
                publisher.publish(value).unwrap();
            }
            assert_eq!(subscriber.lag(), behind);
            if behind > capacity {
                let lagged = Lagged {
                    missed: behind - capacity,
                    resume_at: publisher.oldest(),
                };
                assert_eq!(next(&mut subscriber), Err(TryRecvError::Lagged(lagged)));
                assert_eq!(subscriber.position(), lagged.resume_at);
            }
            let kept = start + behind - behind.min(capacity)..start + behind;
            assert_eq!(all(&mut subscriber), kept.collect::<Vec<_>>());
        }
    }
}

/// A reader that looked at head before must not live on that: its next value may be gone since.
#[test]
fn a_value_beyond_the_capacity_is_not_handed_out() {
    let (mut publisher, ring) = ring::channel::<u64>(10).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    publisher.publish_batch(span(0..10)).unwrap();
    assert_eq!(next(&mut subscriber), Ok(0));
    publisher.publish_batch(span(10..12)).unwrap();
    let lagged = Lagged {
        missed: 1,
        resume_at: 2,
    };
    assert_eq!(next(&mut subscriber), Err(TryRecvError::Lagged(lagged)));
}

/// While a `Ref` lives its value stays, however often the ring goes round.
#[test]
fn a_value_that_is_looked_at_stays() {
    let (mut publisher, ring) = ring::channel::<String>(2).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    publisher.publish("kept".to_owned()).unwrap();
    let value = subscriber.try_recv().unwrap();
    for n in 0..100 {
        publisher.publish(n.to_string()).unwrap();
    }
    assert_eq!(*value, "kept");
    drop(value);
    assert!(matches!(
        subscriber.try_recv(),
        Err(TryRecvError::Lagged(Lagged { missed: 98, .. }))
    ));
}

#[test]
fn a_forgotten_ref_breaks_nothing() {
    let (mut publisher, ring) = lossless(2);
    let mut lossy = ring.subscribe(Start::Newest).unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    for value in 0..100 {
        publisher.publish(value).unwrap();
        std::mem::forget(lossy.try_recv().unwrap());
        std::mem::forget(gated.try_recv().unwrap());
        assert_eq!(
            next(&mut gated),
            Err(TryRecvError::Empty),
            "lets the publisher pass"
        );
    }
}

#[test]
fn drain_hands_out_slices_and_obeys_max() {
    let (mut publisher, ring) = ring::channel::<u64>(200).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    publisher.publish_batch(span(0..150)).unwrap();
    let mut runs = Vec::new();
    assert_eq!(
        subscriber.drain(0, |_, _| panic!("nothing was asked for")),
        Ok(0)
    );
    assert_eq!(
        subscriber.drain(100, |first, values| runs.push((first, values.to_vec()))),
        Ok(100)
    );
    assert_eq!(
        runs,
        [(0, (0..64).collect()), (64, (64..100).collect::<Vec<_>>())]
    );
    assert_eq!(subscriber.drain(100, |_, _| ()), Ok(50));
    assert_eq!(subscriber.drain(100, |_, _| ()), Err(TryRecvError::Empty));
}

#[test]
fn drain_advances_only_after_the_closure_returned() {
    let (mut publisher, ring) = lossless(200);
    for mut subscriber in [
        ring.subscribe(Start::Newest).unwrap(),
        ring.subscribe_gated(Start::Newest).unwrap(),
    ] {
        subscriber.seek(publisher.next()).unwrap();
        publisher.publish_batch(span(0..100)).unwrap();
        let start = subscriber.position();
        let second = (start / 64 + 1) * 64;
        let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = subscriber.drain(usize::MAX, |first, _| assert!(first < second, "second run"));
        }));
        assert!(panics.is_err());
        assert_eq!(subscriber.position(), second);
        assert_eq!(
            subscriber.drain(usize::MAX, |_, _| ()),
            Ok((start + 100 - second) as usize)
        );
    }
}

#[test]
fn read_while_leaves_the_refused_value() {
    let (mut publisher, ring) = ring::channel::<u64>(200).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    publisher.publish_batch(span(0..150)).unwrap();
    assert_eq!(
        subscriber.read_while(usize::MAX, |_, value| *value < 70),
        Ok(70)
    );
    assert_eq!(subscriber.read_while(usize::MAX, |_, _| false), Ok(0));
    assert_eq!(subscriber.position(), 70);
    assert_eq!(
        subscriber.read_while(10, |sequence, value| sequence == *value),
        Ok(10)
    );
    assert_eq!(next(&mut subscriber), Ok(80));
}

#[test]
fn subscribers_start_where_they_ask() {
    let (mut publisher, ring) = lossless(10);
    publisher.publish_batch(span(0..10)).unwrap();
    publisher.publish_batch(span(10..15)).unwrap();
    assert_eq!(ring.subscribe(Start::Newest).unwrap().position(), 15);
    assert_eq!(ring.subscribe(Start::Oldest).unwrap().position(), 5);
    assert_eq!(next(&mut ring.subscribe(Start::At(7)).unwrap()), Ok(7));
    let lagged = Lagged {
        missed: 3,
        resume_at: 5,
    };
    let mut old = ring.subscribe(Start::At(2)).unwrap();
    assert_eq!(next(&mut old), Err(TryRecvError::Lagged(lagged)));
    assert_eq!(
        ring.subscribe(Start::At(16)).unwrap_err(),
        SubscribeError::InFuture { head: 15 }
    );

    assert_eq!(
        ring.subscribe_gated(Start::At(4)).unwrap_err(),
        SubscribeError::TooOld { oldest: 5 }
    );
    assert_eq!(ring.subscriber_count(), 1, "refused ones are not counted");
    assert_eq!(
        next(&mut ring.subscribe_gated(Start::At(5)).unwrap()),
        Ok(5)
    );
}

#[test]
fn seek_moves_within_what_is_kept() {
    let (mut publisher, ring) = lossless(10);
    let mut lossy = ring.subscribe(Start::Newest).unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    publisher.publish_batch(span(0..10)).unwrap();
    gated.seek(10).unwrap();
    publisher.publish_batch(span(10..15)).unwrap();
    for subscriber in [&mut lossy, &mut gated] {
        subscriber.seek(12).unwrap();
        assert_eq!(next(subscriber), Ok(12));
        subscriber.seek(5).unwrap();
        assert_eq!(next(subscriber), Ok(5));
        assert_eq!(subscriber.seek(16), Err(SeekError::InFuture { head: 15 }));
        assert_eq!(subscriber.position(), 6);
        subscriber.seek(15).unwrap();
        assert_eq!(next(subscriber), Err(TryRecvError::Empty));
    }
    assert_eq!(gated.seek(4), Err(SeekError::TooOld { oldest: 5 }));
    assert_eq!(gated.position(), 15);
    lossy.seek(4).unwrap();
    let lagged = Lagged {
        missed: 1,
        resume_at: 5,
    };
    assert_eq!(next(&mut lossy), Err(TryRecvError::Lagged(lagged)));
}

#[test]
fn clones_start_at_the_cursor() {
    let (mut publisher, ring) = lossless(10);
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    publisher.publish_batch(span(0..10)).unwrap();
    assert_eq!(gated.drain(3, |_, _| ()), Ok(3));
    let mut copy = gated.try_clone().unwrap();
    assert_eq!(ring.subscriber_count(), 2);
    drop(gated);
    publisher.publish_batch(span(10..13)).unwrap();
    assert!(publisher.publish(13).is_err(), "the clone gates");
    assert_eq!(all(&mut copy), (3..13).collect::<Vec<_>>());
}

#[test]
fn bad_capacities_are_refused() {
    let refused = |capacity| Builder::new(capacity).build::<u64>().err();
    assert_eq!(refused(0), Some(RingError::ZeroCapacity));
    assert_eq!(
        refused(usize::MAX),
        Some(RingError::CapacityTooLarge { max: 1 << 32 })
    );
    assert_eq!(
        refused((1 << 32) + 1),
        Some(RingError::CapacityTooLarge { max: 1 << 32 })
    );
    let huge = Builder::new(1 << 32).build::<[u8; 1 << 40]>().err();
    assert_eq!(huge, Some(RingError::OutOfMemory));
}

/// A ring takes memory as it fills: this one would need 64 GiB.
#[test]
fn an_unused_big_ring_takes_no_memory() {
    let (mut publisher, ring) = ring::channel::<[u64; 64]>(1 << 27).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    for n in 0..1000 {
        publisher.publish([n; 64]).unwrap();
        assert_eq!(subscriber.try_recv().unwrap()[63], n);
    }
}

#[test]
fn values_without_size_are_values() {
    let (mut publisher, ring) = ring::channel::<()>(3).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    publisher.publish_batch([(); 3]).unwrap();
    assert_eq!(subscriber.drain(usize::MAX, |_, _| ()), Ok(3));
}

/// Each reader may pin a block once, and a block counts its pins in 20 bits.
#[test]
fn more_readers_than_can_be_counted_are_refused() {
    let (mut publisher, ring) = ring::channel::<u64>(1).unwrap();
    publisher.publish(0).unwrap();
    let mut readers: Vec<_> = (1..1 << 20)
        .map(|_| ring.subscribe(Start::Oldest).unwrap())
        .collect();
    assert_eq!(
        ring.subscribe(Start::Oldest).unwrap_err(),
        SubscribeError::TooManyReaders
    );
    assert!(ring.group().is_err() && readers[0].try_clone().is_err());
    for reader in &mut readers {
        std::mem::forget(reader.try_recv().unwrap());
    }
    publisher.publish(1).unwrap();
    readers.pop();
    let mut late = ring.subscribe(Start::Oldest).unwrap();
    assert_eq!(
        next(&mut late),
        Ok(1),
        "all pins on one block, and the ring went round"
    );
}

//! Groups: many cursors on one thread.

use eventring::ring::{self, Builder, Lagged, Overflow, Start, SubscribeError};

/// A range that knows its length, which one of `u64` does not say.
fn span(range: std::ops::Range<u64>) -> impl ExactSizeIterator<Item = u64> {
    (range.start as usize..range.end as usize).map(|n| n as u64)
}

#[test]
fn every_cursor_gets_everything_from_its_start() {
    let (mut publisher, ring) = ring::channel::<u64>(1000).unwrap();
    let mut group = ring.group().unwrap();
    publisher.publish_batch(span(0..100)).unwrap();
    let starts = [Start::Oldest, Start::Newest, Start::At(70)];
    let ids = starts.map(|start| group.add(start).unwrap());
    assert_eq!((group.len(), ring.subscriber_count()), (3, 1));
    publisher.publish_batch(span(100..200)).unwrap();
    let mut seen = [const { Vec::new() }; 3];
    let round = group.drain(usize::MAX, |id, first, values| {
        assert_eq!(values[0], first);
        let at = ids.iter().position(|other| *other == id).unwrap();
        seen[at].extend_from_slice(values);
    });
    assert_eq!(
        (round.read, round.missed, round.closed),
        (200 + 100 + 130, 0, false)
    );
    for (seen, from) in seen.iter().zip([0, 100, 70]) {
        assert_eq!(*seen, (from..200).collect::<Vec<_>>());
    }
}

#[test]
fn max_is_for_each_cursor() {
    let (mut publisher, ring) = ring::channel::<u64>(1000).unwrap();
    let mut group = ring.group().unwrap();
    let ids = [
        group.add(Start::Newest).unwrap(),
        group.add(Start::Newest).unwrap(),
    ];
    publisher.publish_batch(span(0..100)).unwrap();
    assert_eq!(group.drain(70, |_, _, _| ()).read, 140);
    assert_eq!(ids.map(|id| group.position(id)), [Some(70); 2]);
    assert_eq!(group.drain(0, |_, _, _| unreachable!()).read, 0);
    publisher.close();
    let round = group.drain(70, |_, _, _| ());
    assert_eq!((round.read, round.closed), (60, true));
}

#[test]
fn lag_is_told_per_cursor() {
    let (mut publisher, ring) = ring::channel::<u64>(10).unwrap();
    let mut group = ring.group().unwrap();
    let slow = group.add(Start::Newest).unwrap();
    publisher.publish_batch(span(0..10)).unwrap();
    let quick = group.add(Start::Newest).unwrap();
    publisher.publish_batch(span(10..15)).unwrap();
    let (mut read, mut lagged) = (Vec::new(), Vec::new());
    let round = group.drain_with(
        usize::MAX,
        |id, first, values| read.push((id, first, values.len())),
        |id, lag| lagged.push((id, lag)),
    );
    assert_eq!((round.read, round.missed), (5, 5));
    assert_eq!(
        lagged,
        [(
            slow,
            Lagged {
                missed: 5,
                resume_at: 5
            }
        )]
    );
    assert_eq!(
        read.iter().filter(|(id, ..)| *id == slow).count(),
        0,
        "in the next round"
    );
    assert_eq!(group.position(quick), Some(15));
    assert_eq!(group.drain(usize::MAX, |_, _, _| ()).read, 10);
}

#[test]
fn a_gated_group_gates_at_its_slowest() {
    let (mut publisher, ring) = Builder::new(10).overflow(Overflow::Reject).build().unwrap();
    let mut group = ring.group_gated().unwrap();
    publisher.publish_batch(span(0..10)).unwrap();
    publisher
        .publish_batch(span(0..10))
        .expect("an empty group gates nothing");
    let slow = group.add(Start::At(15)).unwrap();
    let quick = group.add(Start::Newest).unwrap();
    assert_eq!(
        group.add(Start::At(9)),
        Err(SubscribeError::TooOld { oldest: 10 })
    );
    publisher.publish_batch(span(0..5)).unwrap();
    assert!(publisher.publish(0).is_err());
    group.drain(2, |_, _, _| ());
    publisher.publish_batch(span(0..2)).unwrap();
    assert!(publisher.publish(0).is_err());
    assert!(group.remove(slow));
    assert_eq!(group.position(quick), Some(22));
    publisher.publish_batch(span(0..5)).unwrap();
    assert!(publisher.publish(0).is_err());
    drop(group);
    publisher.publish(0).unwrap();
    assert_eq!(ring.subscriber_count(), 0);
}

#[test]
fn an_old_id_names_nobody() {
    let (_publisher, ring) = ring::channel::<u64>(10).unwrap();
    let mut group = ring.group().unwrap();
    let old = group.add(Start::Newest).unwrap();
    assert!(group.remove(old));
    let new = group.add(Start::Newest).unwrap();
    assert!(!group.remove(old));
    assert_eq!((group.position(old), group.position(new)), (None, Some(0)));
    assert!(group.remove(new));
    assert!(group.is_empty());
}

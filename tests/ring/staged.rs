//! Staged rings: nobody downstream reads what upstream has not released.

use eventring::ring::{
    Builder, Lagged, Overflow, PublishError, Publisher, ReleaseError, Ring, RingError, SeekError,
    Start, SubscribeError, TryRecvError, UpstreamError, Waited,
};
use std::thread;
use std::time::Duration;

const END: TryRecvError = TryRecvError::Closed { abandoned: false };
const ABANDONED: TryRecvError = TryRecvError::Closed { abandoned: true };

fn staged(capacity: usize) -> (Publisher<u64>, Ring<u64>) {
    let builder = Builder::new(capacity).overflow(Overflow::Reject);
    builder.staged().build().unwrap()
}

fn publish(publisher: &mut Publisher<u64>, count: u64) {
    for _ in 0..count {
        let next = publisher.next();
        assert_eq!(publisher.publish(next), Ok(next));
    }
}

#[test]
fn a_staged_ring_waits_or_rejects() {
    let overwriting = Builder::new(8).staged();
    assert_eq!(
        overwriting.build::<u64>().unwrap_err(),
        RingError::StagedOverwrites
    );
    assert_eq!(
        overwriting.build_shared::<u64>().unwrap_err(),
        RingError::StagedOverwrites
    );
    assert_eq!(
        overwriting.build_lanes::<u64>(2).unwrap_err(),
        RingError::StagedOverwrites
    );
    let (_publisher, plain) = Builder::new(8).build::<u64>().unwrap();
    assert_eq!(plain.upstream().unwrap_err(), UpstreamError::NotStaged);
    assert_eq!(plain.visible(), 0);
}

#[test]
fn everybody_downstream_stops_at_the_barrier() {
    let (mut publisher, ring) = staged(16);
    let mut upstream = ring.upstream().unwrap();
    let mut lossy = ring.subscribe(Start::Oldest).unwrap();
    let mut gated = ring.subscribe_gated(Start::Oldest).unwrap();
    let mut group = ring.group().unwrap();
    let id = group.add(Start::Oldest).unwrap();
    publish(&mut publisher, 5);
    assert_eq!((ring.head(), ring.visible(), ring.len()), (5, 0, 0));
    assert_eq!(lossy.try_recv().unwrap_err(), TryRecvError::Empty);
    assert_eq!(gated.try_recv().unwrap_err(), TryRecvError::Empty);
    assert_eq!(group.drain(9, |_, _, _| ()).read, 0);
    assert_eq!((lossy.lag(), upstream.lag()), (0, 5));
    assert_eq!(upstream.drain(3, |_, _| ()), Ok(3));
    upstream.release(2).unwrap();
    assert_eq!((ring.visible(), ring.len(), lossy.lag()), (2, 2, 2));
    assert_eq!(
        lossy.drain(9, |_, values| assert_eq!(values, [0, 1])),
        Ok(2)
    );
    assert_eq!(gated.try_iter().collect::<Vec<_>>(), [Ok(0), Ok(1)]);
    assert_eq!(
        group
            .drain(9, |_, _, values| assert_eq!(values, [0, 1]))
            .read,
        2
    );
    assert_eq!(group.position(id), Some(2));
    // Where the future begins is the barrier too.
    assert_eq!(
        ring.subscribe(Start::At(3)).unwrap_err(),
        SubscribeError::InFuture { head: 2 }
    );
    assert_eq!(lossy.seek(3).unwrap_err(), SeekError::InFuture { head: 2 });
    assert_eq!(ring.subscribe(Start::Newest).unwrap().position(), 2);
}

#[test]
fn what_was_not_read_is_not_released() {
    let (mut publisher, ring) = staged(16);
    let mut upstream = ring.upstream().unwrap();
    publish(&mut publisher, 3);
    assert_eq!(
        upstream.release(1),
        Err(ReleaseError::NotRead { position: 0 })
    );
    assert_eq!(*upstream.recv().unwrap(), 0);
    assert_eq!(*upstream.try_recv().unwrap(), 1);
    assert_eq!(
        upstream.release(3),
        Err(ReleaseError::NotRead { position: 2 })
    );
    assert_eq!(
        upstream.release(u64::MAX),
        Err(ReleaseError::NotRead { position: 2 })
    );
    upstream.release(2).unwrap();
    assert_eq!(
        upstream.release(1),
        Err(ReleaseError::Backwards { released: 2 })
    );
    upstream.release(2).unwrap();
    assert_eq!((upstream.released(), ring.visible()), (2, 2));
    // What is not released can be read again, what is cannot.
    assert_eq!(*upstream.try_recv().unwrap(), 2);
    upstream.seek(2).unwrap();
    assert_eq!(*upstream.try_recv().unwrap(), 2);
    assert_eq!(upstream.seek(1), Err(SeekError::TooOld { oldest: 2 }));
    assert_eq!(upstream.seek(4), Err(SeekError::InFuture { head: 3 }));
    let batch = upstream.next_batch(9);
    assert_eq!(batch.unwrap_err(), TryRecvError::Empty);
}

#[test]
fn upstream_holds_what_it_has_not_released() {
    let (mut publisher, ring) = staged(4);
    // Before there is anybody upstream too.
    publish(&mut publisher, 4);
    assert_eq!(publisher.publish(4), Err(PublishError::Full(4)));
    let mut upstream = ring.upstream().unwrap();
    assert_eq!(upstream.drain(9, |_, _| ()), Ok(4));
    assert_eq!(
        publisher.publish(4),
        Err(PublishError::Full(4)),
        "read, and not released"
    );
    upstream.release(1).unwrap();
    publish(&mut publisher, 1);
    assert_eq!(publisher.publish(5), Err(PublishError::Full(5)));
    assert_eq!(ring.oldest(), 1);
    // Trimming stops there as well.
    assert_eq!(publisher.trim(u64::MAX, drop), 1);
    assert_eq!(ring.visible(), 1);
}

#[test]
fn the_barrier_stands_at_the_slowest_of_them() {
    let (mut publisher, ring) = staged(16);
    let (mut journal, mut replica) = (ring.upstream().unwrap(), ring.upstream().unwrap());
    publish(&mut publisher, 8);
    for (handle, to, barrier) in [(&mut journal, 5, 0), (&mut replica, 3, 3)] {
        handle.drain(9, |_, _| ()).unwrap();
        handle.release(to).unwrap();
        assert_eq!(ring.visible(), barrier);
    }
    replica.release(8).unwrap();
    assert_eq!(ring.visible(), 5);
    // A third one begins at the barrier, and holds it there.
    let third = ring.upstream().unwrap();
    assert_eq!((third.position(), third.released()), (5, 5));
    journal.release(8).unwrap();
    assert_eq!(ring.visible(), 5);
    third.finish();
    assert_eq!(ring.visible(), 8, "those who finish are not waited for");
    assert_eq!(ring.subscriber_count(), 0, "none of them is a subscription");
}

#[test]
fn finishing_releases_what_was_read() {
    let (mut publisher, ring) = staged(16);
    let (mut one, mut other) = (ring.upstream().unwrap(), ring.upstream().unwrap());
    publish(&mut publisher, 4);
    one.drain(9, |_, _| ()).unwrap();
    one.release(4).unwrap();
    other.drain(3, |_, _| ()).unwrap();
    other.finish();
    assert_eq!((ring.visible(), ring.is_abandoned()), (4, false));
    // The last one before the end: nobody could release the rest.
    one.finish();
    assert!(ring.is_abandoned() && ring.is_closed() && publisher.is_closed());
    assert_eq!(publisher.publish(4), Err(PublishError::Closed(4)));
}

#[test]
fn the_end_is_seen_downstream_last() {
    for close_first in [true, false] {
        let (mut publisher, ring) = staged(16);
        let mut upstream = ring.upstream().unwrap();
        let mut lossy = ring.subscribe(Start::Oldest).unwrap();
        publish(&mut publisher, 2);
        if close_first {
            publisher.close();
            assert!(ring.is_closed());
            assert_eq!(
                lossy.try_recv().unwrap_err(),
                TryRecvError::Empty,
                "not for it"
            );
        }
        upstream.drain(9, |_, _| ()).unwrap();
        upstream.release(1).unwrap();
        assert_eq!(*lossy.try_recv().unwrap(), 0);
        assert_eq!(lossy.try_recv().unwrap_err(), TryRecvError::Empty);
        upstream.release(2).unwrap();
        assert_eq!(*lossy.try_recv().unwrap(), 1);
        drop(publisher);
        assert_eq!(lossy.try_recv().unwrap_err(), END);
        assert_eq!(upstream.try_recv().unwrap_err(), END);
        // It has read and released all there was: dropping it abandons nothing.
        drop(upstream);
        assert!(!ring.is_abandoned() && lossy.is_finished());
        assert_eq!(ring.upstream().unwrap_err(), UpstreamError::Closed);
    }
}

#[test]
fn an_upstream_handle_that_is_dropped_abandons_the_ring() {
    let (mut publisher, ring) = staged(128);
    let (mut upstream, mut other) = (ring.upstream().unwrap(), ring.upstream().unwrap());
    let mut lossy = ring.subscribe(Start::Oldest).unwrap();
    let mut group = ring.group_gated().unwrap();
    group.add(Start::Oldest).unwrap();
    publish(&mut publisher, 4);
    for handle in [&mut upstream, &mut other] {
        handle.drain(3, |_, _| ()).unwrap();
        handle.release(2).unwrap();
    }
    let panicked = thread::spawn(move || {
        let _upstream = upstream;
        panic!("a stage that fails");
    });
    assert!(panicked.join().is_err());
    assert!(ring.is_abandoned());
    assert_eq!(
        publisher.publish(4),
        Err(PublishError::Closed(4)),
        "at once"
    );
    assert_eq!(
        lossy.drain(9, |_, values| assert_eq!(values, [0, 1])),
        Ok(2)
    );
    assert_eq!(lossy.try_recv().unwrap_err(), ABANDONED);
    assert_eq!(lossy.wait(None), Waited::Closed);
    let round = group.drain(9, |_, _, _| ());
    assert_eq!((round.read, round.closed, round.abandoned), (2, true, true));
    // The other one reads the rest, and is told that it is in vain.
    assert_eq!(*other.try_recv().unwrap(), 3);
    assert_eq!(other.try_recv().unwrap_err(), ABANDONED);
    assert_eq!(other.release(4), Err(ReleaseError::Abandoned));
    assert_eq!(ring.visible(), 2);
    publisher.close();
    other.finish();
    assert_eq!(lossy.try_recv().unwrap_err(), ABANDONED);
}

#[test]
fn a_blocked_publisher_is_told_that_the_ring_was_abandoned() {
    let waiting = Overflow::Block { timeout: None };
    let (mut publisher, ring) = Builder::new(2).overflow(waiting).staged().build().unwrap();
    let upstream = ring.upstream().unwrap();
    publish(&mut publisher, 2);
    let blocked = thread::spawn(move || publisher.publish(2));
    drop(upstream);
    assert_eq!(blocked.join().unwrap(), Err(PublishError::Closed(2)));
}

/// A lossy reader far behind while the barrier is far behind head: the oldest is never above the barrier.
#[test]
fn a_lossy_reader_downstream_is_told_what_it_missed() {
    let (mut publisher, ring) = staged(8);
    let mut upstream = ring.upstream().unwrap();
    let mut slow = ring.subscribe(Start::Oldest).unwrap();
    for _ in 0..10 {
        publish(&mut publisher, 8);
        assert!(ring.oldest() <= ring.visible());
        upstream.drain(99, |_, _| ()).unwrap();
        upstream.release(upstream.position()).unwrap();
    }
    publish(&mut publisher, 8);
    let lagged = Lagged {
        missed: 80,
        resume_at: 80,
    };
    assert_eq!((ring.visible(), ring.oldest(), slow.lag()), (80, 80, 80));
    assert_eq!(slow.try_recv().unwrap_err(), TryRecvError::Lagged(lagged));
    assert_eq!(slow.try_recv().unwrap_err(), TryRecvError::Empty);
    assert_eq!(slow.lag(), 0);
}

#[test]
fn several_publishers_and_lanes_have_stages_too() {
    let builder = Builder::new(8).overflow(Overflow::Reject).staged();
    let (publisher, ring) = builder.build_shared().unwrap();
    let mut upstream = ring.upstream().unwrap();
    let mut reader = ring.subscribe(Start::Oldest).unwrap();
    publisher.publish('a').unwrap();
    assert_eq!(reader.try_recv().unwrap_err(), TryRecvError::Empty);
    assert_eq!(*upstream.recv().unwrap(), 'a');
    upstream.release(1).unwrap();
    drop(publisher.clone());
    publisher.publish('b').unwrap();
    drop(publisher);
    assert_eq!(*reader.try_recv().unwrap(), 'a');
    assert_eq!(reader.try_recv().unwrap_err(), TryRecvError::Empty);
    upstream.drain(9, |_, _| ()).unwrap();
    upstream.finish();
    assert_eq!(*reader.try_recv().unwrap(), 'b');
    assert_eq!(reader.try_recv().unwrap_err(), END);

    let (publisher, ring) = builder.build_shared().unwrap();
    let mut reader = ring.subscribe(Start::Oldest).unwrap();
    let upstream = ring.upstream().unwrap();
    publisher.publish('a').unwrap();
    drop(upstream);
    assert_eq!(publisher.publish('b'), Err(PublishError::Closed('b')));
    assert_eq!(reader.try_recv().unwrap_err(), ABANDONED);

    let (mut publishers, lanes) = builder.build_lanes(2).unwrap();
    let mut stages: Vec<_> = lanes
        .rings()
        .iter()
        .map(|ring| ring.upstream().unwrap())
        .collect();
    let mut group = lanes.group(Start::Oldest).unwrap();
    publishers[1].publish('c').unwrap();
    assert_eq!(group.drain(9, |_, _, _| ()).read, 0);
    stages[1].drain(9, |_, _| ()).unwrap();
    stages[1].release(1).unwrap();
    assert_eq!(group.wait(None), Waited::Ready);
    assert_eq!(group.drain(9, |lane, _, _| assert_eq!(lane, 1)).read, 1);
    drop((publishers, stages));
    let round = group.drain(9, |_, _, _| ());
    assert_eq!((round.closed, round.abandoned), (true, false));
}

/// Two stages side by side and two readers behind them, on threads that sleep.
#[test]
fn stages_and_readers_on_threads() {
    let waiting = Overflow::Block { timeout: None };
    let (mut publisher, ring) = Builder::new(64).overflow(waiting).staged().build().unwrap();
    let stages: Vec<_> = (0..2).map(|_| ring.upstream().unwrap()).collect();
    let readers: Vec<_> = (0..2)
        .map(|_| ring.subscribe_gated(Start::Oldest).unwrap())
        .collect();
    let stages = stages.into_iter().map(|mut stage| {
        thread::spawn(move || {
            loop {
                match stage.drain(usize::MAX, |_, _| ()) {
                    Ok(_) => stage.release(stage.position()).unwrap(),
                    Err(TryRecvError::Empty) => drop(stage.wait(None)),
                    Err(error) => return error,
                }
            }
        })
    });
    let stages: Vec<_> = stages.collect();
    let readers = readers.into_iter().map(|mut reader| {
        thread::spawn(move || {
            let mut next = 0;
            while let Ok(value) = reader.recv_timeout(Duration::from_secs(60)) {
                assert_eq!(*value, next);
                next += 1;
            }
            (next, reader.try_recv().unwrap_err())
        })
    });
    let readers: Vec<_> = readers.collect();
    publish(&mut publisher, 20_000);
    drop(publisher);
    assert!(stages.into_iter().all(|stage| stage.join().unwrap() == END));
    for reader in readers {
        assert_eq!(reader.join().unwrap(), (20_000, END));
    }
}

//! Several rings, one thread: lanes and `Select`.

use eventring::ring::{self, Builder, Fencing, Lagged, Overflow, Select, Start, Waited};
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(30);

#[test]
fn each_lane_keeps_its_order_and_loses_nothing() {
    const EACH: u64 = 20_000;
    let overflow = Overflow::Block { timeout: None };
    for fencing in [Fencing::Auto, Fencing::Fence] {
        let builder = Builder::new(100).overflow(overflow).fencing(fencing);
        let (publishers, lanes) = builder.build_lanes(3).unwrap();
        let mut group = lanes.group_gated(Start::Newest).unwrap();
        let publishing: Vec<_> = publishers
            .into_iter()
            .map(|mut publisher| {
                thread::spawn(move || {
                    for n in 0..EACH {
                        publisher.publish(n.to_string()).unwrap();
                    }
                })
            })
            .collect();
        let mut next = [0; 3];
        loop {
            let round = group.drain(usize::MAX, |lane, first, values| {
                assert_eq!(first, next[lane]);
                for value in values {
                    assert_eq!(*value, next[lane].to_string());
                    next[lane] += 1;
                }
            });
            assert_eq!(round.missed, 0);
            if round.closed {
                break;
            }
            let ready = group.wait(Some(Instant::now() + LONG));
            assert_ne!(ready, Waited::TimedOut);
        }
        assert_eq!(next, [EACH; 3]);
        assert_eq!(group.wait(None), Waited::Closed);
        for publishing in publishing {
            publishing.join().unwrap();
        }
    }
}

#[test]
fn a_lane_that_lags_says_so() {
    let (mut publishers, lanes) = Builder::new(2).build_lanes::<u64>(2).unwrap();
    let mut group = lanes.group(Start::Newest).unwrap();
    for value in 0..5 {
        publishers[1].publish(value).unwrap();
    }
    let mut lags = Vec::new();
    let round = group.drain_with(
        usize::MAX,
        |_, _, _| unreachable!("it lags"),
        |lane, lag| lags.push((lane, lag)),
    );
    let lag = Lagged {
        missed: 3,
        resume_at: 3,
    };
    assert_eq!((round.read, round.missed, round.closed), (0, 3, false));
    assert_eq!(lags, [(1, lag)]);
    let mut read = Vec::new();
    let round = group.drain(usize::MAX, |lane, first, values| {
        read.extend((first..).zip(values).map(|(at, value)| (lane, at, *value)));
    });
    assert_eq!((round.read, read), (2, vec![(1, 3, 3), (1, 4, 4)]));
    assert_eq!(group.wait(Some(Instant::now())), Waited::TimedOut);
    publishers.remove(1);
    assert_eq!(group.wait(Some(Instant::now())), Waited::TimedOut);
    publishers[0].publish(0).unwrap();
    assert_eq!(group.wait(None), Waited::Ready);
    assert_eq!(group.lanes_mut()[0].iter().next(), Some(Ok(0)));
}

#[test]
fn select_takes_turns_and_ends() {
    let mut select = Select::new();
    assert_eq!(select.wait(&[], Some(Instant::now())), None);
    let (mut numbers, ring) = ring::channel::<u64>(8).unwrap();
    let number = ring.subscribe(Start::Newest).unwrap();
    let (mut words, ring) = ring::channel::<String>(8).unwrap();
    let word = ring.subscribe(Start::Newest).unwrap();
    assert_eq!((select.add(&number), select.add(&word)), (0, 1));
    let at = [0, 0];
    let soon = Some(Instant::now() + Duration::from_millis(2));
    assert_eq!(select.wait(&at, soon), None);
    numbers.publish(1).unwrap();
    words.publish(String::new()).unwrap();
    let first = select.wait(&at, None).unwrap();
    let second = select.wait(&at, None).unwrap();
    assert_eq!(first + second, 1, "one after the other");
    assert_eq!(
        select.wait(&[1], Some(Instant::now())),
        None,
        "only the first"
    );
    drop(words);
    assert_eq!(select.wait(&[1, 1], None), Some(1), "the end is news too");
}

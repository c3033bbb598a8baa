//! Publishers that outrun a receiver, with events that no journal has.

use std::ops::Range;

use eventring::hub::{
    Controls, GapReason, Hub, Receiver, StartFrom, Subscription, TopicConfig, TryReceiveError,
};
use eventring::journal::{Durability, MemoryLog};

use super::{open, publish};

/// Publishes events of both topics, more than the ring keeps.
fn outrun(hub: &Hub) {
    for _ in 0..200 {
        publish(hub, "ticks", 1);
        publish(hub, "orders", 1);
    }
}

/// Receives up to the head; returns the gaps. Each offset is there, or was told to be missing before anything behind it.
fn told(receiver: &mut Receiver, mut last: u64, mut each: impl FnMut(u64)) -> Vec<Range<u64>> {
    let mut gaps: Vec<Range<u64>> = Vec::new();
    loop {
        match receiver.try_recv() {
            Ok(delivery) => {
                let now = delivery.position.offset;
                let missing = (last + 1..now).find(|at| !gaps.iter().any(|gap| gap.contains(at)));
                assert_eq!(missing, None, "{now} behind {last}: {gaps:?}");
                last = now;
                each(now);
            }
            Err(TryReceiveError::Gap(gap)) => {
                assert_eq!((gap.reason, gap.exact), (GapReason::Memory, false));
                assert_eq!(gap.resume_at, last + 1, "what comes is behind it");
                gaps.push(gap.resume_at..gap.resume_at + gap.missed);
            }
            Err(TryReceiveError::Empty) if receiver.lag() == 0 => return gaps,
            Err(TryReceiveError::Empty) => {}
            Err(other) => panic!("{other:?} behind {last}"),
        }
    }
}

/// It was told once, up to where the ring began then, and read on beyond that without a word.
#[test]
fn what_leaves_the_ring_while_a_receiver_catches_up_is_told() {
    let hub = open(&MemoryLog::default());
    let config = TopicConfig::default().durability(Durability::None);
    hub.create_topic("ticks", config).unwrap();
    publish(&hub, "orders", 300);
    let wanted = Subscription::all().controls(Controls::none());
    let wanted = wanted.start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(wanted).unwrap();
    let began_at = hub.earliest();
    let mut floors = Vec::new();
    let gaps = told(&mut receiver, 0, |offset| {
        // Twice while it reads what it was told of.
        if offset == 10 || offset == began_at + 10 {
            outrun(&hub);
            floors.push(hub.earliest());
        }
    });
    assert!(floors.len() == 2 && floors[0] > began_at);
    assert_eq!(gaps[..2], [1..began_at, began_at..floors[0]]);
    // Who wants only what is kept is told of nothing.
    let orders = Subscription::topic("orders").controls(Controls::none());
    let orders = orders.start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(orders).unwrap();
    for _ in 0..3 {
        outrun(&hub);
        for _ in 0..300 {
            receiver.recv().unwrap();
        }
    }
}

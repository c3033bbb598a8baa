//! Publishers that outrun who catches up, with events that no journal has.

use std::ops::Range;

use eventring::hub::TopicConfig;
use eventring::journal::Durability;

use super::gated::Gate;
use super::world::{World, gated, notices, publish};
use crate::streams::client::{Client, eventually, offset};

const OLD: u64 = 1_000;

/// A hub whose topic `ticks` is in memory only.
fn with_ticks() -> (World, std::sync::Arc<Gate>) {
    let (world, gate) = gated(OLD);
    let config = TopicConfig::default().durability(Durability::None);
    world.hub.create_topic("ticks", config).unwrap();
    (world, gate)
}

/// Publishes events on both topics, more than the ring keeps.
fn outrun(world: &World) {
    for _ in 0..200 {
        publish(&world.hub, "ticks");
        publish(&world.hub, "a");
    }
}

/// The ranges of the gaps that a client was told, each before the events behind it.
fn gaps(client: &Client) -> Vec<Range<u64>> {
    let gaps = client.seen.iter().filter(|seen| seen.event == "gap");
    gaps.map(|seen| {
        let json = seen.json();
        let at = |name: &str| offset(json[name].as_str().unwrap());
        at("from")..at("to") + 1
    })
    .collect()
}

/// Each offset behind `last` is there or was told to be missing before anything behind it came.
fn assert_told(client: &Client, mut last: u64) {
    let mut gaps: Vec<Range<u64>> = Vec::new();
    for seen in &client.seen {
        if seen.event == "gap" {
            let json = seen.json();
            let at = |name: &str| offset(json[name].as_str().unwrap());
            // Who resumes from it misses nothing of what comes.
            assert_eq!(seen.offset(), last, "{json}");
            gaps.push(at("from")..at("to") + 1);
        } else if seen.event == "t" {
            let now = seen.offset();
            let missing = (last + 1..now).find(|at| !gaps.iter().any(|gap| gap.contains(at)));
            assert_eq!(missing, None, "{now} behind {last}: {gaps:?}");
            last = now;
        }
    }
}

/// The gap was told once, up to where the ring began then, and what left the ring since was passed without a word.
#[test]
fn what_leaves_the_ring_while_a_stream_catches_up_is_told() {
    let (world, gate) = with_ticks();
    let mut client = world.resume("topic=%3E", 1);
    eventually("a read waits", || gate.waiting() > 0);
    gate.let_one_pass();
    client.read_until(|client| client.events().next().is_some());
    eventually("the next read waits", || gate.waiting() > 0);
    for _ in 0..3 {
        outrun(&world);
    }
    let head = publish(&world.hub, "a");
    gate.open();
    client.read_to(head);
    assert_eq!(notices(&client), ["gap memory", "gap memory"]);
    let gaps = gaps(&client);
    assert!(gaps[0].end <= OLD + 1 && gaps[1].end > OLD + 1, "{gaps:?}");
    assert_told(&client, 1);
}

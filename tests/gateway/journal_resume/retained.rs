//! What has gone by the bounds of a topic: who comes back from below is told, on both wires, and misses nothing that is there.

use eventring::hub::TopicConfig;
use eventring::journal::Retention;

use super::world::{World, notices, offsets};
use crate::streams::client::offset;

/// Topic `a` has the offsets 1 to 100 and 102 to 201 and keeps the last 50 of them, `b` has 101; the ring has none of these.
fn world() -> World {
    let world = World::new();
    let bounds = Retention::default().events(Some(50));
    let config = TopicConfig::default().journal(bounds);
    world.hub.set_topic("a", config).unwrap();
    world.publish("a", 100);
    world.publish("b", 1);
    world.publish("a", 100);
    world.publish("c", 100);
    world
}

#[test]
fn an_id_below_the_floor_of_its_topic_is_told_and_goes_on_with_what_is_left() {
    let world = world();
    let mut client = world.resume("topic=a", 10);
    client.read_to(201);
    assert_eq!(offsets(&client), (152..=201).collect::<Vec<_>>());
    assert_eq!(notices(&client), ["gap retention"]);
    let gap = &client.seen[0];
    assert_eq!(
        offset(&gap.id),
        151,
        "who comes back by it is not told again"
    );
    let target = format!("/api/v1/ws?topic=a&last-event-id={}", world.at(10));
    let mut socket = crate::sockets::client::Client::new(world.server.addr(), &target);
    socket.expect("welcome");
    let gap = socket.expect("gap");
    assert_eq!(gap["reason"], "retention", "{gap}");
    let first = socket.expect("event");
    assert_eq!(offset(first["id"].as_str().unwrap()), 152);
}

#[test]
fn events_of_others_come_from_below_the_floor_and_are_not_passed_by_what_is_told() {
    let world = world();
    let mut client = world.resume("topic=a&topic=b", 10);
    client.read_to(201);
    let left: Vec<u64> = std::iter::once(101).chain(152..=201).collect();
    assert_eq!(offsets(&client), left);
    assert!(
        notices(&client)
            .iter()
            .all(|notice| notice == "gap retention")
    );
    assert!(!notices(&client).is_empty());
    // Whoever comes back by any id gets everything behind it.
    for seen in &client.seen {
        let mut again = world.resume("topic=a&topic=b", offset(&seen.id));
        again.read_until(|again| {
            again
                .events()
                .last()
                .is_some_and(|last| last.offset() == 201)
        });
        let at = client
            .seen
            .iter()
            .position(|one| one.id == seen.id)
            .unwrap();
        let behind = client.seen[at + 1..].iter();
        let behind = behind
            .filter(|one| one.event != "gap")
            .map(|one| one.offset());
        assert_eq!(offsets(&again), behind.collect::<Vec<_>>(), "{}", seen.id);
        if offset(&seen.id) == 200 {
            break;
        }
    }
}

#[test]
fn who_asks_for_the_beginning_gets_what_is_there() {
    let world = world();
    let mut client = world.open("topic=c&from=beginning");
    client.read_to(301);
    assert_eq!(offsets(&client), (202..=301).collect::<Vec<_>>());
    assert_eq!(notices(&client), [""; 0]);
}

/// Who reads all topics was told in each piece, and so was who asked for what is there.
#[test]
fn a_catch_up_is_told_once_and_the_beginning_is_not() {
    let world = World::new();
    let bounds = Retention::default().events(Some(50));
    let config = TopicConfig::default().journal(bounds);
    world.hub.set_topic("a", config).unwrap();
    // More than one piece.
    for _ in 0..1_000 {
        world.publish("a", 1);
        world.publish("b", 1);
    }
    let last: u64 = 2_000;
    let left = |from: u64| -> Vec<u64> {
        let is_left = |offset: &u64| offset.is_multiple_of(2) || *offset > last - 100;
        (from..=last).filter(is_left).collect()
    };
    let mut client = world.resume("topic=>", 10);
    client.read_to(last);
    assert_eq!(offsets(&client), left(11));
    assert_eq!(notices(&client), ["gap retention"]);
    let gap = &client.seen[0];
    assert_eq!(offset(&gap.id), 10, "nothing is passed by it");
    assert_eq!(gap.json()["exact"], false, "{}", gap.json());
    let mut client = world.open("topic=>&from=beginning");
    client.read_to(last);
    assert_eq!(offsets(&client), left(2));
    assert_eq!(notices(&client), [""; 0]);
    let target = "/api/v1/ws?topic=>&from=beginning";
    let mut socket = crate::sockets::client::Client::new(world.server.addr(), target);
    socket.expect("welcome");
    for expected in left(2) {
        let event = socket.expect("event");
        assert_eq!(offset(event["id"].as_str().unwrap()), expected);
    }
}

//! From the journal into the ring and its log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::world::{RING, World, gated, notices, offsets, publish};
use crate::sockets::client::Client as Socket;
use crate::streams::client::{Client, eventually};

const OLD: u64 = 1_000;

#[test]
fn an_id_that_left_the_ring_resumes_without_a_gap() {
    let world = World::new();
    world.publish("a", OLD);
    assert!(
        world.hub.earliest() > OLD - 2 * RING as u64 - 64,
        "the ring is small"
    );
    let mut client = world.resume("topic=a", 10);
    client.read_to(OLD);
    world.publish("a", 5);
    client.read_to(OLD + 5);
    assert_eq!(offsets(&client), (11..=OLD + 5).collect::<Vec<_>>());
    assert_eq!(notices(&client), Vec::<String>::new());
}

#[test]
fn all_wire_forms_are_read_back() {
    let world = World::new();
    world.publish("a", 300);
    for form in [
        "framing=chunked",
        "framing=close",
        "format=cloudevents",
        "names=none",
    ] {
        let mut client = world.resume(form, 10);
        client.read_until(|client| client.seen.len() >= 290);
        let offsets: Vec<u64> = client.seen.iter().map(|seen| seen.offset()).collect();
        assert_eq!(offsets, (11..=300).collect::<Vec<_>>(), "{form}");
    }
}

#[test]
fn who_wants_one_topic_of_many_gets_all_of_it() {
    let world = World::new();
    for n in 0..OLD {
        let topic = if n % 50 == 0 { "rare" } else { "busy" };
        publish(&world.hub, topic);
    }
    let mut client = world.resume("topic=rare", 1);
    publish(&world.hub, "rare");
    client.read_to(OLD + 1);
    let wanted = (1..OLD).filter(|n| n % 50 == 0).map(|n| n + 1);
    let wanted: Vec<u64> = wanted.chain([OLD + 1]).collect();
    assert_eq!(offsets(&client), wanted);
    assert_eq!(notices(&client), Vec::<String>::new());
}

#[test]
fn a_web_socket_resumes_as_a_stream_does() {
    let world = World::new();
    world.publish("a", OLD);
    let target = format!("/api/v1/ws?topic=a&last-event-id={}", world.at(7));
    let mut socket = Socket::new(world.server.addr(), &target);
    socket.expect("welcome");
    let offset = |event: &serde_json::Value| {
        let id = event["id"].as_str().unwrap();
        crate::streams::client::offset(id)
    };
    for expected in 8..=OLD {
        assert_eq!(offset(&socket.expect("event")), expected);
    }
    world.publish("a", 1);
    assert_eq!(offset(&socket.expect("event")), OLD + 1);
    // A second subscription has a history of its own, of its topic alone.
    world.publish("b", 3);
    let from = world.at(0);
    socket.send(&format!(
        r#"{{"type":"subscribe","request":1,"topic":"b","from":"{from}"}}"#
    ));
    socket.expect("subscribed");
    for expected in OLD + 2..=OLD + 4 {
        assert_eq!(offset(&socket.expect("event")), expected);
    }
    socket.expect("caught_up");
}

#[test]
fn publishing_goes_on_at_full_rate_while_many_catch_up() {
    let world = World::new();
    world.publish("a", 2_000);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut last = 0;
            while !is_over.load(Ordering::Relaxed) {
                last = publish(&world.hub, "a");
            }
            last
        });
        // Each on its own thread: a client that is not read for long is ended as stalled.
        let (come, came) = mpsc::channel();
        let world = &world;
        let clients: Vec<_> = (0..24)
            .map(|n| n * 37)
            .map(|from| {
                let (come, (tell, told)) = (come.clone(), mpsc::channel());
                scope.spawn(move || {
                    let mut client = world.resume("topic=a", from);
                    client.read_to(3_000 + from);
                    come.send(()).unwrap();
                    let last = told.recv().unwrap();
                    client.read_to(last);
                    assert_eq!(offsets(&client), (from + 1..=last).collect::<Vec<_>>());
                    assert_eq!(notices(&client), Vec::<String>::new());
                });
                tell
            })
            .collect();
        drop(come);
        // Fewer where one has failed, which ends the test.
        let _ = came.iter().take(clients.len()).count();
        is_over.store(true, Ordering::Relaxed);
        let last = publisher.join().unwrap();
        clients.iter().for_each(|tell| _ = tell.send(last));
    });
}

#[test]
fn what_many_wish_for_at_once_is_read_once() {
    let reads_of = |clients: usize| {
        let (world, gate) = gated(OLD);
        let mut clients: Vec<Client> = (0..clients).map(|_| world.resume("topic=a", 0)).collect();
        eventually("a read waits", || gate.waiting() > 0);
        gate.open();
        for client in &mut clients {
            client.read_to(OLD);
            assert_eq!(offsets(client), (1..=OLD).collect::<Vec<_>>());
        }
        gate.reads()
    };
    let (one, many) = (reads_of(1), reads_of(64));
    // Where they are when the gate opens is a matter of chance: a piece may be asked for from two places.
    assert!(
        one > 0 && many <= 2 * one,
        "{many} reads for 64, {one} for one"
    );
}

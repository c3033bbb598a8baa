//! Nobody waits for a disk but who asked for what is on it.

use std::time::Instant;

use super::world::{gated, notices, offsets};
use crate::streams::client::{Client, PATIENCE, eventually};

const OLD: u64 = 1_000;

#[test]
fn who_is_live_gets_everything_while_others_wait_for_the_disk() {
    let (world, gate) = gated(OLD);
    let mut live = world.open("topic=a");
    let mut behind: Vec<Client> = (0..100).map(|n| world.resume("topic=a", n)).collect();
    eventually("a read waits", || gate.waiting() > 0);
    for n in 1..=300 {
        world.publish("a", 1);
        live.read_to(OLD + n);
    }
    assert_eq!(notices(&live), Vec::<String>::new());
    for client in &mut behind {
        assert_eq!(client.seen, [], "what they want is not read yet");
    }
    gate.open();
    for (n, client) in behind.iter_mut().enumerate() {
        client.read_to(OLD + 300);
        let wanted: Vec<u64> = (n as u64 + 1..=OLD + 300).collect();
        assert_eq!(offsets(client), wanted);
        assert_eq!(notices(client), Vec::<String>::new());
    }
}

#[test]
fn who_leaves_while_it_waits_leaves_nothing_behind() {
    let (world, gate) = gated(OLD);
    let clients: Vec<Client> = (0..50).map(|n| world.resume("topic=a", n)).collect();
    eventually("a read waits", || gate.waiting() > 0);
    drop(clients);
    let handle = world.server.handle();
    eventually("they are gone", || handle.stats().streams == 0);
    // Others get their numbers, and what they want.
    let mut again: Vec<Client> = (0..50).map(|n| world.resume("topic=a", 900 + n)).collect();
    gate.open();
    for (n, client) in again.iter_mut().enumerate() {
        client.read_to(OLD);
        assert_eq!(offsets(client), (901 + n as u64..=OLD).collect::<Vec<_>>());
    }
}

#[test]
fn a_socket_is_answered_while_its_history_is_read() {
    let (world, gate) = gated(OLD);
    let target = format!("/api/v1/ws?topic=a&last-event-id={}", world.at(10));
    let mut socket = crate::sockets::client::Client::new(world.server.addr(), &target);
    socket.expect("welcome");
    eventually("a read waits", || gate.waiting() > 0);
    let deadline = Instant::now() + PATIENCE;
    for n in 0..20 {
        socket.send(&format!(r#"{{"type":"ping","request":{n}}}"#));
        assert_eq!(socket.expect("pong")["request"], n);
        assert!(Instant::now() < deadline);
    }
    gate.open();
    for expected in 11..=OLD {
        let event = socket.expect("event");
        let id = event["id"].as_str().unwrap();
        assert_eq!(crate::streams::client::offset(id), expected);
    }
}

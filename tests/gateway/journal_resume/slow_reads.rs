//! Nobody waits for a disk but who asked for what is on it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::world::{gated, notices, offsets};
use crate::sockets::client::Client as Socket;
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

/// The version of a stream that the hub does not know is read from the journal. It once was on the reactor's thread.
#[test]
fn who_publishes_on_a_stream_waits_alone_for_its_version() {
    let (world, gate) = gated(OLD);
    let mut live = world.open("topic=a");
    let post = |version: &str, body: &str| {
        let mut stream = TcpStream::connect(world.server.addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "POST /api/v1/topics/b/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             ce-streamtype: order\r\nce-streamid: 7\r\n{version}\
             Content-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let answer = |mut stream: TcpStream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let mut waiting: Vec<_> = (1..=5).map(|n| post("", &"1\n".repeat(n))).collect();
    eventually("a version is read", || gate.waiting() > 0);
    for n in 1..=100 {
        world.publish("a", 1);
        live.read_to(OLD + n);
    }
    assert_eq!(world.hub.head(), OLD + 100);
    // Who leaves takes nothing along.
    drop(waiting.pop());
    gate.open();
    for stream in waiting {
        let text = answer(stream);
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
    let text = answer(post("ce-streamversion: 3\r\n", "1\n"));
    assert!(text.starts_with("HTTP/1.1 409"), "{text}");
    assert!(text.contains(r#""field":"streamversion""#), "{text}");
    // What the one who left has sent may be published, also after the others.
    let version = world.hub.stream_position("order", "7").unwrap();
    assert!(version == 10 || version == 15, "{version}");
}

#[test]
fn a_socket_is_answered_while_its_history_is_read() {
    let (world, gate) = gated(OLD);
    let target = format!("/api/v1/ws?topic=a&last-event-id={}", world.at(10));
    let mut socket = Socket::new(world.server.addr(), &target);
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

/// The next offsets of each topic: those of `a` in the journal alone, then as they are published.
fn by_topic(socket: &mut Socket, ends: [u64; 3]) -> [Vec<u64>; 3] {
    let mut offsets = [const { Vec::new() }; 3];
    let is_there = |(seen, end): (&Vec<u64>, u64)| seen.last() == Some(&end);
    while !offsets.iter().zip(ends).all(is_there) {
        let message = socket.json();
        if message["type"] == "event" {
            let topic = message["topic"].as_str().unwrap();
            let at = ["a", "b", "c"].iter().position(|name| *name == topic);
            let id = message["id"].as_str().unwrap();
            offsets[at.unwrap()].push(crate::streams::client::offset(id));
        } else {
            assert_eq!(message["type"], "caught_up", "{message}");
        }
    }
    offsets
}

/// Each subscription of a connection begins where it asked to, though the start of the first is not known yet.
#[test]
fn a_socket_subscribes_again_while_its_start_is_looked_up() {
    let (world, gate) = gated(0);
    for _ in 0..OLD / 2 {
        world.publish("a", 1);
        world.publish("b", 1);
    }
    let mut socket = Socket::new(world.server.addr(), "/api/v1/ws?topic=a&last=200");
    socket.expect("welcome");
    eventually("a read waits", || gate.waiting() > 0);
    for (request, topics) in [
        (r#""topic":"b","from":"beginning""#, r#"["a","b"]"#),
        (r#""topic":"c""#, r#"["a","b","c"]"#),
    ] {
        let text = format!(r#"{{"type":"subscribe","request":1,{request}}}"#);
        let told = socket.request(&text);
        assert_eq!(told["type"], "subscribed", "{told}");
        assert_eq!(told["topic"].to_string(), topics);
    }
    let live: Vec<[u64; 3]> = (0..50)
        .map(|_| {
            ["a", "b", "c"].map(|topic| {
                world.publish(topic, 1);
                world.hub.head()
            })
        })
        .collect();
    gate.open();
    let [a, b, c] = by_topic(&mut socket, live[49]);
    let of = |at: usize| live.iter().map(move |offsets| offsets[at]);
    let last: Vec<u64> = (1..=OLD).filter(|n| n % 2 == 1).collect();
    let of_a: Vec<u64> = last[300..].iter().copied().chain(of(0)).collect();
    assert_eq!(a, of_a);
    let of_b: Vec<u64> = (1..=OLD).filter(|n| n % 2 == 0).chain(of(1)).collect();
    assert_eq!(b, of_b);
    assert_eq!(c, of(2).collect::<Vec<_>>());
}

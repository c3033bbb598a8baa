//! Where too much waits to be committed, a publish waits for room, in its turn and for a while.

use std::time::Duration;

use eventring::Event;
use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::{Hub, PublishOptions};
use eventring::journal::MemoryJournal;
use tungstenite::Message;

use super::client::{Client, ask};
use super::{PATH, config, until};
use crate::faulty_journal::{Faults, FaultyJournal};
use crate::sockets::client::Client as Socket;

const ROOM: usize = 4;

/// A server on a hub that takes four events which are not committed, and holds its commits.
fn full(change: impl FnOnce(ServerConfig) -> ServerConfig) -> (Hub, Faults, ServerThread) {
    let (journal, faults) = FaultyJournal::new(MemoryJournal::new());
    let hub = Hub::builder().journal(journal).in_flight(ROOM);
    let hub = hub.build().unwrap();
    faults.hold(true);
    let server = Server::bind(&hub, change(config())).unwrap();
    (hub, faults, server.spawn().unwrap())
}

fn fill(hub: &Hub, server: &ServerThread) -> Client {
    let mut client = Client::connect(server.addr());
    for n in 0..ROOM {
        client.send("POST", PATH, "", &n.to_string());
    }
    until("there is no room left", || hub.head() == ROOM as u64);
    client
}

#[test]
fn who_finds_no_room_publishes_when_there_is_some() {
    let (hub, faults, server) = full(|config| config);
    let mut first = fill(&hub, &server);
    let ndjson = "Content-Type: application/x-ndjson\r\n";
    let mut others: Vec<Client> = (0..6).map(|_| Client::connect(server.addr())).collect();
    for (n, client) in others.iter_mut().enumerate() {
        // Whole bodies of one and of two events, and lines that are published as they come.
        match n % 3 {
            0 => client.send("POST", PATH, "", "x"),
            1 => client.send("POST", PATH, ndjson, "1\n2\n"),
            _ => client.send(
                "POST",
                &format!("{PATH}?atomic=false"),
                ndjson,
                "1\n2\n3\n4\n5\n6\n",
            ),
        }
    }
    let mut socket = Socket::new(server.addr(), "/api/v1/ws");
    socket.expect("welcome");
    for n in 0..10 {
        socket.send(&format!(
            r#"{{"type":"publish","request":{n},"topic":"t","data":{n}}}"#
        ));
    }
    assert_eq!(hub.head(), ROOM as u64, "nobody has published more");
    faults.hold(false);
    for _ in 0..ROOM {
        assert_eq!(first.answer().status, 200);
    }
    for (n, client) in others.iter_mut().enumerate() {
        let answer = client.answer();
        assert_eq!(answer.status, 200, "{answer:?}");
        match n % 3 {
            0 => assert_eq!(answer.json()["count"], 1),
            1 => assert_eq!(answer.json()["count"], 2),
            _ => {
                let lines: Vec<&str> = answer.body.lines().collect();
                assert_eq!(lines.len(), 6, "{answer:?}");
                for (at, line) in lines.iter().enumerate() {
                    let number = format!(r#"{{"line":{},"position""#, at + 1);
                    assert!(line.starts_with(&number), "{answer:?}");
                }
            }
        }
    }
    for n in 0..10 {
        assert_eq!(socket.expect("published")["request"], n, "in their order");
    }
    let published = (ROOM + 2 * (1 + 2 + 6) + 10) as u64;
    assert_eq!((hub.head(), hub.visible()), (published, published));
}

#[test]
fn who_finds_no_room_for_long_is_told_and_may_go_on() {
    let wait = Duration::from_millis(100);
    let (hub, faults, server) = full(|config| config.publish_timeout(wait));
    let mut first = fill(&hub, &server);
    let mut whole = Client::connect(server.addr());
    let told = whole.ask("POST", PATH, "", "x");
    assert_eq!(told.status, 503, "{told:?}");
    assert!(told.head.contains("retry-after: "), "{told:?}");
    let mut lines = Client::connect(server.addr());
    let ndjson = "Content-Type: application/x-ndjson\r\n";
    let target = format!("{PATH}?atomic=false");
    let told = lines.ask("POST", &target, ndjson, "1\n2\n");
    // No line has a result yet, so it can be refused as a whole.
    assert_eq!(told.status, 503, "{told:?}");
    assert!(told.head.contains("retry-after: "), "{told:?}");
    let mut socket = Socket::new(server.addr(), "/api/v1/ws");
    socket.expect("welcome");
    let told = socket.request(r#"{"type":"publish","request":7,"topic":"t","data":1}"#);
    assert_eq!(
        (&told["code"], &told["request"]),
        (&"unavailable".into(), &7.into())
    );
    assert_eq!(hub.head(), ROOM as u64, "nothing of it was published");

    faults.hold(false);
    for _ in 0..ROOM {
        assert_eq!(first.answer().status, 200);
    }
    // Nobody holds a place who has gone.
    assert_eq!(whole.ask("POST", PATH, "", "x").status, 200);
    let told = socket.request(r#"{"type":"publish","request":8,"topic":"t","data":1}"#);
    assert_eq!(told["type"], "published", "{told}");
}

/// A client that has gone, or closed its half, is in nobody's way.
#[test]
fn who_goes_away_holds_nobody_up() {
    let (hub, faults, server) = full(|config| config);
    let mut first = fill(&hub, &server);
    for _ in 0..3 {
        let mut gone = Client::connect(server.addr());
        gone.send("POST", PATH, "", "x");
    }
    let mut last = Client::connect(server.addr());
    last.send("POST", PATH, "", "y");
    faults.hold(false);
    for _ in 0..ROOM {
        assert_eq!(first.answer().status, 200);
    }
    assert_eq!(last.answer().status, 200);
}

/// Bytes of what peers have begun and not ended.
fn unfinished(server: &ServerThread) -> usize {
    let metrics = Client::connect(server.addr()).ask("GET", "/metrics", "", "");
    let mut lines = metrics.body.lines();
    let bytes = lines.find_map(|line| line.strip_prefix("eventring_unfinished_bytes "));
    bytes
        .unwrap_or_else(|| panic!("{metrics:?}"))
        .parse()
        .unwrap()
}

/// A WebSocket that receives `other`, and whose message waits for room.
fn stalled(server: &ServerThread) -> Socket {
    let mut socket = Socket::new(server.addr(), "/api/v1/ws");
    socket.expect("welcome");
    socket.send(r#"{"type":"subscribe","request":1,"topic":"other"}"#);
    socket.expect("subscribed");
    assert_eq!(unfinished(server), 0);
    socket.send(r#"{"type":"publish","request":2,"topic":"t","data":2}"#);
    until("its message waits", || unfinished(server) > 0);
    socket
}

/// Once: a WebSocket that the server had closed was first in line until its peer answered the close frame, and nobody
/// else could publish.
#[test]
fn who_is_closed_while_waiting_holds_nobody_up() {
    let (hub, faults, server) = full(|config| config);
    let mut first = fill(&hub, &server);
    let mut socket = stalled(&server);
    let listed = ask(server.addr(), "GET", "/api/v1/connections", "").json();
    let id = listed["connections"][0]["id"].as_str().unwrap();
    let target = format!("/api/v1/connections/{id}");
    assert_eq!(ask(server.addr(), "DELETE", &target, "").status, 204);
    // Its answer would leave with the next read: there is none.
    while !matches!(socket.0.read().unwrap(), Message::Close(_)) {}
    assert_eq!(unfinished(&server), 0);
    faults.hold(false);
    for _ in 0..ROOM {
        assert_eq!(first.answer().status, 200);
    }
    let event = Event::builder("t", "x").build().unwrap();
    let submitted = hub.publisher().submit(event, &PublishOptions::default());
    assert_eq!(submitted, Ok(ROOM as u64 + 1..ROOM as u64 + 2));
}

/// Once: the bytes of a message that had waited for room stayed counted until the next one came.
#[test]
fn who_has_waited_holds_no_bytes() {
    let (hub, faults, server) = full(|config| config);
    let _first = fill(&hub, &server);
    let mut socket = stalled(&server);
    faults.hold(false);
    assert_eq!(socket.expect("published")["request"], 2);
    assert_eq!(unfinished(&server), 0);
}

//! Where too much waits to be committed, a publish waits for room, in its turn and for a while.

use std::time::Duration;

use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;
use eventring::journal::MemoryJournal;

use super::client::Client;
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

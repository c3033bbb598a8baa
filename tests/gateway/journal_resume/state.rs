//! What a server says of its journal: to who watches over it, in metrics, in statistics.

use std::sync::atomic::Ordering;
use std::thread;

use eventring::journal::JournalState;
use serde_json::{Value, json};

use super::world::gated;
use crate::streams::client::Client;

/// The status and the body of an answer.
fn ask(world: &super::world::World, path: &str) -> (u16, Value) {
    // By any name: who watches over it goes by an address of the moment.
    let mut client = Client::get(world.server.addr(), path, "Connection: close\r\n", 1 << 20);
    let body = client.json_body();
    (client.status(), body)
}

fn metric(world: &super::world::World, line: &str) -> bool {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(world.server.addr()).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.lines().any(|one| one == line)
}

#[test]
fn a_journal_that_takes_nothing_makes_the_server_unready_and_says_why() {
    let (world, gate) = gated(3);
    for path in ["/health/ready", "/readyz"] {
        assert_eq!(ask(&world, path), (200, json!({ "status": "ready" })));
    }
    let reason = "no space left on device".to_owned();
    for (state, name) in [
        (
            JournalState::Full {
                reason: reason.clone(),
            },
            "full",
        ),
        (
            JournalState::Poisoned {
                reason: reason.clone(),
            },
            "poisoned",
        ),
    ] {
        gate.set_state(state);
        let unready = json!({
            "status": "unready",
            "component": "journal",
            "reason": format!("{name}: {reason}"),
        });
        for path in ["/health/ready", "/readyz"] {
            assert_eq!(ask(&world, path), (503, unready.clone()));
        }
        assert_eq!(ask(&world, "/health/live").0, 200);
        let line = format!(r#"eventring_journal_state{{state="{name}"}} 1"#);
        assert!(metric(&world, &line));
        let (_, stats) = ask(&world, "/api/v1/stats");
        assert_eq!(stats["journal"]["state"], name);
        assert_eq!(stats["journal"]["reason"], reason);
    }
    // Another process reads it: its log of writes grows, and nothing else is the matter.
    gate.set_state(JournalState::HeldByOther { reason });
    assert_eq!(ask(&world, "/health/ready").0, 200);
    gate.set_state(JournalState::Writable);
    assert_eq!(ask(&world, "/health/ready").0, 200);
    assert!(metric(
        &world,
        r#"eventring_journal_state{state="writable"} 1"#
    ));
    assert!(metric(&world, "eventring_journal_last_offset 3"));
}

#[test]
fn a_closed_hub_is_not_ready() {
    let (world, _gate) = gated(1);
    world.hub.close();
    let (status, body) = ask(&world, "/health/ready");
    assert_eq!((status, &body["component"]), (503, &json!("hub")));
}

/// They waited for as long as the disk did, and enough of them were all that may wait for an answer.
#[test]
fn who_asks_for_checkpoints_of_a_disk_that_hangs_has_an_answer() {
    let (world, gate) = gated(3);
    gate.looks_wait.store(true, Ordering::Relaxed);
    thread::scope(|scope| {
        for path in ["/api/v1/checkpoints", "/api/v1/checkpoints/billing"] {
            let world = &world;
            scope.spawn(move || {
                let (status, problem) = ask(world, path);
                assert_eq!(status, 503, "{path}: {problem}");
            });
        }
    });
    gate.open();
}

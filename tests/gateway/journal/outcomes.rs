//! A publish is answered by what came of its commit, and by nothing before.

use std::net::SocketAddr;
use std::time::Duration;

use eventring::gateway::Server;
use eventring::hub::Hub;
use eventring::journal::{CommitFailure, MemoryJournal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::client::Client;
use super::{PATH, config, serve, until};
use crate::faulty_journal::{Faults, FaultyJournal};
use crate::sockets::client::Client as Socket;

/// Publishes that wait on one connection: fewer than it may have.
const PIPELINED: usize = 200;

fn faulty() -> (Hub, Faults) {
    let (journal, faults) = FaultyJournal::new(MemoryJournal::new());
    let hub = Hub::builder().journal(journal).build().unwrap();
    (hub, faults)
}

/// Sends publishes on five connections and a WebSocket, 1,200 of them.
fn publish_many(address: SocketAddr) -> (Vec<Client>, Socket) {
    let clients = (0..5).map(|_| {
        let mut client = Client::connect(address);
        for n in 0..PIPELINED {
            client.send("POST", PATH, "", &n.to_string());
        }
        client
    });
    let clients = clients.collect();
    let mut socket = Socket::new(address, "/api/v1/ws");
    socket.expect("welcome");
    for n in 0..PIPELINED {
        socket.send(&format!(
            r#"{{"type":"publish","request":{n},"topic":"t","data":{n}}}"#
        ));
    }
    (clients, socket)
}

/// Once: the answer was made before the commit, and left when readers were past the offset: also past one whose commit had
/// failed.
#[test]
fn a_commit_that_fails_is_never_answered_with_success() {
    for failure in [
        CommitFailure::Aborted,
        CommitFailure::NoSpace,
        CommitFailure::Poisoned,
    ] {
        let (hub, faults) = faulty();
        let server = serve(&hub);
        faults.hold(true);
        let (clients, mut socket) = publish_many(server.addr());
        let all = 6 * PIPELINED as u64;
        until("all are in flight", || hub.head() == all);
        assert_eq!(hub.visible(), 0, "nobody sees any of it");
        faults.fail(Some(failure));
        faults.hold(false);
        for mut client in clients {
            for _ in 0..PIPELINED {
                let answer = client.answer();
                // As it is told to those who come when it is known already.
                if failure == CommitFailure::NoSpace {
                    assert_eq!(answer.status, 507, "{answer:?}");
                    continue;
                }
                assert_eq!(answer.status, 503, "{failure:?}: {answer:?}");
                assert!(answer.head.contains("retry-after"), "{answer:?}");
            }
        }
        for n in 0..PIPELINED {
            let told = socket.expect("error");
            assert_eq!(told["request"], n, "in their order");
            let code = match failure {
                CommitFailure::NoSpace => "no_space",
                _ => "unavailable",
            };
            assert_eq!(told["code"], code, "{told}");
        }
        let mut receiver = hub.subscribe(">").unwrap();
        assert!(receiver.try_recv().is_err(), "there is nothing to read");
        // Only what is broken for good stays so.
        faults.fail(None);
        let mut client = Client::connect(server.addr());
        let mut status = 0;
        let expected = match failure {
            CommitFailure::Poisoned => 503,
            _ => 200,
        };
        until("the journal takes events again", || {
            status = client.ask("POST", PATH, "", "again").status;
            status == expected
        });
        drop(faults);
    }
}

#[test]
fn a_commit_that_succeeds_is_answered_to_each_by_its_position() {
    let (hub, faults) = faulty();
    let server = serve(&hub);
    faults.hold(true);
    let (clients, mut socket) = publish_many(server.addr());
    until("all are in flight", || hub.head() == 6 * PIPELINED as u64);
    faults.hold(false);
    let mut seen = Vec::new();
    let epoch = hub.epoch();
    for mut client in clients {
        let mut before = 0;
        for _ in 0..PIPELINED {
            let answer = client.answer();
            assert_eq!(answer.status, 200, "{answer:?}");
            let first = answer.json()["first"].as_str().unwrap().to_owned();
            let offset = offset_of(&first, &epoch.to_string());
            assert!(offset > before, "the answers of a connection are in order");
            before = offset;
            seen.push(offset);
        }
    }
    for n in 0..PIPELINED {
        let told = socket.expect("published");
        assert_eq!(told["request"], n);
        seen.push(offset_of(told["id"].as_str().unwrap(), &epoch.to_string()));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=6 * PIPELINED as u64).collect::<Vec<_>>());
}

fn offset_of(position: &str, epoch: &str) -> u64 {
    let (own, offset) = position.rsplit_once('-').unwrap();
    assert_eq!(own, epoch);
    offset.parse().unwrap()
}

/// What is pipelined behind a publish waits for its answer.
#[test]
fn answers_keep_their_order() {
    let (hub, faults) = faulty();
    let server = serve(&hub);
    faults.hold(true);
    let mut client = Client::connect(server.addr());
    client.send("POST", PATH, "", "1");
    client.send("GET", "/healthz", "", "");
    client.send(
        "POST",
        PATH,
        "Content-Type: application/x-ndjson\r\n",
        "1\n2\n",
    );
    until("both are in flight", || hub.head() == 3);
    faults.hold(false);
    assert_eq!(client.answer().json()["count"], 1);
    assert!(client.answer().body.contains("status"), "of the health");
    assert_eq!(client.answer().json()["count"], 2);
}

/// Once: a reactor without streams armed nothing, and found an outcome when it looked after its connections the next time.
#[test]
fn an_outcome_wakes_a_reactor_that_has_no_stream() {
    let (hub, faults) = faulty();
    let mut server = Server::bind(&hub, config()).unwrap();
    faults.hold(true);
    let mut client = Client::connect(server.local_addrs()[0]);
    client.send("POST", PATH, "", "1");
    while hub.head() < 1 || !faults.holds_one() {
        server.turn(Some(Duration::ZERO)).unwrap();
    }
    // Whatever else is to be done is: the next thing that happens is the commit.
    while server.next_deadline().is_none() {
        server.turn(Some(Duration::ZERO)).unwrap();
    }
    faults.hold(false);
    let mut ready = [PollFd::new(&server, PollFlags::IN)];
    let patience = Timespec {
        tv_sec: 30,
        tv_nsec: 0,
    };
    assert_eq!(poll(&mut ready, Some(&patience)), Ok(1), "nobody woke it");
    until("the answer is sent", || {
        server.turn(Some(Duration::ZERO)).unwrap();
        hub.visible() == 1
    });
    server.turn(Some(Duration::ZERO)).unwrap();
    assert_eq!(client.answer().status, 200);
}

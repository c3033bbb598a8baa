//! A reader that is gone without a word, on a path that no longer carries anything.

use crate::common::{Http, Server, Stream, measured};
use crate::link::{Fault, Link};
use std::time::{Duration, Instant};

const FAULT: Fault = Fault {
    delay: Duration::ZERO,
    loss_percent: 0,
    rate: None,
};
/// The kernel asks after 30 s of silence and again after 10 s; a WebSocket is asked by us, sooner.
const NOTICED: Duration = Duration::from_secs(40);
/// How much more a busy machine may take.
const LATE: Duration = Duration::from_secs(40);

/// Once: without heartbeats nothing is ever sent to a quiet stream, and a peer that was gone stayed listed.
#[test]
fn a_quiet_peer_that_is_gone_is_noticed_without_heartbeats() {
    let Some(link) = Link::lay(FAULT) else { return };
    let server = link.near.inside(|| Server::start_at(&link.listen(), &[]));
    let (stream, mut socket) = link.far.inside(|| {
        let stream = Stream::open(server.address, "topic=quiet&heartbeat=0");
        (stream, Http::connect(server.address))
    });
    let head = socket
        .send(format!(
            "GET /api/v1/ws?topic=quiet&heartbeat=0 HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            server.address
        ))
        .head();
    assert_eq!(head.status, 101);
    link.near.inside(|| server.wait_for_streams(2));
    // Packets for an address that nobody has are dropped, and nobody says so.
    link.far.run("ip", "addr flush dev wan").expect("ours");
    let gone = Instant::now();
    link.near.inside(|| {
        while server.health().streams > 0 {
            assert!(gone.elapsed() < NOTICED + LATE, "still listed");
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    measured(&format!("noticed after {:.0?}", gone.elapsed()));
    drop((stream, socket));
}

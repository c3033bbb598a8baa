//! What thousands of streams that come and go leave behind: nothing.
//! it counts every allocation of its thread.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eventring::event::EventBuilder;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;
use socket2::SockRef;

use crate::counting;

/// Connections that are open at once.
const OPEN: usize = 50;
const CONNECTS_A_SECOND: u64 = 200;
const STEP: Duration = Duration::from_millis(1000 / CONNECTS_A_SECOND);
/// After so many connects those that are open are of the same kinds again.
const PERIOD: u64 = 2 * 3 * 5 * 7;

/// The timer wheel kept room in each of its 1024 slots for the most entries that the slot ever had: a
/// server with clients that come and go grew for an hour.
#[test]
fn streams_that_come_and_go_leave_nothing_behind() {
    let hub = Hub::builder().capacity(1024).build().unwrap();
    let config = ServerConfig::default().frame_log_bytes(64 << 10);
    let steps = Arc::new(AtomicU64::new(0));
    let (begin, now) = (Instant::now(), steps.clone());
    let mut server = Server::builder(&hub)
        .clock(move || begin + STEP * now.load(Ordering::Relaxed) as u32)
        .bind(config.listen(([127, 0, 0, 1], 0).into()))
        .unwrap();
    let address = server.local_addrs()[0];
    let mut open: VecDeque<(TcpStream, bool)> = VecDeque::with_capacity(OPEN + 1);
    let mut builder = EventBuilder::new();
    let mut buffer = vec![0; 64 << 10];
    let (mut received, mut streams, mut of_hub) = (0, 0, 0);
    let mut churn = |connects: u64| {
        for n in 0..connects {
            steps.fetch_add(1, Ordering::Relaxed);
            let mut stream = TcpStream::connect(address).unwrap();
            let query = ["", "?topic=a.*", "?topic=a.b"][n as usize % 3];
            let whole = n % 7 != 0;
            let end = if whole { "\r\n" } else { "" };
            write!(
                stream,
                "GET /api/v1/events/stream{query} HTTP/1.1\r\nHost: localhost\r\n{end}"
            )
            .unwrap();
            stream.set_nonblocking(true).unwrap();
            open.push_back((stream, whole));
            streams += u64::from(whole);
            if n % 2 == 0 {
                builder.clear().topic("a.b").ty("t").text("some text");
                // The hub remembers the milliseconds in which events came: on a slow machine those that it keeps came
                // in more of them, which says nothing of the server.
                let before = counting::live();
                hub.publish(builder.build_ref().unwrap()).unwrap();
                of_hub += counting::live() - before;
            }
            server.turn(Some(Duration::ZERO)).unwrap();
            if open.len() > OPEN
                && let Some((mut stream, whole)) = open.pop_front()
            {
                streams -= u64::from(whole);
                match stream.read(&mut buffer) {
                    Ok(n) => received += n,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
                // Most are cut with a reset, which also gives the port back at once.
                if n % 5 != 0 {
                    SockRef::from(&stream)
                        .set_linger(Some(Duration::ZERO))
                        .unwrap();
                }
            }
            // A busy machine brings the ends of connections late, and tables keep the room of their fullest moment: it
            // must be the same in both runs, so each step waits until nobody is open any more but who should be.
            let deadline = Instant::now() + Duration::from_secs(30);
            let handle = server.handle();
            let settled = || {
                let stats = handle.stats();
                (stats.connections, stats.streams) == (open.len() as u64, streams)
            };
            while !settled() {
                assert!(Instant::now() < deadline, "not settled after {n} connects");
                server.turn(Some(Duration::ZERO)).unwrap();
            }
        }
        counting::live() - of_hub
    };
    // Longer than the longest deadline of a connection that sent half a head.
    let before = churn(15 * PERIOD);
    let connects = 43 * PERIOD;
    let grown = churn(connects) - before;
    assert!(received > 1 << 20, "{received} bytes arrived");
    assert!(grown < 512, "{grown} bytes more after {connects} connects");
}

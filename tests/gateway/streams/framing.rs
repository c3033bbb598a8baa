//! Streams are chunked, each frame a chunk of its own, to whoever may be sent chunks. What is sent to one
//! stream alone is framed as all else is: `Body` looks at every chunk.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use eventring::event::{Event, Filter};
use eventring::gateway::{SlowPolicy, StreamOptions};
use eventring::hub::Hub;

use super::client::{Client, PATIENCE, eventually, long_text, publish, serve};

/// The stats stream and what is made at run time are chunked as the events' stream is, and end
/// with a last chunk.
#[test]
fn every_stream_is_chunked_and_ends_with_a_last_chunk() {
    let hub = Hub::new();
    publish(&hub, "a", "kept");
    let server = serve(&hub, |_| {});
    let handle = server.handle();
    handle
        .create_endpoint("/e", Filter::all(), StreamOptions::default())
        .unwrap();
    let id = handle
        .create_connection(Filter::all(), StreamOptions::default())
        .unwrap();
    let made = format!("/api/v1/connections/{id}/stream");
    let paths = [
        "/api/v1/events/stream",
        "/api/v1/events/stream?from=beginning&presence=true&format=cloudevents",
        "/api/v1/events/stream?last-event-id=junk",
        "/e",
        &made,
        "/api/v1/stats/stream",
    ];
    let mut clients: Vec<Client> = paths
        .iter()
        .map(|path| {
            let client = Client::get(
                server.addr(),
                path,
                "Accept-Encoding: gzip;q=0\r\n",
                1 << 20,
            );
            let chunked = client.head.contains("\r\nTransfer-Encoding: chunked\r\n");
            assert!(chunked, "{path}: {}", client.head);
            client
        })
        .collect();
    let notice = Event::builder("x", "notice")
        .text("to all")
        .build()
        .unwrap();
    handle.broadcast(notice, None).unwrap();
    let last = publish(&hub, "a", "live");
    for (path, client) in paths.iter().zip(&mut clients) {
        match path.contains("stats") {
            true => client.read_until(|client| !client.seen.is_empty()),
            false => client.read_until(|client| client.events().any(|seen| seen.offset() == last)),
        }
    }
    let stopped = std::thread::spawn(move || server.stop().unwrap());
    for client in &mut clients {
        client.read_to_end();
    }
    assert!(stopped.join().unwrap().clean);
}

/// Who reads slowly is sent the rest of frames, history and a gap of its own, in chunks as well.
#[test]
fn who_falls_behind_gets_whole_chunks_and_a_last_one() {
    for slow in [
        SlowPolicy::CatchUp,
        SlowPolicy::Gap,
        SlowPolicy::Latest,
        SlowPolicy::Disconnect,
    ] {
        let hub = Hub::builder().capacity(1024).build().unwrap();
        let server = serve(&hub, |config| {
            config.frame_log_bytes = 256 << 10;
            config.send_buffer = Some(16 << 10);
            config.slow = slow;
        });
        let mut client = Client::get(server.addr(), "/api/v1/events/stream", "", 4096);
        let mut last = 0;
        while server.handle().stats().fell_behind == 0 {
            last = publish(&hub, "a", &long_text(last + 1, 9000));
        }
        if slow == SlowPolicy::Disconnect {
            client.read_to_end();
            continue;
        }
        client.read_to(last);
        server.handle().stop();
        client.read_to_end();
    }
}

fn raw(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Close-delimited remains, for those who ask and for HTTP/1.0.
#[test]
fn who_asks_for_it_or_knows_no_chunks_gets_a_body_without_them() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let mut streams: Vec<TcpStream> = [
        "/api/v1/events/stream?framing=close HTTP/1.1",
        "/api/v1/events/stream HTTP/1.0",
        "/api/v1/events/stream?framing=chunked HTTP/1.0",
        "/api/v1/stats/stream?framing=close HTTP/1.1",
        "/api/v1/stats/stream HTTP/1.0",
    ]
    .iter()
    .map(|line| {
        raw(
            server.addr(),
            &format!("GET {line}\r\nHost: localhost\r\n\r\n"),
        )
    })
    .collect();
    let mut heads = Vec::new();
    for stream in &mut streams {
        let mut head = Vec::new();
        while !head.ends_with(b"\n\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        heads.push(String::from_utf8(head).unwrap());
    }
    let stopped = std::thread::spawn(move || server.stop().unwrap());
    for (mut stream, mut text) in streams.into_iter().zip(heads) {
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("Transfer-Encoding"), "{head}");
        assert!(!body.contains('\r'), "no chunks: {body}");
        assert!(body.ends_with("\n\n"), "{body}");
    }
    assert!(stopped.join().unwrap().clean);
}

/// A chunk's size line is part of the frame that all share, so an event leaves in one send, and is
/// encoded once for everybody.
#[test]
fn an_event_is_one_send_to_each_stream_and_chunks_cost_a_few_bytes() {
    const STREAMS: usize = 20;
    const EVENTS: u64 = 50;
    let bytes_of = |framing: &str| {
        let hub = Hub::new();
        let server = serve(&hub, |config| config.heartbeat = Duration::ZERO);
        let query = format!("topic=a&framing={framing}");
        let mut clients: Vec<Client> = (0..STREAMS)
            .map(|_| {
                let mut client = Client::open(server.addr(), &query);
                client.read_until(|client| !client.decoder.last_event_id().is_empty());
                client
            })
            .collect();
        // A send is counted after its bytes have come.
        let sent = || server.handle().stats().sends;
        eventually("their heads are counted", || sent() >= STREAMS as u64);
        let before = server.handle().stats();
        for number in 1..=EVENTS {
            let last = publish(&hub, "a", &long_text(number, 300));
            clients.iter_mut().for_each(|client| client.read_to(last));
        }
        let sends = || sent() - before.sends;
        eventually("all are counted", || sends() >= EVENTS * STREAMS as u64);
        assert_eq!(sends(), EVENTS * STREAMS as u64, "{framing}");
        (server.handle().stats().bytes_sent - before.bytes_sent) / (EVENTS * STREAMS as u64)
    };
    let (close, chunked) = (bytes_of("close"), bytes_of("chunked"));
    assert!(
        (1..=8).contains(&(chunked - close)),
        "{chunked} and {close}"
    );
}

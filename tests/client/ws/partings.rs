//! How connections end: by a goodbye, a close code, a stop from elsewhere, a close of ours.

use std::time::{Duration, Instant};

use eventring::client::{Cause, ClientError, ReadError, WsClient, WsItem};
use eventring::hub::Hub;

use super::played::{Heard, Played};
use super::{PATIENCE, connected, disconnected, nowhere, quick, serve};

#[test]
fn a_goodbye_says_when_to_come_back() {
    let server = Played::new();
    let mut client = quick(&server.url()).build();
    let playing = std::thread::spawn(move || {
        let (mut socket, _) = server.socket();
        socket.say(r#"{"type":"bye","reason":"stopping","retry_ms":300}"#);
        // What was on its way still counts.
        socket.say(r#"{"type":"heartbeat","id":"e-4"}"#);
        socket.close(1001, "the server stops");
        assert_eq!(socket.hear(), Heard::Close(Some(1001)));
        assert_eq!(socket.hear(), Heard::End);
        let (mut socket, target) = server.socket();
        assert_eq!(target, "/ws?topic=t&last-event-id=e-4");
        // A goodbye without a close frame is one all the same; the next has none.
        socket.say(r#"{"type":"bye","reason":"aged","retry_ms":0}"#);
        drop(socket);
        drop(server.socket());
    });
    connected(&mut client);
    let left = Instant::now();
    let parted = disconnected(&mut client);
    assert!(matches!(&parted.cause, Cause::Bye { reason } if reason == "stopping"));
    assert!(parted.again_in >= Duration::from_millis(300));
    assert_eq!(
        parted.cause.to_string(),
        "the server says goodbye: stopping"
    );
    connected(&mut client);
    assert!(left.elapsed() >= Duration::from_millis(300));
    assert!(matches!(disconnected(&mut client).cause, Cause::Bye { reason } if reason == "aged"));
    connected(&mut client);
    assert!(matches!(
        disconnected(&mut client).cause,
        Cause::Read(ReadError::Cut)
    ));
    playing.join().unwrap();
}

#[test]
fn close_codes_are_told_and_echoed() {
    let codes = [1000, 1001, 1008, 1011, 1013, 3000, 4999];
    let server = Played::new();
    let mut client = quick(&server.url()).build();
    let playing = std::thread::spawn(move || {
        for code in codes {
            let (mut socket, _) = server.socket();
            socket.close(code, "why");
            assert_eq!(socket.hear(), Heard::Close(Some(code)));
        }
        let (mut socket, _) = server.socket();
        socket.send(b"\x88\x00");
        assert_eq!(socket.hear(), Heard::Close(None));
    });
    for code in codes.into_iter().chain([1005]) {
        connected(&mut client);
        let Cause::Closed { code: said, reason } = disconnected(&mut client).cause else {
            panic!("it was closed")
        };
        assert_eq!(said.0, code);
        assert_eq!(reason, if code == 1005 { "" } else { "why" });
    }
    playing.join().unwrap();
}

#[test]
fn a_close_of_ours_waits_for_the_answer() {
    let server = Played::new();
    let mut client = quick(&server.url()).build();
    let playing = std::thread::spawn(move || {
        let (mut socket, _) = server.socket();
        assert_eq!(socket.hear(), Heard::Close(Some(1000)));
        socket.say(r#"{"type":"heartbeat","id":"e-4"}"#);
        socket.close(1000, "");
        assert_eq!(socket.hear(), Heard::End, "one close frame is enough");
    });
    connected(&mut client);
    client.close().unwrap();
    playing.join().unwrap();

    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into());
    let url = format!("ws://{}/api/v1/ws?topic=a", server.addr());
    let mut client = WsClient::open(&url).unwrap();
    connected(&mut client);
    client.close().unwrap();
    WsClient::open(&url).unwrap().close().unwrap();
    assert!(server.stop().unwrap().clean);
}

#[test]
fn who_does_not_answer_a_close_is_left_in_the_end() {
    let server = Played::new();
    let timeout = Duration::from_secs(1);
    let mut client = quick(&server.url()).timeout(timeout).build();
    let playing = std::thread::spawn(move || server.socket().0);
    connected(&mut client);
    let mut socket = playing.join().unwrap();
    let talking = std::thread::spawn(move || {
        use std::io::Write as _;
        let deadline = Instant::now() + PATIENCE;
        // It talks on for as long as somebody listens.
        while socket.stream.write_all(b"\x89\x00").is_ok() {
            assert!(Instant::now() < deadline, "the client stays");
            std::thread::yield_now();
        }
    });
    assert!(matches!(client.close(), Err(ReadError::Silent(_))));
    talking.join().unwrap();
}

#[test]
fn a_stop_from_another_thread_ends_every_wait() {
    let server = Played::new();
    let url = server.url();
    // While it reads.
    let mut client = quick(&url).build();
    let stopper = client.stopper();
    let playing = std::thread::spawn(move || (server.socket().0, server));
    connected(&mut client);
    let waiting = std::thread::spawn(move || client.next_item());
    stopper.stop();
    assert!(matches!(waiting.join().unwrap(), Err(ClientError::Stopped)));
    let (_, server) = playing.join().unwrap();
    // While it waits for an answer to its handshake.
    let mut client = quick(&url).build();
    let stopper = client.stopper();
    let waiting = std::thread::spawn(move || client.next_item());
    let asked = server.accept();
    stopper.stop();
    assert!(matches!(waiting.join().unwrap(), Err(ClientError::Stopped)));
    drop(asked);
    // While it stays away.
    let (_taken, url) = nowhere();
    let hour = Duration::from_secs(3600);
    let mut client = WsClient::builder(&url).unwrap().pauses(hour, hour).build();
    let stopper = client.stopper();
    assert!(matches!(client.next_item(), Ok(WsItem::Disconnected(_))));
    let waiting = std::thread::spawn(move || client.next_item());
    stopper.stop();
    assert!(matches!(waiting.join().unwrap(), Err(ClientError::Stopped)));
}

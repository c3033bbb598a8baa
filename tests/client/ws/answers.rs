//! What a server may answer to a handshake, and what the client makes of it.

use std::io::Read;
use std::time::Duration;

use eventring::client::{Cause, ClientError, ReadError, UrlError, WsClient, WsItem};
use eventring::wire::ws::AnswerError;

use super::played::Played;
use super::{connected, disconnected, nowhere, quick};

/// What the client says to one answer; `ACCEPT` stands for the right one.
fn answered(answer: &'static str) -> Result<WsItem, ClientError> {
    let server = Played::new();
    let mut client = quick(&server.url()).build();
    let playing = std::thread::spawn(move || {
        let asked = server.accept();
        let accept = eventring::wire::ws::accept(asked.key.as_bytes());
        asked.answer(&answer.replace("ACCEPT", &accept));
    });
    let item = client.next_item();
    playing.join().unwrap();
    item
}

#[test]
fn a_wrong_answer_fails_the_connection_by_name() {
    for (answer, error) in [
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: 5w==\r\n\r\n",
            AnswerError::Accept,
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n",
            AnswerError::Upgrade,
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n",
            AnswerError::Connection,
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\
             Sec-WebSocket-Protocol: v2\r\n\r\n",
            AnswerError::Protocol,
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\
             Sec-WebSocket-Extensions: x-own\r\n\r\n",
            AnswerError::NotOffered,
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n\r\n",
            AnswerError::Deflate,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            AnswerError::Status { status: 200 },
        ),
    ] {
        match answered(answer) {
            Err(ClientError::Handshake(said)) => assert_eq!(said, error, "{answer}"),
            other => panic!("{answer}: {other:?}"),
        }
    }
}

#[test]
fn a_refusal_is_for_good_and_a_busy_server_is_not() {
    let refused = answered("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnone");
    assert!(matches!(refused, Err(ClientError::Refused { status: 403, body }) if body == b"none"));
    let moved = answered("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(moved, Err(ClientError::Redirect { to }) if to == "/there"));
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n";
    let Ok(WsItem::Disconnected(disconnected)) = answered(busy) else {
        panic!("it is busy")
    };
    assert!(matches!(
        disconnected.cause,
        Cause::Busy { status: 503, .. }
    ));
    assert_eq!(disconnected.again_in, Duration::from_secs(3));
    // A wait that nobody could live to see the end of is not believed.
    let ages = "HTTP/1.1 503 S\r\nRetry-After: 18446744073709551615\r\nContent-Length: 0\r\n\r\n";
    let Ok(WsItem::Disconnected(disconnected)) = answered(ages) else {
        panic!("it is busy")
    };
    assert_eq!(disconnected.again_in, Duration::from_secs(600));
}

#[test]
fn who_never_answers_the_handshake_is_left() {
    let server = Played::new();
    let mut client = quick(&server.url())
        .timeout(Duration::from_secs(1))
        .header("X-Key", "1")
        .header("Bad", "a\r\nX-Key: 2")
        .build();
    let playing = std::thread::spawn(move || {
        let mut silent = server.accept();
        assert_eq!(
            (silent.target.as_str(), silent.x_key.as_str()),
            ("/ws?topic=t", "1")
        );
        assert_eq!(silent.extensions, "permessage-deflate");
        // The client hangs up.
        assert_eq!(silent.stream.read(&mut [0]).unwrap(), 0);
        let again = server.accept();
        assert_ne!(again.key, silent.key, "a key is for one connection");
        (again.agree(""), server)
    });
    assert!(matches!(
        disconnected(&mut client).cause,
        Cause::Read(ReadError::Silent(_))
    ));
    connected(&mut client);
    // And so is one that falls silent later.
    let _kept = playing.join().unwrap();
    assert!(matches!(
        disconnected(&mut client).cause,
        Cause::Read(ReadError::Silent(_))
    ));
}

#[test]
fn nobody_listens_and_the_client_gives_up() {
    let (_taken, url) = nowhere();
    let mut client = quick(&url).failures_max(2).build();
    assert!(matches!(disconnected(&mut client).cause, Cause::Connect(_)));
    assert!(matches!(disconnected(&mut client).cause, Cause::Connect(_)));
    assert!(matches!(
        client.next_item(),
        Err(ClientError::GivenUp { failures: 3, .. })
    ));
}

#[test]
fn what_is_no_url_is_refused() {
    for wrong in ["ws://", "ws://h/a#b", "ws://h/?a b", "ftp://h"] {
        assert!(WsClient::open(wrong).is_err(), "{wrong}");
    }
    for right in ["ws://h/ws", "http://h:1/p/ws?topic=a", "h:1"] {
        assert!(WsClient::open(right).is_ok(), "{right}");
    }
    assert_eq!(WsClient::open("wss://h").unwrap_err(), UrlError::Wss);
    assert_eq!(WsClient::open("https://h").unwrap_err(), UrlError::Https);
}

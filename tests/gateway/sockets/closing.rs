//! A close frame is the last thing that is said, whatever else was read with what it answers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eventring::gateway::{Server, ServerThread, SocketOptions, SocketReplies};
use eventring::hub::Hub;
use eventring::wire::ws::{
    CloseCode, MessageKind, Opcode, masked_close_frame, masked_frame, split_frame,
};

use super::client::connect;
use super::{config, serve};

const MASK: [u8; 4] = [1, 2, 3, 4];

/// So many text frames of 500 bytes that are no JSON.
fn bad(count: usize) -> Vec<u8> {
    let mut frames = Vec::new();
    for _ in 0..count {
        masked_frame(&mut frames, Opcode::Text, &[b'x'; 500], MASK);
    }
    frames
}

/// Reads to the end of the connection; the codes of the close frames.
fn close_codes(mut stream: TcpStream, answers: bool) -> Vec<u16> {
    let (mut bytes, mut buffer, mut answered) = (Vec::new(), [0; 4096], !answers);
    let (mut codes, mut at) = (Vec::new(), 0);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return codes,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(error) => panic!("{error} after {codes:?}"),
        }
        while let Some((opcode, payload, rest)) = split_frame(&bytes[at..]) {
            if opcode == Opcode::Close {
                codes.push(u16::from_be_bytes([payload[0], payload[1]]));
            }
            at = bytes.len() - rest.len();
        }
        if !codes.is_empty() && !answered {
            let mut frame = Vec::new();
            masked_close_frame(&mut frame, CloseCode::NORMAL, "", MASK);
            stream.write_all(&frame).unwrap();
            answered = true;
        }
    }
}

fn malformed(server: &ServerThread) -> u64 {
    let (mut stream, _) = super::client::ask(
        TcpStream::connect(server.addr()).unwrap(),
        "GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    let mut body = String::new();
    stream.read_to_string(&mut body).unwrap();
    let stats: serde_json::Value = serde_json::from_str(&body).unwrap();
    stats["refused"]["malformed"].as_u64().unwrap()
}

/// Once: what was read behind the message that was one too many was parsed from its middle on, closed for
/// a second time, and warned of.
#[test]
fn who_sends_too_many_bad_messages_at_once_is_closed_once() {
    let server = serve(&Hub::new());
    for answers in [true, false] {
        let (mut stream, head) = connect(server.addr(), "/api/v1/ws", "");
        assert_eq!(head.status, 101);
        stream.write_all(&bad(400)).unwrap();
        assert_eq!(close_codes(stream, answers), [1008], "{answers}");
    }
    assert_eq!(malformed(&server), 0);
}

/// What breaks the protocol, alone and behind a close frame of ours.
#[test]
fn who_breaks_the_protocol_is_closed_once() {
    let server = serve(&Hub::new());
    // Frames of a client are masked.
    let unmasked = b"\x81\x02hi";
    for (bytes, code, counted) in [
        ([&bad(3)[..], unmasked, &bad(100)].concat(), 1002, 1),
        (
            [&bad(100)[..], unmasked, &bad(100), unmasked].concat(),
            1008,
            1,
        ),
    ] {
        let (mut stream, head) = connect(server.addr(), "/api/v1/ws", "");
        assert_eq!(head.status, 101);
        stream.write_all(&bytes).unwrap();
        assert_eq!(close_codes(stream, false), [code]);
        assert_eq!(malformed(&server), counted);
    }
}

/// What was read behind the message at which it closed is not for it.
#[test]
fn a_handler_that_closes_hears_nothing_more() {
    let heard = Arc::new(AtomicU64::new(0));
    let count = heard.clone();
    let server = Server::builder(&Hub::new());
    let server = server.socket("/once", SocketOptions::default(), move |_| {
        let count = count.clone();
        Ok(
            move |_: MessageKind, _: &[u8], replies: &mut SocketReplies<'_, '_>| {
                count.fetch_add(1, Ordering::Relaxed);
                replies.close(CloseCode::NORMAL, "enough");
            },
        )
    });
    let server = server.bind(config()).unwrap().spawn().unwrap();
    let (mut stream, head) = connect(server.addr(), "/once", "");
    assert_eq!(head.status, 101);
    stream.write_all(&bad(400)).unwrap();
    assert_eq!(close_codes(stream, true), [1000]);
    assert_eq!(heard.load(Ordering::Relaxed), 1);
}

//! The table of WebSocket bytes against an echo: frames in, frames out, and the code of the close.
//!
//! It holds what the sections of Autobahn's test suite look at, which needs a Python that is hardly to be had.

use std::net::SocketAddr;
use std::time::Duration;

use eventring::gateway::{
    Server, ServerConfig, ServerThread, SocketLimits, SocketOptions, SocketReplies,
};
use eventring::hub::Hub;
use eventring::wire::ws::{DeflatePolicy, MessageKind, MessageLimits};
use serde_json::Value;

use super::super::table;
use super::exchange::{Exchange, Feed};
use super::frames::{self, Frame};

/// A ping and its pong behind everything else: what comes before the pong is all that came of it.
pub(super) const LAST: &[u8] = b"\x89\x84\0\0\0\0last";
pub(super) const LAST_PONG: &[u8] = b"\x8a\x04last";
/// Inputs up to this length are fed by single bytes, too.
const BY_BYTES: usize = 1 << 10;

fn echo(kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>) {
    replies.message(kind, data);
}

/// `/echo` as in `examples/ws_echo.rs`; on `/whole`, clients may refer to earlier messages.
pub(super) fn server() -> ServerThread {
    let frames = MessageLimits::default()
        .frame_bytes(1 << 20)
        .message_bytes(1 << 20);
    let limits = SocketLimits::default().controls_per_second(10_000);
    let limits = limits.frames(frames.fragments(1 << 17));
    let options = |looking_back| {
        let policy = DeflatePolicy::default().looking_back(looking_back);
        SocketOptions::default()
            .limits(limits.clone())
            .deflate(Some(policy))
    };
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::builder(&Hub::new())
        .socket("/echo", options(false), |_| Ok(echo))
        .socket("/whole", options(true), |_| Ok(echo))
        .bind(config)
        .expect("a free port");
    server.spawn().expect("a thread")
}

pub(super) fn handshake(server: SocketAddr, path: &str, offer: &str) -> Vec<u8> {
    let extension = match offer {
        "" => String::new(),
        offer => format!("Sec-WebSocket-Extensions: {offer}\r\n"),
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extension}\r\n"
    )
    .into_bytes()
}

/// What a server said after its 101, whose head stands first.
pub(super) fn behind_head(input: &[u8]) -> Option<(String, &[u8])> {
    let end = input.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(input[..end].to_vec()).expect("a head");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    Some((head, &input[end..]))
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// None: it was still open when the last pong came.
    Open,
    /// A close frame without a code.
    NoCode,
    Code(u16),
}

impl End {
    pub(super) fn of(close: &[u8]) -> Self {
        let code = close.split_first_chunk();
        code.map_or(Self::NoCode, |(code, _)| {
            Self::Code(u16::from_be_bytes(*code))
        })
    }

    pub(super) fn wanted(case: &Value) -> Self {
        match &case["close"] {
            Value::Null => Self::Open,
            code => Self::Code(code.as_u64().expect("a code") as u16),
        }
    }
}

/// Sends what stands behind a handshake in one way, and splits what came: up to the end, and the end.
fn run(server: SocketAddr, offer: &str, sent: &[u8], size: usize) -> (Vec<u8>, End, bool) {
    let hello = handshake(server, "/echo", offer);
    let mut pieces = vec![&hello[..]];
    pieces.extend(sent.chunks(size));
    pieces.push(LAST);
    let feed = Feed::cut(pieces, Duration::ZERO);
    let exchange = Exchange::run(server, &feed, |exchange| {
        exchange.input.ends_with(LAST_PONG)
    });
    let (_, said) = behind_head(&exchange.input).expect("an answer");
    let (mut rest, mut until) = (said, 0);
    let mut end = End::Open;
    while let Some(frame) = frames::next(&mut rest) {
        assert_eq!(end, End::Open, "a frame after the close: {frame:?}");
        match frame {
            Frame {
                first: 0x88,
                payload,
            } => end = End::of(payload),
            Frame {
                first: 0x8a,
                payload: b"last",
            } => break,
            _ => until = said.len() - rest.len(),
        }
    }
    (said[..until].to_vec(), end, exchange.ended)
}

/// Panics unless an input has this output and this end, fed whole and in pieces.
fn check(server: SocketAddr, name: &str, sent: &[u8], output: &[u8], end: End) {
    let sizes = [usize::MAX, 997, 1];
    for size in sizes {
        if size == 1 && sent.len() > BY_BYTES || size == 997 && sent.len() < size {
            continue;
        }
        let (said, came, ended) = run(server, "", sent, size);
        let shown = |bytes: &[u8]| bytes[..bytes.len().min(100)].escape_ascii().to_string();
        assert!(
            said == output && came == end,
            "{name}, by {size}:\n   got {} and {came:?}\nwanted {} and {end:?}",
            shown(&said),
            shown(output)
        );
        assert_eq!(ended, end != End::Open, "{name}: the end of the connection");
    }
}

#[test]
fn every_case_of_the_table_has_its_frames_and_its_close() {
    let server = server();
    for case in table::cases("ws_cases.json") {
        let name = case["name"].as_str().expect("a name");
        let [sent, output] = ["send", "receive"].map(|member| {
            let notation = case[member].as_str().unwrap_or_default();
            frames::bytes(notation)
        });
        check(server.addr(), name, &sent, &output, End::wanted(&case));
    }
}

/// RFC 6455, 7.4.
#[test]
fn codes_that_a_peer_may_send_come_back_and_others_fail() {
    let server = server();
    let codes = table::read("ws_cases.json")["close_codes"].take();
    for (member, good) in [("valid", true), ("invalid", false)] {
        for code in codes[member].as_array().expect("codes") {
            let code = code.as_u64().expect("a code") as u16;
            for reason in ["", "a reason"] {
                let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
                let mut sent = Vec::new();
                frames::masked(&mut sent, 0x88, &payload);
                let wanted = End::Code(if good { code } else { 1002 });
                check(server.addr(), &format!("code {code}"), &sent, b"", wanted);
            }
        }
    }
}

/// RFC 6455, 8.1; and a fault is found where it stands, not at the end of the message.
#[test]
fn text_is_utf_8_and_the_first_wrong_byte_ends_it() {
    let server = server();
    let texts = table::read("ws_cases.json")["texts"].take();
    let list = |member: &str| {
        let texts = texts[member].as_array().expect("texts").iter();
        let texts = texts.map(|text| frames::bytes(text.as_str().expect("a notation")));
        texts.collect::<Vec<_>>()
    };
    for text in list("valid") {
        let name = text.escape_ascii().to_string();
        assert!(
            std::str::from_utf8(&text).is_ok(),
            "{name} is listed as valid"
        );
        let (mut whole, mut fragments, mut echo) = (Vec::new(), Vec::new(), Vec::new());
        frames::masked(&mut whole, 0x81, &text);
        frames::masked(&mut fragments, 0x01, b"");
        for byte in text.chunks(1) {
            frames::masked(&mut fragments, 0x00, byte);
        }
        frames::masked(&mut fragments, 0x80, b"");
        echo.extend_from_slice(&[0x81, text.len() as u8]);
        echo.extend_from_slice(&text);
        check(server.addr(), &name, &whole, &echo, End::Open);
        check(server.addr(), &name, &fragments, &echo, End::Open);
    }
    for text in list("invalid") {
        let name = text.escape_ascii().to_string();
        let wrong = |len: &usize| {
            std::str::from_utf8(&text[..*len]).is_err_and(|error| error.error_len().is_some())
        };
        let mut sent = Vec::new();
        match (1..=text.len()).find(wrong) {
            // No end of the message, nor of the frame.
            Some(len) => {
                frames::masked(&mut sent, 0x01, &[&text[..len], &[b'x'; 20]].concat());
                sent.truncate(sent.len() - 20);
            }
            // Only at the end is it known that something is missing.
            None => frames::masked(&mut sent, 0x81, &text),
        }
        assert!(
            std::str::from_utf8(&text).is_err(),
            "{name} is listed as invalid"
        );
        check_failing(server.addr(), &name, &sent, 1007);
    }
}

/// The connection ends by this code though the input does not go on.
fn check_failing(server: SocketAddr, name: &str, sent: &[u8], code: u16) {
    let hello = handshake(server, "/echo", "");
    for pieces in [
        vec![&hello, sent],
        [vec![&hello[..]], sent.chunks(1).collect()].concat(),
    ] {
        let feed = Feed::cut(pieces, Duration::ZERO);
        let exchange = Exchange::run(server, &feed, |_| false);
        let (_, said) = behind_head(&exchange.input).expect("an answer");
        assert_eq!(frames::close_code(said), Some(code), "{name}");
        assert!(exchange.ended, "{name}");
    }
}

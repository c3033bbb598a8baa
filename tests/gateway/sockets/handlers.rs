//! Routes of the embedder's own: handshake, echo, violations, deadlines, stop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use eventring::gateway::{
    Server, ServerThread, SocketHandler, SocketLimits, SocketOptions, SocketReplies,
};
use eventring::hub::Hub;
use eventring::wire::ws::{
    CloseCode, DeflatePolicy, MessageKind, MessageLimits, Opcode, masked_frame,
};
use tungstenite::{Message, WebSocket, protocol::Role};

use super::client::{Client, ask, connect};
use super::config;

fn echo(kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>) {
    if data == b"goodbye" {
        replies.close(CloseCode(4001), "as you wish");
    }
    replies.message(kind, data);
}

fn serve(limits: SocketLimits) -> ServerThread {
    let options = SocketOptions::default()
        .limits(limits)
        .protocols(vec!["echo".to_owned()])
        .deflate(Some(DeflatePolicy::default()));
    let server = Server::builder(&Hub::new());
    let server = server.socket("/echo", options, |request| match request.head.query() {
        Some("refused") => Err(403),
        _ => Ok(echo),
    });
    server.bind(config()).unwrap().spawn().unwrap()
}

fn small() -> SocketLimits {
    SocketLimits::default()
        .frames(
            MessageLimits::default()
                .frame_bytes(1000)
                .message_bytes(1500)
                .fragments(3),
        )
        .controls_per_second(50)
}

#[test]
fn messages_come_back_and_closing_is_answered() {
    let server = serve(SocketLimits::default());
    let mut client = Client::new(server.addr(), "/echo").0;
    let large = "ü".repeat(300_000);
    for message in [
        Message::text("hi"),
        Message::binary(vec![0, 255]),
        Message::text(large),
    ] {
        client.send(message.clone()).unwrap();
        assert!(client.read().unwrap() == message);
    }
    client.send(Message::Ping(b"1".to_vec().into())).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong(b"1".to_vec().into()));
    client.close(None).unwrap();
    assert_eq!(Client(client).close_code(), Some(1000));
}

#[test]
fn a_handler_closes_after_its_last_answer() {
    let server = serve(SocketLimits::default());
    let mut client = Client::new(server.addr(), "/echo");
    client.send("goodbye");
    assert_eq!(client.0.read().unwrap(), Message::text("goodbye"));
    assert_eq!(client.close_code(), Some(4001));
}

#[test]
fn what_breaks_the_rules_is_closed_with_its_code() {
    let server = serve(small());
    let masked = |first: u8, payload: &[u8]| {
        let mut out = Vec::new();
        masked_frame(&mut out, Opcode::Binary, payload, [1, 2, 3, 4]);
        out[0] = first;
        out
    };
    let table = [
        (b"\x81\x02hi".to_vec(), 1002),
        (masked(0xa1, b"hi"), 1002),
        (masked(0x80, b"hi"), 1002),
        (masked(0x81, b"\xff"), 1007),
        (masked(0xc1, b"\xff\xff\xff"), 1007),
        (masked(0x82, &[0; 1001]), 1009),
        (
            [masked(0x02, &[0; 800]), masked(0x80, &[0; 800])].concat(),
            1009,
        ),
        (
            [
                masked(0x02, b""),
                masked(0, b""),
                masked(0, b""),
                masked(0, b""),
            ]
            .concat(),
            1009,
        ),
        (masked(0x89, b"").repeat(51 * 3), 1008),
    ];
    for (bytes, code) in table {
        let fields = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        let (mut stream, head) = connect(server.addr(), "/echo", fields);
        assert_eq!(head.status, 101);
        stream.write_all(&bytes).unwrap();
        let client = Client(WebSocket::from_raw_socket(stream, Role::Client, None));
        assert_eq!(
            client.close_code(),
            Some(code),
            "{:x?}",
            &bytes[..bytes.len().min(20)]
        );
    }
}

#[test]
fn compressed_messages_are_read_and_answered_plain() {
    let server = serve(SocketLimits::default());
    let offer = "Sec-WebSocket-Protocol: chat, echo\r\n\
                 Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let (mut stream, head) = connect(server.addr(), "/echo", offer);
    assert!(head.text.contains("sec-websocket-protocol: echo\r\n"));
    assert!(
        head.text
            .contains("extensions: permessage-deflate; client_no_context_takeover\r\n")
    );
    let mut frame = Vec::new();
    masked_frame(
        &mut frame,
        Opcode::Text,
        b"\xf2\x48\xcd\xc9\xc9\x07\x00",
        [9, 8, 7, 6],
    );
    frame[0] |= 0x40;
    stream.write_all(&frame).unwrap();
    let mut client = WebSocket::from_raw_socket(stream, Role::Client, None);
    assert_eq!(client.read().unwrap(), Message::text("Hello"));
}

#[test]
fn a_request_that_is_no_handshake_is_told_what_is_wrong() {
    let server = serve(SocketLimits::default());
    let good = "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let table = [
        (good.to_owned(), 101, "upgrade: websocket"),
        (
            good.replace("Version: 13", "Version: 8"),
            426,
            "sec-websocket-version: 13",
        ),
        (
            good.replace("Upgrade: websocket\r\n", ""),
            426,
            "upgrade: websocket",
        ),
        (
            good.replace("bxGU", "b").replace("dGhl", "d"),
            400,
            "connection",
        ),
        (good.replace("GET", "POST"), 405, "allow: get"),
        (good.replace("/echo", "/echo?refused"), 403, "problem"),
        (
            good.replace(
                "localhost\r\n",
                "localhost\r\nOrigin: https://evil.example\r\n",
            ),
            403,
            "problem",
        ),
        (good.replace("HTTP/1.1", "HTTP/1.0"), 400, "problem"),
        (format!("{good}Content-Length: 3\r\n"), 400, "problem"),
    ];
    for (request, status, field) in table {
        let stream = TcpStream::connect(server.addr()).unwrap();
        let (_, head) = ask(stream, &format!("{request}\r\n"));
        assert_eq!(head.status, status, "{request}");
        assert!(status == 400 || head.text.contains(field), "{}", head.text);
    }
}

#[test]
fn who_does_not_answer_a_ping_is_cut_and_who_does_is_not() {
    let limits = SocketLimits::default()
        .ping_after(Duration::from_secs(1))
        .pong_timeout(Duration::from_secs(1));
    let server = serve(limits);
    let mut silent = connect(server.addr(), "/echo", "").0;
    let mut alive = Client::new(server.addr(), "/echo").0;
    let reader = std::thread::spawn(move || {
        let mut pings = 0;
        // tungstenite answers a ping when it reads on.
        while pings < 4 {
            pings += u32::from(alive.read().unwrap().is_ping());
        }
        alive.send(Message::text("still here")).unwrap();
        while alive.read().unwrap() != Message::text("still here") {}
    });
    let mut got = Vec::new();
    silent.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"\x89\x00");
    reader.join().unwrap();
}

#[test]
fn a_close_frame_that_nobody_answers_is_not_waited_for_forever() {
    let limits = SocketLimits::default().close_timeout(Duration::from_millis(200));
    let server = serve(limits);
    let mut stream = connect(server.addr(), "/echo", "").0;
    let mut frame = Vec::new();
    masked_frame(&mut frame, Opcode::Text, b"goodbye", [0; 4]);
    stream.write_all(&frame).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert!(got.ends_with(b"as you wish"), "{got:x?}");
}

struct Noted(mpsc::Sender<&'static str>);

impl SocketHandler for Noted {
    fn message(&mut self, _: MessageKind, _: &[u8], _: &mut SocketReplies<'_, '_>) {
        self.0.send("message").unwrap();
    }

    fn closed(&mut self) {
        self.0.send("closed").unwrap();
    }
}

#[test]
fn a_handler_is_told_when_its_connection_ends_and_a_stop_says_1001() {
    let (sender, receiver) = mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let server = Server::builder(&Hub::new());
    let server = server.socket("/noted", SocketOptions::default(), move |_| {
        Ok(Noted(sender.lock().unwrap().clone()))
    });
    let server = server.bind(config()).unwrap().spawn().unwrap();
    let mut gone = Client::new(server.addr(), "/noted");
    let stays = Client::new(server.addr(), "/noted");
    gone.send("x");
    let wait = Duration::from_secs(20);
    assert_eq!(receiver.recv_timeout(wait), Ok("message"));
    drop(gone);
    assert_eq!(receiver.recv_timeout(wait), Ok("closed"));
    let reader = std::thread::spawn(move || stays.close_code());
    assert!(server.stop().unwrap().clean);
    assert_eq!(reader.join().unwrap(), Some(1001));
    assert_eq!(receiver.recv_timeout(wait), Ok("closed"));
}

/// A browser closes at once when it has named subprotocols and none is chosen.
#[test]
fn subprotocols_that_are_none_of_ours_are_refused_and_ours_are_told() {
    let server = serve(SocketLimits::default());
    let offer = |target: &str, offers: &str| {
        let fields = format!("Sec-WebSocket-Protocol: {offers}\r\n");
        let (mut stream, head) = connect(server.addr(), target, &fields);
        let mut body = Vec::new();
        if head.status != 101 {
            let length = head.text.split("content-length: ").nth(1).unwrap();
            body.resize(length.split("\r\n").next().unwrap().parse().unwrap(), 0);
            stream.read_exact(&mut body).unwrap();
        }
        (head, String::from_utf8(body).unwrap())
    };
    let ws = "/api/v1/ws";
    for (target, offers, chosen) in [
        (ws, "eventring.v1", "eventring.v1"),
        (ws, "chat, eventring.v1", "eventring.v1"),
        (ws, "bearer.abc.def, eventring.v1", "eventring.v1"),
        (
            ws,
            "eventring.v1\r\nSec-WebSocket-Protocol: bearer.abc",
            "eventring.v1",
        ),
        ("/echo", "chat, echo", "echo"),
    ] {
        let (head, body) = offer(target, offers);
        assert_eq!(head.status, 101, "{offers}: {body}");
        let line = format!("\r\nsec-websocket-protocol: {chosen}\r\n");
        assert!(head.text.contains(&line), "{}", head.text);
        assert!(!head.text.contains("bearer"), "{}", head.text);
    }
    for (target, offers, ours) in [
        (ws, "a, b", "eventring.v1"),
        (ws, "eventring.v2", "eventring.v1"),
        (ws, "bearer.secret", "eventring.v1"),
        ("/echo", "eventring.v1", "echo"),
    ] {
        let (head, body) = offer(target, offers);
        assert_eq!(head.status, 400, "{target} {offers}");
        assert!(
            body.contains(r#""field":"sec-websocket-protocol""#),
            "{body}"
        );
        assert!(body.contains(ours), "{body}");
        assert!(!body.contains("secret"), "{body}");
    }
    let (head, body) = offer(ws, "eventring.v1, (");
    assert_eq!(head.status, 400, "{body}");
}

/// Once: the parameter was left out.
#[test]
fn compression_in_the_address_is_understood_as_on_sse() {
    let server = serve(SocketLimits::default());
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    for (value, status, agreed) in [
        ("off", 101, false),
        ("gzip", 101, true),
        ("zip", 400, false),
        ("", 400, false),
    ] {
        let target = format!("/api/v1/ws?topic=t&compression={value}");
        let (_, head) = connect(server.addr(), &target, offer);
        assert_eq!(head.status, status, "{value}");
        assert_eq!(
            head.text.contains("sec-websocket-extensions"),
            agreed,
            "{value}"
        );
    }
}

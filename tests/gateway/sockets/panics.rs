//! Code of the program that panics, a hub that is closed, and a server that is stopped from inside.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventring::event::{Event, Filter};
use eventring::gateway::{
    AccessRequest, Authorizer, ClientHandler, Decision, Principal, Server, ServerConfig,
    ServerThread, SocketOptions, SocketReplies, StreamClient, StreamOptions, WebSocketStream,
};
use eventring::hub::Hub;
use eventring::wire::ws::MessageKind;

const PATIENCE: Duration = Duration::from_secs(30);

fn config() -> ServerConfig {
    ServerConfig::default().listen(([127, 0, 0, 1], 0).into())
}

fn server(hub: &Hub) -> Server {
    Server::bind(hub, config()).unwrap()
}

fn connect(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Reads up to the end of `wanted`, or of all: what comes behind it is for who reads next.
fn read_to(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(wanted.as_bytes()) {
        match stream.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => text.push(byte[0]),
            Err(error) => panic!("{error} after {}", String::from_utf8_lossy(&text)),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn get(address: SocketAddr, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    read_to(&mut connect(address, &request), "\0")
}

fn upgrade(address: SocketAddr, target: &str) -> (TcpStream, String) {
    let mut stream = connect(
        address,
        &format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ),
    );
    let head = read_to(&mut stream, "\r\n\r\n");
    (stream, head)
}

/// A masked text frame; the mask is zero.
fn say(stream: &mut TcpStream, text: &str) {
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).unwrap();
}

/// Reads up to a close frame; returns its code.
fn close_code(stream: &mut TcpStream) -> u16 {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        if let Some(at) = bytes
            .windows(2)
            .position(|two: &[u8]| two[0] == 0x88 && two[1] < 126)
            && let Some(code) = bytes.get(at + 2..at + 4)
        {
            return u16::from_be_bytes([code[0], code[1]]);
        }
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "no close frame");
        bytes.extend_from_slice(&buffer[..n]);
    }
}

/// A stream that was there before goes on.
struct Witness(TcpStream, Hub);

impl Witness {
    fn of(hub: &Hub, address: SocketAddr) -> Self {
        let mut stream = connect(
            address,
            "GET /api/v1/events/stream?topic=a HTTP/1.1\r\nHost: localhost\r\n\r\n",
        );
        read_to(&mut stream, "retry:");
        Self(stream, hub.clone())
    }

    fn lives(&mut self, text: &str) {
        let event = Event::builder("a", "t").text(text).build().unwrap();
        self.1.publish(&event).unwrap();
        assert!(read_to(&mut self.0, text).contains(text));
    }
}

struct Picky;

impl Authorizer for Picky {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        assert!(
            request.head().query() != Some("topic=bad"),
            "a fault of the program"
        );
        Decision::Now(Ok(Principal::all()))
    }
}

/// Once: the thread ended, all other streams were cut, the port refused.
#[test]
fn a_panic_in_the_programs_own_code_ends_what_it_was_called_for() {
    let hub = Hub::new();
    let clients = WebSocketStream::with_handler(Default::default(), Faulty);
    let server = Server::builder(&hub)
        .authorizer(Picky)
        .clients("/clients", &clients)
        .counter("shop_orders_total", "Orders.", || panic!("a fault"))
        .socket("/refuses", SocketOptions::default(), |_| {
            if true {
                panic!("a fault")
            }
            Ok(|_: MessageKind, _: &[u8], _: &mut SocketReplies<'_, '_>| {})
        })
        .socket("/shout", SocketOptions::default(), |_| {
            Ok(
                |_: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>| {
                    assert!(data != b"bad", "a fault");
                    replies.text("fine");
                },
            )
        });
    let server = server.bind(config()).unwrap().spawn().unwrap();
    let address = server.addr();
    let mut witness = Witness::of(&hub, address);
    let answer = get(address, "/api/v1/events/stream?topic=bad");
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    witness.lives("one");
    assert!(get(address, "/metrics").starts_with("HTTP/1.1 500 "));
    witness.lives("two");
    assert!(upgrade(address, "/refuses").1.starts_with("HTTP/1.1 500 "));
    witness.lives("three");
    let (mut good, _) = upgrade(address, "/shout");
    let (mut bad, _) = upgrade(address, "/shout");
    say(&mut bad, "bad");
    assert_eq!(close_code(&mut bad), 1011);
    say(&mut good, "good");
    assert!(read_to(&mut good, "fine").contains("fine"));
    witness.lives("four");
    let refused = upgrade(address, "/clients?client=admit");
    assert!(refused.1.starts_with("HTTP/1.1 500 "), "{}", refused.1);
    let (mut connected, _) = upgrade(address, "/clients?client=connected");
    assert_eq!(close_code(&mut connected), 1011);
    let (mut message, _) = upgrade(address, "/clients?client=message");
    say(&mut message, "x");
    assert_eq!(close_code(&mut message), 1011);
    drop(upgrade(address, "/clients?client=disconnected"));
    witness.lives("five");
    assert!(server.stop().unwrap().clean);
}

struct Faulty;

impl ClientHandler for Faulty {
    fn admit(&self, client: &str, _: eventring::gateway::SocketRequest<'_>) -> Result<(), u16> {
        assert!(client != "admit", "a fault");
        Ok(())
    }

    fn connected(&self, client: &StreamClient<'_>) {
        assert!(client.id() != "connected", "a fault");
    }

    fn message(
        &self,
        client: &StreamClient<'_>,
        _: MessageKind,
        _: &[u8],
        _: &mut SocketReplies<'_, '_>,
    ) {
        assert!(client.id() != "message", "a fault");
    }

    fn disconnected(&self, client: &StreamClient<'_>) {
        assert!(client.id() != "disconnected", "a fault");
    }
}

/// Once: streams stayed open, and new ones got 200.
#[test]
fn streams_of_a_hub_that_is_closed_end_and_new_ones_are_refused() {
    let hub = Hub::new();
    let server = server(&hub).spawn().unwrap();
    let address = server.addr();
    let endpoint = StreamOptions::default();
    server
        .handle()
        .create_endpoint("/e", Filter::all(), endpoint)
        .unwrap();
    let stream = "GET /api/v1/events/stream?topic=a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut streams = [
        connect(address, stream),
        connect(address, &stream.replace("/api/v1/events/stream", "/e")),
    ];
    streams
        .iter_mut()
        .for_each(|stream| _ = read_to(stream, "retry:"));
    let (mut socket, _) = upgrade(address, "/api/v1/ws?topic=a");
    let last = Event::builder("a", "t")
        .text("the last one")
        .build()
        .unwrap();
    hub.publish(&last).unwrap();
    hub.close();
    for stream in &mut streams {
        let rest = read_to(stream, r#"{"reason":"hub_closed"}"#);
        assert!(
            rest.contains("the last one") && rest.contains(r#"{"reason":"hub_closed"}"#),
            "{rest}"
        );
    }
    assert_eq!(close_code(&mut socket), 1001);
    for target in ["/api/v1/events/stream?topic=a", "/e"] {
        let answer = get(address, target);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{target}: {answer}");
    }
    assert!(
        upgrade(address, "/api/v1/ws?topic=a")
            .1
            .starts_with("HTTP/1.1 503 ")
    );
    let publish = "POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\
                   Content-Length: 1\r\n\r\nx";
    let answer = read_to(&mut connect(address, publish), "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200 "));
    assert!(server.stop().unwrap().clean);
}

/// Once: without a subscription it stayed open, and what it subscribed to said nothing.
#[test]
fn a_web_socket_without_a_subscription_ends_with_its_hub() {
    let hub = Hub::new();
    let echo = |_: eventring::gateway::SocketRequest<'_>| {
        Ok(
            |kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>| {
                replies.message(kind, data);
            },
        )
    };
    let server = Server::builder(&hub).socket("/echo", SocketOptions::default(), echo);
    let server = server.bind(config()).unwrap().spawn().unwrap();
    let address = server.addr();
    let (mut told, head) = upgrade(address, "/api/v1/ws");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let (mut closed, _) = upgrade(address, "/api/v1/ws");
    // A protocol of the program's own has nothing to do with the hub.
    let (mut own, _) = upgrade(address, "/echo");
    hub.close();
    let rest = read_to(&mut told, r#""reason":"hub_closed""#);
    assert!(
        rest.contains(r#""type":"bye","reason":"hub_closed""#),
        "{rest}"
    );
    assert_eq!(close_code(&mut closed), 1001);
    say(&mut own, "hello");
    assert!(read_to(&mut own, "hello").contains("hello"));
    // A stop waits for answers to its close frames.
    drop((told, closed, own));
    assert!(server.stop().unwrap().clean);
}

/// Once: it panicked, and ended the thread.
#[test]
fn a_server_can_be_stopped_in_a_handler_of_its_own() {
    for reactors in [1, 2] {
        let hub = Hub::new();
        let config = ServerConfig::default()
            .listen(([127, 0, 0, 1], 0).into())
            .reactors(reactors);
        let place: Arc<Mutex<Option<ServerThread>>> = Arc::default();
        let inside = place.clone();
        let route = move |_: eventring::gateway::SocketRequest<'_>| {
            let inside = inside.clone();
            Ok(
                move |_: MessageKind, _: &[u8], replies: &mut SocketReplies<'_, '_>| {
                    let running = inside.lock().unwrap().take().unwrap();
                    let stopped = running.stop().unwrap_err();
                    assert_eq!(stopped.kind(), std::io::ErrorKind::WouldBlock);
                    replies.text("it stops");
                },
            )
        };
        let server = Server::builder(&hub).socket("/stop", SocketOptions::default(), route);
        let server = server.bind(config).unwrap().spawn().unwrap();
        let address = server.addr();
        *place.lock().unwrap() = Some(server);
        // One for each reactor: the last one is on another thread than the first.
        let mut sockets: Vec<_> = (0..reactors).map(|_| upgrade(address, "/stop").0).collect();
        let socket = sockets.last_mut().unwrap();
        say(socket, "stop");
        assert!(read_to(socket, "it stops").contains("it stops"));
        assert_eq!(close_code(socket), 1001);
    }
}

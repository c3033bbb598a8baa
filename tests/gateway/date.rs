//! Every response says when it was made, whatever it is and whoever wrote it (RFC 9110, 6.6.1).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eventring::gateway::{Clock, Server, ServerConfig, ServerThread, WebSocketStream};
use eventring::hub::Hub;

/// The machine's clock for deadlines, and always the same time of day.
#[derive(Clone)]
struct Fixed;

const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT";

impl Clock for Fixed {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn time_of_day(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(784_111_777)
    }
}

fn serve() -> ServerThread {
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .max_connections_per_address(Some(1))
        .cors_origins(vec!["https://page.example".to_owned()]);
    let clients = WebSocketStream::new(Default::default());
    let server = Server::builder(&Hub::new()).clients("/clients", &clients);
    server.clock(Fixed).bind(config).unwrap().spawn().unwrap()
}

/// The heads that answer a request.
fn heads(address: SocketAddr, request: &str, count: usize) -> Vec<String> {
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let (mut heads, mut bytes) = (Vec::new(), Vec::new());
    while heads.len() < count {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{request:?}: {heads:?}");
        bytes.push(byte[0]);
        if bytes.ends_with(b"\r\n\r\n") {
            heads.push(String::from_utf8(std::mem::take(&mut bytes)).unwrap());
        }
    }
    // The address has one connection: it is over before the next one comes.
    drop(stream);
    heads
}

/// Counts the field's lines.
fn dates(head: &str) -> usize {
    head.lines()
        .filter(|line| line.to_ascii_lowercase().starts_with("date:"))
        .count()
}

#[test]
fn every_response_has_one_date() {
    let server = serve();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let preflight = "Origin: https://page.example\r\nAccess-Control-Request-Method: POST\r\n";
    let lines = "Content-Type: application/x-ndjson\r\nContent-Length: 3\r\n\r\n{}\n";
    let cases = [
        (200, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()),
        (
            200,
            "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n".to_owned(),
        ),
        (
            200,
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        (
            200,
            "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        (200, "GET /healthz HTTP/1.0\r\n\r\n".to_owned()),
        (
            200,
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        // Answered once all reactors were asked.
        (
            200,
            "GET /api/v1/connections HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        (
            201,
            "POST /api/v1/connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
                .to_owned(),
        ),
        (
            200,
            "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        (
            200,
            "HEAD /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        (
            200,
            "GET /api/v1/stats/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        (
            200,
            format!("POST /api/v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\n{lines}"),
        ),
        // Its head goes out with the first result.
        (
            200,
            format!(
                "POST /api/v1/topics/t/events?atomic=false HTTP/1.1\r\nHost: localhost\r\n{lines}"
            ),
        ),
        (
            101,
            format!("GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n"),
        ),
        (
            101,
            format!("GET /clients?client=a HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n"),
        ),
        (
            426,
            "GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        (
            204,
            format!("OPTIONS /healthz HTTP/1.1\r\nHost: localhost\r\n{preflight}\r\n"),
        ),
        (
            403,
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n"
                .to_owned(),
        ),
        (
            404,
            "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        (
            405,
            "DELETE /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ),
        // Refused by the decoder, before there is a request.
        (400, "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned()),
        (400, "hello\r\n\r\n".to_owned()),
    ];
    for (status, request) in cases {
        // Until the server has seen the one before go, there is no room.
        let mut head = heads(server.addr(), &request, 1).remove(0);
        while head.starts_with("HTTP/1.1 429") {
            assert!(head.contains(DATE) && dates(&head) == 1, "{head}");
            head = heads(server.addr(), &request, 1).remove(0);
        }
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?}: {head}"
        );
        assert!(head.contains(DATE), "{request:?}: {head}");
        assert_eq!(dates(&head), 1, "{request:?}: {head}");
    }
}

#[test]
fn what_comes_before_the_response_has_none() {
    let server = serve();
    let request = "POST /api/v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
                   Content-Type: application/json\r\nContent-Length: 1\r\n\r\n";
    let head = heads(server.addr(), request, 1).remove(0);
    assert_eq!(head, "HTTP/1.1 100 Continue\r\n\r\n");
}

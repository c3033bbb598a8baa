//! Who a request comes from: by the socket, by a PROXY header, by what trusted proxies write; and how
//! many connections one client may have, whichever way it came.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eventring::gateway::{
    AccessRequest, Authorizer, Decision, ForwardedField, Principal, Server, ServerConfig,
    ServerThread,
};
use eventring::hub::Hub;
use socket2::{Domain, Socket, Type};

const PATIENCE: Duration = Duration::from_secs(20);
const GET: &str = "GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\n";
const STREAM: &str = "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n";

/// Notes who asks.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<SocketAddr>>>);

impl Authorizer for Seen {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        self.0.lock().unwrap().push(request.peer());
        Decision::Now(Ok(Principal::all()))
    }
}

impl Seen {
    fn last(&self) -> String {
        self.0.lock().unwrap().last().unwrap().to_string()
    }
}

fn serve(change: impl FnOnce(&mut ServerConfig)) -> (ServerThread, Seen) {
    let hub = Hub::new();
    let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    config.reactors = 2;
    config.trusted_proxies = vec!["127.0.0.1".into(), "10.0.0.0/8".into()];
    change(&mut config);
    let seen = Seen::default();
    let server = Server::builder(&hub)
        .authorizer(seen.clone())
        .bind(config)
        .unwrap();
    (server.spawn().unwrap(), seen)
}

/// Connects from an address of loopback.
fn from(ip: &str, server: &ServerThread) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let local = SocketAddr::new(ip.parse::<IpAddr>().unwrap(), 0);
    socket.bind(&local.into()).unwrap();
    socket.connect(&server.addr().into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Sends `bytes` and gives the status line.
fn ask(stream: &mut TcpStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).unwrap();
    head(stream).lines().next().unwrap_or_default().to_owned()
}

fn preface(source: SocketAddr) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    match source.ip() {
        IpAddr::V4(ip) => {
            bytes.extend([0x11, 0, 12]);
            bytes.extend(ip.octets());
            bytes.extend([127, 0, 0, 1]);
        }
        IpAddr::V6(ip) => {
            bytes.extend([0x21, 0, 36]);
            bytes.extend(ip.octets());
            bytes.extend([0; 16]);
        }
    }
    bytes.extend(source.port().to_be_bytes());
    bytes.extend([0, 80]);
    bytes
}

fn with_preface(source: &str, request: &str) -> Vec<u8> {
    let mut bytes = preface(source.parse().unwrap());
    bytes.extend_from_slice(request.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn until_connections(server: &ServerThread, wanted: u64) {
    let deadline = Instant::now() + PATIENCE;
    while server.handle().stats().connections != wanted {
        assert!(Instant::now() < deadline, "{:?}", server.handle().stats());
        std::thread::yield_now();
    }
}

#[test]
fn a_trusted_proxy_says_who_asks_and_nobody_else_does() {
    for (field, line) in [
        (
            ForwardedField::XForwardedFor,
            "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.1.1",
        ),
        (
            ForwardedField::Forwarded,
            "Forwarded: for=6.6.6.6, for=\"192.0.2.7\";proto=https",
        ),
    ] {
        let (server, seen) = serve(|config| config.forwarded_field = field);
        let request = format!("{GET}{line}\r\n\r\n");
        let mut proxy = from("127.0.0.1", &server);
        assert_eq!(ask(&mut proxy, request.as_bytes()), "HTTP/1.1 200 OK");
        assert_eq!(seen.last(), "192.0.2.7:0");
        let mut stranger = from("127.0.0.2", &server);
        let own = stranger.local_addr().unwrap();
        assert_eq!(ask(&mut stranger, request.as_bytes()), "HTTP/1.1 200 OK");
        assert_eq!(seen.last(), own.to_string());
        server.stop().unwrap();
    }
}

#[test]
fn a_proxy_header_says_who_connected_however_it_is_cut() {
    let (server, seen) = serve(|config| config.proxy_protocol = true);
    let bytes = with_preface("[2001:db8::7]:4711", GET);
    for cut in [1, 12, 15, 16, 30, 51, 52, 53, bytes.len() - 1] {
        let mut proxy = from("127.0.0.1", &server);
        proxy.set_nodelay(true).unwrap();
        proxy.write_all(&bytes[..cut]).unwrap();
        until_connections(&server, 1);
        assert_eq!(
            ask(&mut proxy, &bytes[cut..]),
            "HTTP/1.1 200 OK",
            "cut at {cut}"
        );
        assert_eq!(seen.last(), "[2001:db8::7]:4711");
        drop(proxy);
        until_connections(&server, 0);
    }
    // A header in front of what a health check asks.
    let mut check = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0".to_vec();
    check.extend_from_slice(format!("{GET}\r\n").as_bytes());
    let mut proxy = from("127.0.0.1", &server);
    assert_eq!(ask(&mut proxy, &check), "HTTP/1.1 200 OK");
    assert_eq!(seen.last(), proxy.local_addr().unwrap().to_string());
    // Its sender must send it, others must not.
    let mut proxy = from("127.0.0.1", &server);
    proxy.write_all(format!("{GET}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    proxy.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("byte 0 differs"), "{answer}");
    let mut stranger = from("127.0.0.2", &server);
    assert!(ask(&mut stranger, &bytes).starts_with("HTTP/1.1 400 "));
    let mut stranger = from("127.0.0.2", &server);
    assert_eq!(
        ask(&mut stranger, format!("{GET}\r\n").as_bytes()),
        "HTTP/1.1 200 OK"
    );
    server.stop().unwrap();
}

#[test]
fn one_client_has_so_many_connections_and_others_have_theirs() {
    let (server, _) = serve(|config| config.max_connections_per_address = Some(3));
    let open = |ip: &str| {
        let mut stream = from(ip, &server);
        let status = ask(&mut stream, format!("{STREAM}\r\n").as_bytes());
        (stream, status)
    };
    let mut kept = Vec::new();
    for ip in ["127.0.0.2", "127.0.0.3"] {
        for _ in 0..3 {
            let (stream, status) = open(ip);
            assert_eq!(status, "HTTP/1.1 200 OK");
            kept.push(stream);
        }
        let (mut refused, status) = open(ip);
        assert_eq!(status, "HTTP/1.1 429 Too Many Requests");
        let mut body = String::new();
        refused.read_to_string(&mut body).unwrap();
        assert!(body.contains("from this address"), "{body}");
    }
    until_connections(&server, 6);
    drop(kept.remove(0));
    until_connections(&server, 5);
    assert_eq!(open("127.0.0.2").1, "HTTP/1.1 200 OK");
    // Many more than that get no answer, and hold nothing.
    let crowd: Vec<_> = (0..50).map(|_| from("127.0.0.4", &server)).collect();
    let deadline = Instant::now() + PATIENCE;
    while server.handle().stats().accepted < 59 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    until_connections(&server, 5 + 3);
    drop(crowd);
    server.stop().unwrap();
}

#[test]
fn clients_behind_a_proxy_are_counted_by_who_they_are() {
    // By the header of the connection: a /64 is one client.
    let (server, _) = serve(|config| {
        config.max_connections_per_address = Some(2);
        config.proxy_protocol = true;
    });
    let mut kept = Vec::new();
    for (source, status) in [
        ("[2001:db8:1:2::1]:1", "200 OK"),
        ("[2001:db8:1:2:3::2]:1", "200 OK"),
        ("[2001:db8:1:2::3]:1", "429 Too Many Requests"),
        ("[2001:db8:1:3::1]:1", "200 OK"),
        ("192.0.2.1:1", "200 OK"),
        ("192.0.2.1:2", "200 OK"),
        ("192.0.2.1:3", "429 Too Many Requests"),
    ] {
        let mut stream = from("127.0.0.1", &server);
        let answer = ask(&mut stream, &with_preface(source, STREAM));
        assert_eq!(answer, format!("HTTP/1.1 {status}"), "{source}");
        kept.push(stream);
    }
    server.stop().unwrap();

    // By the field of the request: one connection may bring several clients, one after the other.
    let (server, _) = serve(|config| config.max_connections_per_address = Some(1));
    let ask_for = |stream: &mut TcpStream, request: &str, client: &str| {
        let request = format!("{request}X-Forwarded-For: {client}\r\n\r\n");
        ask(stream, request.as_bytes())
    };
    let mut first = from("127.0.0.1", &server);
    assert_eq!(ask_for(&mut first, STREAM, "192.0.2.1"), "HTTP/1.1 200 OK");
    let mut second = from("127.0.0.1", &server);
    for client in ["192.0.2.2", "192.0.2.3"] {
        let head_only = GET.replace("GET", "HEAD");
        assert_eq!(ask_for(&mut second, &head_only, client), "HTTP/1.1 200 OK");
    }
    // It stands for 192.0.2.3 now, so 192.0.2.2 has its place.
    let mut third = from("127.0.0.1", &server);
    assert_eq!(ask_for(&mut third, STREAM, "192.0.2.2"), "HTTP/1.1 200 OK");
    let status = ask_for(&mut second, STREAM, "192.0.2.1");
    assert_eq!(status, "HTTP/1.1 429 Too Many Requests");
    server.stop().unwrap();
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let hub = Hub::new();
    let fault = |change: fn(&mut ServerConfig)| {
        let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
        change(&mut config);
        Server::bind(&hub, config)
            .err()
            .expect("refused")
            .to_string()
    };
    let text = fault(|config| config.trusted_proxies = vec!["10.0.0.0/33".into()]);
    assert!(
        text.starts_with("trusted_proxies must be a network") && text.contains("/33"),
        "{text}"
    );
    let text = fault(|config| config.proxy_protocol = true);
    assert_eq!(text, "trusted_proxies must say who sends PROXY headers");
    let text = fault(|config| config.max_connections_per_address = Some(0));
    assert_eq!(text, "max_connections_per_address must not be 0");
}

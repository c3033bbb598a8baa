//! No web page reads or publishes that was not let in: not by a name that points at loopback, not from
//! another origin; and those that were let in get what a browser needs to see.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use eventring::event::Filter;
use eventring::gateway::{
    ForwardedField, Server, ServerConfig, ServerError, ServerThread, StreamOptions,
};
use eventring::hub::Hub;

const STREAM: &str = "GET /api/v1/events/stream";
const PUBLISH: &str = "POST /api/v1/topics/a/events";

struct Answer {
    status: u16,
    fields: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    fn allow_origin(&self) -> Option<&str> {
        self.field("access-control-allow-origin")
    }
}

fn serve(hub: &Hub, origins: &[&str], hosts: &[&str]) -> ServerThread {
    let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .cors_origins(owned(origins))
        .allowed_hosts(owned(hosts));
    Server::bind(hub, config).unwrap().spawn().unwrap()
}

/// Sends a request with `fields` (each ended by CRLF) and a body for POST; reads the answer's head, and
/// its body if that has a length.
fn ask(address: SocketAddr, line: &str, fields: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let body = if line.starts_with("POST") {
        "hello"
    } else {
        ""
    };
    let host = if fields.starts_with("Host:") {
        String::new()
    } else {
        format!("Host: {address}\r\n")
    };
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\n{host}Content-Type: text/plain\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    read_answer(stream)
}

fn read_answer(stream: TcpStream) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).expect(&line).parse().unwrap();
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut answer = Answer {
        status,
        fields,
        body: String::new(),
    };
    if let Some(length) = answer.field("content-length").map(|n| n.parse().unwrap()) {
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
    }
    answer
}

fn origin(origin: &str) -> String {
    format!("Origin: {origin}\r\n")
}

#[test]
fn a_name_that_was_made_to_point_at_loopback_reads_and_publishes_nothing() {
    let hub = Hub::new();
    let server = serve(&hub, &[], &[]);
    let port = server.addr().port();
    for line in [STREAM, PUBLISH, "GET /", "GET /metrics", "GET /nowhere"] {
        for host in [
            "evil.example",
            &format!("evil.example:{port}"),
            "localhost.evil.example",
        ] {
            // As DNS rebinding has it, the browser takes both for one origin.
            let fields =
                format!("Host: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n");
            let answer = ask(server.addr(), line, &fields);
            assert_eq!(answer.status, 421, "{line} {host}");
            assert!(answer.body.contains(r#""field":"host""#), "{}", answer.body);
            assert!(answer.body.contains("evil.example"), "{}", answer.body);
            assert_eq!(answer.allow_origin(), None);
        }
    }
    assert_eq!(hub.head(), 0);
}

#[test]
fn the_names_of_loopback_and_those_of_the_config_work() {
    let hub = Hub::new();
    let server = serve(&hub, &[], &["events.example"]);
    for host in [
        "localhost",
        "127.0.0.1:1",
        "127.1.2.3",
        "[::1]:80",
        "Events.Example:8443",
    ] {
        let answer = ask(server.addr(), PUBLISH, &format!("Host: {host}\r\n"));
        assert_eq!(answer.status, 200, "{host}: {}", answer.body);
    }
    assert_eq!(hub.head(), 5);
    assert_eq!(
        ask(server.addr(), PUBLISH, "Host: other.example\r\n").status,
        421
    );
}

#[test]
fn a_page_of_another_origin_is_refused_before_anything_happens() {
    let hub = Hub::new();
    let server = serve(&hub, &["https://app.example"], &[]);
    let address = server.addr();
    let other_port = format!("http://127.0.0.1:{}", address.port().wrapping_add(1));
    for page in [
        "https://evil.example",
        "null",
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:444",
        // A proxy that nobody told of may have TLS on our port, but not on another one.
        "https://127.0.0.1",
        &other_port,
    ] {
        for line in [
            STREAM,
            PUBLISH,
            "OPTIONS /api/v1/topics/a/events",
            "GET /healthz",
        ] {
            let preflight = "Access-Control-Request-Method: POST\r\n";
            let answer = ask(address, line, &format!("{}{preflight}", origin(page)));
            assert_eq!(answer.status, 403, "{line} {page}");
            assert!(
                answer.body.contains(r#""field":"origin""#),
                "{}",
                answer.body
            );
            assert_eq!(answer.allow_origin(), None);
        }
    }
    let twice = format!(
        "{}{}",
        origin(&format!("http://{address}")),
        origin("http://evil.example")
    );
    assert_eq!(ask(address, PUBLISH, &twice).status, 403);
    assert_eq!(hub.head(), 0);
}

#[test]
fn what_another_site_sends_without_an_origin_is_refused_but_links_work() {
    let hub = Hub::new();
    let server = serve(&hub, &[], &[]);
    for site in ["cross-site", "same-site"] {
        let embedded = format!("Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: no-cors\r\n");
        for line in [STREAM, PUBLISH] {
            assert_eq!(ask(server.addr(), line, &embedded).status, 403, "{site}");
        }
        let link = format!(
            "Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
        );
        assert_eq!(ask(server.addr(), "GET /", &link).status, 200);
        assert_eq!(ask(server.addr(), PUBLISH, &link).status, 403, "a form");
        let frame = link.replace("document", "iframe");
        assert_eq!(ask(server.addr(), "GET /", &frame).status, 403);
    }
    assert_eq!(
        ask(server.addr(), STREAM, "Sec-Fetch-Site: none\r\n").status,
        200
    );
    assert_eq!(hub.head(), 0);
}

#[test]
fn the_servers_own_pages_publish_and_read() {
    let hub = Hub::new();
    let server = serve(&hub, &[], &["events.example"]);
    let own = origin(&format!("http://{}", server.addr()));
    let behind_a_proxy =
        "Host: events.example\r\nOrigin: https://events.example\r\nSec-Fetch-Site: same-origin\r\n";
    for fields in [own.as_str(), behind_a_proxy] {
        let answer = ask(server.addr(), PUBLISH, fields);
        assert_eq!((answer.status, answer.allow_origin()), (200, None));
        assert_eq!(ask(server.addr(), STREAM, fields).status, 200);
    }
    assert_eq!(hub.head(), 2);
}

#[test]
fn an_origin_that_was_let_in_may_read_every_answer() {
    let hub = Hub::new();
    let server = serve(&hub, &["https://App.example", "http://localhost:3000"], &[]);
    for page in ["https://app.example", "http://localhost:3000"] {
        let fields = format!("{}Sec-Fetch-Site: cross-site\r\n", origin(page));
        for (line, status) in [
            (STREAM, 200),
            ("GET /api/v1/events/stream?topic=a..b", 400),
            (PUBLISH, 200),
            ("POST /api/v1/topics/a..b/events", 400),
            ("POST /api/v1/topics/a/events?atomic=x", 400),
            ("GET /nowhere", 404),
            ("PUT /healthz", 405),
        ] {
            let answer = ask(server.addr(), line, &fields);
            assert_eq!(
                (answer.status, answer.allow_origin()),
                (status, Some(page)),
                "{line}"
            );
            assert_eq!(answer.field("vary"), Some("Origin"), "{line}");
        }
    }
    assert_eq!(hub.head(), 2);
}

#[test]
fn answers_to_bodies_that_fail_carry_the_origin_too() {
    let hub = Hub::new();
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .cors_origins(vec!["*".to_owned()])
        .body_bytes(10);
    let server = Server::bind(&hub, config).unwrap().spawn().unwrap();
    let send = |fields: &str, body: &str| {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        let head = format!("{PUBLISH} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://x.example\r\n");
        stream
            .write_all(format!("{head}{fields}\r\n{body}").as_bytes())
            .unwrap();
        read_answer(stream)
    };
    let declared = send("Content-Length: 99\r\n", "");
    let streamed = send(
        "Transfer-Encoding: chunked\r\n",
        "20\r\n01234567890123456789012345678901\r\n",
    );
    for answer in [declared, streamed] {
        assert_eq!((answer.status, answer.allow_origin()), (413, Some("*")));
    }
    let not_json = send(
        "Content-Type: application/cloudevents+json\r\nContent-Length: 1\r\n",
        "{",
    );
    assert_eq!((not_json.status, not_json.allow_origin()), (400, Some("*")));
    assert_eq!(hub.head(), 0);
}

#[test]
fn answers_to_heads_that_cannot_be_read_carry_the_origin_too() {
    let hub = Hub::new();
    let (app, other) = ("https://app.example", "https://other.example");
    let long = "x".repeat(9000);
    let broken = [
        ("GET / HTTP/1.1".to_owned(), "No-Colon\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1"), String::new(), 414),
        ("GET / HTTP/1.1".to_owned(), "X: \0\r\n".to_owned(), 400),
        ("GET / HTTP/9.9".to_owned(), String::new(), 505),
    ];
    let send = |server: &ServerThread, line: &str, fields: &str| {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        let request = format!("{line}\r\nHost: localhost\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        read_answer(stream)
    };
    let one = serve(&hub, &[app], &[]);
    let two = serve(&hub, &[app, other], &[]);
    let all = serve(&hub, &["*"], &[]);
    let none = serve(&hub, &[], &[]);
    for (line, bad, status) in &broken {
        let fields = format!("{}{bad}", origin(app));
        for (server, told) in [(&one, Some(app)), (&all, Some("*")), (&none, None)] {
            let answer = send(server, line, &fields);
            assert_eq!(answer.status, *status, "{line} {}", answer.body);
            assert_eq!(answer.allow_origin(), told, "{line}");
        }
        let answer = send(&two, line, &fields);
        // With a line that is too long, the origin that comes after it may not have come yet.
        let told = answer.allow_origin();
        assert_eq!(answer.status, *status);
        assert!(
            told == Some(app) || (told.is_none() && *status == 414),
            "{line}"
        );
        let evil = send(
            &two,
            line,
            &format!("{}{bad}", origin("https://evil.example")),
        );
        assert_eq!(evil.allow_origin(), None, "{line}");
        // Whoever sends it: only pages of this origin can read the answer.
        let evil = send(
            &one,
            line,
            &format!("{}{bad}", origin("https://evil.example")),
        );
        assert!(evil.allow_origin().is_none_or(|told| told == app), "{line}");
    }
}

#[test]
fn a_server_for_other_machines_answers_to_no_public_name_unless_told() {
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([0, 0, 0, 0], 0).into());
    let server = Server::bind(&hub, config).unwrap().spawn().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], server.addr().port()));
    for (host, status) in [
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost", 200),
        ("127.0.0.1", 200),
        ("192.0.2.9", 200),
        ("eventring:8080", 200),
        ("box.local", 200),
    ] {
        let answer = ask(address, "GET /api/v1/stats", &format!("Host: {host}\r\n"));
        assert_eq!(answer.status, status, "{host} {}", answer.body);
    }
}

/// Once: a pod was restarted for ever, and a service's own name was refused.
#[test]
fn health_answers_any_host_and_a_cluster_its_own_names() {
    let hub = Hub::new();
    let named = serve(&hub, &[], &["events.example"]);
    for host in [
        "10.1.2.3:8080",
        "pod-7",
        "eventring.prod.svc",
        "evil.example",
        "events.example",
    ] {
        let answer = ask(named.addr(), "GET /healthz", &format!("Host: {host}\r\n"));
        assert_eq!(answer.status, 200, "{host} {}", answer.body);
        assert!(answer.body.contains(r#""status":"ok""#), "{}", answer.body);
        // A stranger's name learns that it lives, and nothing else.
        let told = answer.body.contains("connections");
        assert_eq!(told, host == "events.example", "{host} {}", answer.body);
        let ready = ask(named.addr(), "GET /readyz", &format!("Host: {host}\r\n"));
        assert_eq!(ready.status, 200, "{host}");
        let other = ask(named.addr(), STREAM, &format!("Host: {host}\r\n"));
        assert_eq!(other.status == 200, host == "events.example", "{host}");
    }
    let config = ServerConfig::default().listen(([0, 0, 0, 0], 0).into());
    let open = Server::bind(&hub, config).unwrap().spawn().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], open.addr().port()));
    for (host, status) in [
        ("eventring.prod.svc", 200),
        ("eventring.prod.svc:8080", 200),
        ("eventring.prod.svc.cluster.local.", 200),
        ("svc.evil.example", 421),
        ("evilsvc.example", 421),
    ] {
        let answer = ask(address, "GET /api/v1/stats", &format!("Host: {host}\r\n"));
        assert_eq!(answer.status, status, "{host} {}", answer.body);
    }
}

#[test]
fn results_line_by_line_carry_the_origin_once() {
    let hub = Hub::new();
    let server = serve(&hub, &["http://a.example"], &[]);
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    let head = "POST /api/v1/topics/a/events?atomic=false HTTP/1.1\r\nHost: localhost\r\n\
                Origin: http://a.example\r\nContent-Type: application/x-ndjson\r\n\
                Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream
        .write_all(b"2\r\n1\n\r\n2\r\n2\n\r\n0\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: http://a.example\r\n"),
        "{text}"
    );
    assert_eq!(
        text.matches("Access-Control-Allow-Origin").count(),
        1,
        "{text}"
    );
    assert_eq!(hub.head(), 2);
}

#[test]
fn a_preflight_says_what_a_page_may_send() {
    let hub = Hub::new();
    let server = serve(&hub, &["https://app.example"], &[]);
    let fields = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n\
                  Access-Control-Request-Headers: content-type,CE-Id, ce-type,last-event-id,x-other,traceparent\r\n";
    let answer = ask(server.addr(), "OPTIONS /api/v1/topics/a/events", fields);
    assert_eq!(
        (answer.status, answer.allow_origin()),
        (204, Some("https://app.example"))
    );
    assert_eq!(
        answer.field("access-control-allow-methods"),
        Some("POST, DELETE")
    );
    let allowed = answer.field("access-control-allow-headers");
    assert_eq!(
        allowed,
        Some("content-type, ce-id, ce-type, last-event-id, traceparent")
    );
    assert!(answer.field("access-control-max-age").is_some());
    let plain = ask(server.addr(), "OPTIONS /healthz", "");
    assert_eq!(
        (plain.status, plain.field("allow")),
        (405, Some("GET, HEAD"))
    );
}

/// Once: pages with tracing, and those that delete, were refused.
#[test]
fn a_preflight_grants_the_methods_of_the_route_and_the_fields_that_libraries_add() {
    let hub = Hub::new();
    let server = serve(&hub, &["https://app.example"], &[]);
    let handle = server.handle();
    handle
        .create_endpoint("/live", Filter::all(), StreamOptions::default())
        .unwrap();
    for (path, methods) in [
        ("/api/v1/endpoints", "GET, HEAD, POST, DELETE"),
        ("/api/v1/connections/0-1", "DELETE"),
        ("/api/v1/connections", "GET, HEAD, POST"),
        ("/api/v1/topics/a/events", "POST, DELETE"),
        ("/api/v1/topics/a/presence", "GET, HEAD"),
        ("/api/v1/events/stream", "GET, HEAD"),
        ("/api/v1/broadcast", "POST"),
        ("/live", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
    ] {
        let fields = "Origin: https://app.example\r\nAccess-Control-Request-Method: DELETE\r\n\
            Access-Control-Request-Headers: traceparent, tracestate, baggage, x-requested-with, x-request-id, \
            sentry-trace, b3, idempotency-key, cache-control, pragma\r\n";
        let answer = ask(server.addr(), &format!("OPTIONS {path}"), fields);
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(
            answer.field("access-control-allow-methods"),
            Some(methods),
            "{path}"
        );
        let allowed = answer.field("access-control-allow-headers");
        let asked = "traceparent, tracestate, baggage, x-requested-with, x-request-id, sentry-trace, b3, \
            idempotency-key, cache-control, pragma";
        assert_eq!(allowed, Some(asked), "{path}");
    }
}

/// What a setting grants beyond the methods and fields that a preflight is granted anyway.
#[test]
fn a_preflight_grants_more_where_it_is_set() {
    let hub = Hub::new();
    let serve = |headers: &[&str], private: bool| {
        let config = ServerConfig::default()
            .listen(([127, 0, 0, 1], 0).into())
            .cors_origins(vec!["https://app.example".to_owned()])
            .cors_headers(headers.iter().map(|name| (*name).to_owned()).collect())
            .cors_private_network(private);
        Server::bind(&hub, config).unwrap().spawn().unwrap()
    };
    for (headers, private, allowed, granted) in [
        (&[][..], false, "accept", None),
        (&["X-Tenant"], true, "x-tenant, accept", Some("true")),
        (&["*"], false, "x-tenant, accept, x-other", None),
    ] {
        let server = serve(headers, private);
        let preflight = |page: &str| {
            let fields = format!(
                "{}Access-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n\
                 Access-Control-Request-Headers: x-tenant, accept, x-other\r\n",
                origin(page)
            );
            ask(server.addr(), &format!("OPTIONS {}", &STREAM[4..]), &fields)
        };
        let answer = preflight("https://app.example");
        assert_eq!(answer.field("access-control-allow-headers"), Some(allowed));
        assert_eq!(
            answer.field("access-control-allow-private-network"),
            granted
        );
        // Nobody else, and not a name that somebody made point here either.
        let other = preflight("https://evil.example");
        let own = preflight(&format!("http://{}", server.addr()));
        for answer in [other, own] {
            assert!(answer.status >= 400, "{}", answer.status);
            assert_eq!(answer.field("access-control-allow-private-network"), None);
        }
    }
    for bad in ["", "x y", "x-*"] {
        let config = ServerConfig::default()
            .listen(([127, 0, 0, 1], 0).into())
            .cors_headers(vec![bad.to_owned()]);
        let Err(ServerError::Config { field, .. }) = Server::bind(&hub, config) else {
            panic!("{bad:?} was taken");
        };
        assert_eq!(field, "cors_headers");
    }
}

#[test]
fn a_star_lets_every_origin_in() {
    let hub = Hub::new();
    let server = serve(&hub, &["*"], &["*"]);
    for page in ["https://any.example", "null"] {
        let fields = format!("Host: any.example\r\n{}", origin(page));
        let answer = ask(server.addr(), PUBLISH, &fields);
        assert_eq!((answer.status, answer.allow_origin()), (200, Some("*")));
    }
}

#[test]
fn a_setting_that_is_none_is_named() {
    let hub = Hub::new();
    let refused = |change: fn(&mut ServerConfig)| {
        let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
        change(&mut config);
        match Server::bind(&hub, config).err() {
            Some(ServerError::Config { field, reason }) => format!("{field} {reason}"),
            other => panic!("{other:?}"),
        }
    };
    let text = refused(|config| config.cors_origins = vec!["https://a.example/path".to_owned()]);
    assert!(
        text.starts_with("cors_origins must be scheme://host"),
        "{text}"
    );
    assert!(text.ends_with(r#""https://a.example/path""#), "{text}");
    let text = refused(|config| config.allowed_hosts = vec!["http://a".to_owned()]);
    assert!(
        text.starts_with("allowed_hosts must be a host name"),
        "{text}"
    );
}

/// A handshake has no `Sec-Fetch-Site`, only `Origin`.
#[test]
fn a_page_opens_its_own_websocket_whatever_proxy_is_between() {
    const SOCKET: &str = "GET /api/v1/ws";
    const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let hub = Hub::new();
    let trusting = |field| {
        let config = ServerConfig::default()
            .listen(([127, 0, 0, 1], 0).into())
            .trusted_proxies(vec!["127.0.0.1".into()])
            .forwarded_field(field)
            .allowed_hosts(vec!["a.example".into()]);
        Server::bind(&hub, config).unwrap().spawn().unwrap()
    };
    let unlisted = serve(&hub, &[], &["a.example"]);
    let x = trusting(ForwardedField::XForwardedFor);
    let rfc = trusting(ForwardedField::Forwarded);
    let https = "X-Forwarded-Proto: https\r\n";
    for (server, host, page, told, status) in [
        // Nobody says how the page came: both schemes do.
        (&unlisted, "a.example", "https://a.example", "", 101),
        (&unlisted, "a.example", "http://a.example", "", 101),
        (
            &unlisted,
            "a.example:8443",
            "https://a.example:8443",
            "",
            101,
        ),
        (&unlisted, "a.example:80", "https://a.example", "", 403),
        (&unlisted, "a.example", "https://a.example:8443", "", 403),
        (&unlisted, "a.example", "https://b.example", "", 403),
        // It is no proxy of ours.
        (
            &unlisted,
            "localhost",
            "https://a.example",
            "X-Forwarded-Host: a.example\r\n",
            403,
        ),
        (&unlisted, "a.example", "http://a.example", https, 101),
        // Ours says it.
        (&x, "a.example", "https://a.example", https, 101),
        (
            &x,
            "a.example",
            "https://a.example",
            "X-Forwarded-Proto: wss\r\n",
            101,
        ),
        (&x, "a.example", "http://a.example", https, 403),
        (
            &x,
            "a.example",
            "https://a.example",
            "X-Forwarded-Proto: http\r\n",
            403,
        ),
        (&x, "a.example", "https://a.example", "", 101),
        (
            &x,
            "localhost",
            "https://a.example",
            "X-Forwarded-Host: a.example\r\n",
            101,
        ),
        (
            &x,
            "localhost",
            "https://a.example:8443",
            "X-Forwarded-Host: a.example\r\nX-Forwarded-Port: 8443\r\n",
            101,
        ),
        (
            &x,
            "a.example",
            "https://a.example:8443",
            "X-Forwarded-Port: 8443\r\n",
            101,
        ),
        // A name that is not ours may have been made to point at the proxy.
        (
            &x,
            "localhost",
            "http://evil.example",
            "X-Forwarded-Host: evil.example\r\n",
            403,
        ),
        (
            &rfc,
            "localhost",
            "https://a.example",
            "Forwarded: proto=https;host=a.example\r\n",
            101,
        ),
        (
            &rfc,
            "a.example",
            "http://a.example",
            "Forwarded: for=_x;proto=https\r\n",
            403,
        ),
        // Clients can write the other field as they like.
        (&rfc, "a.example", "http://a.example", https, 101),
    ] {
        let fields = format!("Host: {host}\r\n{UPGRADE}{}{told}", origin(page));
        let answer = ask(server.addr(), SOCKET, &fields);
        assert_eq!(answer.status, status, "{page} of {host} with {told:?}");
        let plain = format!("Host: {host}\r\n{}{told}", origin(page));
        let status = if status == 101 { 200 } else { 403 };
        assert_eq!(
            ask(server.addr(), PUBLISH, &plain).status,
            status,
            "{plain}"
        );
    }
}

/// Once: behind a proxy's `/ring/` the dashboard and the address of a made connection led nowhere.
#[test]
fn what_is_told_of_the_server_leads_there_from_outside() {
    let hub = Hub::new();
    let bind = |public: Option<&str>| {
        let config = ServerConfig::default()
            .listen(([127, 0, 0, 1], 0).into())
            .trusted_proxies(vec!["127.0.0.1".into()])
            .public_url(public.map(str::to_owned));
        Server::bind(&hub, config)
    };
    let serve = |public| bind(public).unwrap().spawn().unwrap();
    let plain = serve(None);
    let named = serve(Some("https://a.example:444/ring/"));
    let prefix = "X-Forwarded-Prefix: /ring\r\n";
    for (server, fields, base) in [
        (&plain, "", ""),
        (&plain, prefix, "/ring"),
        (&plain, "X-Forwarded-Prefix: //evil.example\r\n", ""),
        (&named, prefix, "https://a.example:444/ring"),
    ] {
        let json = |what: &str, body: &str| {
            let mut stream = TcpStream::connect(server.addr()).unwrap();
            let length = body.len();
            let request = format!(
                "POST /api/v1/{what} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
            );
            stream.write_all(request.as_bytes()).unwrap();
            read_answer(stream)
        };
        let made = json("connections", r#"{"topics":["a"]}"#);
        let location = made.field("location").unwrap();
        let id = location
            .strip_prefix(base)
            .unwrap()
            .split('/')
            .nth(4)
            .unwrap();
        assert_eq!(location, format!("{base}/api/v1/connections/{id}/stream"));
        let url = format!(r#""url":"{location}""#);
        assert!(made.body.contains(&url), "{}", made.body);
        let made = json("endpoints", r#"{"path":"/live"}"#);
        assert_eq!(made.field("location"), Some(&*format!("{base}/live")));
        assert_eq!(made.body, "{\"path\":\"/live\"}\n");
        server.handle().remove_endpoint("/live").unwrap();
    }
    // Its pages are the server's own, and its name may be asked for.
    let fields = "Host: a.example\r\nOrigin: https://a.example:444\r\n";
    assert_eq!(ask(named.addr(), PUBLISH, fields).status, 200);
    let fields = "Host: a.example\r\nOrigin: http://a.example:444\r\n";
    assert_eq!(ask(named.addr(), PUBLISH, fields).status, 403);
    assert_eq!(ask(plain.addr(), STREAM, "Host: a.example\r\n").status, 421);
    for wrong in ["a.example", "ftp://a", "https://a?b"] {
        let error = bind(Some(wrong)).err().unwrap().to_string();
        assert!(
            error.starts_with("public_url ") && error.contains(wrong),
            "{error}"
        );
    }
}

//! What the guide and the README say is missing: still so, or the page is out of date.
//!
//! Each bold absence on the guide's page for those who come from elsewhere has a check here that the thing is not there,
//! and each point of "Not there yet" in the README is about one of these. Whoever builds the thing is told by the test
//! which words to take away.

use crate::common::{Http, Process, Response, Server, Stream};
use eventring::client::{WsClient, WsItem};
use eventring::event::EventBuilder;
use eventring::gateway::ServerConfig;
use eventring::hub::{Hub, StartFrom, Subscription, TopicConfig};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// An absence in the words of the page, and a check of it; the server is there to be asked.
type Check = (&'static str, fn(&Server));

const CHECKS: &[Check] = &[
    ("HTTP/1.1 only", http_1_only),
    ("streams over HTTP look back in the ring alone", ring_alone),
    ("the ring forgets nothing by age", nothing_goes_by_age),
    ("no long-polling", no_long_polling),
    ("no multipart", no_multipart),
    ("no request to a back end", no_request_to_a_back_end),
    ("no limits of a topic", no_limits_of_a_topic),
    ("one process", one_process),
    ("no tokens", no_tokens),
    ("no discovery", no_discovery),
    ("not in Python", not_in_python),
    ("no consumer groups", no_groups),
    ("no request and reply", no_request_and_reply),
    ("no deleting of single events", no_deleting_of_events),
];

/// What a point of the README's list is about, with the checks of it.
const README: &[Check] = &[
    ("No authentication", no_tokens),
    ("consumer groups", no_groups),
    ("event store", no_store),
    ("adapters", no_adapters),
];

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(package().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The bold words of the tables of a page.
fn bold(page: &str) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with("//! |"));
    rows.flat_map(|row| row.split("**").skip(1).step_by(2))
        .collect()
}

#[test]
#[allow(clippy::print_stdout)]
fn what_the_guide_says_is_missing_is_missing() {
    let page = read("src/guide/coming_from.rs");
    let claims = bold(&page);
    assert!(claims.len() >= CHECKS.len(), "{claims:?}");
    for claim in &claims {
        let known = CHECKS.iter().any(|(words, _)| words == claim);
        assert!(known, "no check of {claim:?}: add one to CHECKS");
    }
    let server = Server::start(&[]);
    for (words, check) in CHECKS {
        assert!(claims.contains(words), "the page does not say {words:?}");
        println!("{words}");
        check(&server);
    }
}

#[test]
#[allow(clippy::print_stdout)]
fn what_the_readme_says_is_not_there_yet_is_not() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("\n## Not there yet\n").expect("the list");
    let list = rest.split("\n## ").next().unwrap_or_default();
    let points: Vec<&str> = list.split("\n- ").skip(1).collect();
    assert!(!points.is_empty(), "{list}");
    let server = Server::start(&[]);
    for point in points {
        let of_it = README.iter().filter(|(words, _)| point.contains(words));
        let checks: Vec<&Check> = of_it.collect();
        assert!(!checks.is_empty(), "no check of {point:?}: add to README");
        for (words, check) in checks {
            println!("{words}");
            check(&server);
        }
    }
}

#[test]
fn the_reader_of_absences_reads_them() {
    let page = "//! **not here**\n//! | there | x; **no a**, **no b** |\n";
    assert_eq!(bold(page), ["no a", "no b"]);
}

/// The flags of `serve`.
fn flags() -> Vec<String> {
    let mut help = Process::eventring(&["serve", "--help"]);
    assert_eq!(help.code(), 0);
    let text = help.stdout();
    let flags = text.lines().filter_map(|line| {
        let flag = line.trim_start().strip_prefix("--")?;
        Some(flag.split([' ', '[', '=']).next()?.to_owned())
    });
    let flags: Vec<String> = flags.collect();
    assert!(flags.len() > 40, "{flags:?}");
    flags
}

/// Checks that no name has any of these words in it.
fn none_has<S: AsRef<str>>(names: &[S], words: &[&str]) {
    for name in names {
        let name = name.as_ref();
        let word = words.iter().find(|word| name.contains(**word));
        assert!(word.is_none(), "there is {name:?}");
    }
}

/// The names of the settings of a server and a hub.
fn settings() -> Vec<String> {
    let texts = [
        format!("{:?}", ServerConfig::default()),
        format!("{:?}", Hub::builder()),
        format!("{:?}", TopicConfig::default()),
    ];
    let words = texts.iter().flat_map(|text| {
        text.split([' ', '{', ',', '('])
            .filter_map(|word| word.strip_suffix(':'))
    });
    let names: Vec<String> = words.map(str::to_owned).collect();
    assert!(names.len() > 40, "{names:?}");
    names
}

/// The names of features and dependencies of the library and the server, but for those of tests.
fn parts() -> Vec<String> {
    let manifests = [read("Cargo.toml"), read("server/Cargo.toml")];
    let sections = manifests.iter().flat_map(|text| text.split("\n["));
    let shipped = sections.filter(|section| !section.starts_with("dev-dependencies]"));
    let names = shipped.flat_map(str::lines).filter_map(|line| {
        let (name, _) = line.split_once(" = ")?;
        Some(name.to_owned())
    });
    let names: Vec<String> = names.collect();
    assert!(names.iter().any(|name| name == "mio"), "{names:?}");
    names
}

fn paths(server: &Server) -> Vec<String> {
    let document = get(server, "/api/v1/openapi.json").json();
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 10, "{paths:?}");
    paths.keys().cloned().collect()
}

fn get(server: &Server, target: &str) -> Response {
    Http::connect(server.address).get(target).response()
}

/// The status of a request without a body.
fn status(server: &Server, method: &str, target: &str) -> u16 {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut http = Http::connect(server.address);
    http.send(request).head().status
}

/// The answer to one request on a WebSocket.
fn answer(server: &Server, request: &str) -> Value {
    let url = format!("ws://{}/api/v1/ws", server.address);
    let mut client = WsClient::open(&url).expect("a URL");
    loop {
        match client.next_item().expect("an item") {
            WsItem::Connected => client.request(request).expect("sent"),
            WsItem::Answer(json) => return serde_json::from_str(&json).expect("JSON"),
            _ => {}
        }
    }
}

fn http_1_only(server: &Server) {
    let mut http = Http::connect(server.address);
    let status = http.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").head().status;
    assert!(status == 400 || status == 505, "{status}");
    let upgrade = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let status = Http::connect(server.address).send(upgrade).head().status;
    assert_ne!(status, 101);
    none_has(&parts(), &["h2", "h3", "quinn", "hyper"]);
}

fn ring_alone(_: &Server) {
    let hub = Hub::builder().capacity(64).build().expect("a hub");
    let keep = TopicConfig::default().retain_events(10);
    hub.create_topic("quiet", keep).expect("a topic");
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = eventring::gateway::Server::bind(&hub, config).expect("a port");
    let server = server.spawn().expect("a thread");
    let mut builder = EventBuilder::new();
    for topic in ["quiet"].into_iter().chain(["busy"; 200]) {
        builder.clear();
        let event = builder.topic(topic).ty("message").text(topic).build();
        hub.publish(event.expect("an event")).expect("published");
    }
    let quiet = Subscription::topic("quiet").start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(quiet).expect("a receiver");
    let kept = receiver.try_recv().expect("the topic's own copy");
    assert_eq!(kept.position.offset, 1);
    let mut stream = Stream::open(server.addr(), "topic=quiet&from=beginning");
    builder.clear();
    let event = builder.topic("quiet").ty("message").text("new").build();
    hub.publish(event.expect("an event")).expect("published");
    // What the ring gave up while the stream began comes first.
    let mut next = stream.next();
    while next.event == "gap" {
        next = stream.next();
    }
    assert_eq!(next.data, "new");
    server.stop().expect("stopped");
}

fn nothing_goes_by_age(server: &Server) {
    let mut flags = flags();
    // Of the journal.
    flags.retain(|name| !name.starts_with("retention-"));
    none_has(&flags, &["ttl", "expir", "retention", "retain"]);
    let mut settings = settings();
    // Of streams, of a topic's own copies, and of a topic in the journal.
    settings.retain(|name| !["max_age", "retain_age", "age"].contains(&name.as_str()));
    none_has(&settings, &["ttl", "expir", "age"]);
    let headers = [
        "Content-Type: text/plain",
        "ce-time: 1971-01-01T00:00:00Z",
        "ce-id: old",
        "ce-specversion: 1.0",
    ];
    let mut http = Http::connect(server.address);
    let published = http.post("/api/v1/topics/aged/events", &headers, b"old");
    assert_eq!(published.response().status, 200);
    let mut stream = Stream::open(server.address, "topic=aged&from=beginning");
    assert_eq!(stream.next().data, "old");
}

fn no_long_polling(server: &Server) {
    assert_eq!(status(server, "GET", "/api/v1/topics/t/events"), 405);
    for parameter in ["wait=1", "timeout=1", "poll=true", "limit=1"] {
        let target = format!("/api/v1/events/stream?{parameter}");
        assert_eq!(status(server, "GET", &target), 400, "{parameter}");
    }
    none_has(&paths(server), &["poll"]);
}

fn no_multipart(server: &Server) {
    let request = "GET /api/v1/events/stream?topic=t HTTP/1.1\r\nHost: localhost\r\n\
                   Accept: multipart/mixed\r\n\r\n";
    let head = Http::connect(server.address).send(request).head();
    let kind = head.header("content-type").unwrap_or_default();
    assert!(!kind.starts_with("multipart"), "{head:?}");
}

fn no_request_to_a_back_end(_: &Server) {
    let words = [
        "hook",
        "callback",
        "backend",
        "upstream",
        "authorize-",
        "authorize_",
    ];
    none_has(&flags(), &words);
    none_has(&settings(), &words);
    none_has(&parts(), &["ureq", "reqwest", "hyper"]);
}

fn no_limits_of_a_topic(_: &Server) {
    none_has(&flags(), &["topic", "subscri", "group"]);
    none_has(&settings(), &["subscri", "per_topic", "group"]);
}

fn one_process(_: &Server) {
    let two = TopicConfig::default().replication(2).validate();
    assert!(two.is_err_and(|wrong| wrong.to_string().contains("replication: only 1")));
    let words = [
        "redis",
        "nats",
        "postgres",
        "kafka",
        "cluster",
        "backplane",
        "node",
    ];
    none_has(&flags(), &words);
    none_has(&parts(), &words);
}

fn no_tokens(server: &Server) {
    let mut flags = flags();
    flags.retain(|flag| flag != "tls-key");
    let words = [
        "token",
        "jwt",
        "jwk",
        "auth",
        "login",
        "password",
        "key",
        "anonymous",
    ];
    none_has(&flags, &words);
    none_has(&parts(), &["jwt", "jsonwebtoken", "oauth"]);
    for header in [
        "X-Nothing: 1",
        "Authorization: Bearer a.b.c",
        "Authorization: Basic Og==",
    ] {
        let headers = ["Content-Type: text/plain", header];
        let mut http = Http::connect(server.address);
        let response = http
            .post("/api/v1/topics/t/events", &headers, b"x")
            .response();
        assert_eq!(response.status, 200, "{header}");
    }
}

fn no_discovery(server: &Server) {
    for target in ["/", "/api/v1/stats", "/api/v1/openapi.json"] {
        let response = get(server, target);
        assert_eq!(response.status, 200, "{target}");
        assert_eq!(response.header("link"), None, "{target}");
    }
    let stream = Stream::open(server.address, "topic=t");
    assert_eq!(stream.head.header("link"), None);
    assert_eq!(status(server, "GET", "/.well-known/mercure"), 404);
}

fn not_in_python(_: &Server) {
    for file in ["pyproject.toml", "setup.py", "python", "bindings"] {
        assert!(!package().join(file).exists(), "there is {file}");
    }
    none_has(&parts(), &["pyo3", "cpython", "maturin"]);
}

fn no_groups(server: &Server) {
    none_has(&paths(server), &["group", "consumer", "ack"]);
    assert_eq!(status(server, "GET", "/api/v1/groups"), 404);
    assert!(!package().join("src/group").exists());
    let refused = answer(server, r#"{"type":"ack","request":1}"#);
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&"error".into(), &"conflict".into())
    );
}

fn no_request_and_reply(server: &Server) {
    for ty in ["request", "call", "rpc"] {
        let refused = answer(
            server,
            &format!(r#"{{"type":"{ty}","request":1,"topic":"t"}}"#),
        );
        assert_eq!(refused["type"], "error", "{refused}");
    }
    none_has(&paths(server), &["repl", "rpc", "request"]);
}

fn no_deleting_of_events(server: &Server) {
    let id = server.publish("t", "1");
    let one = format!("/api/v1/topics/t/events/{id}");
    assert_eq!(status(server, "DELETE", &one), 404);
}

fn no_store(server: &Server) {
    none_has(&paths(server), &["store", "aggregate", "projection"]);
    assert!(!package().join("src/store").exists());
}

fn no_adapters(_: &Server) {
    assert!(!package().join("adapters").exists());
    none_has(&parts(), &["redis", "postgres", "opensearch", "nats"]);
}

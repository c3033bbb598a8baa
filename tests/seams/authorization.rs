//! An authorizer that answers later, from another thread, over real sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use eventring::event::{Event, Filter};
use eventring::gateway::{
    AccessRequest, Action, Authorizer, Decision, Denied, Principal, Server, ServerConfig,
    ServerThread, StreamOptions, Ticket,
};
use eventring::hub::Hub;

const PATIENCE: Duration = Duration::from_secs(20);
const HANDSHAKE: &str = "GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A request that was asked about: whoever has it answers.
struct Asked {
    path: String,
    action: Action,
    ticket: Ticket,
}

/// Hands each request to the test.
struct AnswersLater(Sender<Asked>);

impl Authorizer for AnswersLater {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        let ticket = request.ticket();
        let asked = Asked {
            path: request.head().path().to_owned(),
            action: request.action(),
            ticket: ticket.clone(),
        };
        self.0.send(asked).unwrap();
        Decision::Later(ticket)
    }
}

struct Served {
    hub: Hub,
    server: ServerThread,
    asked: Receiver<Asked>,
}

fn serve(change: impl FnOnce(ServerConfig) -> ServerConfig) -> Served {
    let (ask, asked) = channel();
    let hub = Hub::new();
    let config = change(ServerConfig::default().listen(([127, 0, 0, 1], 0).into()));
    let server = Server::bind_with(&hub, config, Box::new(AnswersLater(ask))).unwrap();
    let server = server.spawn().unwrap();
    Served { hub, server, asked }
}

impl Served {
    fn connect(&self, request: &str) -> Client {
        Client::connect(self.server.addr(), request)
    }

    fn next(&self) -> Asked {
        self.asked.recv_timeout(PATIENCE).expect("a request")
    }
}

struct Client {
    socket: TcpStream,
    text: String,
}

impl Client {
    fn connect(address: SocketAddr, request: &str) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self {
            socket,
            text: String::new(),
        };
        client.send(request);
        client
    }

    fn send(&mut self, bytes: &str) {
        self.socket.write_all(bytes.as_bytes()).unwrap();
    }

    /// Reads until `end` has come; returns all that has.
    fn read_to(&mut self, end: &str) -> &str {
        let mut buffer = [0; 4096];
        let deadline = Instant::now() + PATIENCE;
        while !self.text.contains(end) {
            // Heartbeats come for ever.
            assert!(Instant::now() < deadline, "no {end:?} in {:?}", self.text);
            let n = self.socket.read(&mut buffer).expect("more in time");
            assert!(n > 0, "it ended behind {:?}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
        &self.text
    }

    /// Reads to the end of the connection.
    fn read_all(mut self) -> String {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        self.text + &String::from_utf8_lossy(&rest)
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post(body: &str, fields: &str) -> String {
    let len = body.len();
    format!(
        "POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {len}\r\n{fields}\r\n{body}"
    )
}

fn publish(hub: &Hub, topic: &str) {
    hub.publish(
        Event::new(topic, "t")
            .text(&format!("for {topic}."))
            .build()
            .unwrap(),
    )
    .unwrap();
}

#[test]
fn a_stream_begins_with_the_decision_and_gets_what_it_allows() {
    let served = serve(|config| config);
    let mut client = served.connect(&get("/api/v1/events/stream"));
    let asked = served.next();
    assert_eq!(asked.path, "/api/v1/events/stream");
    assert_eq!(asked.action, Action::Subscribe);
    let allowed = Filter::parse(["a"]).unwrap();
    let answered = std::thread::spawn(move || {
        let principal = Principal::new().subscribe(Some(allowed));
        let first = asked.ticket.answer(Ok(principal));
        // The first answer counts.
        (first, asked.ticket.answer(Err(Denied::Forbidden)))
    });
    assert_eq!(answered.join().unwrap(), (true, false));
    assert!(client.read_to("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    publish(&served.hub, "b");
    publish(&served.hub, "a");
    let text = client.read_to("for a.");
    assert!(!text.contains("for b."), "{text}");
}

#[test]
fn a_body_is_asked_for_behind_the_decision_only() {
    let served = serve(|config| config);
    let head = |body: &str| {
        let whole = post(body, "Expect: 100-continue\r\n");
        whole[..whole.len() - body.len()].to_owned()
    };
    let mut client = served.connect(&head("1"));
    served.next().ticket.answer(Ok(Principal::all()));
    assert_eq!(client.read_to("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("1");
    let text = client.read_to("\"count\":1");
    assert!(
        text.contains("HTTP/1.1 200 ") || text.contains("HTTP/1.1 201 "),
        "{text}"
    );
    // Whoever is refused is never asked for its body.
    let mut refused = served.connect(&head("1"));
    served.next().ticket.answer(Err(Denied::Unknown("Bearer")));
    let text = refused.read_to("\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
}

#[test]
fn pipelined_requests_wait_and_are_answered_in_order() {
    let served = serve(|config| config);
    let all = [
        get("/healthz"),
        post("1", ""),
        get("/api/v1/stats"),
        get("/healthz"),
    ]
    .concat();
    let mut client = served.connect(&all);
    let publishing = served.next();
    assert_eq!(publishing.action, Action::Publish);
    publishing.ticket.answer(Ok(Principal::all()));
    let looking = served.next();
    assert_eq!(looking.action, Action::Observe);
    let principal = Principal::all().observe(false);
    looking.ticket.answer(Ok(principal));
    client.send(&get("/nowhere"));
    let text = client.read_to("HTTP/1.1 404 ");
    let statuses: Vec<&str> = text.matches("HTTP/1.1 ").collect();
    assert_eq!(statuses.len(), 5, "{text}");
    let order = [
        "HTTP/1.1 200",
        "\"count\":1",
        "HTTP/1.1 403",
        "HTTP/1.1 200",
        "HTTP/1.1 404",
    ];
    let mut at = 0;
    for part in order {
        at += text[at..]
            .find(part)
            .unwrap_or_else(|| panic!("{part} behind {at}: {text}"));
    }
}

#[test]
fn one_decision_serves_every_message_of_a_websocket() {
    let served = serve(|config| config);
    let mut client = served.connect(HANDSHAKE);
    let topics = Filter::parse(["a"]).unwrap();
    let principal = Principal::new()
        .subscribe(Some(topics.clone()))
        .publish(Some(topics));
    served.next().ticket.answer(Ok(principal));
    client.read_to("\"welcome\"");
    let mut say = |text: &str, answer: &str| {
        // A masked frame whose key is zero.
        let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        client.socket.write_all(&frame).unwrap();
        client.read_to(answer);
    };
    say(
        r#"{"type":"subscribe","request":1,"topic":"a"}"#,
        "\"subscribed\"",
    );
    say(
        r#"{"type":"publish","request":2,"topic":"a","data":1}"#,
        "\"published\"",
    );
    say(
        r#"{"type":"publish","request":3,"topic":"b","data":1}"#,
        "not allowed",
    );
    assert!(served.asked.try_recv().is_err(), "asked once");
}

#[test]
fn no_more_requests_wait_than_may() {
    let served = serve(|config| config.max_pending_authorizations(1));
    let mut first = served.connect(&get("/api/v1/stats"));
    let asked = served.next();
    let mut second = served.connect(&get("/api/v1/stats"));
    let late = served.next();
    let text = second.read_to("\r\n\r\n");
    assert!(
        text.starts_with("HTTP/1.1 503 ") && text.contains("Retry-After: "),
        "{text}"
    );
    // It has been answered: its ticket reaches nobody.
    late.ticket.answer(Ok(Principal::all()));
    asked.ticket.answer(Ok(Principal::all()));
    assert!(first.read_to("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    // There is room again, and a client that hangs up leaves it.
    let third = served.connect(&get("/api/v1/stats"));
    let asked = served.next();
    rustix::net::sockopt::set_socket_linger(&third.socket, Some(Duration::ZERO)).unwrap();
    drop(third);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut fourth = served.connect(&get("/api/v1/stats"));
        let other = served.next();
        other.ticket.answer(Ok(Principal::all()));
        if fourth.read_to("\r\n\r\n").starts_with("HTTP/1.1 200 ") {
            break;
        }
        assert!(Instant::now() < deadline, "the reset was never seen");
    }
    assert!(
        asked.ticket.answer(Ok(Principal::all())),
        "it is taken, and dropped"
    );
}

#[test]
fn a_decision_that_comes_too_late_reaches_nobody() {
    let served = serve(|config| config.authorization_timeout(Duration::from_millis(50)));
    let client = served.connect(&get("/api/v1/stats"));
    let late = served.next();
    let text = client.read_all();
    assert!(
        text.starts_with("HTTP/1.1 503 ") && text.contains("Retry-After: "),
        "{text}"
    );
    assert!(
        late.ticket.answer(Ok(Principal::all())),
        "it is taken, and dropped"
    );
}

#[test]
fn a_decision_for_a_client_that_has_gone_is_nobody_elses() {
    let served = serve(|config| config);
    let gone = served.connect(&get("/api/v1/stats"));
    let old = served.next();
    rustix::net::sockopt::set_socket_linger(&gone.socket, Some(Duration::ZERO)).unwrap();
    drop(gone);
    // It may have the slot that the other one had.
    let mut client = served.connect(&get("/api/v1/stats"));
    let own = served.next();
    old.ticket.answer(Ok(Principal::all()));
    own.ticket.answer(Err(Denied::Forbidden));
    let text = client.read_to("\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 403 "), "{text}");
}

/// Gives each request the ticket of the first one.
struct Confuses(Mutex<Option<Ticket>>);

impl Authorizer for Confuses {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        let mut first = self.0.lock().unwrap();
        Decision::Later(first.get_or_insert_with(|| request.ticket()).clone())
    }
}

#[test]
fn the_ticket_of_another_request_is_a_fault_of_the_program() {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind_with(&Hub::new(), config, Box::new(Confuses(Mutex::default())));
    let server = server.unwrap().spawn().unwrap();
    let first = Client::connect(server.addr(), &get("/api/v1/stats"));
    let deadline = Instant::now() + PATIENCE;
    // Whoever is asked about first waits; the other one is told.
    let second = Client::connect(server.addr(), &get("/api/v1/stats"));
    first.socket.set_nonblocking(true).unwrap();
    second.socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 256];
    loop {
        for client in [&first, &second] {
            if let Ok(n) = (&client.socket).read(&mut buffer) {
                assert!(buffer[..n].starts_with(b"HTTP/1.1 500 "));
                return;
            }
        }
        assert!(Instant::now() < deadline, "nobody was told");
        std::thread::yield_now();
    }
}

/// Panics for the first request that it is asked about, and allows all others.
#[derive(Default)]
struct FailsOnce(AtomicUsize);

impl Authorizer for FailsOnce {
    fn authorize(&self, _: &AccessRequest<'_>) -> Decision {
        let asked = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(asked > 0, "it fails");
        Decision::Now(Ok(Principal::all()))
    }
}

#[test]
fn an_authorizer_that_fails_is_not_asked_again_for_the_same_request() {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind_with(&Hub::new(), config, Box::new(FailsOnce::default()));
    let server = server.unwrap().spawn().unwrap();
    // A WebSocket needs two rights.
    let mut client = Client::connect(server.addr(), HANDSHAKE);
    let text = client.read_to("\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 500 "), "{text}");
}

/// Answers its tickets before it returns them, on the reactor's own thread.
struct AnswersItself;

impl Authorizer for AnswersItself {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        let ticket = request.ticket();
        assert!(ticket.answer(Ok(Principal::all())));
        // Another one for the same request, whose answer is too late.
        request.ticket().answer(Err(Denied::Forbidden));
        Decision::Later(ticket)
    }
}

#[test]
fn a_ticket_may_be_answered_before_it_is_returned() {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind_with(&Hub::new(), config, Box::new(AnswersItself));
    let server = server.unwrap().spawn().unwrap();
    let requests = [post("1", ""), get("/api/v1/stats"), post("2", "")].concat();
    let mut client = Client::connect(server.addr(), &requests);
    let text = client.read_to("-2\",\"last\"");
    assert_eq!(text.matches("HTTP/1.1 200 ").count(), 3, "{text}");
}

#[test]
fn who_is_refused_undecided_can_read_why_from_a_page_and_gets_no_body_for_head() {
    let page = "https://shop.example";
    let fields = format!("Origin: {page}\r\nHost: localhost\r\n\r\n");
    // One is over the bound on those that wait, the other waits for too long.
    let over = serve(|config| {
        config
            .max_pending_authorizations(1)
            .cors_origins(vec![page.to_owned()])
    });
    let _waits = over.connect(&get("/api/v1/stats"));
    let _asked = over.next();
    let late = serve(|config| {
        config
            .authorization_timeout(Duration::from_millis(50))
            .cors_origins(vec![page.to_owned()])
    });
    for served in [over, late] {
        let client = served.connect(&format!("GET /api/v1/stats HTTP/1.1\r\n{fields}"));
        let text = client.read_all();
        assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
        let allowed = format!("Access-Control-Allow-Origin: {page}\r\n");
        assert!(text.contains(&allowed), "{text}");
        let client = served.connect(&format!("HEAD /api/v1/stats HTTP/1.1\r\n{fields}"));
        let text = client.read_all();
        assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "HEAD has no body: {text}");
    }
}

/// A server whose turns the test takes itself, and what it has been asked.
struct OwnLoop {
    server: Server,
    asked: Receiver<Asked>,
}

impl OwnLoop {
    fn turn_until(&mut self, done: impl Fn(&Server) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(&self.server) {
            assert!(Instant::now() < deadline, "it never came");
            self.server.turn(Some(Duration::from_millis(1))).unwrap();
        }
    }

    fn next(&mut self) -> Asked {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(asked) = self.asked.try_recv() {
                return asked;
            }
            assert!(Instant::now() < deadline, "no request came");
            self.server.turn(Some(Duration::from_millis(1))).unwrap();
        }
    }
}

#[test]
fn answers_for_clients_that_have_gone_take_nobodys_room() {
    let (ask, asked) = channel();
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .max_pending_authorizations(1);
    let server = Server::bind_with(&Hub::new(), config, Box::new(AnswersLater(ask))).unwrap();
    let address = server.local_addrs()[0];
    let mut own_loop = OwnLoop { server, asked };
    let mut gone = Vec::new();
    for _ in 0..8 {
        let client = Client::connect(address, &get("/api/v1/stats"));
        gone.push(own_loop.next());
        rustix::net::sockopt::set_socket_linger(&client.socket, Some(Duration::ZERO)).unwrap();
        drop(client);
        own_loop.turn_until(|server| server.handle().stats().connections == 0);
    }
    let mut client = Client::connect(address, &get("/api/v1/stats"));
    let waits = own_loop.next();
    // All in one turn, as after the directory that they come from was away.
    for asked in &gone {
        assert!(asked.ticket.answer(Err(Denied::Forbidden)));
    }
    assert!(waits.ticket.answer(Ok(Principal::all())), "it is taken");
    let reads = std::thread::spawn(move || client.read_to("\r\n\r\n").to_owned());
    own_loop.turn_until(|_| reads.is_finished());
    let text = reads.join().unwrap();
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
}

/// Allows everything: what is only looked at now, what changes something later.
struct ChangesLater;

impl Authorizer for ChangesLater {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        if request.head().method() == "GET" {
            return Decision::Now(Ok(Principal::all()));
        }
        AnswersItself.authorize(request)
    }
}

#[test]
fn a_request_that_was_refused_while_it_waited_does_nothing_afterwards() {
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .bodies_in_flight(400);
    let server = Server::bind_with(&Hub::new(), config, Box::new(ChangesLater)).unwrap();
    let server = server.spawn().unwrap();
    let path = "/orders";
    server
        .handle()
        .create_endpoint(path, Filter::all(), StreamOptions::default())
        .unwrap();
    // The first answer takes a turn, so that the refusal of the second request waits behind it.
    let padding = "x".repeat(1000);
    let requests = format!(
        "{}DELETE /api/v1/endpoints?path={path} HTTP/1.1\r\nHost: localhost\r\nX-Padding: {padding}\r\n\r\n",
        get("/api/v1/connections")
    );
    let text = Client::connect(server.addr(), &requests).read_all();
    assert!(text.contains("HTTP/1.1 503 "), "{text}");
    let removed = server.handle().remove_endpoint(path);
    assert!(removed.is_ok(), "it was told 503, and removed: {removed:?}");
}

/// Everything may be managed, reserved names too.
struct ManagesAll;

impl Authorizer for ManagesAll {
    fn authorize(&self, _: &AccessRequest<'_>) -> Decision {
        let all = Filter::parse([">", "$sys.>"]).unwrap();
        Decision::Now(Ok(Principal::new().manage(Some(all))))
    }
}

#[test]
fn who_manages_more_than_all_topics_may_broadcast() {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::bind_with(&Hub::new(), config, Box::new(ManagesAll)).unwrap();
    let server = server.spawn().unwrap();
    let body = r#"{"event":{"data":1}}"#;
    let request = format!(
        "POST /api/v1/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = Client::connect(server.addr(), &request);
    let text = client.read_to("\r\n\r\n");
    assert!(!text.starts_with("HTTP/1.1 403 "), "{text}");
}

#[test]
fn who_waits_when_the_server_stops_is_answered_still() {
    let served = serve(|config| config);
    let mut publishes = served.connect(&post("1", ""));
    let publishing = served.next();
    let mut reads = served.connect(&get("/api/v1/events/stream"));
    let reading = served.next();
    let mut looks = served.connect(&get("/api/v1/stats"));
    let looking = served.next();
    served.server.handle().stop();
    assert!(publishing.ticket.answer(Ok(Principal::all())));
    let text = publishes.read_to("\r\n\r\n");
    // It may be a moment early: then it is published, and it is said so.
    let published = text.starts_with("HTTP/1.1 200 ");
    assert!(published || text.starts_with("HTTP/1.1 503 "), "{text}");
    assert!(reading.ticket.answer(Ok(Principal::all())));
    assert!(
        reads
            .read_to("the server stops")
            .starts_with("HTTP/1.1 200 ")
    );
    assert!(looking.ticket.answer(Ok(Principal::all())));
    assert!(looks.read_to("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    assert!(served.server.join().unwrap().clean);
    assert_eq!(served.hub.head(), u64::from(published));
    assert!(
        !looking.ticket.answer(Ok(Principal::all())),
        "it is answered"
    );
}

#[test]
fn the_stop_of_a_server_does_not_wait_longer_than_it_may_for_decisions() {
    let served = serve(|config| config);
    let client = served.connect(&get("/api/v1/stats"));
    let asked = served.next();
    served
        .server
        .handle()
        .stop_within(Duration::from_millis(50));
    let report = served.server.join().unwrap();
    assert!(!report.clean, "{report:?}");
    assert_eq!(report.connections_left, 1);
    assert_eq!(client.read_all(), "");
    assert!(
        !asked.ticket.answer(Ok(Principal::all())),
        "nobody takes it"
    );
}

#[test]
fn who_has_closed_its_half_gets_its_answers() {
    let served = serve(|config| config);
    let requests = [get("/api/v1/stats"), post("1", ""), get("/healthz")].concat();
    let client = served.connect(&requests);
    let first = served.next();
    client.socket.shutdown(Shutdown::Write).unwrap();
    first.ticket.answer(Ok(Principal::all()));
    served.next().ticket.answer(Ok(Principal::all()));
    let text = client.read_all();
    assert_eq!(text.matches("HTTP/1.1 200 ").count(), 3, "{text}");
}

#[test]
fn an_old_client_is_answered_and_closed() {
    let served = serve(|config| config);
    let client = served.connect("GET /api/v1/stats HTTP/1.0\r\n\r\n");
    served.next().ticket.answer(Ok(Principal::all()));
    let text = client.read_all();
    assert!(
        text.starts_with("HTTP/1.1 200 ") && text.ends_with("}\n"),
        "{text}"
    );
}

#[test]
fn much_that_comes_behind_a_request_that_waits_is_read_afterwards() {
    let served = serve(|config| config);
    let mut client = served.connect(&get("/api/v1/stats"));
    let first = served.next();
    let body = "1".repeat(100);
    let many = 2_000;
    let behind = post(&body, "").repeat(many);
    let mut sends = client.socket.try_clone().unwrap();
    let sent = std::thread::spawn(move || sends.write_all(behind.as_bytes()));
    // Both ways at once: who takes no answers is read no further.
    let reads = std::thread::spawn(move || {
        client.read_to(&format!("-{many}\",\"last\""));
    });
    first.ticket.answer(Ok(Principal::all()));
    for _ in 0..many {
        served.next().ticket.answer(Ok(Principal::all()));
    }
    sent.join().unwrap().unwrap();
    reads.join().unwrap();
    assert_eq!(served.hub.head(), many as u64);
}

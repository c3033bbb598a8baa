//! Decisions that fail, come at odd moments, or never; and what else happens to requests that wait for them.

use std::io::Write;
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use eventring::event::Filter;
use eventring::gateway::{
    AccessRequest, Authorizer, Decision, Denied, Principal, Server, ServerConfig, StreamOptions,
};
use eventring::hub::Hub;

use super::served::{AnswersLater, Asked, Client, HANDSHAKE, PATIENCE, get, post, serve};

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
    let server = Server::builder(&Hub::new())
        .authorizer(FailsOnce::default())
        .bind(config);
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
    let server = Server::builder(&Hub::new())
        .authorizer(AnswersItself)
        .bind(config);
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
    let server = Server::builder(&Hub::new())
        .authorizer(AnswersLater(ask))
        .bind(config)
        .unwrap();
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
    let server = Server::builder(&Hub::new())
        .authorizer(ChangesLater)
        .bind(config)
        .unwrap();
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
    let server = Server::builder(&Hub::new())
        .authorizer(ManagesAll)
        .bind(config)
        .unwrap();
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

//! An authorizer that answers later, from another thread, over real sockets.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use eventring::event::Filter;
use eventring::gateway::{
    AccessRequest, Action, Authorizer, Decision, Denied, Principal, Server, ServerConfig, Ticket,
};
use eventring::hub::Hub;

use super::served::{Client, HANDSHAKE, PATIENCE, get, post, publish, serve};

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
    let server = Server::builder(&Hub::new())
        .authorizer(Confuses(Mutex::default()))
        .bind(config);
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

//! What is begun and never ended.

use super::stage::{Client, Stage, frame};
use crate::counting;

/// Bytes that may be unfinished on all connections of these tests.
const TOTAL: usize = 2 << 20;
/// What each client sends of something that it does not end.
const PART: usize = 100 << 10;
/// As many as would take twenty times the total.
const CLIENTS: usize = 20 * TOTAL / PART;
/// What else may have grown: connections themselves, spare room of buffers.
const BESIDE: i64 = 3 << 20;

fn stage() -> Stage {
    Stage::new(|config| {
        config.bodies_in_flight = TOTAL;
        config.body_bytes = 1 << 20;
    })
}

fn post(target: &str, content_type: &str, length: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{length}\r\n\r\n"
    )
}

/// Has many clients begin `what` by `begin`; returns them with how much memory they take.
fn flood(
    stage: &mut Stage,
    clients: usize,
    mut begin: impl FnMut(&mut Stage) -> Client,
) -> (Vec<Client>, i64) {
    stage.turn();
    let before = counting::live();
    let mut all = Vec::new();
    for _ in 0..clients {
        all.push(begin(stage));
        stage.turn();
    }
    (0..4).for_each(|_| stage.turn());
    let beside = all
        .iter()
        .map(|client| client.text.capacity() as i64)
        .sum::<i64>();
    (all, counting::live() - before - beside)
}

/// How many of them the server has refused with `answer`.
fn refused(clients: &mut [Client], answer: &str) -> usize {
    let refused = |client: &mut Client| {
        client.read();
        String::from_utf8_lossy(&client.text).contains(answer)
    };
    clients
        .iter_mut()
        .filter_map(|client| refused(client).then_some(()))
        .count()
}

fn assert_bounded(what: &str, bytes: i64) {
    println!("unfinished {what}: {bytes} bytes held, of {TOTAL} that may be");
    assert!(bytes < TOTAL as i64 + BESIDE, "{what}: {bytes} bytes");
}

/// After a flood is gone, there is room again.
fn assert_gives_back(stage: &mut Stage, clients: Vec<Client>) {
    drop(clients);
    stage.until("they are gone", |stage| {
        stage.server.handle().stats().connections == 0
    });
    let body = vec![b'x'; TOTAL / 2];
    let length = format!("Content-Length: {}", body.len());
    let head = post("/api/v1/topics/a/events", "text/plain", &length);
    let mut client = stage.ask(head.as_bytes());
    stage.send(&mut client, &body);
    stage.read_until(&mut client, |text, _| text.contains("\r\n\r\n"));
    let answer = client.take();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(stage.hub.head(), 1, "nothing that was cut is published");
}

/// Once: 1,000 unfinished lines took 904 MiB, and none was refused.
#[test]
fn unfinished_lines_stay_within_the_total_and_the_rest_is_told_503() {
    let head = post(
        "/api/v1/topics/a/events?atomic=false",
        "application/x-ndjson",
        "Transfer-Encoding: chunked",
    );
    // Once a line has its result, the status has gone.
    for (first, refusal) in [("", "HTTP/1.1 503 "), ("x\n", r#""line":2,"error":"#)] {
        let mut stage = stage();
        let text = format!("{first}{}", "x".repeat(PART));
        let part = format!("{head}{:x}\r\n{text}", text.len());
        let (mut clients, bytes) = flood(&mut stage, CLIENTS, |stage| stage.ask(part.as_bytes()));
        assert_bounded("lines", bytes);
        let told = refused(&mut clients, refusal);
        assert!(told > CLIENTS / 2, "{told} of {CLIENTS} told");
        let limit = br#""limit":2097152"#;
        let whole = |text: &[u8]| text.windows(limit.len()).any(|part| part == limit);
        assert!(clients.iter().any(|client| whole(&client.text)));
        assert_gives_back(&mut stage, clients);
    }
}

/// Once: 4,000 unfinished bodies of management routes took 253 MiB.
#[test]
fn unfinished_bodies_of_management_routes_stay_within_the_total() {
    for target in [
        "/api/v1/broadcast",
        "/api/v1/connections",
        "/api/v1/endpoints",
    ] {
        let mut stage = stage();
        let part = 60 << 10;
        let head = post(target, "application/json", "Content-Length: 65000");
        let part = format!("{head}{}", "x".repeat(part));
        let clients = 10 * TOTAL / part.len();
        let (mut clients, bytes) = flood(&mut stage, clients, |stage| stage.ask(part.as_bytes()));
        assert_bounded(target, bytes);
        let told = refused(&mut clients, "HTTP/1.1 503 ");
        assert!(told > clients.len() / 2, "{told} told");
        assert_gives_back(&mut stage, clients);
    }
}

/// Heads are bounded one by one, and all together.
#[test]
fn unfinished_heads_stay_within_the_total() {
    let mut stage = stage();
    let part = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}",
        "x".repeat(15_000)
    );
    let clients = 4 * TOTAL / part.len();
    let (mut clients, bytes) = flood(&mut stage, clients, |stage| stage.ask(part.as_bytes()));
    assert_bounded("heads", bytes);
    let told = refused(&mut clients, "HTTP/1.1 503 ");
    assert!(told > clients.len() / 2, "{told} told");
    assert_gives_back(&mut stage, clients);
}

/// Once: 1,000 unfinished fragments took 963 MiB, and none was refused.
#[test]
fn unfinished_messages_stay_within_the_total_and_the_rest_is_closed_with_1013() {
    let mut stage = stage();
    let part = frame(0x02, &vec![b'x'; PART]);
    let (mut clients, bytes) = flood(&mut stage, CLIENTS, |stage| {
        let mut client = stage.web_socket("/api/v1/ws", "");
        stage.send(&mut client, &part);
        client
    });
    assert_bounded("messages", bytes);
    clients.iter_mut().for_each(Client::read);
    let told = clients
        .iter()
        .filter(|client| client.close_code() == Some(1013))
        .count();
    assert!(told > CLIENTS / 2, "{told} of {CLIENTS} told");
    assert_gives_back(&mut stage, clients);
}

/// Once: half a message stayed for ever, as long as pings were answered.
#[test]
fn a_message_has_a_deadline_from_its_first_byte_and_pings_do_not_extend_it() {
    // The beginning of a message in fragments, of a frame, of a frame's header.
    for part in [
        frame(0x01, b"half"),
        frame(0x81, b"whole")[..7].to_vec(),
        vec![0x81],
    ] {
        let mut stage = stage();
        let mut quiet = stage.web_socket("/api/v1/ws", "");
        let mut client = stage.web_socket("/api/v1/ws", "");
        stage.send(&mut client, &part);
        stage.turn();
        let fragments = part.len() > 8;
        for _ in 0..5 {
            stage.pass(5);
            if fragments {
                // Control frames may come between the fragments of a message.
                stage.send(&mut client, &frame(0x89, b"ping"));
            }
            stage.turn();
        }
        client.read();
        assert_eq!(client.close_code(), None, "it has thirty seconds");
        stage.pass(7);
        stage.read_until(&mut client, |text, _| text.contains("took too long"));
        assert_eq!(client.close_code(), Some(1008));
        quiet.read();
        assert_eq!(quiet.close_code(), None, "who sends nothing is not late");
        // Who sends one message after the other is not late either.
        for _ in 0..5 {
            let mut rest = frame(0x01, b"{\"a\"");
            rest.extend(frame(0x80, b":1}"));
            stage.send(&mut quiet, &rest);
            stage.send(&mut quiet, &frame(0x81, b"{}")[..3]);
            stage.pass(9);
            stage.send(&mut quiet, &frame(0x81, b"{}")[3..]);
            stage.turn();
        }
        quiet.read();
        assert_eq!(quiet.close_code(), None);
    }
}

/// Once: 1,024 clients with three bytes of a compressed message each shut everybody else out.
#[test]
fn who_has_held_an_inflater_for_longest_goes_and_the_newcomer_is_served() {
    let mut stage = Stage::new(|_| {});
    let extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let mut part = frame(0xc1, b"\xaaV\x2a");
    part.truncate(part.len() - 1);
    let mut clients = Vec::new();
    for _ in 0..1030 {
        let mut client = stage.web_socket("/api/v1/ws", extension);
        stage.send(&mut client, &part);
        stage.turn();
        clients.push(client);
    }
    stage.turn();
    clients.iter_mut().for_each(Client::read);
    let closed: Vec<usize> = (0..clients.len())
        .filter(|n| clients[*n].close_code() == Some(1013))
        .collect();
    assert_eq!(
        closed,
        (0..7).collect::<Vec<_>>(),
        "the oldest, and no more than it takes"
    );
    // {"action":"ping"} or the like: whatever it says, it is read and answered, not refused.
    let mut newcomer = stage.web_socket("/api/v1/ws", extension);
    let mut whole = Vec::new();
    eventring::wire::deflate::Independent::default().encode(b"{}", &mut whole);
    stage.send(&mut newcomer, &frame(0xc1, &whole[..whole.len() - 4]));
    stage.read_until(&mut newcomer, |text, _| text.contains("error"));
    assert_ne!(newcomer.close_code(), Some(1013));
}

/// The bound could be set, and how near it is could not be seen.
#[test]
fn metrics_show_what_is_unfinished_beside_its_bound() {
    let figure = |stage: &mut Stage, name: &str| {
        let mut client =
            stage.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stage.read_until(&mut client, |_, ended| ended);
        let text = client.take();
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.parse::<usize>().unwrap());
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    let mut stage = stage();
    assert_eq!(figure(&mut stage, "eventring_unfinished_bytes"), 0);
    let head = post(
        "/api/v1/topics/a/events",
        "text/plain",
        &format!("Content-Length: {}", 2 * PART),
    );
    let (clients, _) = flood(&mut stage, 4, |stage| {
        let mut client = stage.ask(head.as_bytes());
        stage.send(&mut client, &vec![b'x'; PART]);
        client
    });
    let now = figure(&mut stage, "eventring_unfinished_bytes");
    assert!((4 * PART..TOTAL).contains(&now), "{now}");
    assert_eq!(figure(&mut stage, "eventring_unfinished_max_bytes"), TOTAL);
    drop(clients);
    stage.until("they are gone", |stage| {
        stage.server.handle().stats().connections == 0
    });
    assert_eq!(figure(&mut stage, "eventring_unfinished_bytes"), 0);
}

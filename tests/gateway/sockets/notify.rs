//! WebSocket streams: what is sent arrives, whoever sends it, and nobody waits for a slow client.

use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{
    Broadcast, SendOutcome, Server, ServerThread, SocketMessage, SocketReplies, StreamClient,
    WebSocketStream, WebSocketStreamOptions, WebSocketStreamStats,
};
use eventring::hub::Hub;
use eventring::wire::ws::MessageKind;
use serde_json::json;
use tungstenite::{Bytes, Message};

use super::client::{Client, connect};
use super::{config, until};

fn serve(reactors: usize) -> (ServerThread, WebSocketStream) {
    let config = config().reactors(reactors);
    let stream = WebSocketStream::new(WebSocketStreamOptions::default());
    let server = Server::builder(&Hub::new()).clients("/n", &stream);
    (server.bind(config).unwrap().spawn().unwrap(), stream)
}

fn join(server: &ServerThread, client: &str) -> Client {
    Client::new(server.addr(), &format!("/n?client={client}"))
}

/// The next message, pings left out.
fn next(client: &mut Client) -> Message {
    loop {
        match client.0.read().unwrap() {
            Message::Ping(_) => {}
            message => return message,
        }
    }
}

fn text(client: &mut Client) -> String {
    next(client).into_text().unwrap().to_string()
}

/// Sends to a client that does not read until its queue and its socket are full; how many were
/// taken. A full queue alone may only mean that the reactor has had no turn: so it is asked again
/// after clients of all reactors were served.
fn stall(server: &ServerThread, stream: &WebSocketStream, client: &str, text: &str) -> usize {
    let mut others: Vec<_> = (0..4).map(|n| join(server, &format!("o{n}"))).collect();
    let mut taken = 0;
    until("it takes no more", || {
        let before = taken;
        while stream.send_to(client, text) {
            taken += 1;
        }
        for (n, other) in others.iter_mut().enumerate() {
            assert!(stream.send_to(&format!("o{n}"), "turn"));
            assert_eq!(self::text(other), "turn");
        }
        taken == before
    });
    drop(others);
    until("it is alone", || stream.clients() == [client]);
    taken
}

#[test]
fn weakness_3_a_broadcast_reaches_all_fifty_clients() {
    for reactors in [1, 2] {
        let (server, stream) = serve(reactors);
        let mut clients: Vec<_> = (0..50).map(|n| join(&server, &format!("c{n}"))).collect();
        assert_eq!(stream.len(), 50);
        let event = Event::builder("news", "headline")
            .json(r#"{"n":1}"#)
            .build()
            .unwrap();
        assert_eq!(stream.broadcast(&event).sent, 50);
        assert_eq!(stream.broadcast("text").sent, 50);
        let done: Broadcast = stream.broadcast(SocketMessage::binary(b"\x00\xff"));
        assert_eq!((done.sent, done.full.len()), (50, 0));
        for (n, client) in clients.iter_mut().enumerate() {
            let envelope = json!({"type":"event","topic":"news","event":"headline","data":{"n":1}});
            assert_eq!(client.json(), envelope);
            assert_eq!(next(client), Message::text("text"));
            assert_eq!(next(client), Message::binary(vec![0, 255]));
            assert!(stream.send_to(&format!("c{n}"), &*format!("for {n}")));
            assert_eq!(text(client), format!("for {n}"));
        }
        let stats: WebSocketStreamStats = stream.stats();
        assert_eq!(stats.sent, 50 * 4);
    }
}

#[test]
fn weakness_3_who_is_gone_is_forgotten_and_sending_to_it_says_so() {
    let (server, stream) = serve(2);
    let mut alive = join(&server, "alive");
    for abortive in [false, true] {
        for n in 0..4 {
            let id = format!("gone-{n}");
            assert!(!stream.send_to(&id, "not yet"));
            let client = join(&server, &id);
            assert!(stream.send_to(&id, "hello"));
            if abortive {
                let socket = socket2::SockRef::from(client.0.get_ref());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(client);
            until("the dead is told", || !stream.send_to(&id, "are you there"));
            assert_eq!(stream.offer(&id, "x"), SendOutcome::Unknown);
            assert_eq!(stream.clients(), ["alive"]);
        }
    }
    assert_eq!(stream.broadcast("still").sent, 1);
    assert_eq!(text(&mut alive), "still");
}

#[test]
fn who_breaks_silently_is_forgotten_when_a_ping_stays_unanswered() {
    let options = WebSocketStreamOptions::default()
        .ping_after(Duration::from_secs(1))
        .pong_timeout(Duration::from_secs(1));
    let stream = WebSocketStream::new(options);
    let server = Server::builder(&Hub::new()).clients("/n", &stream);
    let server = server.bind(config()).unwrap().spawn().unwrap();
    let silent = connect(server.addr(), "/n?client=silent", "").0;
    assert!(stream.send_to("silent", "hello"));
    until("the silent one is cut", || stream.is_empty());
    assert!(!stream.send_to("silent", "hello"));
    drop(silent);
}

#[test]
fn a_stalled_client_is_bounded_and_told_while_the_others_get_everything() {
    let config = config().send_buffer(Some(8 << 10));
    let options = WebSocketStreamOptions::default().queue_bytes(64 << 10);
    let stream = WebSocketStream::new(options);
    let server = Server::builder(&Hub::new()).clients("/n", &stream);
    let server = server.bind(config).unwrap().spawn().unwrap();
    let mut stalled = join(&server, "stalled");
    let (told, got) = mpsc::channel();
    let readers: Vec<_> = (0..3)
        .map(|n| {
            let (mut client, told) = (join(&server, &format!("r{n}")), told.clone());
            std::thread::spawn(move || {
                loop {
                    let text = text(&mut client);
                    let number: u32 = text[..4].parse().unwrap();
                    told.send(number).unwrap();
                    if text.ends_with("end") {
                        return;
                    }
                }
            })
        })
        .collect();
    let (mut taken, mut refused) = (Vec::new(), 0);
    let broadcast = |number: u32, end: &str| {
        let text = format!("{number:04}{}{end}", "x".repeat(10_000));
        let done = stream.broadcast(&*text);
        // Each reader has everything before the next one: only who does not read can be full.
        for _ in 0..3 {
            assert_eq!(got.recv_timeout(Duration::from_secs(30)), Ok(number));
        }
        assert_eq!(done.sent + done.full.len() as u64, 4);
        assert!(done.full.iter().all(|id| id == "stalled"), "{done:?}");
        done.full.is_empty()
    };
    for number in 0..9999 {
        match broadcast(number, "") {
            true => taken.push(number),
            false => refused += 1,
        }
        if refused == 10 {
            break;
        }
    }
    assert_eq!(refused, 10, "nothing bounds what waits");
    assert_eq!(
        stream.offer("stalled", &*"x".repeat(70_000)),
        SendOutcome::Full
    );
    assert_eq!(stream.stats().full, 11);
    // What it was said to get it gets, in order, and then it gets more.
    for number in taken {
        assert_eq!(text(&mut stalled)[..4], format!("{number:04}"));
    }
    until("there is room again", || stream.send_to("stalled", "again"));
    assert_eq!(text(&mut stalled), "again");
    broadcast(9999, "end");
    for reader in readers {
        reader.join().unwrap();
    }
}

#[test]
fn a_stalled_client_that_is_disconnected_is_not_waited_for() {
    let (server, stream) = serve(1);
    let stalled = join(&server, "stalled");
    let large = "x".repeat(100_000);
    stall(&server, &stream, "stalled", &large);
    assert!(stream.disconnect("stalled"));
    assert!(stream.is_empty());
    until("its socket is closed", || {
        server.handle().stats().connections == 0
    });
    drop(stalled);
}

#[test]
fn all_clients_get_the_broadcasts_of_several_threads_in_one_order() {
    let (server, stream) = serve(2);
    let clients: Vec<_> = (0..6).map(|n| join(&server, &format!("c{n}"))).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let stream = &stream;
            scope.spawn(move || {
                for n in 0..300 {
                    assert_eq!(stream.broadcast(&*format!("{thread} {n}")).sent, 6);
                }
            });
        }
    });
    let all = clients.into_iter().map(|mut client| {
        let texts = (0..4 * 300).map(|_| text(&mut client));
        texts.collect::<Vec<_>>()
    });
    let all: Vec<_> = all.collect();
    assert!(all.iter().all(|texts| *texts == all[0]));
    for thread in 0..4 {
        let own = format!("{thread} ");
        let mine = all[0].iter().filter_map(|text| text.strip_prefix(&own));
        assert!(mine.eq((0..300).map(|n| n.to_string())));
    }
}

/// Says to all what one says; `bye` ends its own connection.
fn chat(
    client: &StreamClient<'_>,
    _: MessageKind,
    data: &[u8],
    replies: &mut SocketReplies<'_, '_>,
) {
    if data == b"bye" {
        assert!(client.stream().disconnect(client.id()));
        return;
    }
    let said = format!("{}: {}", client.id(), String::from_utf8_lossy(data));
    let done = client.stream().broadcast(&*said);
    assert!(!client.stream().send_to("nobody", "x"));
    replies.text(&format!("told {}", done.sent));
}

#[test]
fn a_handler_broadcasts_and_disconnects_from_the_thread_of_its_reactor() {
    for reactors in [1, 2] {
        let config = config().reactors(reactors);
        let stream = WebSocketStream::with_handler(Default::default(), chat);
        let server = Server::builder(&Hub::new()).clients("/n", &stream);
        let server = server.bind(config).unwrap().spawn().unwrap();
        let mut clients: Vec<_> = (0..4).map(|n| join(&server, &format!("c{n}"))).collect();
        for n in 0..4 {
            clients[n].send("hi");
            assert_eq!(text(&mut clients[n]), "told 4");
            for client in &mut clients {
                assert_eq!(text(client), format!("c{n}: hi"));
            }
        }
        let mut last = clients.pop().unwrap();
        last.send("bye");
        assert_eq!(last.close_code(), Some(1000));
        assert_eq!(stream.clients(), ["c0", "c1", "c2"]);
    }
}

#[test]
fn handlers_of_two_servers_send_to_each_others_clients() {
    let others: [Arc<OnceLock<WebSocketStream>>; 2] = Default::default();
    let pair = [0, 1].map(|n| {
        let other = others[1 - n].clone();
        let pass = move |_: &StreamClient<'_>,
                         _: MessageKind,
                         data: &[u8],
                         _: &mut SocketReplies<'_, '_>| {
            let text = String::from_utf8_lossy(data);
            assert_eq!(other.get().unwrap().broadcast(&*text).sent, 1);
        };
        let stream = WebSocketStream::with_handler(Default::default(), pass);
        let server = Server::builder(&Hub::new()).clients("/n", &stream);
        others[n].set(stream).unwrap();
        server.bind(config()).unwrap().spawn().unwrap()
    });
    let mut clients = [0, 1].map(|n| join(&pair[n], "c"));
    // Reactors that are not woken find it out once a second: no time for so many rounds.
    let deadline = Instant::now() + Duration::from_secs(100);
    for round in 0..200 {
        assert!(Instant::now() < deadline, "{round} rounds only");
        for (n, client) in clients.iter_mut().enumerate() {
            client
                .0
                .send(Message::text(format!("{round} of {n}")))
                .unwrap();
        }
        for (n, client) in clients.iter_mut().enumerate() {
            assert_eq!(text(client), format!("{round} of {}", 1 - n));
        }
    }
}

#[test]
fn the_thread_that_drives_a_server_may_send_and_a_server_that_is_dropped_has_no_clients() {
    let stream = WebSocketStream::new(Default::default());
    let server = Server::builder(&Hub::new()).clients("/n", &stream);
    let mut server = server.bind(config()).unwrap();
    let address = server.local_addrs()[0];
    let client = std::thread::spawn(move || {
        let mut client = Client::new(address, "/n?client=c");
        (text(&mut client), client)
    });
    let mut turn = |until: &dyn Fn() -> bool| {
        server.turn(Some(Duration::from_millis(10))).unwrap();
        until()
    };
    until("it has come", || turn(&|| !stream.is_empty()));
    assert!(stream.send_to("c", "hello"));
    until("it has read", || turn(&|| client.is_finished()));
    let (hello, _open) = client.join().unwrap();
    assert_eq!((hello.as_str(), stream.len()), ("hello", 1));
    drop(server);
    assert!(stream.is_empty() && !stream.send_to("c", "too late"));
}

#[test]
fn large_messages_arrive_whole_between_the_answers_to_pings() {
    let (server, stream) = serve(1);
    let mut client = join(&server, "c");
    let large: Vec<u8> = (0..200_000_u32)
        .map(|n| (n.wrapping_mul(n) >> 8) as u8)
        .collect();
    for round in 0..10 {
        // Two of them are more than may wait; the last one does until the server knows that it left.
        until("there is room", || stream.send_to("c", &*large));
        client
            .0
            .send(Message::Ping(Bytes::from(vec![round])))
            .unwrap();
        let (mut pongs, mut messages) = (0, 0);
        while pongs + messages < 2 {
            match client.0.read().unwrap() {
                Message::Pong(data) => pongs += u32::from(data[0] == round),
                Message::Binary(data) => messages += u32::from(data == large),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_stop_sends_what_was_sent_before_it_and_closes_with_1001() {
    let (server, stream) = serve(2);
    let mut clients: Vec<_> = (0..8).map(|n| join(&server, &format!("c{n}"))).collect();
    for n in 0..100 {
        assert_eq!(stream.broadcast(&*n.to_string()).sent, 8);
    }
    server.handle().stop();
    for client in &mut clients {
        for n in 0..100 {
            assert_eq!(text(client), n.to_string());
        }
    }
    for client in clients {
        assert_eq!(client.close_code(), Some(1001));
    }
    assert!(server.join().unwrap().clean);
    assert!(stream.is_empty() && !stream.send_to("c0", "x"));
    assert_eq!(stream.broadcast("nobody").sent, 0);
}

#[test]
fn a_stop_comes_to_an_end_under_fire_and_with_a_stalled_client() {
    let (server, stream) = serve(2);
    let mut stalled = join(&server, "stalled");
    let large = "x".repeat(100_000);
    stall(&server, &stream, "stalled", &large);
    let clients: Vec<_> = (0..4).map(|n| join(&server, &format!("c{n}"))).collect();
    let readers = clients.into_iter().map(|mut client| {
        std::thread::spawn(move || {
            // Numbers without a hole, as far as the stop let them come.
            let mut expected = 0;
            loop {
                match next(&mut client) {
                    Message::Text(text) => assert_eq!(text, expected.to_string()),
                    Message::Close(frame) => return (expected, u16::from(frame.unwrap().code)),
                    other => panic!("{other:?}"),
                }
                expected += 1;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut counts = [0; 4];
    let deadline = Instant::now() + Duration::from_secs(30);
    for number in 0.. {
        assert!(Instant::now() < deadline, "the stop does not end");
        let text = number.to_string();
        for (n, count) in counts.iter_mut().enumerate() {
            let sent = stream.send_to(&format!("c{n}"), &*text);
            *count += u32::from(sent && *count == number);
        }
        if number == 1000 {
            server.handle().stop_within(Duration::from_secs(2));
        }
        if stream.is_empty() {
            break;
        }
    }
    for (reader, count) in readers.into_iter().zip(counts) {
        assert_eq!(reader.join().unwrap(), (count, 1001));
    }
    // What the stalled one was promised it did not take.
    assert!(!server.join().unwrap().clean);
    assert_eq!(text(&mut stalled), large);
}

#[test]
fn a_stop_waits_for_who_is_slow_and_takes_nothing_more() {
    let (server, stream) = serve(1);
    let mut slow = join(&server, "slow");
    let large = "x".repeat(100_000);
    let mut taken = stall(&server, &stream, "slow", &large);
    server.handle().stop_within(Duration::from_secs(30));
    until("the server takes nothing more", || {
        let put = stream.offer("slow", &*large);
        taken += usize::from(put == SendOutcome::Queued);
        put == SendOutcome::Unknown
    });
    assert_eq!(stream.clients(), ["slow"]);
    for _ in 0..taken {
        assert_eq!(text(&mut slow), large);
    }
    assert_eq!(slow.close_code(), Some(1001));
    assert!(server.join().unwrap().clean);
}

//! The list of who is there, and the news of who comes and goes, are one story.

use std::collections::{BTreeSet, HashMap};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use eventring::gateway::ServerThread;
use eventring::hub::Hub;
use eventring::wire::ws::split_frame;
use serde_json::Value;
use socket2::SockRef;

use super::client::{Client, PATIENCE, eventually, serve};

/// What a client knows who listens to the news and asks for the list.
#[derive(Default)]
struct Known {
    present: BTreeSet<String>,
    /// The last change that `present` knows of.
    at: u64,
    /// The list has to be asked for, and be true up to here at least.
    void_until: Option<u64>,
    /// Joins and leaves told of each.
    told: HashMap<String, (u32, u32)>,
    resets: u32,
}

impl Known {
    /// Takes a notice: `join`, `leave` or `reset`.
    fn hear(&mut self, event: &str, who: Option<&str>, at: u64) {
        let Some(who) = who else {
            assert_eq!(event, "reset");
            self.void_until = Some(at);
            self.resets += 1;
            return;
        };
        let told = self.told.entry(who.to_owned()).or_default();
        let joined = event == "join";
        *(if joined { &mut told.0 } else { &mut told.1 }) += 1;
        if self.void_until.is_some() || at <= self.at {
            return;
        }
        self.at = at;
        let changed = match joined {
            true => self.present.insert(who.to_owned()),
            false => self.present.remove(who),
        };
        assert!(changed, "{event} of {who} at {at}, which changes nothing");
    }

    /// Takes a list.
    fn read(&mut self, list: &Value) {
        let at = list["at"].as_u64().unwrap();
        if self.void_until.is_some_and(|until| at >= until) {
            let ids = list["present"].as_array().unwrap().iter();
            self.present = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
            self.at = at;
            self.void_until = None;
        }
    }
}

fn list(address: SocketAddr) -> Value {
    let mut client = Client::get(address, "/api/v1/topics/room/presence", "", 1 << 20);
    assert_eq!(client.status(), 200, "{}", client.head);
    client.json_body()
}

/// Who listens to the news, over SSE or WebSocket.
enum Listener {
    Sse(Box<Client>, usize),
    Socket(TcpStream, Vec<u8>),
}

impl Listener {
    fn open(address: SocketAddr, web_socket: bool) -> Self {
        if !web_socket {
            let client = Client::open(address, "topic=room&presence=true");
            return Self::Sse(Box::new(client), 0);
        }
        let mut stream = TcpStream::connect(address).unwrap();
        let request = "GET /api/v1/ws?topic=room&presence=true HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        stream
            .set_read_timeout(Some(std::time::Duration::from_millis(50)))
            .unwrap();
        Self::Socket(stream, Vec::new())
    }

    /// Lets `known` hear what has come.
    fn listen(&mut self, known: &mut Known) {
        match self {
            Self::Sse(client, heard) => {
                while client.read_some(64 << 10) {}
                let notices = client.seen[*heard..].iter();
                for seen in
                    notices.filter(|seen| ["presence", "join", "leave"].contains(&&*seen.event))
                {
                    let data = seen.json();
                    let at = data["at"].as_u64().unwrap();
                    match seen.event.as_str() {
                        "presence" => known.hear(data["event"].as_str().unwrap(), None, at),
                        event => known.hear(event, data["id"].as_str(), at),
                    }
                }
                *heard = client.seen.len();
            }
            Self::Socket(stream, bytes) => {
                let mut buffer = [0; 64 << 10];
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    bytes.extend_from_slice(&buffer[..n]);
                }
                let mut rest = &bytes[..];
                while let Some((_, text, more)) = split_frame(rest) {
                    rest = more;
                    let data: Value = serde_json::from_slice(text).unwrap();
                    if data["type"] == "presence" {
                        let event = data["event"].as_str().unwrap();
                        known.hear(event, data["who"].as_str(), data["at"].as_u64().unwrap());
                    }
                }
                let read = bytes.len() - rest.len();
                bytes.drain(..read);
            }
        }
    }
}

/// A visitor, and how it goes.
fn come(address: SocketAddr, n: u64) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let presence = if n.is_multiple_of(5) {
        "&presence=true"
    } else {
        ""
    };
    let request = format!(
        "GET /api/v1/events/stream?topic=room{presence} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn go(stream: TcpStream, n: u64) {
    match n % 3 {
        0 => stream.shutdown(Shutdown::Write).unwrap(),
        1 => SockRef::from(&stream)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap(),
        _ => {}
    }
    drop(stream);
}

/// Lets `known` listen and ask until it agrees with the truth.
fn agree(hub: &Hub, address: SocketAddr, listener: &mut Listener, known: &mut Known) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        listener.listen(known);
        if known.void_until.is_some() {
            known.read(&list(address));
        }
        let truth: BTreeSet<String> = hub.presence("room").into_iter().collect();
        if known.void_until.is_none() && known.present == truth {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "known {:?} at {}, true {truth:?}",
            known.present,
            known.at
        );
    }
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn server(hub: &Hub, reactors: usize) -> ServerThread {
    serve(hub, |config| config.reactors = reactors)
}

/// Of 3,000 joins 2,024 came, of their leaves none over SSE and 154 over WebSocket, and nothing said so.
#[test]
fn list_and_news_agree_whoever_comes_and_goes_and_however() {
    for (round, (web_socket, reactors)) in [(false, 1), (true, 1), (false, 2), (true, 2)]
        .into_iter()
        .enumerate()
    {
        let hub = Hub::new();
        let server = server(&hub, reactors);
        let address = server.addr();
        let mut listener = Listener::open(address, web_socket);
        let mut known = Known::default();
        let mut state = 0x9e37_79b9_7f4a_7c15 ^ (round as u64 + 1);
        let mut visitors = Vec::new();
        for n in 0..600 {
            let come_now = random(&mut state) % 5;
            if come_now < 3 && visitors.len() < 150 {
                visitors.push(come(address, random(&mut state)));
            } else if !visitors.is_empty() {
                let which = random(&mut state) as usize % visitors.len();
                go(visitors.swap_remove(which), random(&mut state));
            }
            if random(&mut state).is_multiple_of(16) {
                listener.listen(&mut known);
            }
            if n % 200 == 199 {
                agree(&hub, address, &mut listener, &mut known);
            }
        }
        visitors.drain(..).for_each(|stream| go(stream, 1));
        eventually("only the listener is there", || {
            hub.presence("room").len() == 1
        });
        agree(&hub, address, &mut listener, &mut known);
        assert!(known.resets > 0, "the first thing told is where to begin");
        server.stop().unwrap();
    }
}

/// Few come and go, one at a time: each join and each leave is told, once, in order, and nothing is void.
#[test]
fn a_join_has_one_leave() {
    for web_socket in [false, true] {
        let hub = Hub::new();
        let server = server(&hub, 1);
        let address = server.addr();
        let mut listener = Listener::open(address, web_socket);
        let mut known = Known::default();
        agree(&hub, address, &mut listener, &mut known);
        for n in 0..30 {
            let visitor = come(address, 1);
            eventually("it is there", || hub.presence("room").len() == 2);
            agree(&hub, address, &mut listener, &mut known);
            go(visitor, n);
            eventually("it has gone", || hub.presence("room").len() == 1);
            agree(&hub, address, &mut listener, &mut known);
        }
        assert_eq!(known.resets, 1, "nothing but the beginning");
        assert_eq!(known.told.len(), 30);
        assert!(
            known.told.values().all(|told| *told == (1, 1)),
            "{:?}",
            known.told
        );
        server.stop().unwrap();
    }
}

/// Who takes nothing while others come and go is told `reset` when it takes something again.
#[test]
fn who_took_nothing_is_told_that_it_missed_some() {
    let hub = Hub::new();
    let server = serve(&hub, |config| {
        config.private_bytes = 2048;
        config.send_buffer = Some(4096);
    });
    let address = server.addr();
    let path = "/api/v1/events/stream?topic=room&presence=true";
    let mut listener = Listener::Sse(Box::new(Client::get(address, path, "", 4096)), 0);
    let mut known = Known::default();
    agree(&hub, address, &mut listener, &mut known);
    let resets = known.resets;
    // It does not read: buffers of both kernels fill up with notices.
    let deadline = Instant::now() + PATIENCE;
    let mut visitors = 0;
    while server.handle().stats().blocked == 0 {
        assert!(Instant::now() < deadline, "{visitors} visitors");
        for _ in 0..64 {
            let id = format!("{}-{visitors}", "v".repeat(200));
            drop(hub.subscribe(eventring::hub::Subscription::topic("room").id(&id)));
            visitors += 1;
        }
        hub.publish(
            eventring::event::Event::builder("room", "t")
                .text(&"x".repeat(20_000))
                .build()
                .unwrap(),
        )
        .unwrap();
    }
    for n in 0..100 {
        let id = format!("late-{n}");
        drop(hub.subscribe(eventring::hub::Subscription::topic("room").id(&id)));
    }
    let stays = hub.subscribe(eventring::hub::Subscription::topic("room").id("stays"));
    agree(&hub, address, &mut listener, &mut known);
    assert!(known.resets > resets, "it is told");
    assert!(known.present.contains("stays"));
    drop(stays);
    agree(&hub, address, &mut listener, &mut known);
    server.stop().unwrap();
}

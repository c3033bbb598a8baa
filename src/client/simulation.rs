//! An hour with servers that do what they should not, by a virtual clock: how often does a client connect?
//!
//! The clients are the real ones, with all that they decide; only sockets, time and waits are played.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use super::error::ConnectError;
use super::item::ClientError;
use super::network::{Network, Transport};
use super::stop::Stopper;
use super::url::Url;
use super::{Cause, Item, ReadError, SseClient, WsClient, WsItem};
use crate::wire::ws::{CloseCode, Opcode, accept, close_frame, frame};

const HOUR: Duration = Duration::from_secs(3600);
/// How long a connection takes to be made, and to be refused.
const CONNECT: Duration = Duration::from_millis(1);
/// How long the system waits for an answer to its SYN.
const UNANSWERED: Duration = Duration::from_secs(10);
/// More connects than this are a loop that runs hot.
const HOT: u64 = 100_000;

/// What a server does with a connection.
#[derive(Clone, Copy, Debug)]
enum Play {
    /// Does not take it.
    Refuse,
    /// Lets the attempt wait.
    Unanswered,
    /// Answers with this and closes.
    Answer(&'static str),
    /// Opens the stream, says this and closes.
    Stream(Said, Duration),
    /// Says this, and then nothing more.
    Silence(&'static str),
    /// Says this, and then a byte a minute.
    Drip(&'static str),
}

/// What comes in a stream before it is closed.
#[derive(Clone, Copy, Debug)]
enum Said {
    Nothing,
    /// A comment, or a welcome.
    Comment,
    /// `retry:`, or a goodbye with that wait.
    Retry(u64),
    /// An event, and perhaps that.
    Event(Option<u64>),
}

/// Whether the connection is one of Server-Sent Events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sse,
    Ws,
}

const NO_TIME: Duration = Duration::ZERO;

/// The servers, by what the guide calls them.
const SERVERS: &[(&str, Play)] = &[
    ("refuses connections", Play::Refuse),
    ("does not answer the attempt to connect", Play::Unanswered),
    ("closes at once", Play::Answer("")),
    ("never answers the request", Play::Silence("")),
    ("answers a byte a minute", Play::Drip("HTTP/1.1 200 OK\r\n")),
    (
        "closes after the head of the stream",
        Play::Stream(Said::Nothing, NO_TIME),
    ),
    (
        "closes after a comment, or a `welcome`",
        Play::Stream(Said::Comment, NO_TIME),
    ),
    (
        "says `retry: 0`, or `bye` with `retry_ms` 0, and closes",
        Play::Stream(Said::Retry(0), NO_TIME),
    ),
    ("the same with 1", Play::Stream(Said::Retry(1), NO_TIME)),
    ("the same with 20", Play::Stream(Said::Retry(20), NO_TIME)),
    (
        "closes a stream that lived for 6 s without an event",
        Play::Stream(Said::Comment, Duration::from_secs(6)),
    ),
    (
        "closes after an event",
        Play::Stream(Said::Event(None), NO_TIME),
    ),
    (
        "closes after an event and `retry: 0`, or `bye` with 0",
        Play::Stream(Said::Event(Some(0)), NO_TIME),
    ),
    ("204", Play::Answer("204 No Content\r\n")),
    ("401", Play::Answer("401 Unauthorized\r\n")),
    ("404", Play::Answer("404 Not Found\r\n")),
    (
        "200 with a page",
        Play::Answer("200 OK\r\nContent-Type: text/html\r\n"),
    ),
    (
        "redirects to itself",
        Play::Answer("302 Found\r\nLocation: http://h/s?topic=t\r\n"),
    ),
    (
        "429 with `Retry-After: 60`",
        Play::Answer("429 Too Many Requests\r\nRetry-After: 60\r\n"),
    ),
    (
        "503 with `Retry-After: 120`",
        Play::Answer("503 Service Unavailable\r\nRetry-After: 120\r\n"),
    ),
    (
        "503 with a date five minutes ahead",
        Play::Answer(
            "503 Service Unavailable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Retry-After: Sun, 06 Nov 1994 08:54:37 GMT\r\n",
        ),
    ),
    (
        "503 with a date a year ahead",
        Play::Answer("503 Service Unavailable\r\nRetry-After: Fri, 01 Jan 1971 00:00:00 GMT\r\n"),
    ),
    (
        "503 with `Retry-After: 0`",
        Play::Answer("503 Service Unavailable\r\nRetry-After: 0\r\n"),
    ),
    ("500", Play::Answer("500 Internal Server Error\r\n")),
];

/// Time, and who connects to the one server that there is.
#[derive(Clone, Debug)]
struct World(Arc<State>);

#[derive(Debug)]
struct State {
    play: Play,
    kind: Kind,
    began: Instant,
    passed: Mutex<Passed>,
}

#[derive(Debug, Default)]
struct Passed {
    time: Duration,
    connects: u64,
}

impl World {
    fn new(play: Play, kind: Kind) -> Self {
        Self(Arc::new(State {
            play,
            kind,
            began: Instant::now(),
            passed: Mutex::default(),
        }))
    }

    fn passed(&self) -> MutexGuard<'_, Passed> {
        self.0.passed.lock().unwrap()
    }

    fn pass(&self, time: Duration) {
        self.passed().time += time;
    }

    fn is_over(&self) -> bool {
        let passed = self.passed();
        passed.time >= HOUR || passed.connects >= HOT
    }
}

impl Network for World {
    fn now(&self) -> Instant {
        self.0.began + self.passed().time
    }

    fn date(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.passed().time
    }

    fn connect(&self, url: &Url, _: &Stopper) -> Result<Arc<dyn Transport>, ConnectError> {
        self.passed().connects += 1;
        let (takes, failure) = match self.0.play {
            Play::Refuse => (CONNECT, Some(ErrorKind::ConnectionRefused)),
            Play::Unanswered => (UNANSWERED, Some(ErrorKind::TimedOut)),
            _ => (CONNECT, None),
        };
        self.pass(takes);
        match failure {
            Some(kind) => Err(ConnectError::Connect {
                authority: url.place(),
                source: kind.into(),
            }),
            None => Ok(Arc::new(Line {
                world: self.clone(),
                state: Mutex::default(),
            })),
        }
    }

    fn rest(&self, pause: Duration, _: &Stopper) {
        self.pass(pause);
    }
}

/// One connection.
#[derive(Debug)]
struct Line {
    world: World,
    state: Mutex<LineState>,
}

#[derive(Debug, Default)]
struct LineState {
    timeout: Duration,
    asked: Vec<u8>,
    answer: Option<Vec<u8>>,
    sent: usize,
}

impl Line {
    /// All that the server says before it does what it does next.
    fn answer(&self, asked: &[u8]) -> Vec<u8> {
        let kind = self.world.0.kind;
        match self.world.0.play {
            Play::Refuse | Play::Unanswered => unreachable!("there is no connection"),
            Play::Answer("") => Vec::new(),
            Play::Silence(text) | Play::Drip(text) => text.into(),
            Play::Answer(text) => {
                let length = if text.starts_with("204") {
                    ""
                } else {
                    "Content-Length: 0\r\n"
                };
                format!("HTTP/1.1 {text}{length}\r\n").into()
            }
            Play::Stream(said, _) => match kind {
                Kind::Sse => sse(said).into(),
                Kind::Ws => ws(said, asked),
            },
        }
    }
}

fn sse(said: Said) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    head.to_owned()
        + &match said {
            Said::Nothing => String::new(),
            Said::Comment => ": hello\n\n".to_owned(),
            Said::Retry(ms) => format!("retry: {ms}\n\n"),
            Said::Event(None) => "data: x\n\n".to_owned(),
            Said::Event(Some(ms)) => format!("retry: {ms}\ndata: x\n\n"),
        }
}

fn ws(said: Said, asked: &[u8]) -> Vec<u8> {
    let asked = std::str::from_utf8(asked).unwrap();
    let key = asked.split_once("Sec-WebSocket-Key: ").unwrap().1;
    let accept = accept(key.split_once("\r\n").unwrap().0.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let mut out = head.into_bytes();
    let mut say = |json: &str| frame(&mut out, Opcode::Text, json.as_bytes());
    if !matches!(said, Said::Nothing) {
        say(r#"{"type":"welcome","id":"e-1"}"#);
    }
    if matches!(said, Said::Event(_)) {
        say(r#"{"type":"event","id":"e-2","topic":"t","event":"n","data":1}"#);
    }
    if let Said::Retry(ms) | Said::Event(Some(ms)) = said {
        say(&format!(
            r#"{{"type":"bye","reason":"stopping","retry_ms":{ms}}}"#
        ));
        close_frame(&mut out, CloseCode(1001), "");
    }
    out
}

impl Transport for Line {
    fn set_timeout(&self, wait: Duration) -> io::Result<()> {
        self.state.lock().unwrap().timeout = wait;
        Ok(())
    }

    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        let answer = match state.answer.take() {
            Some(answer) => answer,
            None => self.answer(&state.asked),
        };
        let rest = &answer[state.sent..];
        let sent = rest.len().min(into.len());
        into[..sent].copy_from_slice(&rest[..sent]);
        state.sent += sent;
        state.answer = Some(answer);
        if sent > 0 {
            return Ok(sent);
        }
        match self.world.0.play {
            Play::Stream(_, lives) if state.timeout > lives => {
                self.world.pass(lives);
                Ok(0)
            }
            Play::Drip(_) if state.timeout > Duration::from_secs(50) => {
                self.world.pass(Duration::from_secs(50));
                into[0] = b'x';
                Ok(1)
            }
            Play::Silence(_) | Play::Drip(_) | Play::Stream(..) => {
                self.world.pass(state.timeout);
                Err(ErrorKind::WouldBlock.into())
            }
            _ => Ok(0),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.state.lock().unwrap().asked.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn shut_down(&self) {}

    fn is_quiet(&self) -> bool {
        true
    }
}

fn sse_client(world: &World) -> SseClient {
    let builder = SseClient::builder("http://h/s?topic=t").unwrap();
    builder.build_on(Arc::new(world.clone()))
}

fn ws_client(world: &World) -> WsClient {
    let builder = WsClient::builder("ws://h/s?topic=t").unwrap();
    builder.build_on(Arc::new(world.clone()))
}

/// What a program met in an hour: connects, and the error that ended it, if one did. A stubborn one takes
/// errors for anything else.
fn hour(play: Play, kind: Kind, stubborn: bool) -> (u64, Option<ClientError>) {
    let world = World::new(play, kind);
    let mut next: Box<dyn FnMut() -> Option<ClientError>> = match kind {
        Kind::Sse => {
            let mut client = sse_client(&world);
            Box::new(move || client.next_item().err())
        }
        Kind::Ws => {
            let mut client = ws_client(&world);
            Box::new(move || client.next_item().err())
        }
    };
    while !world.is_over() {
        if let Some(error) = next().filter(|_| !stubborn) {
            return (world.passed().connects, Some(error));
        }
    }
    (world.passed().connects, None)
}

/// What the guide says of a server: connects by Server-Sent Events and by WebSocket.
fn promised(server: &str) -> Option<[u64; 2]> {
    let guide = include_str!("../guide/client.rs");
    let row = format!("//! | {server} | ");
    let row = guide.lines().find_map(|line| line.strip_prefix(&row))?;
    let mut counts = row.split(" | ").map(|cell| {
        let digits: String = cell.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    Some([counts.next()??, counts.next()??])
}

/// `faults.md` rows 5 and 6: the clients came back every half second to a second for ever, and at once where
/// the server said `retry: 0`.
#[test]
#[allow(clippy::print_stdout)]
fn clients_leave_every_server_in_peace() {
    let mut wrong = Vec::new();
    println!("| server that | SSE | WebSocket |\n| --- | --- | --- |");
    for &(name, play) in SERVERS {
        let met = [Kind::Sse, Kind::Ws].map(|kind| hour(play, kind, false));
        let counts = [met[0].0, met[1].0];
        println!("| {name} | {} | {} |", counts[0], counts[1]);
        let Some(promises) = promised(name) else {
            wrong.push(format!("the guide does not tell of a server that {name}"));
            continue;
        };
        for (count, promise) in counts.into_iter().zip(promises) {
            // Half of each wait is chance, and the first few are short.
            let spread = promise / 4;
            if !(promise - spread..=promise + spread).contains(&count) {
                wrong.push(format!("{name}: {count}, and the guide says {promise}"));
            }
        }
        // Whoever delivers nothing sees each client four times a minute at most, but for the first minute.
        let delivers = matches!(play, Play::Stream(Said::Event(_), _));
        let lives = matches!(play, Play::Stream(_, lives) if lives > NO_TIME);
        if !delivers && !lives && counts.iter().any(|&count| count > 4 * 60 + 10) {
            wrong.push(format!("{name}: {counts:?}"));
        }
        let ends = matches!(play, Play::Answer(text) if text.starts_with(['2', '3', '4']))
            && !name.starts_with("429");
        for (count, error) in &met {
            if error.is_some() != ends || ends && *count != 1 {
                wrong.push(format!("{name}: {count} and {error:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Kin of `faults.md` row 6: a program that logs an error and asks for the next item connected at once.
#[test]
fn a_program_that_goes_on_after_errors_waits_too() {
    for &(name, play) in SERVERS {
        if !matches!(play, Play::Answer(_)) {
            continue;
        }
        for kind in [Kind::Sse, Kind::Ws] {
            let (count, _) = hour(play, kind, true);
            assert!(count <= 4 * 60 + 10, "{name}, {kind:?}: {count}");
        }
    }
}

/// `library.md` row 5, at the other end: no wait is too long to be added to a time.
#[test]
fn waits_for_ever_are_waits_of_a_day() {
    let world = World::new(Play::Refuse, Kind::Sse);
    let builder = SseClient::builder("http://h/s").unwrap();
    let builder = builder.pauses(Duration::MAX, Duration::MAX);
    let mut client = builder.timeout(Duration::MAX).build_on(Arc::new(world));
    for _ in 0..40 {
        let Ok(Item::Lost(lost)) = client.next_item() else {
            panic!("nobody is there")
        };
        assert!(lost.again_in <= Duration::from_secs(24 * 60 * 60));
    }
}

/// `audit.md` row 10: the head of an answer that comes a byte a minute held a client for days.
#[test]
fn a_head_that_drips_is_left_within_the_timeout() {
    let play = Play::Drip("HTTP/1.1 200 OK\r\n");
    let timed = |world: &World, cause: Cause| {
        let unfinished = matches!(cause, Cause::Read(ReadError::Unfinished(s)) if s == 60.0);
        assert!(unfinished, "{cause:?}");
        assert!(world.passed().time <= Duration::from_secs(61));
    };
    let world = World::new(play, Kind::Sse);
    match sse_client(&world).next_item() {
        Ok(Item::Lost(lost)) => timed(&world, lost.cause),
        other => panic!("{other:?}"),
    }
    let world = World::new(play, Kind::Ws);
    match ws_client(&world).next_item() {
        Ok(WsItem::Lost(lost)) => timed(&world, lost.cause),
        other => panic!("{other:?}"),
    }
}

/// `audit.md` row 10: so did the body of a refusal.
#[test]
fn a_refusal_that_drips_is_told_within_seconds() {
    for kind in [Kind::Sse, Kind::Ws] {
        let text = "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno";
        let world = World::new(Play::Silence(text), kind);
        let error = match kind {
            Kind::Sse => sse_client(&world).next_item().err(),
            Kind::Ws => ws_client(&world).next_item().err(),
        };
        let told =
            matches!(&error, Some(ClientError::Refused { status: 403, body }) if body == b"no");
        assert!(told, "{error:?}");
        assert!(world.passed().time <= Duration::from_secs(6));
    }
}

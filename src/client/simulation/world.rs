//! Servers that are played, on a network without sockets, by a clock that nobody waits for.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use super::super::error::ConnectError;
use super::super::transport::{Network, Stopper, Transport};
use super::super::url::Url;
use crate::wire::ws::{CloseCode, Opcode, accept, close_frame, frame};

const HOUR: Duration = Duration::from_secs(3600);
/// The time that a connection takes to be made, and to be refused.
const CONNECT: Duration = Duration::from_millis(1);
/// The time that the system waits for an answer to its SYN.
const UNANSWERED: Duration = Duration::from_secs(10);
/// More connects than this are a loop that runs hot.
const HOT: u64 = 100_000;

/// The part that a server plays on each connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Play {
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

/// The bytes of a stream before it is closed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Nothing,
    /// A comment, or a welcome.
    Comment,
    /// `retry:`, or a goodbye with that wait.
    Retry(u64),
    /// An event, and perhaps that.
    Event(Option<u64>),
}

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sse,
    Ws,
}

/// Time, and who connects to the one server that there is.
#[derive(Clone, Debug)]
pub(super) struct World(Arc<State>);

#[derive(Debug)]
struct State {
    play: Play,
    kind: Kind,
    began: Instant,
    passed: Mutex<Passed>,
}

#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) time: Duration,
    pub(super) connects: u64,
}

impl World {
    pub(super) fn new(play: Play, kind: Kind) -> Self {
        Self(Arc::new(State {
            play,
            kind,
            began: Instant::now(),
            passed: Mutex::default(),
        }))
    }

    pub(super) fn passed(&self) -> MutexGuard<'_, Passed> {
        self.0.passed.lock().unwrap()
    }

    fn pass(&self, time: Duration) {
        self.passed().time += time;
    }

    pub(super) fn is_over(&self) -> bool {
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

//! A server that the test turns itself, on a clock that it moves, and clients that never wait.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;
use rustix::time::{ClockId, clock_gettime};

/// How long something may take that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The shortest of a few measurements, microseconds: a real stall shows in all of them, what the machine did beside in
/// some. On a busy machine it takes more of them to tell.
pub(crate) fn calmest(what: &str, mut measure: impl FnMut() -> u64) -> u64 {
    let mut best = u64::MAX;
    for n in 0..20 {
        best = best.min(measure());
        if best < STALL_US / 2 || (n >= 4 && best < STALL_US) {
            break;
        }
    }
    println!("{what}: streams waited {best} us at most");
    best
}

/// How long a stream may have to wait for what strangers ask for, microseconds.
pub(crate) const STALL_US: u64 = 50_000;

pub(crate) struct Stage {
    pub(crate) hub: Hub,
    pub(crate) server: Server,
    seconds: Arc<AtomicU64>,
    /// The most that a turn has computed, microseconds.
    busy_max_us: u64,
}

/// What this thread has computed so far.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("not before its beginning")
}

impl Stage {
    pub(crate) fn new(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::of(Hub::new(), change)
    }

    pub(crate) fn of(hub: Hub, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
        change(&mut config);
        let seconds = Arc::new(AtomicU64::new(0));
        let (begin, moved) = (Instant::now() + Duration::from_secs(60), seconds.clone());
        let clock = move || begin + Duration::from_secs(moved.load(Ordering::Relaxed));
        let server = Server::builder(&hub).clock(clock).bind(config).unwrap();
        Self {
            hub,
            server,
            seconds,
            busy_max_us: 0,
        }
    }

    pub(crate) fn turn(&mut self) {
        let before = computed();
        self.server.turn(Some(Duration::from_millis(1))).unwrap();
        let busy_us = (computed() - before).as_micros() as u64;
        self.busy_max_us = self.busy_max_us.max(busy_us);
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
        self.turn();
    }

    /// How long streams waited at most so far, microseconds: by the clock, or by what a turn has computed if that is
    /// less, since a machine that is busy with something else lets a turn wait.
    pub(crate) fn stall_us(&self) -> u64 {
        let waited_us = self.server.handle().stats().stall_max_us;
        waited_us.min(self.busy_max_us)
    }

    /// Turns until `done`.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(
                Instant::now() < deadline,
                "{what}: {:?}",
                self.server.handle().stats()
            );
            self.turn();
        }
    }

    pub(crate) fn connect(&mut self) -> Client {
        let socket = TcpStream::connect(self.server.local_addrs()[0]).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_nodelay(true).unwrap();
        Client {
            socket,
            text: Vec::new(),
            ended: false,
        }
    }

    /// Connects and sends.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Client {
        let mut client = self.connect();
        self.send(&mut client, request);
        client
    }

    /// Connects a WebSocket at `target`, with `extra` lines in its head.
    pub(crate) fn web_socket(&mut self, target: &str, extra: &str) -> Client {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
        );
        let mut client = self.ask(request.as_bytes());
        self.read_until(&mut client, |text, _| text.contains("\r\n\r\n"));
        let text = client.take();
        assert!(text.starts_with("HTTP/1.1 101 "), "{text}");
        client
    }

    /// Sends all of it, however long the server takes to read it; less, if the server closes.
    pub(crate) fn send(&mut self, client: &mut Client, mut bytes: &[u8]) {
        let deadline = Instant::now() + PATIENCE;
        while !bytes.is_empty() {
            assert!(Instant::now() < deadline, "the server does not read");
            match client.socket.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.turn(),
                Err(_) => return,
            }
        }
    }

    /// Turns until what the client has got satisfies `done`, which also learns whether that was all.
    pub(crate) fn read_until(&mut self, client: &mut Client, done: impl Fn(&str, bool) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            client.read();
            if done(&String::from_utf8_lossy(&client.text), client.ended) {
                return;
            }
            assert!(Instant::now() < deadline, "{}", client.take());
            self.turn();
        }
    }
}

/// A connection, and what came over it.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    pub(crate) text: Vec<u8>,
    pub(crate) ended: bool,
}

impl Client {
    /// Sends as much as the socket takes now.
    pub(crate) fn offer(&mut self, mut bytes: &[u8]) {
        while let Ok(n @ 1..) = self.socket.write(bytes) {
            bytes = &bytes[n..];
        }
    }

    /// Takes what is there.
    pub(crate) fn read(&mut self) {
        let mut buffer = [0; 64 << 10];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return self.ended = true,
                Ok(n) => self.text.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.ended = true,
            }
        }
    }

    /// What came since the last time.
    pub(crate) fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.text)).into_owned()
    }

    /// The code of the close frame that came, if one did.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let at = self.text.windows(2).position(|two| two[0] == 0x88)?;
        let code = self.text.get(at + 2..at + 4)?;
        Some(u16::from_be_bytes([code[0], code[1]]))
    }
}

/// A frame of a client whose mask is zero; `first` is its first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        len @ 0..126 => out.push(0x80 | len as u8),
        len @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
    out
}

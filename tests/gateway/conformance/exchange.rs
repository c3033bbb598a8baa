//! One connection to a server: bytes are sent while what comes is read.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How long an answer, or an end that is due, may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The longest wait for bytes before it is looked at what has come.
const TURN: Duration = Duration::from_millis(20);

/// Pieces to send, and the pause between two of them.
pub(crate) struct Feed<'a> {
    pub(crate) pieces: Vec<&'a [u8]>,
    pub(crate) pause: Duration,
}

impl<'a> Feed<'a> {
    pub(crate) fn whole(bytes: &'a [u8]) -> Self {
        Self::cut(vec![bytes], Duration::ZERO)
    }

    /// By one byte each.
    pub(crate) fn bytes(bytes: &'a [u8]) -> Self {
        // Long enough that most of them travel by themselves.
        Self::cut(bytes.chunks(1).collect(), Duration::from_micros(200))
    }

    pub(crate) fn cut(pieces: Vec<&'a [u8]>, pause: Duration) -> Self {
        Self { pieces, pause }
    }
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) input: Vec<u8>,
    /// The server ended it, in good order or by a reset.
    pub(crate) ended: bool,
    pub(crate) reset: bool,
    /// Everything was sent at this time.
    pub(crate) sent: Option<Instant>,
    /// Something came at this time the last time.
    pub(crate) heard: Option<Instant>,
}

impl Exchange {
    /// Sends and reads until the server ends the connection, `done` says so, or patience ends.
    pub(crate) fn run(
        server: SocketAddr,
        feed: &Feed<'_>,
        done: impl FnMut(&Self) -> bool,
    ) -> Self {
        let stream = TcpStream::connect(server).expect("the server accepts");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(TURN)).expect("an option");
        thread::scope(|scope| {
            let sender = scope.spawn(|| send(&stream, feed));
            let mut exchange = Self::default();
            exchange.read(&stream, done, || sender.is_finished());
            // A sender that waits for room gives up.
            let _ = stream.shutdown(Shutdown::Both);
            exchange
        })
    }

    fn read(
        &mut self,
        mut stream: &TcpStream,
        mut done: impl FnMut(&Self) -> bool,
        is_sent: impl Fn() -> bool,
    ) {
        let mut buffer = vec![0; 64 << 10];
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(length) => {
                    self.input.extend_from_slice(&buffer[..length]);
                    self.heard = Some(Instant::now());
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                // The reset of what was sent too much.
                Err(_) => (self.ended, self.reset) = (true, true),
            }
            if self.sent.is_none() && is_sent() {
                self.sent = Some(Instant::now());
            }
            if self.ended || done(self) {
                return;
            }
        }
    }

    /// Everything was sent, and nothing has come for so long.
    pub(crate) fn is_quiet(&self, time: Duration) -> bool {
        let last = self
            .sent
            .map(|sent| self.heard.map_or(sent, |heard| heard.max(sent)));
        last.is_some_and(|last| last.elapsed() >= time)
    }
}

/// Sends as much as the server takes: it may have answered and closed long before the end.
fn send(mut stream: &TcpStream, feed: &Feed<'_>) {
    for (at, piece) in feed.pieces.iter().enumerate() {
        if at > 0 && !feed.pause.is_zero() {
            thread::sleep(feed.pause);
        }
        if stream.write_all(piece).is_err() {
            return;
        }
    }
}

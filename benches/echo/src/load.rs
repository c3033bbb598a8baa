//! The load: one thread, all connections, and each echo makes room for the next message.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::args::Args;
use crate::conn::{Conn, Kind};
use crate::cpu;

/// Read at once.
const SPACE_BYTES: usize = 256 << 10;
/// How long nothing may come while something is under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections to one server.
pub struct Load {
    poll: Poll,
    conns: Vec<Conn>,
    space: Vec<u8>,
}

/// What one round came to.
pub struct Sample {
    pub messages: u64,
    pub time: Duration,
    /// CPU time of the server.
    pub server: Duration,
    /// CPU time of the load.
    pub load: Duration,
}

/// Clocks and counters at one moment.
struct Mark {
    messages: u64,
    at: Instant,
    server: Duration,
    load: Duration,
}

impl Mark {
    fn now(messages: u64, pid: u32) -> Self {
        Self {
            messages,
            at: Instant::now(),
            server: cpu::of_process(pid),
            load: cpu::of_this_thread(),
        }
    }
}

impl Load {
    pub fn connect(server: SocketAddr, kind: Kind, args: &Args) -> Self {
        let open = |number| Conn::open(server, kind, args.bytes, number);
        let conns: io::Result<Vec<Conn>> = (0..args.connections).map(open).collect();
        let mut load = Self {
            poll: Poll::new().expect("a poll"),
            conns: conns.expect("connections"),
            space: vec![0; SPACE_BYTES],
        };
        let both = Interest::READABLE | Interest::WRITABLE;
        for (at, conn) in load.conns.iter_mut().enumerate() {
            let registry = load.poll.registry();
            let done = registry.register(&mut conn.stream, Token(at), both);
            done.expect("a socket in the poll");
        }
        load
    }

    /// Keeps `window` messages under way on each connection, and measures after a quarter of `time`;
    /// at the end, everything that was sent must have come back.
    pub fn run(&mut self, window: u64, time: Duration, pid: u32) -> Sample {
        for conn in &mut self.conns {
            (0..window).for_each(|_| conn.queue());
            conn.write().expect("the server reads");
        }
        let warm = self.turn(time / 4, true);
        let first = Mark::now(warm, pid);
        let messages = warm + self.turn(time, true);
        let last = Mark::now(messages, pid);
        self.turn(PATIENCE, false);
        let missing: u64 = self.conns.iter().map(Conn::under_way).sum();
        assert_eq!(missing, 0, "messages did not come back");
        Sample {
            messages: last.messages - first.messages,
            time: last.at - first.at,
            server: last.server - first.server,
            load: last.load - first.load,
        }
    }

    /// Turns for so long, or until nothing is under way; says how many echoes came.
    fn turn(&mut self, time: Duration, more: bool) -> u64 {
        let mut events = Events::with_capacity(self.conns.len());
        let mut under_way: u64 = self.conns.iter().map(Conn::under_way).sum();
        let (begin, mut came) = (Instant::now(), 0);
        let mut heard = begin;
        while under_way > 0 && begin.elapsed() < time {
            let wait = Some(Duration::from_millis(100));
            self.poll.poll(&mut events, wait).expect("a poll");
            for event in &events {
                let conn = &mut self.conns[event.token().0];
                let echoes = conn.read(&mut self.space).expect("the server lives");
                came += echoes;
                if more {
                    (0..echoes).for_each(|_| conn.queue());
                } else {
                    under_way -= echoes;
                }
                conn.write().expect("the server lives");
            }
            if !events.is_empty() {
                heard = Instant::now();
            }
            assert!(heard.elapsed() < PATIENCE, "the server is silent");
        }
        came
    }
}

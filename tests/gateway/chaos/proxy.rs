//! A TCP proxy that cuts, resets, delays and stalls, as its seed says.

use super::random::Random;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Where clients connect to instead of the server.
pub(crate) struct Proxy {
    address: SocketAddr,
    calm: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) fn start(server: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Self {
            address: listener.local_addr().expect("an address"),
            calm: Arc::default(),
            stop: Arc::default(),
        };
        let (calm, stop) = (proxy.calm.clone(), proxy.stop.clone());
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let client = client.expect("a connection");
                let Ok(server) = TcpStream::connect(server) else {
                    continue; // the server is gone, so is the connection
                };
                let random = Random::new(seed, number as u64);
                let (calm, stop) = (calm.clone(), stop.clone());
                std::thread::spawn(move || Relay::new(client, server, random, calm).run(&stop));
            }
        });
        proxy
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing bad happens.
    pub(crate) fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

/// What happens to a connection at some byte.
enum Fault {
    /// Nothing goes through for a moment, or for longer than anybody waits.
    Hold(Duration),
    /// Both sides see an end.
    Cut,
    /// Both sides see a reset.
    Reset,
}

/// One connection: bytes of both directions, and when they run into trouble.
struct Relay {
    ends: [TcpStream; 2],
    /// What was read from an end and waits for the other one.
    waiting: [Vec<u8>; 2],
    /// Bytes to go until the next fault.
    left: u64,
    held_until: Option<Instant>,
    random: Random,
    calm: Arc<AtomicBool>,
}

impl Relay {
    fn new(client: TcpStream, server: TcpStream, random: Random, calm: Arc<AtomicBool>) -> Self {
        for end in [&client, &server] {
            end.set_nonblocking(true).expect("not blocking");
            end.set_nodelay(true).expect("no delay");
            // A stall must be felt at the other end, not vanish in buffers.
            let _ = SockRef::from(end).set_recv_buffer_size(4096);
            let _ = SockRef::from(end).set_send_buffer_size(4096);
        }
        let mut relay = Self {
            ends: [client, server],
            waiting: Default::default(),
            left: 0,
            held_until: None,
            random,
            calm,
        };
        relay.left = relay.next_fault();
        relay
    }

    /// Some connections die young, some within a frame, some live.
    fn next_fault(&mut self) -> u64 {
        match self.random.below(10) {
            0 => self.random.below(400),
            1..=5 => self.random.below(20_000),
            _ => 5_000 + self.random.below(60_000),
        }
    }

    fn fault(&mut self) -> Fault {
        match self.random.below(20) {
            0..=6 => Fault::Hold(Duration::from_millis(1 + self.random.below(30))),
            7..=10 => Fault::Hold(Duration::from_millis(50 + self.random.below(500))),
            11..=15 => Fault::Cut,
            _ => Fault::Reset,
        }
    }

    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            if self.left == 0 && !self.is_calm() {
                self.left = self.next_fault().max(1);
                match self.fault() {
                    Fault::Hold(time) => self.held_until = Some(Instant::now() + time),
                    Fault::Cut => return,
                    Fault::Reset => return self.reset(),
                }
            }
            if !self.turn() {
                return;
            }
        }
    }

    fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        for end in &self.ends {
            let _ = SockRef::from(end).set_linger(Some(Duration::ZERO));
        }
    }

    /// Moves what can be moved; false when an end has closed.
    fn turn(&mut self) -> bool {
        let now = Instant::now();
        let held = self
            .held_until
            .filter(|until| *until > now && !self.is_calm());
        self.wait(held.map(|until| until - now));
        if held.is_some() {
            return true;
        }
        for from in 0..2 {
            if self.waiting[from].is_empty() && !self.read(from) {
                return false;
            }
            if !self.write(from) {
                return false;
            }
        }
        true
    }

    fn wait(&self, held: Option<Duration>) {
        const TICK: Duration = Duration::from_millis(20);
        let time = held.unwrap_or(TICK).min(TICK);
        let time = Timespec {
            tv_sec: 0,
            tv_nsec: time.as_nanos() as _,
        };
        let mut fds: Vec<PollFd<'_>> = Vec::new();
        if held.is_none() {
            for n in 0..2 {
                let reads = self.waiting[n].is_empty();
                let writes = !self.waiting[1 - n].is_empty();
                let mut flags = PollFlags::empty();
                flags.set(PollFlags::IN, reads);
                flags.set(PollFlags::OUT, writes);
                if !flags.is_empty() {
                    fds.push(PollFd::new(&self.ends[n], flags));
                }
            }
        }
        let _ = poll(&mut fds, Some(&time));
    }

    fn read(&mut self, from: usize) -> bool {
        let most = 1 + self.random.below(4096) as usize;
        let most = if self.is_calm() {
            4096
        } else {
            most.min(self.left.max(1) as usize)
        };
        let mut buffer = vec![0; most];
        match self.ends[from].read(&mut buffer) {
            Ok(0) => false,
            Ok(n) => {
                self.left = self.left.saturating_sub(n as u64);
                buffer.truncate(n);
                self.waiting[from] = buffer;
                true
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    fn write(&mut self, from: usize) -> bool {
        if self.waiting[from].is_empty() {
            return true;
        }
        match self.ends[1 - from].write(&self.waiting[from]) {
            Ok(n) => {
                self.waiting[from].drain(..n);
                true
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

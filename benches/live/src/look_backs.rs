//! Clients that read a topic from its beginning, again and again: all on one thread, which takes one core and no more.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use crate::Result;

/// Bytes that are read of one client before the next one has its turn.
const READ: usize = 64 << 10;
/// Time after which the thread looks whether it is to end.
const TURN: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Clients that look back until they are ended.
pub struct LookBacks {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Result<LookedBack>>,
}

/// What they did.
#[derive(Clone, Copy, Default)]
pub struct LookedBack {
    /// Look-backs that came to their end.
    pub done: u64,
    pub bytes: u64,
}

struct Client {
    stream: TcpStream,
    /// The end of what was read last: the words may be cut.
    end: Vec<u8>,
}

struct Reading {
    address: SocketAddr,
    request: String,
    last: String,
    poll: OwnedFd,
    clients: Vec<Client>,
    looked_back: LookedBack,
    buffer: Vec<u8>,
}

impl LookBacks {
    /// Starts so many clients, each of which reads a topic up to the event that holds `last`, and begins anew.
    pub fn start(address: SocketAddr, clients: usize, topic: &str, last: &str) -> Result<Self> {
        let mut reading = Reading {
            address,
            request: format!(
                "GET /api/v1/events/stream?topic={topic}&from=beginning HTTP/1.1\r\nHost: localhost\r\n\r\n"
            ),
            last: last.to_owned(),
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            clients: Vec::new(),
            looked_back: LookedBack::default(),
            buffer: vec![0; READ],
        };
        for index in 0..clients {
            let client = reading.open(index)?;
            reading.clients.push(client);
        }
        let is_over = Arc::<AtomicBool>::default();
        let ends = is_over.clone();
        Ok(Self {
            is_over,
            thread: thread::spawn(move || reading.run(&ends)),
        })
    }

    pub fn end(self) -> Result<LookedBack> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the clients panicked")?
    }
}

impl Reading {
    fn open(&self, index: usize) -> Result<Client> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(self.request.as_bytes())?;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.poll, &stream, data, epoll::EventFlags::IN)?;
        Ok(Client {
            stream,
            end: Vec::new(),
        })
    }

    fn run(mut self, is_over: &AtomicBool) -> Result<LookedBack> {
        let mut events = Vec::with_capacity(1_024);
        while !is_over.load(Ordering::Relaxed) {
            events.clear();
            epoll::wait(&self.poll, spare_capacity(&mut events), Some(&TURN))?;
            for event in &events {
                let index = event.data.u64() as usize;
                if self.read(index)? {
                    self.looked_back.done += 1;
                    // The old socket leaves the poll when it is closed.
                    self.clients[index] = self.open(index)?;
                }
            }
        }
        Ok(self.looked_back)
    }

    /// Reads what a client has got; returns whether the last event was among it.
    fn read(&mut self, index: usize) -> Result<bool> {
        let client = &mut self.clients[index];
        let read = match client.stream.read(&mut self.buffer) {
            Ok(0) => return Err("the server ended a stream".into()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        self.looked_back.bytes += read as u64;
        let text = &self.buffer[..read];
        let len = self.last.len();
        client.end.extend_from_slice(&text[..read.min(len)]);
        // It is the last event, so its words are near the end of what there is to read, or across two reads.
        let near = &text[read.saturating_sub(1_024)..];
        let is_there = |part: &[u8]| part.windows(len).any(|words| words == self.last.as_bytes());
        let found = is_there(near) || is_there(&client.end);
        client.end.clear();
        client
            .end
            .extend_from_slice(&text[read.saturating_sub(len)..]);
        Ok(found)
    }
}

//! The least that a server of event streams can be: one epoll loop, one log of bytes, a place in it for each
//! client, and writes from it. No topics, no limits, no deadlines, no ids to resume after.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Bytes of the log, and how far a client may be behind.
const LOG: usize = 4 << 20;
/// Sockets that are named at a time.
const EVENTS: usize = 1024;
/// The number of the listener among the clients'.
const LISTENER: u64 = u64::MAX;

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n: \n\n";
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Frames one behind the other, each byte twice: so that what is sent is always in one piece.
struct Log {
    bytes: Vec<u8>,
    end: u64,
}

impl Log {
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let at = self.end as usize % LOG;
            self.bytes[at] = *byte;
            self.bytes[at + LOG] = *byte;
            self.end += 1;
        }
    }

    fn from(&self, place: u64) -> &[u8] {
        let at = place as usize % LOG;
        &self.bytes[at..at + (self.end - place) as usize]
    }
}

struct Client {
    stream: TcpStream,
    /// Of a request that is not whole.
    input: Vec<u8>,
    /// Its place in the log, once it reads.
    place: Option<u64>,
    /// It takes no more for now.
    full: bool,
}

/// Whether a client is there after something was done with it.
#[derive(PartialEq, Eq)]
enum State {
    Lives,
    Gone,
}

impl Client {
    /// Sends what it has not had.
    fn send(&mut self, log: &Log) -> State {
        let Some(place) = &mut self.place else {
            return State::Lives;
        };
        if log.end - *place > LOG as u64 {
            return State::Gone;
        }
        while *place < log.end {
            match self.stream.write(log.from(*place)) {
                Ok(sent) => *place += sent as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.full = true;
                    return State::Lives;
                }
                Err(_) => return State::Gone,
            }
        }
        self.full = false;
        State::Lives
    }

    /// Reads requests, and answers them.
    fn read(&mut self, space: &mut [u8], log: &mut Log, next: &mut u64) -> State {
        loop {
            match self.stream.read(space) {
                Ok(0) => return State::Gone,
                Ok(length) => self.input.extend_from_slice(&space[..length]),
                // Edges: only what is read to the end is named again.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return State::Lives,
                Err(_) => return State::Gone,
            }
            if self.answer(log, next).is_err() {
                return State::Gone;
            }
        }
    }

    fn answer(&mut self, log: &mut Log, next: &mut u64) -> io::Result<()> {
        while let Some(end) = memmem::find(&self.input, b"\r\n\r\n") {
            if self.input.starts_with(b"GET ") {
                self.place = Some(log.end);
                self.input = Vec::new();
                self.stream.write_all(HEAD)?;
                continue;
            }
            let body = end + 4;
            let body = body..body + length(&self.input[..end]);
            let Some(data) = self.input.get(body.clone()) else {
                break;
            };
            log.push(format!("id: {next}\ndata: ").as_bytes());
            log.push(data);
            log.push(b"\n\n");
            *next += 1;
            self.input.drain(..body.end);
            self.stream.write_all(TAKEN)?;
        }
        Ok(())
    }
}

/// The Content-Length of a head; 0 without one.
fn length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"\r\nContent-Length: ";
    let Some(at) = memmem::find(head, NAME) else {
        return 0;
    };
    let digits = head[at + NAME.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}

pub fn serve(address: SocketAddr) {
    let listener = TcpListener::bind(address).expect("a free port");
    // std asks for 128; a second call only changes that.
    rustix::net::listen(&listener, super::BACKLOG as i32).expect("a listener");
    listener.set_nonblocking(true).expect("an option");
    super::listening(listener.local_addr().expect("an address"));
    let epoll = epoll::create(CreateFlags::CLOEXEC).expect("an epoll");
    let watch = |socket: BorrowedFd<'_>, number: u64, flags: EventFlags| {
        let data = EventData::new_u64(number);
        epoll::add(&epoll, socket, data, flags).expect("a socket in it");
    };
    watch(listener.as_fd(), LISTENER, EventFlags::IN);
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut log = Log {
        bytes: vec![0; 2 * LOG],
        end: 0,
    };
    let (mut next, mut space) = (0, vec![0; 64 << 10]);
    let mut events = Vec::with_capacity(EVENTS);
    loop {
        events.clear();
        // A signal would end the process.
        epoll::wait(&epoll, spare_capacity(&mut events), None).expect("events");
        let before = log.end;
        for event in &events {
            if event.data.u64() == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true).expect("an option");
                    stream.set_nodelay(true).expect("an option");
                    let at = free.pop().unwrap_or(clients.len());
                    // Edges: each write that finds no room is followed by an event when there is some.
                    let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
                    watch(stream.as_fd(), at as u64, flags);
                    let client = Some(Client {
                        stream,
                        input: Vec::new(),
                        place: None,
                        full: false,
                    });
                    match clients.get_mut(at) {
                        Some(place) => *place = client,
                        None => clients.push(client),
                    }
                }
                continue;
            }
            let at = event.data.u64() as usize;
            let Some(client) = &mut clients[at] else {
                continue;
            };
            let flags = event.flags;
            let mut state = State::Lives;
            if flags.contains(EventFlags::OUT) && client.full {
                state = client.send(&log);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                state = client.read(&mut space, &mut log, &mut next);
            }
            if state == State::Gone {
                clients[at] = None;
                free.push(at);
            }
        }
        if log.end > before {
            for (at, place) in clients.iter_mut().enumerate() {
                let Some(client) = place.as_mut().filter(|client| !client.full) else {
                    continue;
                };
                if client.send(&log) == State::Gone {
                    *place = None;
                    free.push(at);
                }
            }
        }
    }
}

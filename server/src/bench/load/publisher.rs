//! The publisher: one connection, requests sent ahead of their answers.

use super::payload::{Payload, RunId};
use crate::bench::connection::{Stream, Target};
use crate::client::Problem;
use eventring::wire::http::{HttpLimits, ResponseDecoder, Step};
use mio::{Interest, Registry, Token};
use std::collections::{BTreeSet, VecDeque};
use std::io::{self, ErrorKind, Read, Write};

/// Most requests without an answer.
const IN_FLIGHT_MAX: usize = 1024;
/// Most bytes that wait for the socket before more is asked of it.
const OUT_MAX: usize = 1 << 20;
/// Refusals that end the run: whoever refuses that much measures nothing.
const REFUSED_MAX: usize = 1000;
/// Most of an answer that is kept to be shown.
const ANSWER_MAX: usize = 4096;

/// The publisher of a run.
pub(crate) struct Publisher {
    stream: Stream,
    head: String,
    size: usize,
    run_id: RunId,
    out: Vec<u8>,
    sent: usize,
    input: Vec<u8>,
    http: ResponseDecoder,
    /// Sequences without an answer, the oldest first.
    in_flight: VecDeque<u64>,
    /// The answer that is arriving.
    status: u16,
    answer: Vec<u8>,
    /// Nanoseconds that an event was sent late at most: the bench was busy, or the server took no more.
    pub(crate) late_max: u64,
    /// The next sequence, which is also how many were sent.
    pub(crate) next: u64,
    /// Sequences that the server did not take.
    pub(crate) refused: BTreeSet<u64>,
    /// Its answer to the last one of them.
    pub(crate) complaint: Option<String>,
}

impl Publisher {
    /// Connects and waits for it.
    pub(crate) fn connect(target: &Target, run_id: RunId, size: usize) -> io::Result<Publisher> {
        Ok(Publisher {
            stream: Stream::connected(&target.address)?,
            head: target.publish(size),
            size,
            run_id,
            out: Vec::new(),
            sent: 0,
            input: Vec::new(),
            http: ResponseDecoder::new(HttpLimits::default()),
            in_flight: VecDeque::new(),
            status: 0,
            answer: Vec::new(),
            late_max: 0,
            next: 0,
            refused: BTreeSet::new(),
            complaint: None,
        })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(
            &mut self.stream,
            token,
            Interest::READABLE | Interest::WRITABLE,
        )
    }

    /// False while the server is too far behind to ask more of it.
    pub(crate) fn has_room(&self) -> bool {
        self.in_flight.len() < IN_FLIGHT_MAX && self.out.len() < OUT_MAX
    }

    /// Events that the server took.
    pub(crate) fn published(&self) -> u64 {
        self.next - self.refused.len() as u64
    }

    /// True when every request has its answer.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Puts the next event, which was due some time before `now`, behind those that wait for the socket.
    pub(crate) fn push(&mut self, due: u64, now: u64) {
        self.late_max = self.late_max.max(now.saturating_sub(due));
        let payload = Payload {
            sequence: self.next,
            due,
        };
        self.out.extend_from_slice(self.head.as_bytes());
        self.run_id.write(payload, self.size, &mut self.out);
        self.in_flight.push_back(self.next);
        self.next += 1;
    }

    /// Sends what the socket takes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // All is sent: the buffer starts over and keeps its allocation.
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    /// Reads answers. An error ends the run: what was under way may be published or not, so that
    /// nobody could say what is missing.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(self.complain("the server closed the connection")),
                Ok(read) => self.input.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(self.complain(&error.to_string())),
            }
            self.answers()?;
        }
        if self.refused.len() > REFUSED_MAX {
            return Err(self.complain("too many events were refused"));
        }
        Ok(())
    }

    fn answers(&mut self) -> Result<(), String> {
        let mut done = 0;
        loop {
            let decoded = self.http.decode(&self.input[done..]);
            let (used, step) = decoded.map_err(|error| error.to_string())?;
            done += used;
            match step {
                Step::Head(head) => self.status = head.status(),
                Step::Body(bytes) => {
                    let room = ANSWER_MAX - self.answer.len();
                    self.answer
                        .extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                Step::End => {
                    let sequence = self.in_flight.pop_front();
                    let taken = (200..300).contains(&self.status);
                    if let Some(sequence) = sequence.filter(|_| !taken) {
                        self.refused.insert(sequence);
                        self.complaint = Some(Problem::read(self.status, &self.answer).to_string());
                    }
                    self.answer.clear();
                }
                _ => break,
            }
        }
        self.input.drain(..done);
        Ok(())
    }

    fn complain(&self, what: &str) -> String {
        match &self.complaint {
            Some(complaint) => format!("{what}; {complaint}"),
            None => what.to_string(),
        }
    }
}

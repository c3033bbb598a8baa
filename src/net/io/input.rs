//! What readiness leads to: sockets are read and written to.

use std::io;

use mio::{Events, Token};

use crate::net::conns::phase::{Flags, Phase};
use crate::net::core::Core;
use crate::net::deliver::Deliver;
use crate::net::end::closing::Closing;
use crate::net::end::reason::EndReason;
use crate::net::http::answer::Refusal;
use crate::net::http::driver::Http;
use crate::net::io::transport::wants_flush;
use crate::net::listen::listeners::Listeners;
use crate::net::reactor::{FIRST_LISTENER, WAKER};
use crate::net::scheduler::Scheduler;
use crate::net::scheduler::rounds::Publish;
use crate::net::service::Service;
use crate::net::ws::WebSockets;

/// Reads of one connection in a turn.
const READS: usize = 4;

/// Reads sockets, for as long as it borrows the table of connections, the service and the buffer for all that is read.
pub(in crate::net) struct Input<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
    buffer: &'a mut [u8],
}

impl<'a, S: Service> Input<'a, S> {
    pub(in crate::net) fn new(
        core: &'a mut Core<S>,
        service: &'a mut S,
        buffer: &'a mut [u8],
    ) -> Self {
        Self {
            core,
            service,
            buffer,
        }
    }

    /// Does what the last poll told; returns how many events it had.
    pub(in crate::net) fn take_events(
        &mut self,
        events: &Events,
        listeners: &mut Listeners,
    ) -> usize {
        let mut taken = 0;
        for event in events {
            taken += 1;
            match event.token() {
                WAKER => {}
                Token(n) if n >= FIRST_LISTENER => listeners.is_ready(n - FIRST_LISTENER),
                Token(n) => {
                    let i = n as u32;
                    // Nothing is read while a request waits for a decision, so a hang-up would be seen by nobody. Who
                    // has only closed its own half may still wait for the answer.
                    if (event.is_error() || event.is_write_closed()) && self.is_parked(i) {
                        self.close(i, EndReason::Reset);
                        continue;
                    }
                    // First: what leaves makes room for answers, without which nothing is read.
                    if event.is_writable() {
                        self.writable(i);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        self.core.conns.hot_mut(i).set(Flags::UNREAD);
                        self.read(i, event.is_read_closed() || event.is_error());
                    }
                    // Between any two events, of which one may cost as much as a thousand.
                    Scheduler::new(self.core, self.service, self.buffer).let_streams_in();
                }
            }
        }
        taken
    }

    fn writable(&mut self, i: u32) {
        let hot = self.core.conns.hot_mut(i);
        // Sockets that nobody waits for have edges, too: the first comes with the registration.
        if hot.has(Flags::BLOCKED) {
            hot.clear(Flags::BLOCKED);
            self.deliver(i);
        }
    }

    /// Returns whether the socket of connection `i` should be read now.
    pub(in crate::net) fn wants_input(&mut self, i: u32) -> bool {
        match self.core.conns.phase(i) {
            Phase::Free => false,
            Phase::Request => Http::new(self.core, self.service).wants_input(i),
            _ => WebSockets::new(self.core, self.service).wants_input(i),
        }
    }

    /// Reads connection `i` until its socket is empty, its share is used up, or it must wait.
    pub(in crate::net) fn read(&mut self, i: u32, until_eof: bool) {
        for _ in 0..READS {
            if !self.core.conns.hot(i).has(Flags::UNREAD) {
                return;
            }
            // Left in the kernel, whose window then tells the peer to slow down.
            if !self.wants_input(i) {
                return self.core.read_later(i);
            }
            let mut conn = self.core.conns.conn(i);
            let secured = conn.cold().session().is_some();
            let Some(read) = conn.read(self.buffer) else {
                return;
            };
            if secured && read.as_ref().map_or_else(would_block, |n| *n > 0) {
                self.look_at_session(i);
            }
            match read {
                Ok(0) => return self.end_of_input(i),
                Ok(n) => {
                    // A short read has emptied the socket, unless an end follows.
                    // Over TLS the session may hold more than the socket shows.
                    if n < self.buffer.len() && !until_eof && !secured {
                        self.core.conns.hot_mut(i).clear(Flags::UNREAD);
                    }
                    self.take(i, n);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.core.conns.hot_mut(i).clear(Flags::UNREAD);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if secured && error.kind() == io::ErrorKind::InvalidData => {
                    let session = self.core.conns.cold(i).session();
                    let plain = session.as_ref().is_some_and(|session| session.is_plain());
                    return match plain {
                        true => self.refuse_plain(i),
                        false => Closing::new(self.core, self.service).end_secured(i),
                    };
                }
                Err(error) => {
                    let why = match error.kind() {
                        io::ErrorKind::TimedOut => EndReason::Stalled,
                        _ => EndReason::Reset,
                    };
                    return self.close(i, why);
                }
            }
            if self.core.timers.is_slice_over() {
                break;
            }
        }
        if self.wants_input(i) && self.core.conns.hot(i).has(Flags::UNREAD) {
            self.core.make_ready(i);
        }
    }

    /// Takes the first `n` bytes of the buffer, which connection `i` has sent.
    fn take(&mut self, i: u32, n: usize) {
        let bytes = &mut self.buffer[..n];
        if self.core.conns.phase(i) == Phase::Request {
            Http::new(self.core, self.service).take_input(i, bytes);
        } else if self.core.conns.is_socket(i) {
            WebSockets::new(self.core, self.service).input(i, bytes);
        } else {
            return;
        }
        Publish::new(self.core, self.service).publish_if_behind();
    }

    /// After a read of connection `i`, which has TLS: the handshake may have made progress that a
    /// write waited for, or made bytes that the socket did not take.
    fn look_at_session(&mut self, i: u32) {
        let waits = wants_flush(self.core.conns.cold(i).session());
        let hot = self.core.conns.hot_mut(i);
        if waits {
            hot.set(Flags::BLOCKED);
        } else if hot.has(Flags::BLOCKED) {
            hot.clear(Flags::BLOCKED);
            self.deliver(i);
        }
    }

    /// Answers connection `i`, which speaks HTTP where TLS is spoken, so that who made it sees why.
    fn refuse_plain(&mut self, i: u32) {
        // The answer goes out in the clear, as the client spoke.
        *self.core.conns.cold_mut(i).session_mut() = None;
        refuse(self.core, self.service, i, Refusal::NotTls);
    }

    fn end_of_input(&mut self, i: u32) {
        let hot = self.core.conns.hot_mut(i);
        hot.clear(Flags::UNREAD);
        hot.set(Flags::EOF);
        let blocked = hot.has(Flags::BLOCKED);
        match hot.phase() {
            Phase::Request => Http::new(self.core, self.service).flush_answers(i),
            // Who half-closes a stream has gone; who takes nothing more besides is not waited for.
            Phase::Stream | Phase::Socket | Phase::CloseSent
                if self.core.conns.out_len(i) > 0 && !blocked =>
            {
                Closing::new(self.core, self.service).begin_closing(i, EndReason::Closed);
            }
            Phase::Closing if !blocked => {}
            _ => self.close(i, EndReason::Closed),
        }
    }

    fn is_parked(&mut self, i: u32) -> bool {
        Http::new(self.core, self.service).is_parked(i)
    }

    fn deliver(&mut self, i: u32) {
        Deliver::new(self.core, self.service).deliver(i);
    }

    fn close(&mut self, i: u32, why: EndReason) {
        Closing::new(self.core, self.service).close(i, why);
    }
}

/// Answers connection `i`, of which nothing was taken yet, and closes it.
pub(in crate::net) fn refuse<S: Service>(
    core: &mut Core<S>,
    service: &mut S,
    i: u32,
    why: Refusal<'_>,
) {
    let answer = service.refuse(why, None);
    let out = core.conns.out_mut(i);
    out.clear();
    *out.bytes() = answer;
    Closing::new(core, service).begin_closing(i, EndReason::Closed);
}

/// Returns whether there is nothing more to read for now.
fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

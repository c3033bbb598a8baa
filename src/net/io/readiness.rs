//! What readiness leads to: sockets are read and written to.

use std::io;

use mio::{Events, Token};

use crate::net::conns::conn::{Flags, Phase};
use crate::net::end::EndReason;
use crate::net::http::answer::Refusal;
use crate::net::reactor::{FIRST_LISTENER, Reactor, WAKER};
use crate::net::service::Service;

/// Reads of one connection in a turn.
const READS: usize = 4;

impl<S: Service> Reactor<S> {
    /// Does what the last poll told; returns how many events it had.
    pub(in crate::net) fn take_events(&mut self) -> usize {
        let mut taken = 0;
        // Out of the way while the handlers borrow the reactor. A list of capacity 0 allocates nothing.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            taken += 1;
            match event.token() {
                WAKER => {}
                Token(n) if n >= FIRST_LISTENER => self.listeners.is_ready(n - FIRST_LISTENER),
                Token(n) => {
                    let i = n as u32;
                    // Nothing is read while a request waits for a decision, so a hang-up would be seen by nobody. Who
                    // has only closed its own half may still wait for the answer.
                    if (event.is_error() || event.is_write_closed()) && self.core.is_parked(i, None)
                    {
                        self.core.close(&mut self.service, i, EndReason::Reset);
                        continue;
                    }
                    // First: what leaves makes room for answers, without which nothing is read.
                    if event.is_writable() {
                        self.writable(i);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        self.core.hot(i).flags.set(Flags::UNREAD);
                        self.read(i, event.is_read_closed() || event.is_error());
                    }
                    // Between any two events, of which one may cost as much as a thousand.
                    self.let_streams_in();
                }
            }
        }
        self.events = events;
        taken
    }

    fn writable(&mut self, i: u32) {
        let flags = &mut self.core.hot(i).flags;
        // Sockets that nobody waits for have edges, too: the first comes with the registration.
        if flags.has(Flags::BLOCKED) {
            flags.clear(Flags::BLOCKED);
            self.core.deliver(&mut self.service, i);
        }
    }

    /// Reads connection `i` until its socket is empty, its share is used up, or it must wait.
    pub(in crate::net) fn read(&mut self, i: u32, until_eof: bool) {
        for _ in 0..READS {
            if !self.core.hot(i).flags.has(Flags::UNREAD) {
                return;
            }
            // Left in the kernel, whose window then tells the peer to slow down.
            if !self.core.wants_input(i) {
                return self.core.read_later(i);
            }
            let session = &mut self.core.cold[i as usize].session;
            let Some(transport) = self.core.hot[i as usize].transport.as_mut() else {
                return;
            };
            let secured = session.is_some();
            let read = transport.read(session, &mut self.read_buffer);
            if secured && read.as_ref().map_or_else(would_block, |n| *n > 0) {
                self.core.look_at_session(&mut self.service, i);
            }
            match read {
                Ok(0) => return self.end_of_input(i),
                Ok(n) => {
                    // A short read has emptied the socket, unless an end follows.
                    // Over TLS the session may hold more than the socket shows.
                    if n < self.read_buffer.len() && !until_eof && !secured {
                        self.core.hot(i).flags.clear(Flags::UNREAD);
                    }
                    if self.core.phase(i) == Phase::Request {
                        let (core, service) = (&mut self.core, &mut self.service);
                        core.take_input(service, i, &self.read_buffer[..n]);
                        if self.core.is_behind() {
                            // Now, not in the next turn: a publisher on this thread must not
                            // lap the streams that it serves.
                            self.feed();
                        }
                    } else if self.core.is_socket(i) {
                        let (core, service) = (&mut self.core, &mut self.service);
                        core.socket_input(service, i, &mut self.read_buffer[..n]);
                        if self.core.is_behind() {
                            self.feed();
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.core.hot(i).flags.clear(Flags::UNREAD);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if secured && error.kind() == io::ErrorKind::InvalidData => {
                    let session = &self.core.cold[i as usize].session;
                    let plain = session.as_ref().is_some_and(|session| session.is_plain());
                    return match plain {
                        true => self.refuse_plain(i),
                        false => self.core.end_secured(&mut self.service, i),
                    };
                }
                Err(error) => {
                    let why = match error.kind() {
                        io::ErrorKind::TimedOut => EndReason::Stalled,
                        _ => EndReason::Reset,
                    };
                    return self.core.close(&mut self.service, i, why);
                }
            }
            if self.core.is_slice_over() {
                break;
            }
        }
        if self.core.wants_input(i) && self.core.hot(i).flags.has(Flags::UNREAD) {
            self.core.make_ready(i);
        }
    }

    /// Answers connection `i`, which speaks HTTP where TLS is spoken, so that who made it sees why.
    fn refuse_plain(&mut self, i: u32) {
        let answer = self.service.refuse(Refusal::NotTls, None);
        // The answer goes out in the clear, as the client spoke.
        self.core.cold[i as usize].session = None;
        self.core.out(i).bytes = answer;
        let (core, service) = (&mut self.core, &mut self.service);
        core.begin_closing(service, i, EndReason::Closed);
    }

    fn end_of_input(&mut self, i: u32) {
        let flags = &mut self.core.hot(i).flags;
        flags.clear(Flags::UNREAD);
        flags.set(Flags::EOF);
        let blocked = flags.has(Flags::BLOCKED);
        match self.core.phase(i) {
            Phase::Request => self.core.flush_answers(&mut self.service, i),
            // Who half-closes a stream has gone; who takes nothing more besides is not waited for.
            Phase::CatchUp | Phase::Log | Phase::Socket | Phase::CloseSent
                if self.core.out_len(i) > 0 && !blocked =>
            {
                let (core, service) = (&mut self.core, &mut self.service);
                core.begin_closing(service, i, EndReason::Closed);
            }
            Phase::Closing if !blocked => {}
            _ => self.core.close(&mut self.service, i, EndReason::Closed),
        }
    }
}

/// Returns whether there is nothing more to read for now.
fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

//! Sending: from a range of bytes to a socket, and what the socket makes of it.

use crate::net::compressed_reader::LogName;
use crate::net::conns::conn::{Cold, Flags};
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::io::transport::{Secured, Transport, wants_flush};
use crate::net::service::Service;
use crate::net::set::stats::Counters;

impl<S: Service> Core<S> {
    /// Sends `bytes`; returns how many were taken. Less than all: the socket is full and its edge
    /// will come. `Err`: the connection is broken.
    pub(in crate::net) fn send(&mut self, i: u32, bytes: Bytes<'_>) -> Result<usize, Broken> {
        // By the clock of the turn: whole seconds are all that heartbeats and write timeouts go by.
        let second = self.second();
        let Self {
            hot,
            logs,
            classes,
            cold,
            counters,
            ..
        } = self;
        let hot = &mut hot[i as usize];
        let Some(transport) = &mut hot.transport else {
            return Err(Broken(EndReason::Reset));
        };
        let Cold { out, session, .. } = &mut cold[i as usize];
        let bytes = match bytes {
            Bytes::Given(bytes) => bytes,
            Bytes::Private => match out {
                Some(out) => out.pending(),
                None => &[],
            },
            Bytes::Log(name, start, end) => match name.find(logs, classes) {
                Some(log) => log.slice(start..end),
                None => &[],
            },
        };
        let sent = write_until_full(transport, session, bytes, counters)?;
        // Only a socket that took less than it was given tells when it takes more: the poll is edge-triggered.
        // What TLS took and could not send waits for the same edge.
        if sent < bytes.len() || wants_flush(session) {
            hot.flags.set(Flags::BLOCKED);
        }
        if sent > 0 {
            hot.active = second;
            // The other half is in the cold part, which this touches once in 4 GiB.
            let (total, wrapped) = hot.sent.overflowing_add(sent as u32);
            hot.sent = total;
            if wrapped {
                cold[i as usize].sent_high += 1;
            }
        }
        Ok(sent)
    }

    /// Sends what the TLS of connection `i` keeps; `false`: the socket does not take it.
    pub(in crate::net) fn flush(&mut self, i: u32) -> Result<bool, Broken> {
        let session = &mut self.cold[i as usize].session;
        let hot = &mut self.hot[i as usize];
        let Some(transport) = hot.transport.as_mut().filter(|_| session.is_some()) else {
            return Ok(true);
        };
        match transport.flush(session) {
            Ok(true) => Ok(true),
            Ok(false) => {
                hot.flags.set(Flags::BLOCKED);
                Ok(false)
            }
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(Broken(EndReason::Stalled))
            }
            Err(_) => Err(Broken(EndReason::Reset)),
        }
    }

    /// After a read of connection `i`, which has TLS: the handshake may have made progress that a
    /// write waited for, or made bytes that the socket did not take.
    pub(in crate::net) fn look_at_session(&mut self, service: &mut S, i: u32) {
        let waits = wants_flush(&self.cold[i as usize].session);
        let flags = &mut self.hot(i).flags;
        if waits {
            flags.set(Flags::BLOCKED);
        } else if flags.has(Flags::BLOCKED) {
            flags.clear(Flags::BLOCKED);
            self.deliver(service, i);
        }
    }
}

/// The place of the bytes to send: no copy is made of those in a log or a private buffer.
pub(in crate::net) enum Bytes<'a> {
    Given(&'a [u8]),
    Private,
    Log(LogName, u64, u64),
}

/// The connection must go: its socket gave an error, or it would take too much memory.
#[derive(Debug)]
pub(in crate::net) struct Broken(pub(in crate::net) EndReason);

/// Writes until all is taken or the socket says that it is full: only then does an edge follow.
fn write_until_full(
    transport: &mut Transport,
    session: &mut Secured,
    bytes: &[u8],
    counters: &Counters,
) -> Result<usize, Broken> {
    let mut sent = 0;
    while sent < bytes.len() {
        match transport.write(session, &bytes[sent..]) {
            Ok(0) => return Err(Broken(EndReason::Reset)),
            Ok(n) => {
                sent += n;
                counters.sends.add(1);
                counters.bytes_sent.add(n as u64);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // What TCP_USER_TIMEOUT comes to: the peer acknowledged nothing for the write timeout.
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                return Err(Broken(EndReason::Stalled));
            }
            Err(_) => return Err(Broken(EndReason::Reset)),
        }
    }
    Ok(sent)
}

//! Sending: from bytes to a socket, and what the socket makes of it.

use crate::net::end::reason::EndReason;
use crate::net::io::transport::{Secured, Transport};
use crate::net::set::stats::Counters;

/// The figures to which all that is sent in a turn is added.
#[derive(Clone, Copy)]
pub(in crate::net) struct Meter<'a> {
    /// The second of the turn.
    pub(in crate::net) second: u32,
    pub(in crate::net) counters: &'a Counters,
}

/// The connection must go: its socket gave an error, or it would take too much memory.
#[derive(Debug)]
pub(in crate::net) struct Broken(pub(in crate::net) EndReason);

/// Writes until all is taken or the socket says that it is full: only then does an edge follow.
pub(in crate::net) fn write_until_full(
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

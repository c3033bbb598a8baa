//! A connection's state: what every delivery touches in 40 bytes, the rest apart.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::net::conns::address::Address;
use crate::net::conns::phase::{Flags, Phase};
use crate::net::conns::readers::StreamMut;
use crate::net::end::reason::EndReason;
use crate::net::http::requests::RequestState;
use crate::net::io::send::{Broken, Meter, write_until_full};
use crate::net::io::transport::{Secured, Transport, wants_flush};
use crate::net::service::Service;
use crate::net::time::timers::Deadline;
use crate::net::ws::Ws;
use crate::outbox::Outbox;

/// Most bytes of a connection's hot part.
const HOT_MAX: usize = 40;
/// Most bytes of a connection's cold part.
const COLD_MAX: usize = 112;

/// The part of a connection that is touched for every event.
pub(in crate::net) struct Hot<S: Service> {
    transport: Option<Transport>,
    /// There in [`Phase::Stream`].
    reader: S::Reader,
    /// Second, since the reactor started, in which the peer last accepted a byte.
    active: u32,
    /// Bytes that the socket took since the stream began, the lower half; see [`Cold::sent_high`].
    sent: u32,
    /// Longest silence in seconds; 0: no heartbeat.
    heartbeat: u16,
    phase: Phase,
    flags: Flags,
}

impl<S: Service> Hot<S> {
    pub(in crate::net) fn new(phase: Phase, second: u32) -> Self {
        // A descriptor is larger with debug assertions: only release builds look.
        const { assert!(cfg!(debug_assertions) || size_of::<Self>() <= HOT_MAX) };
        Self {
            transport: None,
            reader: S::Reader::default(),
            active: second,
            sent: 0,
            heartbeat: 0,
            phase,
            flags: Flags::default(),
        }
    }

    pub(in crate::net) fn phase(&self) -> Phase {
        self.phase
    }

    pub(in crate::net) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    pub(in crate::net) fn has(&self, flag: u8) -> bool {
        self.flags.has(flag)
    }

    pub(in crate::net) fn set(&mut self, flag: u8) {
        self.flags.set(flag);
    }

    pub(in crate::net) fn clear(&mut self, flag: u8) {
        self.flags.clear(flag);
    }

    pub(in crate::net) fn reader(&self) -> &S::Reader {
        &self.reader
    }

    /// The second in which the peer last accepted a byte.
    pub(in crate::net) fn active(&self) -> u32 {
        self.active
    }

    /// Sets how long it may be silent before a heartbeat, and that it was not in `second`.
    pub(in crate::net) fn start_heartbeat(&mut self, longest: Duration, second: u32) {
        self.heartbeat = longest.as_secs().min(u64::from(u16::MAX)) as u16;
        self.active = second;
    }

    /// Returns whether it was silent for as long as it may be.
    pub(in crate::net) fn is_silent(&self, second: u32) -> bool {
        let silent = second - self.active.min(second);
        self.heartbeat > 0 && silent >= u32::from(self.heartbeat)
    }
}

/// The part of a connection that is touched now and then.
pub(in crate::net) struct Cold<S: Service> {
    /// There from the first byte on until the connection becomes a stream: who is silent takes no room.
    requests: Option<Box<RequestState<S>>>,
    /// There once it is a WebSocket.
    ws: Option<Box<Ws<S>>>,
    /// The rest of the stream's state; also a WebSocket without a subscription has one.
    stream: S::Stream,
    /// Bytes for this connection alone.
    out: Outbox,
    /// The TLS of its socket, if it has any.
    session: Secured,
    /// Second in which the stream began.
    since: u32,
    /// The upper half of the count in [`Hot::sent`]: the number of times that this has wrapped.
    sent_high: u32,
    /// Tells this stream from those that had the slot before.
    serial: u32,
    deadline: Deadline,
    /// The client, as far as it is known.
    peer: Address,
    /// `true`: it counts among the connections of its client.
    counted: bool,
    /// The deadline is that of its age.
    ages: bool,
}

impl<S: Service> Cold<S> {
    pub(in crate::net) fn new(peer: SocketAddr, session: Secured) -> Self {
        const { assert!(size_of::<Self>() <= COLD_MAX) };
        Self {
            requests: None,
            ws: None,
            stream: S::Stream::default(),
            out: Outbox::default(),
            session,
            since: 0,
            sent_high: 0,
            serial: 0,
            deadline: Deadline::default(),
            peer: peer.into(),
            counted: false,
            ages: false,
        }
    }

    /// One of nobody.
    pub(in crate::net) fn free() -> Self {
        Self::new(SocketAddr::from(([0, 0, 0, 0], 0)), None)
    }

    pub(in crate::net) fn requests(&self) -> Option<&RequestState<S>> {
        self.requests.as_deref()
    }

    pub(in crate::net) fn requests_mut(&mut self) -> &mut Option<Box<RequestState<S>>> {
        &mut self.requests
    }

    pub(in crate::net) fn ws(&self) -> Option<&Ws<S>> {
        self.ws.as_deref()
    }

    pub(in crate::net) fn ws_mut(&mut self) -> &mut Option<Box<Ws<S>>> {
        &mut self.ws
    }

    pub(in crate::net) fn stream(&self) -> &S::Stream {
        &self.stream
    }

    pub(in crate::net) fn out(&self) -> &Outbox {
        &self.out
    }

    pub(in crate::net) fn out_mut(&mut self) -> &mut Outbox {
        &mut self.out
    }

    pub(in crate::net) fn session(&self) -> &Secured {
        &self.session
    }

    pub(in crate::net) fn session_mut(&mut self) -> &mut Secured {
        &mut self.session
    }

    pub(in crate::net) fn peer(&self) -> SocketAddr {
        self.peer.into()
    }

    pub(in crate::net) fn set_peer(&mut self, peer: SocketAddr) {
        self.peer = peer.into();
    }

    pub(in crate::net) fn is_counted(&self) -> bool {
        self.counted
    }

    pub(in crate::net) fn set_counted(&mut self, counted: bool) {
        self.counted = counted;
    }

    pub(in crate::net) fn ages(&self) -> bool {
        self.ages
    }

    pub(in crate::net) fn set_ages(&mut self, ages: bool) {
        self.ages = ages;
    }

    pub(in crate::net) fn since(&self) -> u32 {
        self.since
    }

    pub(in crate::net) fn serial(&self) -> u32 {
        self.serial
    }

    pub(in crate::net) fn set_serial(&mut self, serial: u32) {
        self.serial = serial;
    }

    pub(in crate::net) fn deadline_mut(&mut self) -> &mut Deadline {
        &mut self.deadline
    }
}

/// Both parts of a connection.
pub(in crate::net) struct Conn<'a, S: Service> {
    number: u32,
    hot: &'a mut Hot<S>,
    cold: &'a mut Cold<S>,
}

impl<'a, S: Service> Conn<'a, S> {
    pub(in crate::net) fn new(number: u32, hot: &'a mut Hot<S>, cold: &'a mut Cold<S>) -> Self {
        Self { number, hot, cold }
    }

    pub(in crate::net) fn hot(&mut self) -> &mut Hot<S> {
        self.hot
    }

    pub(in crate::net) fn cold(&mut self) -> &mut Cold<S> {
        self.cold
    }

    /// The stream that it is, as the service sees it.
    pub(in crate::net) fn stream(&mut self) -> StreamMut<'_, S> {
        StreamMut {
            number: self.number,
            reader: &mut self.hot.reader,
            stream: &mut self.cold.stream,
            out: &mut self.cold.out,
        }
    }

    /// Returns the same, for as long as the table is borrowed.
    pub(in crate::net) fn into_stream(self) -> StreamMut<'a, S> {
        StreamMut {
            number: self.number,
            reader: &mut self.hot.reader,
            stream: &mut self.cold.stream,
            out: &mut self.cold.out,
        }
    }

    /// Counts its bytes from here on.
    pub(in crate::net) fn reset_counts(&mut self, second: u32) {
        self.hot.sent = 0;
        self.cold.sent_high = 0;
        self.cold.since = second;
    }

    // -- Sending

    /// Sends `bytes`; returns how many were taken. Less than all: the socket is full and its edge
    /// will come. `Err`: the connection is broken.
    pub(in crate::net) fn send(&mut self, bytes: &[u8], meter: Meter<'_>) -> Result<usize, Broken> {
        let Some(transport) = &mut self.hot.transport else {
            return Err(Broken(EndReason::Reset));
        };
        let session = &mut self.cold.session;
        let sent = write_until_full(transport, session, bytes, meter.counters)?;
        self.note_sent(sent, bytes.len(), meter.second);
        Ok(sent)
    }

    /// Sends private bytes; `true`: none are left.
    pub(in crate::net) fn send_private(&mut self, meter: Meter<'_>) -> Result<bool, Broken> {
        while !self.cold.out.is_empty() {
            let Some(transport) = &mut self.hot.transport else {
                return Err(Broken(EndReason::Reset));
            };
            let bytes = self.cold.out.pending();
            let (session, len) = (&mut self.cold.session, bytes.len());
            let sent = write_until_full(transport, session, bytes, meter.counters)?;
            self.cold.out.advance(sent);
            self.note_sent(sent, len, meter.second);
            if self.hot.has(Flags::BLOCKED) {
                // TLS may have taken all of it and kept some.
                let rest = !self.cold.out.is_empty() || wants_flush(&self.cold.session);
                return Ok(!rest);
            }
        }
        // A connection at rest keeps no buffer.
        self.cold.out.clear();
        Ok(true)
    }

    /// Sends `bytes` between two frames, keeping what the socket does not take.
    pub(in crate::net) fn send_between(
        &mut self,
        bytes: &[u8],
        meter: Meter<'_>,
    ) -> Result<(), Broken> {
        let sent = self.send(bytes, meter)?;
        if sent < bytes.len() {
            self.cold.out.bytes().extend_from_slice(&bytes[sent..]);
        }
        Ok(())
    }

    fn note_sent(&mut self, sent: usize, of: usize, second: u32) {
        // Only a socket that took less than it was given tells when it takes more: the poll is edge-triggered.
        // What TLS took and could not send waits for the same edge.
        if sent < of || wants_flush(&self.cold.session) {
            self.hot.set(Flags::BLOCKED);
        }
        if sent > 0 {
            // By the clock of the turn: whole seconds are all that heartbeats and write timeouts go by.
            self.hot.active = second;
            // The other half is in the cold part, which this touches once in 4 GiB.
            let (total, wrapped) = self.hot.sent.overflowing_add(sent as u32);
            self.hot.sent = total;
            if wrapped {
                self.cold.sent_high += 1;
            }
        }
    }

    /// Sends what TLS keeps; `false`: the socket does not take it.
    pub(in crate::net) fn flush(&mut self) -> Result<bool, Broken> {
        let session = &mut self.cold.session;
        let Some(transport) = self.hot.transport.as_mut().filter(|_| session.is_some()) else {
            return Ok(true);
        };
        match transport.flush(session) {
            Ok(true) => Ok(true),
            Ok(false) => {
                self.hot.set(Flags::BLOCKED);
                Ok(false)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(Broken(EndReason::Stalled))
            }
            Err(_) => Err(Broken(EndReason::Reset)),
        }
    }

    /// Sends FIN after all that was accepted; `Some(false)`: some of that waits for the socket first, `None`: there is
    /// no socket, or it is broken.
    pub(in crate::net) fn finish(&mut self) -> Option<bool> {
        let transport = self.hot.transport.as_mut()?;
        transport.finish(&mut self.cold.session).ok()
    }

    /// Tells the peer, if it has TLS, that no more comes: a client takes an end without this for a cut.
    pub(in crate::net) fn announce_end(&mut self) {
        if let Some(transport) = &mut self.hot.transport {
            transport.announce_end(&mut self.cold.session);
        }
    }

    // -- Reading

    /// Gives it its socket.
    pub(in crate::net) fn set_transport(&mut self, transport: Transport) {
        self.hot.transport = Some(transport);
    }

    /// Reads from its socket; `None`: it has none.
    pub(in crate::net) fn read(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let transport = self.hot.transport.as_mut()?;
        Some(transport.read(&mut self.cold.session, buffer))
    }
}

/// Bytes that the socket of a connection took since the stream began.
pub(in crate::net) fn bytes_of<S: Service>(hot: &Hot<S>, cold: &Cold<S>) -> u64 {
    u64::from(cold.sent_high) << 32 | u64::from(hot.sent)
}

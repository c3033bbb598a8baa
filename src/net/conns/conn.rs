//! A connection's state: what every pump touches in 40 bytes, the rest apart.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::net::class::ClassId;
use crate::net::compressed_reader::CompressedReader;
use crate::net::http::requests::RequestState;
use crate::net::io::transport::{Secured, Transport};
use crate::net::service::Service;
use crate::net::slow_policy::SlowOptions;
use crate::net::stream_plan::StreamOwner;
use crate::net::time::wheel::Tick;
use crate::net::ws::Ws;

/// The phase of a connection: its protocol and the source of its next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Phase {
    /// The slot is free.
    Free,
    /// Requests come in, answers go out.
    Request,
    /// A stream whose next events come from the service; `cursor` is an offset.
    CatchUp,
    /// A stream whose next events come from its frame log; `cursor` is a byte.
    Log,
    /// A stream of ticks, one a second, all of it private.
    Watch {
        /// Each tick is one chunk, and a last chunk ends them.
        chunked: bool,
    },
    /// A WebSocket without a subscription.
    Socket,
    /// A WebSocket whose close frame is out; the peer's is awaited.
    CloseSent,
    /// The last private bytes go out, then FIN.
    Closing,
    /// FIN is sent; what the peer still sends is read and dropped.
    Drain,
}

/// The part of a connection that is touched for every event.
pub(in crate::net) struct Hot {
    pub(in crate::net) transport: Option<Transport>,
    pub(in crate::net) class: ClassId,
    /// See [`Phase`].
    pub(in crate::net) cursor: u64,
    /// Index in the class's members.
    pub(in crate::net) slot: u32,
    /// Second, since the reactor started, in which the peer last accepted a byte.
    pub(in crate::net) active: u32,
    /// Bytes that the socket took since the stream began, the lower half; see [`Cold::sent_high`].
    pub(in crate::net) sent: u32,
    /// Longest silence in seconds; 0: no heartbeat.
    pub(in crate::net) heartbeat: u16,
    pub(in crate::net) phase: Phase,
    pub(in crate::net) flags: Flags,
}

const _: () = assert!(size_of::<Phase>() == 1);
// A descriptor is larger with debug assertions: only release builds look.
const _: () = assert!(cfg!(debug_assertions) || size_of::<Hot>() <= 40);
/// Most bytes of a connection's cold part.
const COLD_MAX: usize = 112;

/// The flags of a connection: the state of its socket, and the queues that it is in.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::net) struct Flags(u8);

impl Flags {
    /// The socket took no more; its writable edge will come.
    pub(in crate::net) const BLOCKED: u8 = 1;
    /// The connection is in the ready queue.
    pub(in crate::net) const READY: u8 = 2;
    /// The socket may hold bytes that nobody read.
    pub(in crate::net) const UNREAD: u8 = 4;
    /// The peer has closed its direction.
    pub(in crate::net) const EOF: u8 = 8;
    /// The connection's next answer waits for its offset.
    pub(in crate::net) const PARKED: u8 = 16;
    /// The stream fell behind, and its policy has yet to be applied.
    pub(in crate::net) const SLOW: u8 = 32;
    /// A WebSocket has input that waits until its answers have left.
    pub(in crate::net) const HELD: u8 = 64;
    /// In [`Phase::Log`]: `cursor` is a byte of the class's window log, and the stream has each byte of it
    /// since a keyframe.
    pub(in crate::net) const ALIGNED: u8 = 128;

    pub(in crate::net) fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    pub(in crate::net) fn set(&mut self, flag: u8) {
        self.0 |= flag;
    }

    pub(in crate::net) fn clear(&mut self, flag: u8) {
        self.0 &= !flag;
    }
}

impl Hot {
    pub(in crate::net) fn free() -> Self {
        Self {
            transport: None,
            class: ClassId(0),
            cursor: 0,
            slot: 0,
            active: 0,
            sent: 0,
            heartbeat: 0,
            phase: Phase::Free,
            flags: Flags::default(),
        }
    }
}

/// An address in 18 bytes. Of IPv6 it has no scope and no flow; one of IPv4 comes back as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) struct Address {
    ip: [u8; 16],
    port: [u8; 2],
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Self {
            ip: ip.octets(),
            port: address.port().to_be_bytes(),
        }
    }
}

impl From<Address> for SocketAddr {
    fn from(address: Address) -> Self {
        let ip = Ipv6Addr::from(address.ip).to_canonical();
        Self::new(ip, u16::from_be_bytes(address.port))
    }
}

impl Address {
    pub(in crate::net) fn ip(self) -> IpAddr {
        SocketAddr::from(self).ip()
    }
}

/// The part of a connection that is touched now and then.
pub(in crate::net) struct Cold<S: Service> {
    /// There from the first byte on until the connection becomes a stream: who is silent takes no room.
    pub(in crate::net) requests: Option<Box<RequestState<S>>>,
    /// There once it is a WebSocket.
    pub(in crate::net) ws: Option<Box<Ws<S>>>,
    /// The client, as far as it is known.
    pub(in crate::net) peer: Address,
    /// The TLS of its socket, if it has any.
    pub(in crate::net) session: Secured,
    /// `true`: it counts among the connections of its client.
    pub(in crate::net) counted: bool,
    /// Second in which the stream began.
    pub(in crate::net) since: u32,
    /// The upper half of the count in [`Hot::sent`]: the number of times that this has wrapped.
    pub(in crate::net) sent_high: u32,
    /// Events whose frames were begun, live and from history.
    pub(in crate::net) delivered: u64,
    /// Second in which the last event was begun.
    pub(in crate::net) last_event: u32,
    /// Events that the stream was told it does not get, at most.
    pub(in crate::net) missed: u32,
    /// Tells this stream from those that had the slot before.
    pub(in crate::net) serial: u32,
    /// The owner of the stream, as the service knows it.
    pub(in crate::net) owner: StreamOwner,
    pub(in crate::net) slow_options: SlowOptions,
    /// The deadline is that of its age.
    pub(in crate::net) ages: bool,
    /// Bytes for this connection alone; there only while some wait.
    pub(in crate::net) out: Option<Box<Outbound>>,
    /// There while the connection is a compressed stream.
    pub(in crate::net) compressed: Option<Box<CompressedReader>>,
    /// The tick of its deadline; `Tick::MAX`: it has none.
    pub(in crate::net) deadline: Tick,
    /// The earliest tick at which the wheel will look; `Tick::MAX`: it will not.
    pub(in crate::net) looked_at: Tick,
}

impl<S: Service> Cold<S> {
    pub(in crate::net) fn free() -> Self {
        const { assert!(size_of::<Self>() <= COLD_MAX) };
        Self {
            requests: None,
            ws: None,
            peer: Address::from(SocketAddr::from(([0, 0, 0, 0], 0))),
            session: None,
            counted: false,
            since: 0,
            sent_high: 0,
            delivered: 0,
            last_event: 0,
            missed: 0,
            serial: 0,
            owner: StreamOwner::default(),
            slow_options: SlowOptions::default(),
            ages: false,
            out: None,
            compressed: None,
            deadline: Tick::MAX,
            looked_at: Tick::MAX,
        }
    }
}

/// Bytes for one connection: the rest of a frame that the log no longer holds, then answers or history.
#[derive(Default)]
pub(in crate::net) struct Outbound {
    /// The rest of a half-sent frame, shared by all that were inside it, and how much of it is sent.
    pub(in crate::net) frame: Option<(Arc<[u8]>, usize)>,
    pub(in crate::net) bytes: Vec<u8>,
    pub(in crate::net) sent: usize,
}

impl Outbound {
    /// Returns the bytes to be sent next; empty: everything is sent.
    pub(in crate::net) fn pending(&self) -> &[u8] {
        match &self.frame {
            Some((frame, sent)) => &frame[*sent..],
            None => &self.bytes[self.sent..],
        }
    }

    /// Returns the number of bytes that wait.
    pub(in crate::net) fn len(&self) -> usize {
        let frame = self
            .frame
            .as_ref()
            .map_or(0, |(frame, sent)| frame.len() - sent);
        frame + self.bytes.len() - self.sent
    }

    /// Notes that `n` bytes of [`pending`](Self::pending) are sent; returns a frame that is done.
    pub(in crate::net) fn advance(&mut self, n: usize) -> Option<Arc<[u8]>> {
        match &mut self.frame {
            Some((frame, sent)) => {
                *sent += n;
                if *sent < frame.len() {
                    return None;
                }
                self.frame.take().map(|(frame, _)| frame)
            }
            None => {
                self.sent += n;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back() {
        for text in ["192.0.2.1:80", "[2001:db8::7]:65535", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(SocketAddr::from(Address::from(address)), address);
        }
    }
}

//! What is open, as the service sees it: streams are looked at, sent to and ended one by one, WebSockets
//! that receive no stream are nudged and closed.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::disconnect::DisconnectReason;
use crate::net::end::EndReason;
use crate::net::form::FormId;
use crate::net::service::Service;
use crate::net::stream_plan::StreamOwner;
use crate::wire::ws::CloseCode;

/// Names a stream of one reactor, or a WebSocket that receives none. It is not used again while the
/// process lives, but for 2^32 of them later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    serial: u32,
    index: u32,
}

impl StreamId {
    /// The id as one number.
    pub fn to_bits(self) -> u64 {
        u64::from(self.serial) << 32 | u64::from(self.index)
    }

    /// Its slot, which another stream may have later.
    pub fn slot(self) -> u32 {
        self.index
    }

    /// The id of a number; whether there is such a stream is another question.
    pub fn from_bits(bits: u64) -> Self {
        Self {
            serial: (bits >> 32) as u32,
            index: bits as u32,
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.to_bits())
    }
}

/// A description of an open stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamInfo<'a, K> {
    /// Its id.
    pub id: StreamId,
    /// The owner that its plan named.
    pub owner: StreamOwner,
    /// The address of its client.
    pub peer: SocketAddr,
    /// Its filter.
    pub key: &'a K,
    /// Its wire form.
    pub form: FormId,
    /// The time for which it is open, in whole seconds.
    pub open: Duration,
    /// Events sent, live and from history; the last one perhaps in part.
    pub delivered: u64,
    /// Events that it was told it does not get, at most.
    pub missed: u32,
    /// Bytes that its socket took, head and heartbeats included.
    pub bytes: u64,
    /// Events between it and the newest, of all topics.
    pub lag: u64,
    /// Seconds since the last event was begun; `None`: there was none yet.
    pub last_event: Option<u32>,
    /// `true`: it reads history.
    pub catching_up: bool,
}

/// The fate of bytes for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The bytes leave, between two frames.
    Queued,
    /// So much waits for it already that it does not get them.
    Full,
    /// The connection is not there, or takes nothing more.
    Unknown,
}

/// The open streams of a reactor.
pub struct Streams<'a, S: Service> {
    pub(in crate::net) core: &'a mut Core<S>,
    closed: Vec<Closed>,
}

/// A WebSocket that is to be closed: which one, and what its close frame says.
pub(in crate::net) struct Closed {
    i: u32,
    code: CloseCode,
    reason: String,
}

impl<'a, S: Service> Streams<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>) -> Self {
        Self {
            core,
            closed: Vec::new(),
        }
    }

    pub(in crate::net) fn into_closed(self) -> Vec<Closed> {
        self.closed
    }

    /// Describes one, if it is open.
    pub fn get(&self, id: StreamId) -> Option<StreamInfo<'_, S::Key>> {
        let i = self.core.find_stream(id)?;
        self.core.describe(i)
    }

    /// Returns the number of slots that streams may have: to walk over them a part at a time.
    pub fn slots(&self) -> usize {
        self.core.hot.len()
    }

    /// Describes the stream in a slot, if there is one.
    pub fn at(&self, slot: u32) -> Option<StreamInfo<'_, S::Key>> {
        ((slot as usize) < self.slots()).then(|| self.core.describe(slot))?
    }

    /// The WebSocket without a subscription in a slot, if there is one.
    pub fn socket_at(&self, slot: u32) -> Option<(StreamId, &S::Socket)> {
        let socket = self.core.unsubscribed(slot)?;
        Some((self.core.stream_id(slot), socket))
    }

    /// Ends one, or a WebSocket without a subscription, once the service has returned; `false`: there is none. Where many
    /// are to be ended, they are over the next turns, a slice of time in each.
    pub fn end(&mut self, id: StreamId, why: DisconnectReason) -> bool {
        let found = self.core.find_stream(id);
        let found = found.or_else(|| self.core.find_socket(id)).is_some();
        if found {
            // Not at once: that calls the service, which is the caller.
            self.core.ending.push_back((id, why));
        }
        found
    }

    /// Ends all whose filter `why` has a reason for, as [`end`](Self::end) does.
    pub fn end_those(&mut self, why: impl Fn(&S::Key) -> Option<DisconnectReason>) {
        for i in 0..self.core.hot.len() as u32 {
            if let Some(info) = self.core.describe(i)
                && let Some(why) = why(info.key)
            {
                let id = info.id;
                self.core.ending.push_back((id, why));
            }
        }
    }

    /// Returns whether some that are to be ended are still to be.
    pub fn are_ending(&self) -> bool {
        !self.core.ending.is_empty()
    }

    /// Sends one some bytes of its wire form, whole frames that are not compressed yet, between two
    /// frames of its class.
    pub fn send(&mut self, id: StreamId, bytes: &[u8]) -> SendOutcome {
        let Some(i) = self.core.find_stream(id) else {
            return SendOutcome::Unknown;
        };
        let waits = self.core.out_len(i);
        // Somebody who takes nothing must not gather without bound: whoever sends is told.
        if waits + bytes.len() > self.core.limits.private_bytes || !self.core.make_way(i) {
            return SendOutcome::Full;
        }
        let mut out = std::mem::take(&mut self.core.out(i).bytes);
        self.core.write_private(i, bytes, &mut out);
        self.core.out(i).bytes = out;
        if !self.core.hot(i).flags.has(Flags::BLOCKED) {
            self.core.make_ready(i);
        }
        SendOutcome::Queued
    }

    /// Has the service asked for what waits for a WebSocket without a subscription
    /// ([`Sockets::queued`](crate::net::Sockets::queued)), as soon as its socket takes something; `false`: there is none.
    pub fn nudge(&mut self, id: StreamId) -> bool {
        let Some(i) = self.core.find_socket(id) else {
            return false;
        };
        if !self.core.hot(i).flags.has(Flags::BLOCKED) {
            self.core.make_ready(i);
        }
        true
    }

    /// Closes a WebSocket without a subscription, once the service has returned, after all that waits
    /// for it; `false`: there is none.
    pub fn close_socket(&mut self, id: StreamId, code: CloseCode, reason: String) -> bool {
        let found = self.core.find_socket(id);
        self.closed
            .extend(found.map(|i| Closed { i, code, reason }));
        found.is_some()
    }
}

impl<S: Service> Core<S> {
    /// Gives the stream that connection `i` is to be its id.
    pub(in crate::net) fn name_stream(&mut self, i: u32) {
        self.cold[i as usize].serial = self.next_serial;
        self.next_serial = self.next_serial.wrapping_add(1);
    }

    pub(in crate::net) fn stream_id(&self, i: u32) -> StreamId {
        StreamId {
            serial: self.cold[i as usize].serial,
            index: i,
        }
    }

    /// Ends what the service named, as many as there is time for.
    pub(in crate::net) fn go_on_ending(&mut self, service: &mut S) {
        while let Some((id, why)) = self.ending.pop_front() {
            if let Some(i) = self.find_stream(id) {
                self.end_stream_early(service, i, why);
            } else if let Some(i) = self.find_socket(id) {
                self.disconnect_socket(service, i, why);
            }
            if self.is_slice_over() {
                break;
            }
        }
    }

    /// Closes sockets that the service named.
    pub(in crate::net) fn close_all(&mut self, service: &mut S, closed: Vec<Closed>) {
        for Closed { i, code, reason } in closed {
            if self.phase(i) == Phase::Socket {
                self.close_socket(service, i, code, &reason, EndReason::Disconnected);
            }
        }
    }

    fn find_socket(&self, id: StreamId) -> Option<u32> {
        let cold = self.cold.get(id.index as usize)?;
        let socket = self.phase(id.index) == Phase::Socket;
        (socket && cold.serial == id.serial).then_some(id.index)
    }

    fn find_stream(&self, id: StreamId) -> Option<u32> {
        let cold = self.cold.get(id.index as usize)?;
        let streams = matches!(self.phase(id.index), Phase::CatchUp | Phase::Log);
        // The slot may be another's by now.
        (streams && cold.serial == id.serial).then_some(id.index)
    }

    fn describe(&self, i: u32) -> Option<StreamInfo<'_, S::Key>> {
        let (hot, cold) = (&self.hot[i as usize], &self.cold[i as usize]);
        if !matches!(hot.phase, Phase::CatchUp | Phase::Log) {
            return None;
        }
        let class = self.classes.get(hot.class)?;
        let now = self.second();
        Some(StreamInfo {
            id: self.stream_id(i),
            owner: cold.owner,
            peer: cold.peer.into(),
            key: &class.key,
            form: class.form,
            open: Duration::from_secs(u64::from(now.saturating_sub(cold.since))),
            delivered: cold.delivered,
            missed: cold.missed,
            bytes: u64::from(cold.sent_high) << 32 | u64::from(hot.sent),
            lag: self.lag_of(i),
            last_event: (cold.delivered > 0).then(|| now.saturating_sub(cold.last_event)),
            catching_up: hot.phase == Phase::CatchUp,
        })
    }
}

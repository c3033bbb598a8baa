//! The open streams of a reactor, as rooms look at them: described, sent to and ended one by one. WebSockets that
//! receive no stream are nudged and closed.

use std::net::SocketAddr;
use std::time::Duration;

use crate::fanout::{Described, FormId};
use crate::gateway::delivery::readers::member;
use crate::gateway::delivery::{EventFanout, StreamFilter, StreamOwner};
use crate::gateway::gateway::Gateway;
use crate::net::{self, DisconnectReason, Sockets, StreamId, Streams};
use crate::wire::ws::CloseCode;

/// A description of an open stream.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct StreamInfo<'a> {
    /// Its id.
    pub(in crate::gateway) id: StreamId,
    /// The owner that its plan named.
    pub(in crate::gateway) owner: StreamOwner,
    /// The address of its client.
    pub(in crate::gateway) peer: SocketAddr,
    /// Its filter.
    pub(in crate::gateway) key: &'a StreamFilter,
    /// Its wire form.
    pub(in crate::gateway) form: FormId,
    /// The time for which it is open, in whole seconds.
    pub(in crate::gateway) open: Duration,
    /// Events sent, live and from history; the last one perhaps in part.
    pub(in crate::gateway) delivered: u64,
    /// Events that it was told it does not get, at most.
    pub(in crate::gateway) missed: u32,
    /// Bytes that its socket took, head and heartbeats included.
    pub(in crate::gateway) bytes: u64,
    /// Events between it and the newest, of all topics.
    pub(in crate::gateway) lag: u64,
    /// Seconds since the last event was begun; `None`: there was none yet.
    pub(in crate::gateway) last_event: Option<u32>,
    /// `true`: it reads history.
    pub(in crate::gateway) catching_up: bool,
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

/// The open streams of a reactor, with their classes.
pub(in crate::gateway) struct OpenStreams<'a, 's> {
    streams: &'a mut Streams<'s, Gateway>,
    fanout: &'a mut EventFanout,
    /// Bytes that may wait for one of them alone.
    private_bytes: usize,
}

impl<'a, 's> OpenStreams<'a, 's> {
    pub(in crate::gateway) fn new(
        streams: &'a mut Streams<'s, Gateway>,
        fanout: &'a mut EventFanout,
        private_bytes: usize,
    ) -> Self {
        Self {
            streams,
            fanout,
            private_bytes,
        }
    }

    /// Describes one, if it is open.
    pub(in crate::gateway) fn get(&self, id: StreamId) -> Option<StreamInfo<'_>> {
        self.describe(self.streams.get(id)?)
    }

    /// Returns the number of slots that streams may have: to walk over them a part at a time.
    pub(in crate::gateway) fn slots(&self) -> usize {
        self.streams.slots()
    }

    /// Describes the stream in a slot, if there is one.
    pub(in crate::gateway) fn at(&self, slot: u32) -> Option<StreamInfo<'_>> {
        self.describe(self.streams.at(slot)?)
    }

    /// The WebSocket without a subscription in a slot, if there is one.
    pub(in crate::gateway) fn socket_at(
        &self,
        slot: u32,
    ) -> Option<(StreamId, &<Gateway as Sockets>::Socket)> {
        self.streams.socket_at(slot)
    }

    /// Ends one, or a WebSocket without a subscription, once the gateway has returned; `false`: there is none. Where many
    /// are to be ended, they are over the next turns, a slice of time in each.
    pub(in crate::gateway) fn end(&mut self, id: StreamId, why: DisconnectReason) -> bool {
        self.streams.end(id, why)
    }

    /// Ends all whose filter `why` has a reason for, as [`end`](Self::end) does.
    pub(in crate::gateway) fn end_those(
        &mut self,
        why: impl Fn(&StreamFilter) -> Option<DisconnectReason>,
    ) {
        for slot in 0..self.slots() as u32 {
            if let Some(info) = self.at(slot)
                && let Some(why) = why(info.key)
            {
                let id = info.id;
                self.end(id, why);
            }
        }
    }

    /// Has the stream in a slot visited, if there is one.
    pub(in crate::gateway) fn wake_at(&mut self, slot: u32) {
        if let Some(id) = self.streams.at(slot).map(|info| info.id) {
            self.streams.wake(id);
        }
    }

    /// Returns whether some that are to be ended are still to be.
    pub(in crate::gateway) fn are_ending(&self) -> bool {
        self.streams.are_ending()
    }

    /// Sends one some bytes of its wire form, whole frames that are not compressed yet, between two
    /// frames of its class.
    pub(in crate::gateway) fn send(&mut self, id: StreamId, bytes: &[u8]) -> SendOutcome {
        let Some(mut stream) = self.streams.stream_mut(id) else {
            return SendOutcome::Unknown;
        };
        // Somebody who takes nothing must not gather without bound: whoever sends is told.
        if stream.out.len() + bytes.len() > self.private_bytes {
            return SendOutcome::Full;
        }
        if !self.fanout.make_way(member(&mut stream)) {
            // It stands inside a frame whose rest is gone: whatever came next would be read as the end of that.
            self.streams.cut(id);
            return SendOutcome::Full;
        }
        self.fanout.write_private(member(&mut stream), bytes);
        self.streams.wake(id);
        SendOutcome::Queued
    }

    /// Has the gateway asked for what waits for a WebSocket without a subscription ([`Sockets::queued`]), as soon as its
    /// socket takes something; `false`: there is none.
    pub(in crate::gateway) fn nudge(&mut self, id: StreamId) -> bool {
        self.streams.nudge(id)
    }

    /// Closes a WebSocket without a subscription, once the gateway has returned, after all that waits
    /// for it; `false`: there is none.
    pub(in crate::gateway) fn close_socket(
        &mut self,
        id: StreamId,
        code: CloseCode,
        reason: String,
    ) -> bool {
        self.streams.close_socket(id, code, reason)
    }

    fn describe<'i>(&'i self, info: net::StreamInfo<'i, Gateway>) -> Option<StreamInfo<'i>> {
        let net::StreamInfo {
            id,
            peer,
            open,
            bytes,
            reader,
            stream,
        } = info;
        let Described {
            key,
            form,
            delivered,
            missed,
            lag,
            last_event,
            catching_up,
        } = self.fanout.describe(reader, &stream.state)?;
        Some(StreamInfo {
            id,
            owner: stream.owner,
            peer,
            key,
            form,
            open,
            delivered,
            missed,
            bytes,
            lag,
            last_event,
            catching_up,
        })
    }
}

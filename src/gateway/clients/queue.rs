//! A client's send queue: the frames that wait for its socket, and where that is.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::gateway::admin::connections::ConnectionAddr;
use crate::gateway::clients::SubscriptionId;
use crate::gateway::clients::mailbox::{CloseReason, Mailboxes, SocketCommand, Wakers};
use crate::gateway::delivery::SendOutcome;

/// Bytes that a frame takes beside its own, as it waits.
const FRAME_COST: usize = size_of::<Arc<[u8]>>();

/// The frames that wait for one client: made when its request comes, kept until its connection ends.
///
/// Any thread puts frames on it, its reactor takes them as the socket takes bytes. Its lock is held for
/// as long as that takes, never while a socket is written to, a reactor is woken or a handler runs.
pub(in crate::gateway) struct SendQueue {
    pub(in crate::gateway) client: Arc<str>,
    pub(in crate::gateway) subscription: SubscriptionId,
    inner: Mutex<Inner>,
}

struct Inner {
    stage: Stage,
    waiting: VecDeque<Arc<[u8]>>,
    /// The bytes of `waiting`, and of what the socket was handed last and may not have taken yet.
    bytes: usize,
    handed: usize,
    /// The reactor asks again for what waits without being told to.
    polled: bool,
}

enum Stage {
    /// The answer to its request is not sent yet.
    Connecting,
    /// Its socket is open, at one of the reactors that these mailboxes are of.
    Open(ConnectionAddr, Arc<Mailboxes>),
    /// Closed before it was open: its socket is closed as soon as there is one.
    CloseOnOpen(CloseReason),
    /// Nothing more comes to wait.
    Closing,
}

impl SendQueue {
    pub(in crate::gateway) fn new(client: Arc<str>, subscription: SubscriptionId) -> Self {
        Self {
            client,
            subscription,
            inner: Mutex::new(Inner {
                stage: Stage::Connecting,
                waiting: VecDeque::new(),
                bytes: 0,
                handed: 0,
                // A socket that opens asks once.
                polled: true,
            }),
        }
    }

    /// Notes where the socket is.
    pub(in crate::gateway) fn open(&self, addr: ConnectionAddr, mailboxes: &Arc<Mailboxes>) {
        let mut inner = self.inner.lock();
        match std::mem::replace(&mut inner.stage, Stage::Closing) {
            Stage::Connecting => inner.stage = Stage::Open(addr, mailboxes.clone()),
            Stage::CloseOnOpen(close) => {
                // Released first: closing wakes the reactor, a system call that no sender should wait for.
                drop(inner);
                close_socket(addr, close, mailboxes);
            }
            Stage::Open(..) | Stage::Closing => {}
        }
    }

    /// Appends a frame, unless more than `max` bytes would wait then. The reactor to be woken for it is added to `wakers`.
    pub(in crate::gateway) fn try_push(
        &self,
        frame: &Arc<[u8]>,
        max: usize,
        wakers: &mut Wakers,
    ) -> SendOutcome {
        let inner = &mut *self.inner.lock();
        let open = match &inner.stage {
            Stage::Connecting => None,
            Stage::Open(addr, mailboxes) => Some((*addr, mailboxes)),
            Stage::CloseOnOpen(_) | Stage::Closing => return SendOutcome::Unknown,
        };
        // A reactor that stops sends what waits, and then closes. Were more taken meanwhile, that would have no end.
        if open.is_some_and(|(addr, mailboxes)| mailboxes.is_stopping(addr)) {
            return SendOutcome::Unknown;
        }
        // Empty frames count, too: otherwise any number of them could wait.
        let bytes = inner.bytes + frame.len() + FRAME_COST;
        if bytes > max {
            return SendOutcome::Full;
        }
        inner.bytes = bytes;
        inner.waiting.push_back(frame.clone());
        // One wake until it has come and found nothing left: a burst of messages costs a single one.
        if let (false, Some((addr, mailboxes))) = (inner.polled, open) {
            inner.polled = true;
            mailboxes.put(addr, SocketCommand::Send, wakers);
        }
        SendOutcome::Queued
    }

    /// Moves frames of about `max` bytes to `out`, one at least. The socket has taken what it was handed
    /// before.
    pub(in crate::gateway) fn take(&self, max: usize, out: &mut Vec<u8>) {
        self.inner.lock().take(max, out);
    }

    /// Moves all that waits to `out`, and has nothing more come to wait: the socket is closing.
    pub(in crate::gateway) fn drain(&self, out: &mut Vec<u8>) {
        let mut inner = self.inner.lock();
        inner.stage = Stage::Closing;
        inner.take(usize::MAX, out);
    }

    /// Returns whether something waits that the socket has not been handed.
    pub(in crate::gateway) fn has_waiting(&self) -> bool {
        !self.inner.lock().waiting.is_empty()
    }

    #[cfg(test)]
    pub(super) fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    /// Has the socket closed after all that waits; nothing more comes to wait.
    pub(in crate::gateway) fn close(&self, close: CloseReason) {
        let mut inner = self.inner.lock();
        match std::mem::replace(&mut inner.stage, Stage::Closing) {
            Stage::Connecting => inner.stage = Stage::CloseOnOpen(close),
            Stage::Open(addr, mailboxes) => {
                // Released first, as in `open`.
                drop(inner);
                close_socket(addr, close, &mailboxes);
            }
            // The first close decides: its reason is the one that ended the connection.
            earlier @ (Stage::CloseOnOpen(_) | Stage::Closing) => inner.stage = earlier,
        }
    }

    /// Has nothing more come to wait: the socket is gone.
    pub(in crate::gateway) fn clear(&self) {
        let mut inner = self.inner.lock();
        inner.stage = Stage::Closing;
        inner.waiting = VecDeque::new();
    }
}

impl Inner {
    fn take(&mut self, max: usize, out: &mut Vec<u8>) {
        // Only now: until the socket asks for more it may still hold what it got last, and that counts against its
        // client.
        self.bytes -= self.handed;
        self.handed = 0;
        let start = out.len();
        while let Some(frame) = self.waiting.pop_front() {
            let made = out.len() - start;
            // A frame that is larger than `max` goes alone: otherwise it would wait for ever.
            if made > 0 && made + frame.len() > max {
                self.waiting.push_front(frame);
                break;
            }
            out.extend_from_slice(&frame);
            self.handed += frame.len() + FRAME_COST;
        }
        // Who was handed something asks again when the socket has taken it; who was handed nothing has to be told of
        // the next frame.
        self.polled = self.handed > 0;
        // Most clients are idle most of the time: their buffers are given back.
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }
}

fn close_socket(addr: ConnectionAddr, close: CloseReason, mailboxes: &Mailboxes) {
    let mut wakers = Wakers::default();
    mailboxes.put(addr, SocketCommand::Close(close), &mut wakers);
    wakers.wake();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::StreamId;

    fn frame(len: usize) -> Arc<[u8]> {
        vec![7; len].into()
    }

    fn queue() -> SendQueue {
        SendQueue::new("a".into(), SubscriptionId(1))
    }

    fn addr() -> ConnectionAddr {
        ConnectionAddr {
            reactor: 0,
            stream: StreamId::from_bits(1),
        }
    }

    fn offer(queue: &SendQueue, frame: &Arc<[u8]>, max: usize) -> SendOutcome {
        queue.try_push(frame, max, &mut Wakers::default())
    }

    #[test]
    fn what_waits_is_bounded_until_the_socket_has_taken_it() {
        let queue = queue();
        let max = 2 * (100 + FRAME_COST);
        assert_eq!(offer(&queue, &frame(max), max), SendOutcome::Full);
        assert_eq!(offer(&queue, &frame(100), max), SendOutcome::Queued);
        queue.open(addr(), &Arc::new(Mailboxes::new(1)));
        assert_eq!(offer(&queue, &frame(100), max), SendOutcome::Queued);
        assert_eq!(offer(&queue, &frame(0), max), SendOutcome::Full);
        let mut out = Vec::new();
        queue.take(150, &mut out);
        assert_eq!(out.len(), 100, "whole frames, about as many as asked for");
        assert_eq!(offer(&queue, &frame(0), max), SendOutcome::Full, "handed");
        queue.take(150, &mut out);
        assert_eq!(out.len(), 200);
        assert_eq!(offer(&queue, &frame(50), max), SendOutcome::Queued);
    }

    #[test]
    fn who_leaves_gets_what_waited_and_nothing_more() {
        let queue = queue();
        queue.open(addr(), &Arc::new(Mailboxes::new(1)));
        assert_eq!(offer(&queue, &frame(3), 1000), SendOutcome::Queued);
        let close = CloseReason {
            code: crate::wire::ws::CloseCode::NORMAL,
            reason: String::new(),
        };
        queue.close(close);
        assert_eq!(offer(&queue, &frame(3), 1000), SendOutcome::Unknown);
        let mut out = Vec::new();
        queue.drain(&mut out);
        assert_eq!(out.len(), 3);
    }
}

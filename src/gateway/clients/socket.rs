//! A client's socket at its reactor: it comes, is heard, and leaves exactly once.

use std::sync::Arc;

use crate::gateway::admin::connections::ConnectionAddr;
use crate::gateway::callbacks::Callbacks;
use crate::gateway::clients::handler::StreamClient;
use crate::gateway::clients::mailbox::CloseReason;
use crate::gateway::clients::queue::SendQueue;
use crate::gateway::clients::{Mailboxes, WebSocketStream};
use crate::gateway::ws::SocketReplies;
use crate::wire::ws::{CloseCode, MessageKind};

/// The socket of a client, with its send queue. Dropping it frees the id, whatever became of the connection.
pub(in crate::gateway) struct ClientSocket {
    stream: WebSocketStream,
    queue: Arc<SendQueue>,
    /// The handler knows of it.
    handler_knows: bool,
}

impl ClientSocket {
    pub(in crate::gateway) fn new(stream: WebSocketStream, queue: Arc<SendQueue>) -> Self {
        Self {
            stream,
            queue,
            handler_knows: false,
        }
    }

    pub(in crate::gateway) fn queue(&self) -> &SendQueue {
        &self.queue
    }

    /// Its socket is open.
    pub(in crate::gateway) fn opened(
        &mut self,
        addr: ConnectionAddr,
        mailboxes: &Arc<Mailboxes>,
        callbacks: &Callbacks,
    ) {
        self.queue.open(addr, mailboxes);
        self.handler_knows = true;
        let tell = || self.stream.0.handler.connected(&self.client());
        if callbacks.call("client handler", tell).is_none() {
            let close = CloseReason {
                code: CloseCode::INTERNAL,
                reason: "the handler failed".to_owned(),
            };
            self.queue.close(close);
        }
    }

    /// Gives a message of the client to the handler.
    pub(in crate::gateway) fn message(
        &self,
        kind: MessageKind,
        data: &[u8],
        replies: &mut SocketReplies<'_, '_>,
    ) {
        let handler = &self.stream.0.handler;
        handler.message(&self.client(), kind, data, replies);
    }

    /// Its socket is about to be closed: gives what still waits for it.
    pub(in crate::gateway) fn closing(&mut self, out: &mut Vec<u8>, callbacks: &Callbacks) {
        // Nothing comes to wait any more, so nothing is lost that was taken.
        self.stream.forget(&self.queue);
        self.queue.drain(out);
        self.closed(callbacks);
    }

    /// Its socket is closing or gone.
    pub(in crate::gateway) fn closed(&mut self, callbacks: &Callbacks) {
        self.stream.leave(&self.queue);
        // Once, however the end comes: by a close that is followed by the end of the connection, or by that alone.
        if std::mem::take(&mut self.handler_knows) {
            let tell = || self.stream.0.handler.disconnected(&self.client());
            callbacks.call("client handler", tell);
        }
    }

    fn client(&self) -> StreamClient<'_> {
        StreamClient {
            stream: &self.stream,
            queue: &self.queue,
        }
    }
}

impl Drop for ClientSocket {
    /// For who never became a socket, and for a server that nobody turns any more. No handler runs here.
    fn drop(&mut self) {
        self.stream.leave(&self.queue);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::gateway::clients::WebSocketStreamOptions;
    use crate::net::StreamId;
    use crate::ring::Notify;

    /// A reactor's waker that counts how often it was called, and finds fault with locks.
    #[derive(Default)]
    struct CountingWaker {
        stream: OnceLock<WebSocketStream>,
        queues: OnceLock<Vec<Arc<SendQueue>>>,
        has_commands: AtomicUsize,
    }

    impl Notify for CountingWaker {
        fn notify(&self) {
            let stream = self.stream.get().expect("it is known");
            assert!(stream.0.registry.try_lock().is_some(), "the registry");
            let mut queues = self.queues.get().expect("they are known").iter();
            assert!(queues.all(|queue| !queue.is_locked()), "a queue");
            self.has_commands.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_broadcast_wakes_a_reactor_once_and_without_a_lock() {
        let (mailboxes, waker) = (
            Arc::new(Mailboxes::new(1)),
            Arc::new(CountingWaker::default()),
        );
        mailboxes.open(0, waker.clone());
        let options = WebSocketStreamOptions::default();
        let stream = WebSocketStream::new(options);
        let mut here: Vec<_> = ["a", "b", "c"]
            .map(|id| stream.clone().admit(id).unwrap())
            .into();
        let queues = here.iter().map(|client| client.queue.clone()).collect();
        _ = (waker.stream.set(stream.clone()), waker.queues.set(queues));
        for (client, bits) in here.iter_mut().zip(1..) {
            client.opened(
                ConnectionAddr {
                    reactor: 0,
                    stream: StreamId::from_bits(bits),
                },
                &mailboxes,
                &Callbacks::default(),
            );
            // What the socket asks for when it opens.
            client.queue.take(1, &mut Vec::new());
        }
        assert_eq!(stream.broadcast("to all").sent, 3);
        assert_eq!(waker.has_commands.load(Ordering::Relaxed), 1);
        assert!(stream.send_to("a", "taken with it"));
        assert_eq!(waker.has_commands.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn whoever_is_closed_is_closed_without_a_lock() {
        let (mailboxes, waker) = (
            Arc::new(Mailboxes::new(1)),
            Arc::new(CountingWaker::default()),
        );
        mailboxes.open(0, waker.clone());
        let options = WebSocketStreamOptions::default();
        let stream = WebSocketStream::new(options);
        let mut client = stream.clone().admit("a").unwrap();
        let queues = vec![client.queue.clone()];
        _ = (waker.stream.set(stream.clone()), waker.queues.set(queues));
        client.opened(
            ConnectionAddr {
                reactor: 0,
                stream: StreamId::from_bits(1),
            },
            &mailboxes,
            &Callbacks::default(),
        );
        assert!(stream.disconnect("a"));
        assert_eq!(waker.has_commands.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn who_never_becomes_a_socket_leaves_its_seat() {
        let options = WebSocketStreamOptions::default();
        let stream = WebSocketStream::new(options);
        let client = stream.clone().admit("a").unwrap();
        assert!(stream.send_to("a", "on its way"));
        drop(client);
        assert!(stream.is_empty() && !stream.send_to("a", "x"));
    }
}

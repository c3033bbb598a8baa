//! A WebSocket stream: named clients, sent to from any thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::gateway::admin::connections::Broadcast;
use crate::gateway::clients::handler::{ClientHandler, NoHandler};
use crate::gateway::clients::mailbox::{CloseReason, Wakers};
use crate::gateway::clients::message::SocketMessage;
use crate::gateway::clients::options::WebSocketStreamOptions;
use crate::gateway::clients::queue::SendQueue;
use crate::gateway::clients::registry::{ClientIdError, SubscriptionId};
use crate::gateway::clients::registry::{Entry, Registry};
use crate::gateway::clients::socket::ClientSocket;
use crate::gateway::delivery::SendOutcome;
use crate::gateway::http::problem::Problem;
use crate::net::SocketLimits;
use crate::wire::ws::CloseCode;

/// Sends to clients that are connected by WebSocket and have named themselves.
///
/// A client connects to the stream's path with `?client=ID`: 1 to 64 printable ASCII bytes without
/// spaces, 400 otherwise. From the answer 101 on it gets everything that is sent to it, in order, and
/// all clients get broadcasts in one order. What is sent is not kept: who is away does not get it later.
///
/// It is made before the server, which [serves](crate::gateway::ServerBuilder::clients) its clients; until then it has
/// none. A copy is the same stream. All methods can be called from any thread, handlers of this or another server included. None
/// waits for a client or for a thread of the server: a message is put where the client's reactor takes
/// it from, and the reactor is woken. `true` says that the message is there and its client has not gone, as
/// far as the server knows: it learns of a connection that was closed or reset at once, and of one that
/// broke silently when a ping stays unanswered. Then the client is not known any more. A server that stops
/// takes nothing more for its clients, sends what waits, and closes (1001).
///
/// # Examples
///
/// ```
/// use eventring::gateway::{Server, ServerConfig, WebSocketStream};
/// use eventring::hub::Hub;
///
/// let notifications = WebSocketStream::new(Default::default());
/// let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
/// let server = Server::builder(&Hub::new())
///     .clients("/notifications", &notifications)
///     .bind(config)?
///     .spawn()?;
/// println!("new WebSocket(\"ws://{}/notifications?client=alice\")", server.addr());
/// assert_eq!(notifications.broadcast("the shop closes at eight").sent, 0);
/// assert!(!notifications.send_to("alice", "she has not come yet"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WebSocketStream(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) options: WebSocketStreamOptions,
    pub(super) limits: Arc<SocketLimits>,
    /// Locked for a moment, before any queue or mailbox; never while a handler runs or a reactor is woken.
    pub(super) registry: Mutex<Registry>,
    pub(super) handler: Box<dyn ClientHandler>,
    pub(super) sent: AtomicU64,
    pub(super) full: AtomicU64,
}

/// The counts of a stream since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocketStreamStats {
    /// Clients that are connected now.
    pub clients: usize,
    /// Messages for clients that took them or had room for them; one to two clients counts twice.
    pub sent: u64,
    /// Messages that clients do not get because too much waits for them.
    pub full: u64,
}

impl WebSocketStream {
    /// The code that a connection is closed with which another one replaces: 4000. A client that gets it should not
    /// connect again by itself.
    pub const REPLACED: CloseCode = CloseCode(4000);

    /// A stream whose clients are only sent to: what they send is dropped.
    ///
    /// An option that is out of its range is told by [`bind`](crate::gateway::ServerBuilder::bind).
    pub fn new(options: WebSocketStreamOptions) -> Self {
        Self::with_handler(options, NoHandler)
    }

    /// A stream with a handler that admits clients, is told of them, and takes what they send.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::gateway::{Server, ServerConfig, SocketReplies, StreamClient, WebSocketStream};
    /// use eventring::hub::Hub;
    /// use eventring::wire::ws::MessageKind;
    ///
    /// let chat = WebSocketStream::with_handler(
    ///     Default::default(),
    ///     |client: &StreamClient<'_>, _: MessageKind, data: &[u8], _: &mut SocketReplies<'_, '_>| {
    ///         let said = format!("{}: {}", client.id(), String::from_utf8_lossy(data));
    ///         client.stream().broadcast(&*said);
    ///     },
    /// );
    /// let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    /// let server = Server::builder(&Hub::new()).clients("/chat", &chat).bind(config)?.spawn()?;
    /// chat.broadcast("the chat is open");
    /// # assert!(server.stop()?.clean);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_handler(
        options: WebSocketStreamOptions,
        handler: impl ClientHandler + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            limits: Arc::new(options.limits()),
            options,
            registry: Mutex::default(),
            handler: Box::new(handler),
            sent: AtomicU64::new(0),
            full: AtomicU64::new(0),
        }))
    }

    /// The first of its options that is out of its range, and the range.
    pub(in crate::gateway) fn first_fault(&self) -> Option<(&'static str, &'static str)> {
        self.0.options.first_fault()
    }

    /// Expects a client; returns the id of the subscription that its connection will be.
    ///
    /// The next connection that names the id is that one. With
    /// [`only_expected`](WebSocketStreamOptions::only_expected) no other may come, and one that has ended
    /// must be announced again; without it, the id is only set aside. Until the client has come, it is not
    /// connected: nothing can be sent to it. It is expected until it comes or
    /// [`disconnect`](Self::disconnect) forgets it.
    ///
    /// # Errors
    ///
    /// [`ClientIdError`]: it is no id, there are too many, or the id is connected or expected already and
    /// a second one is refused. Otherwise whoever has the id is closed.
    pub fn connect(&self, client: &str) -> Result<SubscriptionId, ClientIdError> {
        let (id, old) = self.0.registry.lock().expect(client, &self.0.options)?;
        self.replace(old);
        Ok(id)
    }

    /// Closes a client's connection after what was sent to it (1000, "disconnected"), or forgets one that
    /// is expected; `false`: there is neither. From here on the id is free.
    pub fn disconnect(&self, client: &str) -> bool {
        self.disconnect_with(client, CloseCode::NORMAL, "disconnected")
    }

    /// As [`disconnect`](Self::disconnect), with a code and a reason of the program's own. Of the reason, 123
    /// bytes are sent; a code that [may not travel](CloseCode::may_travel) becomes 1011.
    pub fn disconnect_with(&self, client: &str, code: CloseCode, reason: &str) -> bool {
        let found = self.0.registry.lock().remove(client);
        if let Some(Entry::Connected(queue)) = &found {
            let reason = reason.to_owned();
            queue.close(CloseReason { code, reason });
        }
        found.is_some()
    }

    /// Sends a message to all clients that are connected: a text (`&str`), bytes (`&[u8]`), an
    /// [`Event`](crate::event::Event), or a [`SocketMessage`]. It is encoded once.
    ///
    /// Returns how many get it, and the ids of those that do not because
    /// [too much](WebSocketStreamOptions::queue_bytes) waits for them.
    pub fn broadcast(&self, message: impl Into<SocketMessage>) -> Broadcast {
        let message = message.into();
        let (mut done, mut wakers) = (Broadcast::default(), Wakers::default());
        // The lock is held to the end, so that no two clients see two broadcasts in two orders.
        let registry = self.0.registry.lock();
        for queue in registry.connected() {
            match self.put(queue, &message, &mut wakers) {
                SendOutcome::Queued => done.sent += 1,
                SendOutcome::Full => done.full.push(queue.client.to_string()),
                SendOutcome::Unknown => {}
            }
        }
        drop(registry);
        wakers.wake();
        self.count(done.sent, done.full.len() as u64);
        done
    }

    /// Sends a message to one client; `false`: it does not get it, because it is not connected or too much
    /// waits for it.
    pub fn send_to(&self, client: &str, message: impl Into<SocketMessage>) -> bool {
        self.offer(client, message) == SendOutcome::Queued
    }

    /// As [`send_to`](Self::send_to), and says why not.
    pub fn offer(&self, client: &str, message: impl Into<SocketMessage>) -> SendOutcome {
        let (message, mut wakers) = (message.into(), Wakers::default());
        let registry = self.0.registry.lock();
        let put = registry.find(client).map_or(SendOutcome::Unknown, |queue| {
            self.put(queue, &message, &mut wakers)
        });
        drop(registry);
        wakers.wake();
        match put {
            SendOutcome::Queued => self.count(1, 0),
            SendOutcome::Full => self.count(0, 1),
            SendOutcome::Unknown => {}
        }
        put
    }

    /// The ids of the clients that are connected, in order.
    pub fn clients(&self) -> Vec<String> {
        let registry = self.0.registry.lock();
        let mut ids: Vec<_> = registry
            .connected()
            .map(|queue| queue.client.to_string())
            .collect();
        drop(registry);
        ids.sort_unstable();
        ids
    }

    /// The subscription of a client that is connected.
    pub fn subscription_of(&self, client: &str) -> Option<SubscriptionId> {
        let registry = self.0.registry.lock();
        registry.find(client).map(|queue| queue.subscription)
    }

    /// Returns the number of clients that are connected.
    pub fn len(&self) -> usize {
        self.0.registry.lock().connected().count()
    }

    /// Returns whether no client is connected.
    pub fn is_empty(&self) -> bool {
        self.0.registry.lock().connected().next().is_none()
    }

    /// The figures as they are now.
    pub fn stats(&self) -> WebSocketStreamStats {
        WebSocketStreamStats {
            clients: self.len(),
            // Relaxed: figures that order nothing.
            sent: self.0.sent.load(Ordering::Relaxed),
            full: self.0.full.load(Ordering::Relaxed),
        }
    }

    /// Gives a client that has come its socket.
    pub(super) fn admit(self, client: &str) -> Result<ClientSocket, Problem> {
        // One lock for both steps: two connections with one expected id must not both find it expected.
        let mut registry = self.0.registry.lock();
        if self.0.options.only_expected && !registry.expects(client) {
            return Err(Problem::new(403, "client is not expected").field("client"));
        }
        let (queue, old) = registry.connect(client, &self.0.options)?;
        // The old one is closed without the lock: that wakes its reactor, and others want to send meanwhile.
        drop(registry);
        self.replace(old);
        Ok(ClientSocket::new(self, queue))
    }

    /// Forgets a client whose connection has ended, and what waits for it.
    pub(super) fn leave(&self, queue: &SendQueue) {
        self.forget(queue);
        queue.clear();
    }

    /// Forgets a client: from here on nothing is put into its queue.
    pub(super) fn forget(&self, queue: &SendQueue) {
        self.0.registry.lock().leave(queue);
    }

    fn replace(&self, old: Option<Arc<SendQueue>>) {
        if let Some(old) = old {
            let close = CloseReason {
                code: Self::REPLACED,
                reason: "another connection has this id now".to_owned(),
            };
            old.close(close);
        }
    }

    fn put(&self, queue: &SendQueue, message: &SocketMessage, wakers: &mut Wakers) -> SendOutcome {
        queue.try_push(message.shared(), self.0.options.queue_bytes, wakers)
    }

    fn count(&self, sent: u64, full: u64) {
        // Relaxed: figures that order nothing.
        for (figure, n) in [(&self.0.sent, sent), (&self.0.full, full)] {
            if n > 0 {
                figure.fetch_add(n, Ordering::Relaxed);
            }
        }
    }
}

impl fmt::Debug for WebSocketStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketStream")
            .field("options", &self.0.options)
            .field("stats", &self.stats())
            .finish()
    }
}

//! A WebSocket in the making, and its bounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::net::service::Service;
use crate::settings::setters;
use crate::wire::ws::{self, Inflate};

/// Bounds of a WebSocket, each with its default and its consequence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SocketLimits {
    /// Bounds of the decoder. 1 MiB a message; over it: 1009.
    pub frames: ws::MessageLimits,
    /// Control frames in a second; over it: 1008. 100.
    pub controls_per_second: u32,
    /// Silence of the peer after which it gets a ping; zero: none. 20 s.
    pub ping_after: Duration,
    /// Time to answer a ping; then the connection is cut. 20 s.
    pub pong_timeout: Duration,
    /// Time to answer a close frame; then the connection closes. 5 s.
    pub close_timeout: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            frames: ws::MessageLimits::default(),
            controls_per_second: 100,
            ping_after: Duration::from_secs(20),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
        }
    }
}

setters! {
    SocketLimits {
        frames: ws::MessageLimits,
        controls_per_second: u32,
        ping_after: Duration,
        pong_timeout: Duration,
        close_timeout: Duration,
    }
}

/// A WebSocket in the making.
pub struct SocketPlan<S: Service> {
    /// The first bytes: the answer to the handshake and whatever precedes the messages.
    pub head: Vec<u8>,
    /// The service's own state of it.
    pub socket: S::Socket,
    /// The compression that the client may use.
    pub inflate: Inflate,
    /// Its bounds, shared by all of its route.
    pub limits: Arc<SocketLimits>,
    /// Its first subscription; `None`: it has none from the start.
    pub subscribed: Option<S::Change>,
    /// Longest silence towards the client before a heartbeat; zero: none.
    pub heartbeat: Duration,
    /// The moment at which the right to be here ends; `None`: never.
    pub expires_at: Option<Instant>,
}

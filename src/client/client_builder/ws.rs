//! Options of a WebSocket client.

use std::sync::Arc;

use super::ClientBuilder;
use crate::client::transport::{Network, System};
use crate::client::ws::WsClient;
use crate::wire::ws::MessageLimits;

/// Bytes of a message, and of a frame, that a client takes unless told otherwise: what an event of a
/// server with default limits comes to, most of it escaped, and more.
const MESSAGE_BYTES: usize = 16 << 20;

/// Options that only a client of WebSockets has.
#[derive(Clone, Copy, Debug)]
pub struct WsOptions {
    pub(in crate::client) limits: MessageLimits,
    pub(in crate::client) deflate: bool,
}

impl Default for WsOptions {
    fn default() -> Self {
        let limits = MessageLimits {
            frame_bytes: MESSAGE_BYTES,
            message_bytes: MESSAGE_BYTES,
            ..MessageLimits::default()
        };
        Self {
            limits,
            deflate: true,
        }
    }
}

/// Options of a client of WebSockets.
pub type WsClientBuilder = ClientBuilder<WsOptions>;

impl ClientBuilder<WsOptions> {
    /// Bounds the server's messages; over it: [`ClientError::Violation`](crate::client::ClientError::Violation). 16 MiB, 1,024
    /// fragments.
    #[must_use]
    pub fn limits(mut self, limits: MessageLimits) -> Self {
        self.own.limits = limits;
        self
    }

    /// Allows the server to compress its messages (permessage-deflate), or not, which takes 42 KiB once it
    /// does. It may.
    #[must_use]
    pub fn deflate(mut self, offer: bool) -> Self {
        self.own.deflate = offer;
        self
    }

    /// Makes the client; it connects when it is asked for an item.
    pub fn build(self) -> WsClient {
        self.build_on(Arc::new(System))
    }

    /// Makes the client, on a network.
    pub(in crate::client) fn build_on(self, network: Arc<dyn Network>) -> WsClient {
        WsClient::new(self, network)
    }
}

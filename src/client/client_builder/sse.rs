//! Options of a client of Server-Sent Events.

use std::sync::Arc;

use super::ClientBuilder;
use crate::client::sse::SseClient;
use crate::client::transport::{Network, System};
use crate::wire::sse::DecodeLimits;

/// Options that only a client of Server-Sent Events has.
#[derive(Clone, Copy, Debug, Default)]
pub struct SseOptions {
    pub(in crate::client) limits: DecodeLimits,
}

/// Options of a client of Server-Sent Events.
pub type SseClientBuilder = ClientBuilder<SseOptions>;

impl ClientBuilder<SseOptions> {
    /// Bounds what is held of a stream; over it: [`ClientError::Decode`](crate::client::ClientError::Decode).
    #[must_use]
    pub fn limits(mut self, limits: DecodeLimits) -> Self {
        self.own.limits = limits;
        self
    }

    /// Makes the client; it connects when it is asked for an item.
    pub fn build(self) -> SseClient {
        self.build_on(Arc::new(System))
    }

    /// Makes the client, on a network.
    pub(in crate::client) fn build_on(self, network: Arc<dyn Network>) -> SseClient {
        SseClient::new(self, network)
    }
}

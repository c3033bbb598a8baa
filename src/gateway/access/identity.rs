//! Which client is behind a connection: the peer, or the one that trusted proxies name.

use std::net::SocketAddr;

use crate::gateway::gateway::Gateway;
use crate::reactor::{ClientIdentity, Identity};
use crate::wire::http::Head;

impl Identity for Gateway {
    fn client_identity(&self, peer: SocketAddr) -> ClientIdentity {
        self.shared.proxies.client_identity(peer)
    }

    fn client(&self, head: &Head, peer: SocketAddr) -> SocketAddr {
        self.shared.proxies.client(head, peer)
    }
}

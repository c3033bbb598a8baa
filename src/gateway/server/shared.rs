//! What the gateways of all reactors of a server share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::gateway::access::authorizer::Authorizer;
use crate::gateway::access::origin_check::Guard;
use crate::gateway::access::preflight::Preflight;
use crate::gateway::access::proxies::Proxies;
use crate::gateway::admin::commands::Desks;
use crate::gateway::admin::endpoints::Places;
use crate::gateway::clients::{ClientRoutes, Trays};
use crate::gateway::http::query::Foreign;
use crate::gateway::publish::publisher::Bounds;
use crate::gateway::server::callbacks::Callbacks;
use crate::gateway::server::public_url::{self, PublicUrl};
use crate::gateway::stream::options::StreamOptions;
use crate::gateway::telemetry::aggregate::Tallies;
use crate::gateway::telemetry::user_counters::Counters;
use crate::gateway::ws::SocketRoutes;
use crate::reactor::Tls;
use crate::wire::http::Head;

/// Made once, and cloned for each reactor.
#[derive(Clone)]
pub(in crate::gateway) struct Common {
    pub(in crate::gateway) bounds: Bounds,
    /// What streams have that ask for nothing else.
    pub(in crate::gateway) options: StreamOptions,
    /// Bytes of a frame log.
    pub(in crate::gateway) frame_log: usize,
    /// Streams that may be compressed with Brotli.
    pub(in crate::gateway) brotli_streams: usize,
    /// Whether streams are listed in the presence of their topics.
    pub(in crate::gateway) presence: bool,
    pub(in crate::gateway) guard: Arc<Guard>,
    pub(in crate::gateway) tls: Option<Tls>,
    pub(in crate::gateway) preflight: Arc<Preflight>,
    /// Query parameters that pass though no route knows them.
    pub(in crate::gateway) foreign: Arc<Foreign>,
    pub(in crate::gateway) proxies: Arc<Proxies>,
    /// What clients know the server by.
    pub(in crate::gateway) public: Option<Arc<PublicUrl>>,
    /// It is going to stop, or does: nobody should send anything here any more.
    pub(in crate::gateway) draining: Arc<AtomicBool>,
    pub(in crate::gateway) authorizer: Arc<dyn Authorizer>,
    /// Calls the program's code.
    pub(in crate::gateway) callbacks: Arc<Callbacks>,
    pub(in crate::gateway) tallies: Arc<Tallies>,
    /// Those of the program.
    pub(in crate::gateway) counters: Arc<Counters>,
    pub(in crate::gateway) desks: Arc<Desks>,
    pub(in crate::gateway) places: Arc<Places>,
    /// WebSocket routes of the embedder.
    pub(in crate::gateway) sockets: SocketRoutes,
    /// Its WebSocket streams, and what is to be done for their clients.
    pub(in crate::gateway) clients: ClientRoutes,
    pub(in crate::gateway) trays: Arc<Trays>,
}

impl Common {
    /// What stands before a path of ours, so that whoever sent `head` from `peer` can ask for it.
    pub(in crate::gateway) fn base(&self, head: &Head, peer: SocketAddr) -> String {
        match &self.public {
            Some(public) => public.text().to_owned(),
            None => public_url::prefix(&self.proxies.told(head, peer)).to_owned(),
        }
    }
}

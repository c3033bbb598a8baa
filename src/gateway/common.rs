//! What the gateways of all reactors of a server share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::auth::Authorizer;
use super::callbacks::Callbacks;
use super::counter::Counters;
use super::desk::Desks;
use super::guard::Guard;
use super::options::StreamOptions;
use super::places::Places;
use super::preflight::Preflight;
use super::proxies::Proxies;
use super::public::{self, PublicUrl};
use super::publish::Bounds;
use super::query::Foreign;
use super::tally::Tallies;
use super::ws::{ClientRoutes, SocketRoutes, Trays};
use crate::reactor::Tls;
use crate::wire::http::Head;

/// Made once, and cloned for each reactor.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) bounds: Bounds,
    /// What streams have that ask for nothing else.
    pub(super) options: StreamOptions,
    /// Bytes of a frame log.
    pub(super) frame_log: usize,
    /// Streams that may be compressed with Brotli.
    pub(super) brotli_streams: usize,
    /// Whether streams are listed in the presence of their topics.
    pub(super) presence: bool,
    pub(super) guard: Arc<Guard>,
    pub(super) tls: Option<Tls>,
    pub(super) preflight: Arc<Preflight>,
    /// Query parameters that pass though no route knows them.
    pub(super) foreign: Arc<Foreign>,
    pub(super) proxies: Arc<Proxies>,
    /// What clients know the server by.
    pub(super) public: Option<Arc<PublicUrl>>,
    /// It is going to stop, or does: nobody should send anything here any more.
    pub(super) draining: Arc<AtomicBool>,
    pub(super) authorizer: Arc<dyn Authorizer>,
    /// Calls the program's code.
    pub(super) callbacks: Arc<Callbacks>,
    pub(super) tallies: Arc<Tallies>,
    /// Those of the program.
    pub(super) counters: Arc<Counters>,
    pub(super) desks: Arc<Desks>,
    pub(super) places: Arc<Places>,
    /// WebSocket routes of the embedder.
    pub(super) sockets: SocketRoutes,
    /// Its WebSocket streams, and what is to be done for their clients.
    pub(super) clients: ClientRoutes,
    pub(super) trays: Arc<Trays>,
}

impl Common {
    /// What stands before a path of ours, so that whoever sent `head` from `peer` can ask for it.
    pub(super) fn base(&self, head: &Head, peer: SocketAddr) -> String {
        match &self.public {
            Some(public) => public.text().to_owned(),
            None => public::prefix(&self.proxies.told(head, peer)).to_owned(),
        }
    }
}

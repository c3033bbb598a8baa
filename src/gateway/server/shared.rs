//! The state that the gateways of all reactors of a server share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::fanout;
use crate::gateway::access::public_url::{self, PublicUrl};
use crate::gateway::access::{Authorizer, OriginCheck, Proxies};
use crate::gateway::admin::checkpoints::rates::SaveRates;
use crate::gateway::admin::commands::CommandQueues;
use crate::gateway::admin::endpoints::Endpoints;
use crate::gateway::callbacks::Callbacks;
use crate::gateway::clients::Mailboxes;
use crate::gateway::delivery::ServerStats;
use crate::gateway::http::preflight::Preflight;
use crate::gateway::http::query::Foreign;
use crate::gateway::publish::Bounds;
use crate::gateway::stream::options::StreamOptions;
use crate::gateway::telemetry::aggregate::Aggregate;
use crate::gateway::telemetry::user_counters::UserCounters;
use crate::gateway::user_routes::UserRoutes;
use crate::net::{Handle, Tls};
use crate::wire::http::Head;

/// Made once, and cloned for each reactor.
#[derive(Clone)]
pub(in crate::gateway) struct Shared {
    pub(in crate::gateway) bounds: Bounds,
    /// The options of streams that ask for no others.
    pub(in crate::gateway) options: StreamOptions,
    /// Bytes of a frame log.
    pub(in crate::gateway) frame_log: usize,
    /// Bytes that may wait for one connection alone before it gets no more.
    pub(in crate::gateway) private_bytes: usize,
    /// The counts and bounds of the fan-outs of all reactors.
    pub(in crate::gateway) fanouts: Arc<fanout::Shared>,
    /// Streams that may be compressed with Brotli.
    pub(in crate::gateway) brotli_streams: usize,
    /// Streams are listed in the presence of their topics.
    pub(in crate::gateway) presence: bool,
    pub(in crate::gateway) origin_check: Arc<OriginCheck>,
    pub(in crate::gateway) tls: Option<Tls>,
    pub(in crate::gateway) preflight: Arc<Preflight>,
    /// Query parameters that pass though no route knows them.
    pub(in crate::gateway) foreign: Arc<Foreign>,
    pub(in crate::gateway) proxies: Arc<Proxies>,
    /// The address by which clients know the server.
    pub(in crate::gateway) public: Option<Arc<PublicUrl>>,
    /// Set once the server is going to stop: nobody should send clients here any more.
    pub(in crate::gateway) draining: Arc<AtomicBool>,
    pub(in crate::gateway) authorizer: Arc<dyn Authorizer>,
    /// Requests that may wait for it at each reactor.
    pub(in crate::gateway) max_pending_authorizations: usize,
    /// Calls the program's code.
    pub(in crate::gateway) callbacks: Arc<Callbacks>,
    pub(in crate::gateway) aggregate: Arc<Aggregate>,
    /// Those of the program.
    pub(in crate::gateway) counters: Arc<UserCounters>,
    pub(in crate::gateway) commands: Arc<CommandQueues>,
    pub(in crate::gateway) endpoints: Arc<Endpoints>,
    /// Counts the saves of checkpoints.
    pub(in crate::gateway) save_rates: Arc<SaveRates>,
    /// The program's own routes.
    pub(in crate::gateway) user_routes: UserRoutes,
    /// Commands for the clients of its WebSocket streams.
    pub(in crate::gateway) mailboxes: Arc<Mailboxes>,
}

impl Shared {
    /// Returns the counters of all reactors as they are now; `handle` is that of any of them.
    pub(in crate::gateway) fn stats(&self, handle: &Handle) -> ServerStats {
        ServerStats::of(handle.stats(), self.fanouts.stats())
    }

    /// Returns what stands before a path of ours, so that whoever sent `head` from `peer` can ask for it.
    pub(in crate::gateway) fn base(&self, head: &Head, peer: SocketAddr) -> String {
        match &self.public {
            Some(public) => public.text().to_owned(),
            None => public_url::prefix(&self.proxies.forwarded(head, peer)).to_owned(),
        }
    }
}

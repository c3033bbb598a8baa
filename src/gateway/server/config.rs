//! The server's settings.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::fanout::{FanoutLimits, SlowPolicy};
use crate::gateway::encode::{Compression, CompressionFor};
use crate::gateway::stream::options::StreamOptions;
use crate::net::{Addresses, Limits, Tls, UnixAddress};
use crate::settings::setters;
use crate::wire::http::{self, ForwardedField};

/// Settings of a [`Server`](crate::gateway::Server), each with its unit, default and consequence. For each there is a method of
/// its name that sets it.
///
/// ```
/// use eventring::gateway::ServerConfig;
///
/// let config = ServerConfig::default().reactors(2).max_connections(10_000);
/// assert_eq!(config.max_connections, 10_000);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Addresses to listen on; port 0 lets the system pick one. `[::]:8080` takes IPv4 as well, unless an
    /// address of IPv4 with that port is here, too. `127.0.0.1:8080`.
    pub listen: Vec<SocketAddr>,
    /// Listen on `[::]` for IPv6 alone. No.
    pub ipv6_only: bool,
    /// Unix sockets to listen on, beside `listen`, which may be empty then. None.
    pub unix: Vec<UnixAddress>,
    /// The certificate of connections over TCP, which are all secured then; Unix sockets never are.
    /// Deadlines count from the accept on, the handshake included. Made with the feature `tls` only. None.
    pub tls: Option<Tls>,
    /// Networks of proxies that speak for their clients: `10.0.0.0/8`, an address, or `unix` for whoever
    /// may open a Unix socket of ours. What anybody else says of where requests come from, and how they
    /// were sent, is not believed. None.
    pub trusted_proxies: Vec<String>,
    /// The field in which those proxies name their clients. `X-Forwarded-For` goes with
    /// `X-Forwarded-Proto`, `-Host`, `-Port` and `-Prefix`, `Forwarded` with its own `proto=` and `host=`.
    /// Clients can write the others as they like. `X-Forwarded-For`.
    pub forwarded_field: ForwardedField,
    /// Expect a PROXY header at the start of those proxies' connections, version 2. One that does not is
    /// answered 400. Others must not send any. No.
    pub proxy_protocol: bool,
    /// Reactors, each on a thread of its own but for the first, which accepts and hands connections
    /// round. More than one helps where one core cannot send all that is to be sent. 1, at most 64.
    pub reactors: usize,
    /// Names that `Host` may hold, beside those of loopback: `events.example` for all ports,
    /// `events.example:8443` for one, `*` for any name at all. Requests for other names get 421, so
    /// that no web page reaches the server by a name of its own that points here. Without any, what
    /// comes over loopback to a listener there must be for a name of loopback; what comes elsewhere
    /// must be for an address or for a name that is not to be had in the public DNS: one without dots,
    /// or under `.local`, `.internal`, `.localhost`, `.test`, `.svc` (as a cluster's services are called) or `.home.arpa`. A reverse proxy that
    /// passes the public name on needs that name here. `GET /healthz` and `GET /readyz` answer to every name; the first tells a strange one
    /// only that it lives. None.
    pub allowed_hosts: Vec<String>,
    /// The address of `/` as clients know it: `https://events.example/ring`. What the server tells of itself
    /// (`Location`, the `url` of a connection that was made) begins with it, its host is among the names
    /// that `Host` may hold, and its pages are the server's own. Without it the server tells paths, behind
    /// the `X-Forwarded-Prefix` of a trusted proxy if there is one. None.
    pub public_url: Option<String>,
    /// Origins whose pages may read and publish, as `https://app.example`, or `*` for all. Pages of
    /// other origins than the server's own get 403 and nothing happens. Its own are those of the same host
    /// and port by the same scheme: `https` over TLS of its own, or what a trusted proxy says; where nobody
    /// says, either. Cookies and other credentials
    /// of the browser are never asked for. None.
    pub cors_origins: Vec<String>,
    /// Names of request fields that pages of those origins may set, beside those that the server reads and those that
    /// libraries for tracing and requests add (`traceparent`, `baggage`, `x-requested-with`, ...); `*` for all. None.
    pub cors_headers: Vec<String>,
    /// Let pages of those origins reach the server from the public Internet where it is in a private network,
    /// as browsers ask for by `Access-Control-Request-Private-Network`. No.
    pub cors_private_network: bool,
    /// Query parameters that pass though no route knows them, as those that an [`Authorizer`](crate::gateway::Authorizer) or
    /// a [`ClientHandler`](crate::gateway::ClientHandler) reads; `x-*` for all that begin so. Others are answered 400, since a
    /// misspelt filter would subscribe to everything; what caches and trackers add (`_`, `t`, `cb`, `nocache`,
    /// `utm_*`, ...) and `access_token` pass anyway. None.
    pub allowed_parameters: Vec<String>,
    /// Connections at once; the next one is answered 503 with `Retry-After`. From 1. 65,536.
    pub max_connections: usize,
    /// Connections at once of one client: of an IPv4 address, or of the /64 that a subscriber of IPv6
    /// has. The next one is answered 429 with `Retry-After`. From 1. `None`: as many as there may be in all.
    pub max_connections_per_address: Option<u32>,
    /// Time for the whole head of a request; then 408. More than zero. 10 s.
    pub head_timeout: Duration,
    /// Time for the whole body of a request; then 408. More than zero. 30 s.
    pub body_timeout: Duration,
    /// Time that a connection may idle between requests; then it closes. Behind a proxy it must be more
    /// than the proxy keeps an idle connection for, which is 60 s with most: what closes here while a
    /// request comes there is a 502. More than zero. 75 s.
    pub idle_timeout: Duration,
    /// Time that a peer may take nothing of what waits for it; then it is cut. More than zero. 30 s.
    pub write_timeout: Duration,
    /// Silence after which a stream gets a heartbeat: a comment, and the newest id. Zero (none), or 1 s to
    /// 1 h. 15 s.
    pub heartbeat: Duration,
    /// Compression of streams, for clients that accept it. [`Compression::Gzip`].
    pub compression: Compression,
    /// The streams that are compressed, of those whose clients accept it. [`CompressionFor::Browsers`], and who asks for it
    /// by parameter: other clients say that they accept gzip and inflate it in blocks, so that events come late.
    pub compression_for: CompressionFor,
    /// Streams that are compressed with Brotli at once, 0.7 MiB each; the next one gets gzip if its client
    /// accepts that. Without the feature `brotli` there are none. 0 to 4,096. 64.
    pub brotli_streams: usize,
    /// The time that clients are told to wait before they reconnect (`retry:`). 1 ms to 1 h. 2 s.
    pub retry: Duration,
    /// Policy for a stream that is too slow. It gets everything that is kept.
    pub slow: SlowPolicy,
    /// Bytes of frames that a stream may be behind before `slow` is applied; see
    /// [`StreamOptions::buffer`]. 0 (as many as the frame log holds), or 4 KiB up to its size. 0.
    pub buffer: usize,
    /// Time for which events are collected before they are sent. Zero to 20 ms. Zero.
    pub hold: Duration,
    /// Age at which a connection ends, a tenth more or less. Zero (none) or from 1 s. Zero.
    pub max_age: Duration,
    /// List streams in the presence of their topics, and let them watch who joins and leaves. Costs some 16
    /// bytes a stream. True.
    pub presence: bool,
    /// Bytes of one request body; more is 413. From 1. 8 MiB.
    pub body_bytes: usize,
    /// Bytes of all that clients have begun and not ended: heads, bodies, lines, WebSocket messages, 42 KiB for each
    /// that is compressed. More is 503 with `Retry-After`, or close code 1013. From 1. 64 MiB.
    pub bodies_in_flight: usize,
    /// Events of one atomic batch; more is 413. From 1. 1,000.
    pub batch_events: usize,
    /// Bytes of each frame log, rounded up to a power of two, or divided among the reactors and rounded
    /// down to one. An encoded event may take a quarter of what a reactor has; readers get a `gap` for
    /// a larger one. 64 KiB for each reactor to 1 GiB. 4 MiB.
    pub frame_log_bytes: usize,
    /// Bytes of answers and history that may wait for one connection before more is made, or read from it. From 1. 64 KiB.
    pub private_bytes: usize,
    /// Bytes of half-sent frames kept for slow connections; beyond it they are cut. 16 MiB.
    pub half_sent_bytes: usize,
    /// Answers that wait for their events to become visible, per connection. While as many do, nothing more is read from it.
    /// From 1. 256.
    pub max_pending_publishes: usize,
    /// Longest wait of the answer to a publish for its outcome. Then it is 503, and the events may still become
    /// visible. More than zero. 15 s.
    pub outcome_timeout: Duration,
    /// Longest wait of a publish for room, where too much waits to be committed already; its connection is not read
    /// meanwhile. Then it is answered 503 with `Retry-After`. More than zero. 5 s.
    pub publish_timeout: Duration,
    /// Requests of one reactor that may wait for an [`Authorizer`](super::super::Authorizer) which answers later. A
    /// further one is answered 503 with `Retry-After`. From 1. 1,024.
    pub max_pending_authorizations: usize,
    /// Longest wait of a request for such an answer. Then it is answered 503 with `Retry-After`. More than zero. 10 s.
    pub authorization_timeout: Duration,
    /// Unsent bytes that the kernel takes per connection (`TCP_NOTSENT_LOWAT`). 1 KiB to 64 MiB. 16 KiB.
    pub notsent_lowat: u32,
    /// `SO_SNDBUF` in bytes, 1 KiB to 64 MiB; `None` leaves it to the kernel. `None`.
    pub send_buffer: Option<usize>,
    /// Time that a stop gives to what is published already; who has not taken it by then is cut. 5 s.
    pub stop_timeout: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let (limits, fanout) = (Limits::default(), FanoutLimits::default());
        let options = StreamOptions::default();
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))],
            ipv6_only: false,
            unix: Vec::new(),
            tls: None,
            trusted_proxies: Vec::new(),
            forwarded_field: ForwardedField::default(),
            proxy_protocol: false,
            reactors: 1,
            allowed_hosts: Vec::new(),
            public_url: None,
            cors_origins: Vec::new(),
            cors_headers: Vec::new(),
            cors_private_network: false,
            allowed_parameters: Vec::new(),
            max_connections: limits.max_connections,
            max_connections_per_address: limits.max_connections_per_address,
            head_timeout: limits.head_timeout,
            body_timeout: limits.body_timeout,
            idle_timeout: limits.idle_timeout,
            write_timeout: limits.write_timeout,
            heartbeat: options.heartbeat,
            compression: options.compression,
            compression_for: options.compression_for,
            brotli_streams: 64,
            retry: options.retry,
            slow: options.slow,
            buffer: options.buffer,
            hold: options.hold,
            max_age: options.max_age,
            presence: true,
            body_bytes: 8 << 20,
            bodies_in_flight: 64 << 20,
            batch_events: 1000,
            frame_log_bytes: fanout.frame_log_bytes,
            private_bytes: limits.private_bytes,
            half_sent_bytes: fanout.half_sent_bytes,
            max_pending_publishes: limits.max_pending_publishes,
            outcome_timeout: limits.outcome_timeout,
            publish_timeout: limits.publish_timeout,
            max_pending_authorizations: limits.max_pending_authorizations,
            authorization_timeout: limits.authorization_timeout,
            notsent_lowat: limits.notsent_lowat,
            send_buffer: limits.send_buffer,
            stop_timeout: Duration::from_secs(5),
        }
    }
}

setters! {
    ServerConfig {
        ipv6_only: bool,
        unix: Vec<UnixAddress>,
        tls: Option<Tls>,
        trusted_proxies: Vec<String>,
        forwarded_field: ForwardedField,
        proxy_protocol: bool,
        reactors: usize,
        allowed_hosts: Vec<String>,
        public_url: Option<String>,
        cors_origins: Vec<String>,
        cors_headers: Vec<String>,
        cors_private_network: bool,
        allowed_parameters: Vec<String>,
        max_connections: usize,
        max_connections_per_address: Option<u32>,
        head_timeout: Duration,
        body_timeout: Duration,
        idle_timeout: Duration,
        write_timeout: Duration,
        heartbeat: Duration,
        compression: Compression,
        compression_for: CompressionFor,
        brotli_streams: usize,
        retry: Duration,
        slow: SlowPolicy,
        buffer: usize,
        hold: Duration,
        max_age: Duration,
        presence: bool,
        body_bytes: usize,
        bodies_in_flight: usize,
        batch_events: usize,
        frame_log_bytes: usize,
        private_bytes: usize,
        half_sent_bytes: usize,
        max_pending_publishes: usize,
        outcome_timeout: Duration,
        publish_timeout: Duration,
        max_pending_authorizations: usize,
        authorization_timeout: Duration,
        notsent_lowat: u32,
        send_buffer: Option<usize>,
        stop_timeout: Duration,
    }
}

/// Most reactors: more threads than a machine has cores only cost.
const REACTORS_MAX: usize = 64;
/// Smallest frame log: its quarter takes an ordinary event.
const FRAME_LOG_MIN: usize = 64 << 10;
/// Fewest bytes that the kernel may be told to hold for a connection.
const KERNEL_MIN: usize = 1 << 10;
/// Most bytes that the kernel may be told to hold for a connection.
const KERNEL_MAX: usize = 64 << 20;
/// Most streams with a compressor of their own: 3 GiB.
const BROTLI_MAX: usize = 4096;
/// Largest frame log.
const FRAME_LOG_MAX: usize = 1 << 30;

impl ServerConfig {
    /// Listens on `address` and no other; [`listen_on`](Self::listen_on) takes several.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        self.listen_on(vec![address])
    }

    /// Sets [`listen`](field@Self::listen).
    #[must_use]
    pub fn listen_on(mut self, addresses: Vec<SocketAddr>) -> Self {
        self.listen = addresses;
        self
    }

    /// The name of the first setting that makes no sense, and why.
    pub(in crate::gateway) fn first_fault(&self) -> Option<(&'static str, &'static str)> {
        let zero = [
            ("max_connections", self.max_connections == 0),
            (
                "max_connections_per_address",
                self.max_connections_per_address == Some(0),
            ),
            ("head_timeout", self.head_timeout.is_zero()),
            ("body_timeout", self.body_timeout.is_zero()),
            ("idle_timeout", self.idle_timeout.is_zero()),
            ("write_timeout", self.write_timeout.is_zero()),
            ("body_bytes", self.body_bytes == 0),
            ("bodies_in_flight", self.bodies_in_flight == 0),
            ("batch_events", self.batch_events == 0),
            ("private_bytes", self.private_bytes == 0),
            ("max_pending_publishes", self.max_pending_publishes == 0),
            ("outcome_timeout", self.outcome_timeout.is_zero()),
            ("publish_timeout", self.publish_timeout.is_zero()),
            (
                "max_pending_authorizations",
                self.max_pending_authorizations == 0,
            ),
            (
                "authorization_timeout",
                self.authorization_timeout.is_zero(),
            ),
        ];
        if let Some((name, _)) = zero.into_iter().find(|(_, is_zero)| *is_zero) {
            return Some((name, "must not be 0"));
        }
        if !(FRAME_LOG_MIN..=FRAME_LOG_MAX).contains(&self.frame_log_bytes) {
            return Some(("frame_log_bytes", "must be 64 KiB to 1 GiB"));
        }
        if !(1..=REACTORS_MAX).contains(&self.reactors) {
            return Some(("reactors", "must be 1 to 64"));
        }
        if self.frame_log_bytes / self.reactors < FRAME_LOG_MIN {
            return Some(("frame_log_bytes", "must be 64 KiB or more for each reactor"));
        }
        if let Some(fault) = self
            .stream_options()
            .first_fault(self.frame_log_bytes / self.reactors)
        {
            return Some(fault);
        }
        if !(KERNEL_MIN..=KERNEL_MAX).contains(&(self.notsent_lowat as usize)) {
            return Some(("notsent_lowat", "must be 1 KiB to 64 MiB"));
        }
        if self
            .send_buffer
            .is_some_and(|bytes| !(KERNEL_MIN..=KERNEL_MAX).contains(&bytes))
        {
            return Some(("send_buffer", "must be 1 KiB to 64 MiB"));
        }
        if self.brotli_limit() > BROTLI_MAX {
            return Some(("brotli_streams", "must be 0 to 4,096"));
        }
        if self.listen.is_empty() && self.unix.is_empty() {
            return Some(("listen", "must name an address"));
        }
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            return Some(("trusted_proxies", "must say who sends PROXY headers"));
        }
        None
    }

    /// The number of streams that may be compressed with Brotli.
    pub(super) fn brotli_limit(&self) -> usize {
        if cfg!(feature = "brotli") {
            self.brotli_streams
        } else {
            0
        }
    }

    /// The options of streams that ask for no others.
    pub(super) fn stream_options(&self) -> StreamOptions {
        StreamOptions {
            heartbeat: self.heartbeat,
            compression: self.compression,
            compression_for: self.compression_for,
            retry: self.retry,
            slow: self.slow,
            buffer: self.buffer,
            hold: self.hold,
            max_age: self.max_age,
        }
    }

    pub(in crate::gateway) fn addresses(&self) -> Addresses {
        Addresses {
            tcp: self.listen.clone(),
            only_v6: self.ipv6_only,
            unix: self.unix.clone(),
            tls: self.tls.clone(),
        }
    }

    pub(super) fn fanout_limits(&self) -> FanoutLimits {
        FanoutLimits {
            frame_log_bytes: self.frame_log_bytes,
            private_bytes: self.private_bytes,
            half_sent_bytes: self.half_sent_bytes,
            ..FanoutLimits::default()
        }
    }

    pub(in crate::gateway) fn limits(&self) -> Limits {
        Limits {
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            head_timeout: self.head_timeout,
            body_timeout: self.body_timeout,
            idle_timeout: self.idle_timeout,
            write_timeout: self.write_timeout,
            private_bytes: self.private_bytes,
            unfinished_bytes: self.bodies_in_flight,
            max_pending_publishes: self.max_pending_publishes,
            outcome_timeout: self.outcome_timeout,
            publish_timeout: self.publish_timeout,
            max_pending_authorizations: self.max_pending_authorizations,
            authorization_timeout: self.authorization_timeout,
            notsent_lowat: self.notsent_lowat,
            send_buffer: self.send_buffer,
            http: http::HttpLimits {
                body_bytes: self.body_bytes as u64,
                ..http::HttpLimits::default()
            },
            ..Limits::default()
        }
    }
}

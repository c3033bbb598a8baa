//! The reactor's bounds, each with its default and its consequence.

use std::time::Duration;

use crate::wire::http;

/// Bounds of one reactor.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, streams and requests together; the next one is answered 503. 65,536.
    pub max_connections: usize,
    /// Connections at once of one client: of an IPv4 address or an IPv6 /64. The next one is answered
    /// 429, many more are closed without an answer. `None`: as many as there may be in all.
    pub max_connections_per_address: Option<u32>,
    /// Time for a request's head, from its first byte (from the accept for the first). Then 408, or
    /// a silent close if no byte came. 10 s.
    pub head_timeout: Duration,
    /// Time for a request's whole body. Then 408. For a whole WebSocket message, from its first byte, too: then it is
    /// closed with 1008. 30 s.
    pub body_timeout: Duration,
    /// Time for which a connection may idle between requests. Then it closes. 75 s: longer than the 60 s that
    /// proxies and load balancers keep an idle connection for (nginx, AWS, Azure), so that it is they who
    /// close it. Who closes first can cross a request on its way, which the proxy answers 502.
    pub idle_timeout: Duration,
    /// Time for which a peer may accept no byte of what is waiting for it. Then it is cut; a client that
    /// resumes misses nothing that is still retained. 30 s.
    pub write_timeout: Duration,
    /// Time for which a closed connection is read to its end, so that the last answer is not lost. 2 s.
    pub drain_timeout: Duration,
    /// Bytes of answers that wait for one connection before more is made. 64 KiB.
    pub private_bytes: usize,
    /// Bytes of all that peers have begun and not ended, on all connections: heads, bodies, lines of a body,
    /// WebSocket messages. Who goes over it is answered 503, or closed with 1013. 64 MiB.
    pub unfinished_bytes: usize,
    /// Answers that wait for the outcome of what was published, per connection; beyond it the
    /// connection is not read. 256.
    pub max_pending_publishes: usize,
    /// Requests of one reactor that wait for a decision of an authorizer which answers later; a further one is answered
    /// 503 with `Retry-After`. Each keeps its head, 16 KiB at most. 1,024.
    pub max_pending_authorizations: usize,
    /// Time for which a request may wait for such a decision. Then it is answered 503 with `Retry-After`, and a decision
    /// that comes after it is dropped. 10 s.
    pub authorization_timeout: Duration,
    /// Time for which the answer to a publish may wait for the outcome. Then it is answered 503: the events may still
    /// become visible. 15 s: longer than whoever commits events waits before saying that it does not know.
    pub outcome_timeout: Duration,
    /// Time for which a request or a message may wait for room for what it publishes; its connection is not read
    /// meanwhile. Then it is answered 503 with `Retry-After`. 5 s.
    pub publish_timeout: Duration,
    /// Bytes read from a connection at a time, into one buffer for all. 64 KiB.
    pub read_bytes: usize,
    /// `TCP_NOTSENT_LOWAT`: unsent bytes the kernel takes per connection. 16 KiB.
    pub notsent_lowat: u32,
    /// `SO_SNDBUF`; `None` leaves it to the kernel.
    pub send_buffer: Option<usize>,
    /// Bounds of the request parser.
    pub http: http::HttpLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 65_536,
            max_connections_per_address: None,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(2),
            private_bytes: 64 << 10,
            unfinished_bytes: 64 << 20,
            max_pending_publishes: 256,
            max_pending_authorizations: 1024,
            authorization_timeout: Duration::from_secs(10),
            outcome_timeout: Duration::from_secs(15),
            publish_timeout: Duration::from_secs(5),
            read_bytes: 64 << 10,
            notsent_lowat: 16 << 10,
            send_buffer: None,
            http: http::HttpLimits::default(),
        }
    }
}

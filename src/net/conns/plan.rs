//! Streams in the making.

use std::time::{Duration, Instant};

/// A stream in the making; `P`: what decides its bytes.
#[derive(Debug)]
pub struct StreamPlan<P> {
    /// The response head.
    pub head: Vec<u8>,
    /// Longest silence before a heartbeat; zero: none.
    pub heartbeat: Duration,
    /// The moment at which the right to read ends or the connection is too old; `None`: never.
    pub expires_at: Option<Instant>,
    /// `expires_at` is when the connection is too old, not the end of the right to read.
    pub ages: bool,
    /// The part of the plan that is [`Delivery::open`](crate::net::Delivery::open)'s.
    pub stream: P,
}

/// A stream of ticks in the making.
#[derive(Debug)]
pub struct WatchPlan {
    /// The response head.
    pub head: Vec<u8>,
    /// The bytes before the first tick, not framed yet.
    pub first: Vec<u8>,
    /// Each tick is one chunk of a chunked body, as the head says; else the connection's end ends it.
    pub chunked: bool,
    /// The moment at which the right to watch ends; `None`: never.
    pub expires_at: Option<Instant>,
}

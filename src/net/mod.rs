//! The reactor: sockets, protocols and timers on one thread.
//!
//! It moves bytes and knows none of their meaning: a [`Service`] says what requests and messages are, and which bytes a
//! stream gets next.

#![deny(unsafe_code)]

mod conns;
mod core;
mod deliver;
mod delivery;
mod end;
mod http;
mod io;
mod lifecycle;
mod limits;
mod listen;
mod reactor;
mod scheduler;
#[cfg(test)]
mod seams;
mod service;
mod set;
mod start;
mod stop;
mod sweep;
mod time;
mod tls;
mod ws;

pub use self::conns::plan::{StreamPlan, WatchPlan};
pub use self::conns::readers::{Readers, StreamMut};
pub use self::conns::stream_id::StreamId;
pub use self::conns::streams::{StreamInfo, Streams};
pub use self::delivery::{Delivery, Ended, Pending, Rounds, Step, Sweeps};
pub use self::end::disconnect::DisconnectReason;
pub use self::end::reason::EndReason;
pub use self::http::answer::{
    Answer, Begin, ClientIdentity, Deferred, Peer, Piece, Refusal, Response,
};
pub use self::http::parked::RequestId;
pub use self::http::published::{Outcome, Parts, Published, Taken};
pub use self::http::unfinished::{Share, Unfinished};
pub use self::lifecycle::Lifecycle;
pub use self::limits::Limits;
pub use self::listen::addresses::Addresses;
pub use self::listen::listeners::BindError;
pub use self::listen::unix::UnixAddress;
pub use self::reactor::Reactor;
pub use self::service::{Events, Identity, Requests, Sockets};
pub use self::set::handle::Handle;
pub use self::set::latency::{LATENCY_BOUNDS_US, Latency};
pub use self::set::stats::NetStats;
pub use self::stop::StopReport;
pub use self::time::clock::Clock;
pub use self::time::date::date;
pub use self::tls::{Tls, TlsError};
pub use self::ws::{Replies, SocketLimits, SocketPlan};

//! The reactor: sockets, frame logs and timers on one thread.
//!
//! It moves bytes and knows none of their meaning: a [`Service`] says what requests and events are.

#![deny(unsafe_code)]

mod admit;
mod begin;
mod behind;
mod bind;
mod chain;
#[cfg(any(test, fuzzing))]
pub mod check;
mod class;
mod clients;
mod clock;
mod coded;
mod compress;
mod conn;
mod core;
mod deliver;
mod end;
mod expiry;
mod framelog;
mod frames;
mod group;
mod history;
mod inbox;
mod input;
mod latency;
mod limits;
mod listeners;
mod member;
#[allow(unsafe_code)]
mod mirror;
mod pace;
mod readiness;
mod requests;
mod saved;
mod scan;
mod send;
mod service;
mod solo;
mod stats;
mod stop;
mod streams;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod transport;
mod turn;
mod unfinished;
mod unix;
mod visits;
mod wheel;
mod ws;

pub use self::bind::Addresses;
pub use self::class::ClassId;
pub use self::clock::{Clock, SystemClock};
pub use self::end::{EndReason, StreamEnd};
pub use self::frames::Frames;
pub use self::inbox::Handle;
pub use self::latency::{LATENCY_BOUNDS_US, Latency};
pub use self::limits::Limits;
pub use self::listeners::BindError;
pub use self::pace::{Pace, SlowPolicy};
pub use self::service::{
    Answer, Begin, CatchUp, CaughtUp, Codec, Farewell, Introduction, Peer, Piece, Refusal, Service,
    StreamPlan, Tag, WatchPlan,
};
pub use self::stats::Stats;
pub use self::stop::StopReport;
pub use self::streams::{Queued, StreamId, StreamInfo, Streams};
pub use self::tls::Tls;
#[cfg(feature = "tls")]
pub use self::tls::TlsError;
pub use self::turn::Reactor;
pub use self::unfinished::{Share, Unfinished};
pub use self::unix::UnixAddress;
pub use self::ws::{History, Replies, SocketLimits, SocketPlan, Subscribed};

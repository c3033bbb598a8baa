//! The reactor: sockets, frame logs and timers on one thread.
//!
//! It moves bytes and knows none of their meaning: a [`Service`] says what requests and events are.

#![deny(unsafe_code)]

mod batch;
mod class;
mod class_members;
mod compress;
mod compressed_reader;
mod conns;
mod core;
mod deliver;
mod disconnect;
mod end;
mod fall_back;
mod form;
mod framelog;
mod frames;
mod history;
mod http;
mod io;
mod lifecycle;
mod limits;
mod listen;
#[allow(unsafe_code)]
mod mirror;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod own_compressor;
mod partial_frames;
mod reactor;
mod scheduler;
#[cfg(test)]
mod seams;
mod service;
mod set;
mod slow_policy;
mod stop;
mod stream_plan;
mod sweep;
mod time;
mod tls;
mod window_log;
mod ws;

pub use self::class::ClassId;
pub use self::conns::streams::{SendOutcome, StreamId, StreamInfo, Streams};
pub use self::disconnect::DisconnectReason;
pub use self::end::{EndReason, StreamEnd};
pub use self::form::{Codec, FormId};
pub use self::frames::Frames;
pub use self::http::answer::{
    Answer, Begin, ClientIdentity, Deferred, Peer, Piece, Refusal, Response,
};
pub use self::http::parked::RequestId;
pub use self::http::published::{Outcome, Parts, Published};
pub use self::http::unfinished::{Share, Unfinished};
pub use self::lifecycle::Lifecycle;
pub use self::limits::Limits;
pub use self::listen::bind::Addresses;
pub use self::listen::listeners::BindError;
pub use self::listen::unix::UnixAddress;
pub use self::reactor::Reactor;
pub use self::service::{Events, Format, Identity, Requests, Sockets};
pub use self::set::handle::Handle;
pub use self::set::latency::{LATENCY_BOUNDS_US, Latency};
pub use self::set::stats::ServerStats;
pub use self::slow_policy::{SlowOptions, SlowPolicy};
pub use self::stop::StopReport;
pub use self::stream_plan::{CatchUp, CaughtUp, HistoryMode, StreamOwner, StreamPlan, WatchPlan};
pub use self::time::clock::Clock;
pub use self::time::date::date;
pub use self::tls::{Tls, TlsError};
pub use self::ws::{History, Replies, SocketLimits, SocketPlan, Subscribed};

//! The reactor: sockets, frame logs and timers on one thread.
//!
//! It moves bytes and knows none of their meaning: a [`Service`] says what requests and events are.

#![deny(unsafe_code)]

mod accept;
mod answer;
mod batch;
mod begin;
mod bind;
mod class;
mod class_members;
mod clients;
mod clock;
mod compress;
mod compressed_reader;
mod conn;
mod core;
mod date;
mod deadlines;
mod deliver;
mod disconnect;
mod end;
mod fall_back;
mod form;
mod framelog;
mod frames;
mod handle;
mod history;
mod inbox;
mod input;
mod io;
mod latency;
mod lifecycle;
mod limits;
mod listeners;
#[allow(unsafe_code)]
mod mirror;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod own_compressor;
mod parked;
mod partial_frames;
mod published;
mod reactor_set;
mod requests;
mod scheduler;
#[cfg(test)]
mod seams;
mod send;
mod service;
mod slow_policy;
mod stats;
mod stop;
mod stream_plan;
mod streams;
mod sweep;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod tls_error;
mod transport;
mod turn;
mod unfinished;
mod unix;
mod wheel;
mod window_log;
mod ws;

pub use self::answer::{Answer, Begin, ClientIdentity, Deferred, Peer, Piece, Refusal, Response};
pub use self::bind::Addresses;
pub use self::class::ClassId;
pub use self::clock::Clock;
pub use self::date::date;
pub use self::disconnect::DisconnectReason;
pub use self::end::{EndReason, StreamEnd};
pub use self::form::{Codec, FormId};
pub use self::frames::Frames;
pub use self::handle::Handle;
pub use self::latency::{LATENCY_BOUNDS_US, Latency};
pub use self::lifecycle::Lifecycle;
pub use self::limits::Limits;
pub use self::listeners::BindError;
pub use self::parked::RequestId;
pub use self::published::{Outcome, Parts, Published};
pub use self::service::{Events, Format, Identity, Requests, Sockets};
pub use self::slow_policy::{SlowOptions, SlowPolicy};
pub use self::stats::ServerStats;
pub use self::stop::StopReport;
pub use self::stream_plan::{CatchUp, CaughtUp, HistoryMode, StreamOwner, StreamPlan, WatchPlan};
pub use self::streams::{SendOutcome, StreamId, StreamInfo, Streams};
pub use self::tls::Tls;
pub use self::tls_error::TlsError;
pub use self::turn::Reactor;
pub use self::unfinished::{Share, Unfinished};
pub use self::unix::UnixAddress;
pub use self::ws::{History, Replies, SocketLimits, SocketPlan, Subscribed};

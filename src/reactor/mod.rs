//! The reactor: sockets, frame logs and timers on one thread.
//!
//! It moves bytes and knows none of their meaning: a [`Service`] says what requests and events are.

#![deny(unsafe_code)]

mod class;
mod clock;
mod conn;
mod core;
mod deliver;
mod framelog;
mod frames;
mod inbox;
mod limits;
mod listeners;
#[allow(unsafe_code)]
mod mirror;
mod requests;
mod service;
mod stats;
mod transport;
mod turn;
mod wheel;

pub use self::class::ClassId;
pub use self::clock::{Clock, SystemClock};
pub use self::frames::Frames;
pub use self::inbox::Handle;
pub use self::limits::Limits;
pub use self::listeners::BindError;
pub use self::service::{Answer, Begin, CatchUp, Farewell, Refusal, Service, StreamPlan};
pub use self::stats::Stats;
pub use self::turn::{Reactor, StopReport};

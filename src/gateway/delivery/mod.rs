//! Delivery: where the sockets of `net` and the frames of `fanout`, which do not know each other, are brought together.
//!
//! A stream's state lies in the table of connections of `net`, in the two parts that `fanout` gave it: a reader and a
//! [`OwnedStream`]. The reactor asks the gateway which bytes a stream gets next, and the gateway has its
//! [`EventFanout`] say so. What either asks for beside that, of history or of who is present, is another room's, and is
//! reached through [`Gateway`](crate::gateway::gateway::Gateway) alone.
//!
//! An event passes, on its way from the ring to sockets: `publish` in `rounds.rs`, the room `stream`, which appends it,
//! `next_visit` in `rounds.rs`, and for each stream `prepare`, `next` and `sent` in `streams.rs`.

mod filter;
mod journal_start;
mod open_streams;
mod owner;
mod readers;
mod rounds;
mod stats;
mod streams;

pub(in crate::gateway) use self::filter::StreamFilter;
pub(in crate::gateway) use self::journal_start::{JournalStart, StartNote, WhichEvents};
pub use self::open_streams::SendOutcome;
pub(in crate::gateway) use self::open_streams::{OpenStreams, StreamInfo};
pub(in crate::gateway) use self::owner::{
    OwnedStream, PlannedStream, PlannedSubscription, StreamEnd, StreamOwner,
};
pub use self::stats::ServerStats;
use crate::fanout::{Fanout, Frames};
use crate::gateway::encode::WireFormat;
use crate::gateway::gateway::Gateway;
use crate::net;

/// The fan-out of one reactor: its classes, and a frame log for each wire format.
pub(in crate::gateway) type EventFanout = Fanout<StreamFilter, WireFormat>;

/// The frame logs of a fan-out while events are appended.
pub(in crate::gateway) type EventFrames<'f, 'r> =
    Frames<'f, StreamFilter, WireFormat, net::Readers<'r, Gateway>>;

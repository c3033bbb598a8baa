//! Ready-made streams on a hub: callbacks, backpressure, batches, pipelines.
//!
//! Each is a thin layer over a [`Hub`](crate::hub::Hub) with a fixed promise:
//!
//! | stream | who runs the handlers | when it is full | when a handler fails or panics |
//! | --- | --- | --- | --- |
//! | [`InMemoryStream`] | whoever publishes, one at a time, in order | the oldest event goes and is counted | counted, reported; the others get the event |
//! | [`TopicStream`] | the same, by topic | the same | the same |
//! | [`SseStream`] | the readers' own threads | the slow reader gets a gap with the number | it is the reader's own |
//! | [`BackpressureStream`] | the readers' own threads | publishers wait up to 5 s, then `false` | it is the reader's own |
//! | [`BatchingStream`] | one thread | `add` waits up to 5 s, then an error | retried, then the [`ErrorPolicy`] |
//! | [`StreamProcessor`] | one thread | it falls behind, and counts what it missed | the [`ErrorPolicy`] |
//!
//! No lock is held while a handler runs: it may publish, subscribe and unsubscribe. [`EventStreamer`], with its
//! [`StreamerStats`], is all of a hub that code for streams of another kind needs, and a hub has it.
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`which_stream`](crate::guide::program::which_stream)."
)]
#![forbid(unsafe_code)]

mod backpressure;
mod batching;
mod handler;
mod memory;
mod processor;
mod sink;
mod sse;
mod streamer;
mod topic;

pub use backpressure::{
    BackpressureConfig, BackpressureError, BackpressureStream, Consumer, Drained,
};
pub use batching::{AddError, BatchStats, BatchingConfig, BatchingStream};
pub use handler::{ErrorPolicy, Failure, HandlerError};
pub use memory::{HandlerStats, InMemoryStream};
pub use processor::{ProcessorStats, Running, StartError, StreamProcessor, WINDOWS_MAX};
pub use sink::{EventSink, broadcast};
pub use sse::{SseEvents, SseFrames, SseStream, SseStreamError, SseStreamItem};
pub use streamer::{
    ConnectionOptions, EventStreamer, StreamerConnection, StreamerConnectionStatus, StreamerStats,
};
pub use topic::TopicStream;

//! Which stream: what has "stream" in its name, and which one you want.
//!
//! # Which one you want
//!
//! | you have | take |
//! | --- | --- |
//! | a thread that reads events | [`Receiver`](crate::hub::Receiver), an iterator: [`subscribe`](crate::guide::subscribe) |
//! | the same, and it has to know of gaps, of the end of history and of who is there | [`Receiver::next_item`](crate::hub::Receiver::next_item) |
//! | a task, of any runtime | [`Receiver::into_items`](crate::hub::Receiver::into_items): all there is to tell, and at last why it ended; [`recv_async`](crate::hub::Receiver::recv_async) for one at a time |
//! | functions to be called with each event, in order | [`InMemoryStream`](crate::pipeline::InMemoryStream); by topic: [`TopicStream`](crate::pipeline::TopicStream) |
//! | readers that must not miss an event, and publishers that may wait | [`BackpressureStream`](crate::pipeline::BackpressureStream) |
//! | something that takes many at a time: a database, a request | [`BatchingStream`](crate::pipeline::BatchingStream) |
//! | map, filter, windows, and sinks behind them | [`StreamProcessor`](crate::pipeline::StreamProcessor) |
//! | a web framework that streams bodies | [`Receiver::into_items`](crate::hub::Receiver::into_items) ([`frameworks`](super::frameworks)); one thread a client: [`SseStream`](crate::pipeline::SseStream) |
//! | browsers and services | [`Server`](crate::gateway::Server): its [event stream](crate::guide::stream), or its [WebSocket](crate::guide::websocket) |
//! | clients that have names, sent to one by one | [`WebSocketStream`](crate::gateway::WebSocketStream) |
//! | a program in another process | [`SseClient`](crate::client::SseClient), [`WsClient`](crate::client::WsClient); each [`into_stream`](crate::client::SseClient::into_stream) for a task: [`client`](crate::guide::client) |
//! | values of a type of your own, on threads | [`ring`](crate::ring), without a hub |
//!
//! # The six of `pipeline`
//!
//! | stream | its hub | who runs your code | when it is full | when your code fails |
//! | --- | --- | --- | --- | --- |
//! | [`InMemoryStream`](crate::pipeline::InMemoryStream) | its own, 1,000 events | whoever publishes, one at a time, in order | the oldest goes, counted | counted and reported; others get the event |
//! | [`TopicStream`](crate::pipeline::TopicStream) | the same | the same | the same | the same |
//! | [`BackpressureStream`](crate::pipeline::BackpressureStream) | its own, bounded in events and bytes | readers, on their threads | publishers wait 5 s, then `false` | it is the reader's own |
//! | [`BatchingStream`](crate::pipeline::BatchingStream) | none: you [`add`](crate::pipeline::BatchingStream::add) | one thread | `add` waits 5 s, then an error | tried again, then the [`ErrorPolicy`](crate::pipeline::ErrorPolicy) |
//! | [`StreamProcessor`](crate::pipeline::StreamProcessor) | yours | one thread | it falls behind, counted | the [`ErrorPolicy`](crate::pipeline::ErrorPolicy) |
//! | [`SseStream`](crate::pipeline::SseStream) | yours | readers, on their threads | a gap with the number | it is the reader's own |
//!
//! They go into each other: a hub, `InMemoryStream`, `BackpressureStream` and `BatchingStream` are each an
//! [`EventSink`](crate::pipeline::EventSink), which a pipeline ends in.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use eventring::pipeline::{BatchingConfig, BatchingStream, StreamProcessor};
//! use eventring::{Event, Hub, Subscription};
//!
//! let (rows, written) = std::sync::mpsc::channel();
//! let database = Arc::new(BatchingStream::start(BatchingConfig::default().size(2), move |batch| {
//!     rows.send(batch.len()).map_err(|_| "nobody writes".into())
//! }));
//!
//! let hub = Hub::new();
//! let running = StreamProcessor::new()
//!     .filter(|event| event.ty() == "order")
//!     .sink(database.clone())
//!     .start(&hub, Subscription::topic("orders.*"))?;
//! for ty in ["order", "other", "order", "order"] {
//!     hub.publish(Event::builder("orders.eu", ty).build()?)?;
//! }
//! running.stop(Duration::from_secs(60));
//! database.stop();
//! drop(database);
//! assert_eq!(written.iter().collect::<Vec<_>>(), [2, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What else is called so
//!
//! | word | means |
//! | --- | --- |
//! | a stream over HTTP | one connection that gets events: [`stream`](crate::guide::stream) |
//! | [`ItemStream`](crate::hub::ItemStream), [`ReceiverStream`](crate::hub::ReceiverStream) | a receiver as a `futures` stream: of all there is to tell; of events, with gaps as errors |
//! | the stream of an event ([`EventBuilder::stream`](crate::event::EventBuilder::stream)) | one entity's events (an aggregate), with versions: not a reader, a mark |
//! | [`StreamOptions`](crate::gateway::StreamOptions) | settings of connections, of an endpoint or one by one |
//!
//! # What they have in common
//!
//! A reader never holds a publisher back, but in `BackpressureStream`, which is there for that. Nothing is lost silently:
//! what a reader misses is a number, told or counted. No lock is held while your code runs: it may publish, subscribe and
//! unsubscribe. All of it is in memory.

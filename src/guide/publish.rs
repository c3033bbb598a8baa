//! Publishing: one event, many at once, over HTTP, from the shell.
//!
//! ```
//! use eventring::event::EventBuilder;
//! use eventring::{Event, Hub};
//!
//! let hub = Hub::new();
//! let position = hub.publish(Event::builder("orders.created", "order").json(r#"{"id":7}"#).build()?)?;
//! assert_eq!(position.offset, 1);
//!
//! // A loop keeps one builder: it allocates nothing for events of a size that it has seen.
//! let mut builder = EventBuilder::new();
//! for reading in [20.5, 20.75] {
//!     builder.clear();
//!     builder.topic("sensors.7").ty("message").text(&reading.to_string());
//!     hub.publish(builder.build_ref()?)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is not set is filled in: a UUIDv7 as id, the present as time, `/` and the topic as source. The
//! **type** becomes the name of the event on a stream: a browser's `onmessage` gets events of type
//! `message`, others need `addEventListener(type, ..)`.
//!
//! [`json`](crate::event::EventBuilder::json) checks the text and keeps it byte for byte;
//! [`data`](crate::event::EventBuilder::data) takes any bytes with their content type. What is not text
//! goes out in base 64.
//!
//! With the feature `serde`, values of your own types are data, and data is read as one:
//!
//! ```
//! # #[cfg(feature = "serde")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use eventring::{Event, Hub};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Order {
//!     id: u64,
//! }
//!
//! let hub = Hub::new();
//! let mut orders = hub.subscribe("orders.*")?;
//! hub.publish(Event::json("orders.created", "order", &Order { id: 7 })?)?;
//! assert_eq!(orders.recv()?.event.data_as::<Order>()?.id, 7);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "serde"))]
//! # fn main() {}
//! ```
//!
//! A **topic that begins with `$`** is reserved: it is for what a program says about itself, as `$sys.stats`. Only the
//! program publishes there; over HTTP and WebSocket it is 403. No wildcard in the first segment of a pattern takes it, so
//! nobody gets it who did not ask for it: [`subscribe`](super::subscribe).
//!
//! # Many at once
//!
//! A batch is all or nothing, contiguous, and visible at one moment:
//!
//! ```
//! use eventring::event::EventBatch;
//! use eventring::{Event, Hub};
//!
//! let hub = Hub::new();
//! let mut batch = EventBatch::new();
//! for n in 0..3 {
//!     batch.push(Event::builder("imports", "row").json(&n.to_string()).build()?);
//! }
//! assert_eq!(hub.publish_batch(&batch)?, 1..4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It may hold half of the hub's capacity and half of its `ring_bytes`.
//!
//! # What can fail
//!
//! A hub in memory overwrites its oldest event, so publishing never waits for readers.
//! [`HubPublishError`](crate::hub::HubPublishError) is for events that break a limit (`data: 5 bytes is over
//! the limit of 4`) and for a hub that is closed. An event that was refused has no effect at all.
//!
//! # Over HTTP
//!
//! `POST /api/v1/topics/{topic}/events`; the content type says what the body is:
//!
//! | content type | the body |
//! | --- | --- |
//! | `application/cloudevents+json` | one whole event |
//! | `application/cloudevents-batch+json` | an array of them, all or nothing |
//! | `application/x-ndjson` | the data of one event a line, all or nothing |
//! | the same, with `?atomic=false` | each line by itself, each with its own answer, any number of lines |
//! | anything else | the data of one event; its attributes in `ce-` headers, percent-encoded or quoted |
//!
//! The topic is the path's, which is what the right to publish is about: an event that names another one, in
//! a `ce-topic` header or a `topic` member, is refused. So is one on a WebSocket. A topic that begins with `$` is 403
//! with `"field":"topic"` wherever it stands, and nothing of the request is published.
//!
//! Text is UTF-8; a byte-order mark in front of it is skipped.
//!
//! The answer names the positions: `{"first":"6z2k0e9m3qv1d-1","last":"6z2k0e9m3qv1d-1","count":1}`. It
//! is sent once readers can see the events. Errors are `application/problem+json` with the field, the
//! line or the byte.
//!
//! **How safe** events are before they are answered is for their topic to say, else for the hub. `?durability=buffered` or
//! `durable` asks for more: at least that for all events of the request. It never gives less.
//!
//! | status | when | the events |
//! | --- | --- | --- |
//! | 200 | they are as safe as was asked, and visible | are there |
//! | 400, `"field":"durability"` | no such name, or a hub without a journal was asked for more than `none` | are not there |
//! | 400, `"field":"body"` | a batch without events | are not there |
//! | 409, `"field":"durability"` | it is below the topic's | are not there |
//! | 409, `"field":"streamversion"` | the stream has moved on: another publish was faster | are not there |
//! | 503, `Retry-After` | too much waits to be committed, for as long as `publish_timeout` (5 s); or the commit failed | are not there |
//! | 503, the detail says so | the disk failed in a way that leaves it open; or it takes longer than `outcome_timeout` (15 s) | may be there; published again they may be there twice: with the same ids, by which readers know doubles |
//! | 507 | the disk is full: it is tried again, and topics of durability `none` go on | are not there |
//!
//! While a publish waits for room its connection is not read; who came first publishes first.
//!
//! **A request without an answer** may have been published or not. Sending it again may publish twice:
//! there is no deduplication yet. Give events ids of your own (`ce-id`) if readers are to tell.
//!
//! Requests on one connection may be sent ahead (pipelined); they are published and answered in order.
//!
//! # From the shell
//!
//! `eventring publish --topic orders.eu orders.ndjson` sends each line of a file or a pipe as one event, and
//! `--durability durable` asks for that;
//! [`shell`](super::operate::shell) has its flags.

//! Limits: every bound, its default, and what is beyond it.
//!
//! Names are those of the settings in code; the server's flags are the same with dashes, and its
//! environment variables have `EVENTRING_` in front.
//!
//! # Events kept: [`HubBuilder`](crate::hub::HubBuilder)
//!
//! | bound | default | beyond it |
//! | --- | --- | --- |
//! | `capacity` | 65,536 events | the oldest go; who wanted them is told |
//! | `ring_bytes` | 64 MiB of records over 195 bytes | the oldest blocks of 64 events go; who wanted them is told |
//! | a batch | half of each | refused whole |
//! | receivers and cursors | about a million | [`TooManyReaders`](crate::hub::SubscriptionError::TooManyReaders) |
//!
//! # One event: [`event::EventLimits`](crate::event::EventLimits)
//!
//! | bound | default | beyond it |
//! | --- | --- | --- |
//! | `payload_bytes` | 1 MiB | 413; [`TooLarge`](crate::event::ErrorKind::TooLarge) |
//! | `attribute_value_bytes` | 16 KiB | the same |
//! | `attribute_name_bytes` | 128 | the same |
//! | `attributes` | 64 | refused |
//! | [`DEPTH_MAX`](crate::json::DEPTH_MAX): levels of JSON, whatever it comes in | 64 | 400; [`TooDeep`](crate::event::ErrorKind::TooDeep) |
//! | `text_bytes` of one JSON text | 16 MiB | refused |
//! | `batch_events` that a text is read to | 65,536; the server has its own | refused at the first too many |
//! | a topic or a pattern | 255 bytes | refused |
//! | patterns of one subscription | 64 | refused |
//!
//! # Requests: [`http::HttpLimits`](crate::wire::http::HttpLimits)
//!
//! | bound | default | beyond it |
//! | --- | --- | --- |
//! | `uri_bytes` | 8 KiB | 414 |
//! | `head_bytes`, white space included | 16 KiB | 431 |
//! | `headers` | 100 | 431 |
//! | `method_bytes` | 32 | 501 |
//! | `chunk_ext_bytes` of a body | 4 KiB | 400 |
//! | `trailer_bytes` | 4 KiB | 431 |
//!
//! # The server: [`ServerConfig`](crate::gateway::ServerConfig)
//!
//! | bound | default | beyond it |
//! | --- | --- | --- |
//! | `max_connections` | 65,536, or what the open-file limit leaves | 503 with `Retry-After` |
//! | `max_connections_per_address`: an IPv4 address, an IPv6 /64 | none | 429 with `Retry-After`; beyond four more, closed without an answer |
//! | a PROXY header | 4 KiB and 16 bytes | 400 |
//! | `head_timeout` for the whole head | 10 s | 408, or a silent close where no byte came |
//! | `body_timeout` for the whole body | 30 s | 408 |
//! | the same for a WebSocket message, from its first byte | 30 s | closed with 1008; pings do not extend it |
//! | `idle_timeout` between requests; more than a proxy in front keeps an idle connection for, which is 60 s with most | 75 s | closed |
//! | `write_timeout` without taking a byte | 30 s | cut |
//! | silence of a peer that is sent nothing, before the kernel asks whether it is there, and again | 30 s and 10 s | cut |
//! | `body_bytes` of one request | 8 MiB | 413 |
//! | `bodies_in_flight`: all heads, bodies, lines and WebSocket messages that are not whole | 64 MiB | 503 with `Retry-After`; a WebSocket is closed with 1013 |
//! | compressed messages that are not whole | 1,024 of a reactor | who has held one for longest is closed with 1013 |
//! | answers that are known and have not left, of a connection | 64 KiB and one more | it is not read until they have |
//! | a list of connections or endpoints | told 32 KiB at a time | the next piece is looked for when the last one has left |
//! | filters of endpoints and connections that were made, all together | 16 MiB, counted twice | 503 |
//! | work for one request, or many, before streams have their turn | 1 ms, and what was begun | the rest comes after; `stall_max_us` of the stats says how long it took at most |
//! | `batch_events` of an atomic request | 1,000 | 413 |
//! | records of the batch that a reactor publishes, beside `bodies_in_flight` | `body_bytes`, and `batch_events` times what the request says of all of them, at most `head_bytes`, and a few hundred bytes: 8 MiB and 16 MiB | there is one of a reactor, and only while it publishes; then they are given back |
//! | `max_pending_publishes` of a connection | 256 | it is not read until answers have gone out |
//! | `max_pending_authorizations`: requests of a reactor that wait for an [`Authorizer`](crate::gateway::Authorizer)'s answer | 1,024 | 503 with `Retry-After` |
//! | `authorization_timeout` of each | 10 s | 503 with `Retry-After` |
//! | `outcome_timeout` of the answer to a publish | 15 s | 503; the events may still become visible |
//! | `publish_timeout` of a publish that finds too much in flight to the journal; its connection is not read meanwhile | 5 s | 503 with `Retry-After` |
//! | answers of a connection that have to be found out first: lists, orders to connections | 4 | its next request waits unread |
//! | the same of all connections of a reactor | 256 | 503 with `Retry-After` |
//! | parts of what is kept that wait for a WebSocket: a subscription adds one or two | 16 | its next request waits unread |
//! | parts of the journal that are read for streams at once | 8 of a reactor, of 256 events or 64 KiB | others wait, in the order in which they asked |
//! | such parts that are kept encoded, for others who want the same | 4 MiB of a reactor | the part that came first is encoded again |
//! | what was read of the journal | 16 MiB of a hub | it is read again |
//! | checkpoints | 10,000 of a hub | 409 |
//! | topics with bounds of their own in the journal; such that are compacted | 4,096; 1,024 | 409, and nothing is changed |
//! | saves of a checkpoint | 10 a second of a name; 10,000 names at a time | 429 with `Retry-After` |
//! | `reactors` | 1, at most 64 | refused when the server starts |
//! | `frame_log_bytes` of each form, divided among the reactors | 4 MiB | who is further behind is served from the ring, then from the journal |
//! | chains of compressed frames | 16 of a reactor, for filters with 8 readers or more | events are compressed one by one, for all readers of a filter |
//! | one frame | a quarter of a reactor's part | its readers get a `gap`, `oversize` |
//! | `private_bytes` of a connection | 64 KiB | no more is encoded until some of it went out |
//! | `half_sent_bytes` in all | 16 MiB | who is stuck inside a frame is cut |
//! | `stop_timeout` | 5 s | what is left then is counted in the [`StopReport`](crate::gateway::StopReport) |
//!
//! A stream may ask for another heartbeat with `?heartbeat=`, 0 (none) to 3,600 seconds.
//!
//! A setting that makes no sense is refused when the server starts, by name:
//!
//! ```
//! use eventring::{Hub, Server, ServerConfig};
//!
//! let config = ServerConfig::default().frame_log_bytes(100);
//! let Err(error) = Server::bind(&Hub::new(), config) else { panic!("100 bytes?") };
//! assert_eq!(error.to_string(), "frame_log_bytes must be 64 KiB to 1 GiB");
//! ```

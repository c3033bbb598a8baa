//! Reading a stream from a program, over HTTP or a WebSocket: connect, read, come back, resume.
//!
//! ```
//! use eventring::client::SseItem;
//! use eventring::{Event, Hub, Server, ServerConfig, SseClient};
//!
//! let hub = Hub::new();
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
//! let server = Server::bind(&hub, config)?.spawn()?;
//! hub.publish(Event::builder("orders.eu", "order").text("7").build()?)?;
//!
//! let url = format!("http://{}/api/v1/events/stream?topic=orders.*&last=1", server.addr());
//! let mut client = SseClient::open(&url)?;
//! let event = loop {
//!     match client.next_item()? {
//!         SseItem::Event(event) => break event,
//!         SseItem::Gap(gap) => eprintln!("missing: {}", gap.data),
//!         SseItem::Reset(reset) => eprintln!("another epoch: {}", reset.data),
//!         SseItem::Disconnected(end) => eprintln!("{}; again in {:?}", end.cause, end.again_in),
//!         // That it is connected, and what later versions tell.
//!         _ => {}
//!     }
//! };
//! assert_eq!((event.event.as_str(), event.data.as_str()), ("order", "7"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what happens | what the client does |
//! | --- | --- |
//! | the connection is cut, or silent for 60 s | says [`Disconnected`](crate::client::SseItem::Disconnected), waits, connects again with the id of the last whole event |
//! | 408, 429, 500 to 599 | the same, not before `Retry-After`, in seconds or a date; 10 minutes at most |
//! | 204, another 4xx, another content type, a redirect | [`ClientError`](crate::client::ClientError): it would not get better |
//! | `retry:` | the first wait from then on, 100 ms at least |
//! | an empty `id:` | forgets the id: the next connection sends none |
//! | an id with control characters, or longer than 4 KiB | does not send it: it goes on from what comes |
//!
//! The wait doubles up to 30 s, and half of it is chance. It begins anew once a connection has delivered an event or
//! lived for 5 s: that one came about proves nothing. The head of an answer has to be whole within the timeout (60 s).
//! The iterator ends after an error; a program that asks for the next item all the same waits, too.
//!
//! # How often it connects
//!
//! Connections in the first hour to a server that does not do its work, by both clients with their defaults: a test runs
//! them by a virtual clock.
//!
//! | server that | SSE | WebSocket |
//! | --- | --- | --- |
//! | refuses connections | 165 | 165 |
//! | does not answer the attempt to connect | 115 | 115 |
//! | closes at once | 165 | 165 |
//! | never answers the request | 45 | 45 |
//! | answers a byte a minute | 45 | 45 |
//! | closes after the head of the stream | 165 | 165 |
//! | closes after a comment, or a `welcome` | 165 | 165 |
//! | says `retry: 0`, or `bye` with `retry_ms` 0, and closes | 168 | 165 |
//! | the same with 1 | 168 | 165 |
//! | the same with 20 | 168 | 165 |
//! | closes a stream that lived for 6 s without an event | 533 | 533 |
//! | closes after an event | 4,800 | 4,800 |
//! | closes after an event and `retry: 0`, or `bye` with 0 | 28,600 | 4,800 |
//! | 204 | 1 | 1 |
//! | 401 | 1 | 1 |
//! | 404 | 1 | 1 |
//! | 200 with a page | 1 | 1 |
//! | redirects to itself | 1 | 1 |
//! | 429 with `Retry-After: 60` | 61 | 61 |
//! | 503 with `Retry-After: 120` | 31 | 31 |
//! | 503 with a date five minutes ahead | 13 | 13 |
//! | 503 with a date a year ahead | 7 | 7 |
//! | 503 with `Retry-After: 0` | 165 | 165 |
//! | 500 | 165 | 165 |
//!
//! Where it says 1 the client ends with an error.
//!
//! # Over restarts, and for tasks
//!
//! It keeps no event: remember [`last_event_id`](crate::client::SseClient::last_event_id) and give it to
//! [`SseClientBuilder::last_event_id`](crate::client::SseClientBuilder::last_event_id) to go on after a
//! restart. [`SseClient::into_stream`](crate::client::SseClient::into_stream) is the same for a task, of
//! any runtime, by a thread of its own. A server on a Unix socket is `unix:/run/eventring.sock:/api/v1/events/stream`. There is
//! no TLS: put a proxy in between.
//!
//! # Over a WebSocket
//!
//! [`WsClient`](crate::client::WsClient) reads the same events from `/api/v1/ws`, with their topics, and bytes
//! as bytes; on the same connection it sends requests ([`websocket`](super::websocket) has them all).
//!
//! ```
//! use eventring::client::{WsData, WsItem};
//! use eventring::{Hub, Server, ServerConfig, WsClient};
//!
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
//! let server = Server::bind(&Hub::new(), config)?.spawn()?;
//!
//! let mut client = WsClient::open(&format!("ws://{}/api/v1/ws?topic=orders.*", server.addr()))?;
//! let event = loop {
//!     match client.next_item()? {
//!         WsItem::Connected => client.request(
//!             r#"{"type":"publish","request":1,"topic":"orders.eu","event":"order","data":{"n":7}}"#,
//!         )?,
//!         WsItem::Answer(json) => println!("{json}"),
//!         WsItem::Event(event) => break event,
//!         WsItem::Gap(gap) => eprintln!("missing: {}", gap.data),
//!         WsItem::Reset(reset) => eprintln!("another epoch: {}", reset.data),
//!         WsItem::Disconnected(end) => eprintln!("{}; again in {:?}", end.cause, end.again_in),
//!         // Who is there, and what later versions tell.
//!         _ => {}
//!     }
//! };
//! assert_eq!(event.topic, "orders.eu");
//! assert_eq!(event.data, WsData::Json(r#"{"n":7}"#.into()));
//! client.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what happens | what the client does |
//! | --- | --- |
//! | the connection is cut, closed, or silent for 60 s | [`Disconnected`](crate::client::WsItem::Disconnected), and again with the id of the last whole event |
//! | `bye` | the same, not before its `retry_ms` |
//! | 408, 429, 500 to 599 | the same, not before `Retry-After` |
//! | another answer than 101, or one that does not fit what was asked for | [`ClientError`](crate::client::ClientError): it would not get better |
//! | a broken frame, or a message over [`limits`](crate::client::WsClientBuilder::limits) | a close frame with its code, and [`ClientError`](crate::client::ClientError) |
//! | a ping, a close frame | answers it |
//! | a message of a type that it does not know | passes it over |
//!
//! What the URL subscribes to is resumed. Subscriptions made by requests end with their connection: ask
//! for them again at each [`Connected`](crate::client::WsItem::Connected); one with `from` moves the last id
//! back to there. Requests whose answer is missing when the connection is lost may have been served
//! or not. `eventring tail --ws` is built on it.

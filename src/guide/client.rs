//! Reading a stream from a program, over HTTP or a WebSocket: connect, read, come back, resume.
//!
//! ```
//! use eventring::client::{Item, SseClient};
//! use eventring::event::Event;
//! use eventring::gateway::{Server, ServerConfig};
//! use eventring::hub::Hub;
//!
//! let hub = Hub::new();
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
//! let server = Server::bind(&hub, config)?.spawn()?;
//! hub.publish(Event::new("orders.eu", "order").text("7").build()?)?;
//!
//! let url = format!("http://{}/api/v1/events/stream?topic=orders.*&last=1", server.addr());
//! let mut client = SseClient::open(&url)?;
//! let event = loop {
//!     match client.next_item()? {
//!         Item::Event(event) => break event,
//!         Item::Gap(gap) => eprintln!("missing: {}", gap.data),
//!         Item::Reset(reset) => eprintln!("another epoch: {}", reset.data),
//!         Item::Lost(lost) => eprintln!("{}; again in {:?}", lost.cause, lost.again_in),
//!         Item::Connected => {}
//!     }
//! };
//! assert_eq!((event.event.as_str(), event.data.as_str()), ("order", "7"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what happens | what the client does |
//! | --- | --- |
//! | the connection is cut, or silent for 60 s | says [`Lost`](crate::client::Item::Lost), waits, connects again with the id of the last whole event |
//! | 408, 429, 500 to 599 | the same, not before `Retry-After` |
//! | 204, another 4xx, another content type, a redirect | [`ClientError`](crate::client::ClientError): it would not get better |
//! | `retry:` | the first wait from then on; it doubles up to 30 s, and half of it is chance |
//!
//! It keeps no event: remember [`last_event_id`](crate::client::SseClient::last_event_id) and give it to
//! [`SseClientBuilder::last_event_id`](crate::client::SseClientBuilder::last_event_id) to go on after a
//! restart. [`SseClient::into_stream`](crate::client::SseClient::into_stream) is the same for a task, of
//! any runtime, by a thread of its own. There is no TLS: put a proxy in between.
//!
//! # Over a WebSocket
//!
//! [`WsClient`](crate::client::WsClient) reads the same events from `/api/v1/ws`, with their topics, and bytes
//! as bytes; on the same connection it sends requests ([`websocket`](super::websocket) has them all).
//!
//! ```
//! use eventring::client::{WsClient, WsData, WsItem};
//! use eventring::gateway::{Server, ServerConfig};
//! use eventring::hub::Hub;
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
//!         WsItem::Lost(lost) => eprintln!("{}; again in {:?}", lost.cause, lost.again_in),
//!         WsItem::Presence { .. } => {}
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
//! | the connection is cut, closed, or silent for 60 s | [`Lost`](crate::client::WsItem::Lost), and again with the id of the last whole event |
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

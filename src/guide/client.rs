//! Reading a stream over HTTP from a program: connect, read, come back, resume.
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

//! Filters: which events a reader gets, in the process and over the wire, and what a mistake in one gets.
//!
//! | what is asked for | in the process | over HTTP and WebSocket |
//! | --- | --- | --- |
//! | topics | [`Subscription::topics`](crate::hub::Subscription::topics), [`Filter`](crate::event::Filter) | `topic=`, several times; `topic` of a `subscribe`; `topics` of an endpoint |
//! | types of events | [`ty`](crate::hub::Subscription::ty), [`ty_pattern`](crate::hub::Subscription::ty_pattern) | the page's `addEventListener(type, ..)`: all of a topic's events come |
//! | streams (aggregates) | [`stream_type`](crate::hub::Subscription::stream_type), [`stream_id`](crate::hub::Subscription::stream_id) | - |
//! | tags | [`tag`](crate::hub::Subscription::tag) | - |
//! | the time that events name | [`since`](crate::hub::Subscription::since), [`until`](crate::hub::Subscription::until) | - (`since=` is a start: the time at which the server took them) |
//! | what is inside | [`matching`](crate::hub::Subscription::matching) | - |
//! | anything else | [`filter_fn`](crate::hub::Subscription::filter_fn) | - |
//!
//! Over the wire a stream asks for topics and nothing else, so that one frame serves everybody who has the topic: put
//! what clients choose by into the topic (`orders.eu.created`), not into the event.
//!
//! # Patterns of topics
//!
//! | pattern | takes | does not take |
//! | --- | --- | --- |
//! | `orders.created` | that topic | `orders.created.eu` |
//! | `orders.*` | `orders.eu`: one segment | `orders`, `orders.eu.created` |
//! | `orders.*.created` | `orders.eu.created` | `orders.created` |
//! | `orders.>` | `orders.eu`, `orders.eu.created`: one or more, at the end only | `orders` |
//! | `>` | every topic | those that begin with `$` |
//! | `$sys.>` | `$sys.stats`: reserved topics are taken by their first segment | |
//!
//! A wildcard is a whole segment (`ord*` is no pattern). A subscription has up to 64 patterns, 255 bytes each, and gets an
//! event once, however many of them take it. [`Pattern`](crate::event::Pattern) and [`Filter`](crate::event::Filter)
//! compare, cover and overlap without a hub.
//!
//! # All parts together
//!
//! Every part has to take an event; of several entries in one part one is enough, but for tags and conditions, which all
//! have to hold.
//!
//! ```
//! use eventring::{Event, Hub, Subscription};
//!
//! let hub = Hub::new();
//! let large = Subscription::topic("orders.>")
//!     .ty_pattern("Order*") // OrderPlaced, OrderPaid; `*` never crosses a dot, `>` does
//!     .tag("region", "eu")
//!     .since("2026-01-01T00:00:00Z")
//!     .matching("/data/amount >= 100")
//!     .matching("/tenant == \"acme\"");
//! let mut large = hub.subscribe(large)?;
//! for (amount, tenant) in [(20, "acme"), (250, "other"), (250, "acme")] {
//!     let event = Event::builder("orders.eu", "OrderPlaced")
//!         .tag("region", "eu")
//!         .attribute("tenant", tenant)
//!         .json(&format!(r#"{{"amount":{amount}}}"#))
//!         .build()?;
//!     hub.publish(event)?;
//! }
//! assert_eq!(large.try_recv()?.position.offset, 3);
//! assert!(large.try_recv().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Conditions on what is inside
//!
//! A [`Predicate`](crate::event::Predicate) is a JSON pointer (RFC 6901), an operator and a JSON value.
//!
//! | condition | asks |
//! | --- | --- |
//! | `/data/amount > 100` | a number in the data; `==`, `!=`, `<`, `<=`, `>`, `>=` |
//! | `/data/items/0/sku` | whether it is there |
//! | `/type == "OrderPlaced"`, `/subject`, `/source`, `/id`, `/topic` | an attribute of the event |
//! | `/tenant == "acme"` | an extension attribute |
//! | `/tags/region == "eu"`, `/headers/x`, `/metadata/x` | one entry of these |
//! | `"/data/a b" == null` | a pointer with blanks or operators in it stands in quotes |
//!
//! What is not there makes every operator false, `!=` too. Values of different JSON types are unequal, and neither is
//! less. Whole numbers are compared exactly up to 127 bits. A time is compared by `since` and `until`, not by a condition:
//! as texts, times with different offsets are in no order.
//!
//! # The same filter for many
//!
//! Equal filters are one class: an event is judged once for all who have it, by topic and type first, and who sleeps is
//! woken only for what it wants. [`filter_fn`](crate::hub::Subscription::filter_fn) runs for its own receiver, on the
//! receiver's thread, after everything else took the event.
//!
//! # From a request of your own
//!
//! [`EventQuery`](crate::event::EventQuery) reads a filter from JSON, for programs whose users send one:
//!
//! ```
//! use eventring::event::EventQuery;
//! use eventring::{Hub, Subscription};
//!
//! let body = br#"{"topic":["orders.>"],"typePattern":"Order*","tags":{"region":"eu"},
//!     "dateRange":{"start":"2026-01-01T00:00:00Z"},"where":["/data/amount >= 100"],"limit":50}"#;
//! let query = EventQuery::from_json(body)?;
//! let receiver = Hub::new().subscribe(Subscription::events(query.filter))?;
//! assert_eq!((query.limit, query.offset), (Some(50), 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a mistake gets
//!
//! Nothing is taken for what it does not say: a filter that is wrong subscribes to nothing, and all its faults are told at
//! once, each with its part, the number of the entry and the column.
//!
//! ```
//! use eventring::event::EventFilter;
//! use eventring::{Hub, Subscription};
//!
//! let wrong = Subscription::topics(["orders.>.x", "a..b"]).ty("").matching("/data/x >> 1").until("tomorrow");
//! assert_eq!(
//!     Hub::new().subscribe(wrong).unwrap_err().to_string(),
//!     "topic 0: \">\" is only allowed at the end at column 8; topic 1: empty segment at column 3; \
//!      type 0: must not be empty; where 0: expected a JSON value at column 10; until: not an RFC 3339 time"
//! );
//! let errors = EventFilter::builder().since("2026-02-01T00:00:00Z").until("2026-01-01T00:00:00Z").build().unwrap_err();
//! assert_eq!(errors.faults()[0].field, "until");
//! ```
//!
//! | where | a wrong filter gets |
//! | --- | --- |
//! | `GET` of a stream, the handshake of a WebSocket | 400, `application/problem+json` with `field`, and `at`: the column |
//! | `?type=`, `?filter=`, `?topics=` | 400: no such parameter, and which one was meant |
//! | `subscribe` on a WebSocket | `{"type":"error","code":"invalid","field":"topic",..}`; the connection stays |
//! | `POST` of an endpoint or a connection | 400 with all faults of the body |
//! | more than 64 entries in a part, 1,024 bytes in a text | the same, with `limit` |
//! | a topic that nothing is published on | an open stream: it may come |
//! | topics that the [`Authorizer`](crate::gateway::Authorizer) does not allow | what both take; 403 where that is nothing |
//!
//! ```
//! use std::io::{Read, Write};
//! use eventring::{Hub, Server, ServerConfig};
//!
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
//! let server = Server::bind(&Hub::new(), config)?.spawn()?;
//! let ask = |query: &str| -> std::io::Result<String> {
//!     let mut stream = std::net::TcpStream::connect(server.addr())?;
//!     write!(stream, "GET /api/v1/events/stream?{query} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer)?;
//!     Ok(answer)
//! };
//! let answer = ask("topic=orders..eu")?;
//! assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
//! assert!(answer.contains(r#""field":"topic""#) && answer.contains(r#""at":8"#), "{answer}");
//! let answer = ask("topics=orders.eu")?;
//! assert!(answer.contains("did you mean topic?"), "{answer}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

//! Endpoints and connections: paths made at run time, and whoever is connected.
//!
//! An **endpoint** is a path with topics and options of its own. Clients can narrow it down with `topic=`,
//! never widen it. Removing it ends its clients.
//!
//! ```
//! use eventring::gateway::{SlowPolicy, StreamOptions};
//! use eventring::{Event, Filter, Hub, Server, ServerConfig};
//! use std::time::Duration;
//!
//! let hub = Hub::new();
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
//! let server = Server::bind(&hub, config)?.spawn()?;
//! let handle = server.handle();
//! let options = StreamOptions::default()
//!     .slow(SlowPolicy::Latest)
//!     .heartbeat(Duration::from_secs(5));
//! handle.create_endpoint("/prices", Filter::parse(["prices.>"])?, options)?;
//!
//! // A connection for a client that will come to /api/v1/connections/{id}/stream.
//! let id = handle.create_connection(Filter::all(), StreamOptions::default())?;
//! for connection in handle.connections()? {
//!     println!("{} {} lag {}", connection.id, connection.status.name(), connection.lag);
//! }
//! let notice = || Event::builder("any", "notice").text("soon back").build();
//! assert_eq!(handle.broadcast(notice()?, Some("/prices"))?.sent, 0);
//! assert_eq!(handle.broadcast_to(notice()?, [&id])?.unknown, [id.clone()]);
//! assert!(handle.disconnect(&id)?);
//! handle.remove_endpoint("/prices")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A **broadcast** is not published: it has no position, is not kept, and moves nobody's `Last-Event-ID`.
//! It reaches streams of all filters, between two of their events. A stream for which 64 KiB wait already
//! (`private_bytes`) does not get it, and is named as `full`.
//!
//! | bound | value | beyond it |
//! | --- | --- | --- |
//! | endpoints | 1,024 | refused |
//! | connections that were made | 10,000 | 503; one that nobody comes to for five minutes is forgotten |
//! | bytes of a request's body | 64 KiB | 413 |
//! | time for the server's threads to answer the program | 5 s | [`NotServing`](crate::gateway::NotServing) |
//!
//! In a hub with a journal, endpoints and connections that were made while the server ran are there again after a restart:
//! their requests are answered once they are kept, or 503 (507 where the disk is full) and nothing is made. What is ended is
//! ended at once; a 503 then says that it comes back with the next start. An endpoint of the program's own
//! ([`ServerBuilder::endpoint`](crate::gateway::ServerBuilder::endpoint)) takes the place of one that was made at its path.
//! Without a journal they are gone, and who comes back is told by a `reset`: [`resume`](super::resume).
//!
//! # Framing
//!
//! Over HTTP/1.1 a stream is a chunked body, each event one chunk, and ends with a last chunk: a cut does not
//! look like an end. Clients that read a body of unknown length by size need it, Python's `requests` above
//! all: `iter_lines()` gathers 512 bytes of any other. `?framing=close` asks for a body that ends with its
//! connection, which HTTP/1.0 always gets. The type is `text/event-stream; charset=utf-8`.
//!
//! # Over HTTP
//!
//! | request | does |
//! | --- | --- |
//! | `POST /api/v1/endpoints` `{"path":"/prices","topics":["prices.>"],"slow":"latest"}` | makes an endpoint: `curl -N http://127.0.0.1:8080/prices` |
//! | `GET /api/v1/endpoints`, `DELETE /api/v1/endpoints?path=/prices` | lists them; removes one and ends its clients |
//! | `POST /api/v1/connections` `{"topics":["orders.*"]}` | makes a connection: 201 with its id and the `url` of its stream |
//! | `GET /api/v1/connections?limit=100&after=ID` | lists those that are open or were made |
//! | `GET /api/v1/connections/ID/status` | `connecting`, `connected`, `disconnected` or `error`; delivered, missed, bytes, lag, last event |
//! | `DELETE /api/v1/connections/ID` | ends it |
//! | `POST /api/v1/broadcast` `{"ids":["ID"],"type":"notice","data":{"n":1}}` | an event for these connections (or an `endpoint`, or all), not kept; names the ids that are unknown |
//!
//! The options are `heartbeat`, `retry` and `max_age` in seconds, `hold_ms`, `buffer`, `slow`, `compression`
//! (`off`, `gzip`, `brotli`) and `compression_for` (`browsers`, `all`). A body with a bad option is refused with all its
//! faults. `GET /api/v1/openapi.json` has the parameters and answers of all routes; `GET /` lists them for people.
//!
//! They ask the [`Authorizer`](crate::gateway::Authorizer) for
//! [`Action::Manage`](crate::gateway::Action::Manage), but for making a connection and its stream, which
//! take [`Action::Subscribe`](crate::gateway::Action::Subscribe).

//! Embedding: a hub, a server on it, and your own threads.
//!
//! A [`Hub`](crate::hub::Hub) holds the events. A [`Server`](crate::gateway::Server) puts it on a
//! socket. Neither needs an async runtime, and the hub works without any server.
//!
//! ```
//! use eventring::{Event, Hub, Server, ServerConfig};
//!
//! let hub = Hub::builder().capacity(10_000).build()?;
//! let config = ServerConfig::default().listen("127.0.0.1:0".parse()?);
//! let server = Server::bind(&hub, config)?.spawn()?;
//!
//! println!("http://{}/api/v1/events/stream?topic=orders.*", server.addr());
//! hub.publish(Event::builder("orders.created", "order").json(r#"{"id":7}"#).build()?)?;
//!
//! let report = server.stop()?; // what is published goes out first
//! assert!(report.clean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `Hub` is a handle: clone it into every thread that publishes. The hub closes when the last handle
//! goes; the server holds one.
//!
//! # Whose thread it runs on
//!
//! | call | the server runs |
//! | --- | --- |
//! | [`spawn`](crate::gateway::Server::spawn) | on a thread of its own; [`stop`](crate::gateway::ServerThread::stop) waits for its end |
//! | [`run`](crate::gateway::Server::run) | on this thread, until [`ServerHandle::stop`](crate::gateway::ServerHandle::stop) is called from another |
//! | [`turn`](crate::gateway::Server::turn) | for one turn: for hosts with a loop of their own, which poll its descriptor and keep its [`next_deadline`](crate::gateway::Server::next_deadline) |
//!
//! One reactor thread carries all connections of a server. Publishing happens on the caller's thread
//! and never waits for a connection. A publisher over HTTP shares the reactor's thread: its requests wait
//! while more than a quarter of the ring is not encoded yet, so that it cannot overrun the streams.
//!
//! Beside a web framework, the server takes a port of its own; a reverse proxy joins the two under one
//! name ([`deploy`](super::operate::deploy)).
//!
//! # Who may do what
//!
//! Everybody may do everything until an [`Authorizer`](crate::gateway::Authorizer) says otherwise. It
//! is asked once per request, and what it allows is a [`Filter`](crate::event::Filter) over topics:
//!
//! ```
//! use eventring::gateway::{AccessRequest, Action, Authorizer, Decision, Denied, Principal};
//! use eventring::{Filter, Hub, Server, ServerConfig};
//!
//! /// Anybody reads `public.>`; who knows the word does everything.
//! struct Word(&'static [u8]);
//!
//! impl Authorizer for Word {
//!     fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
//!         Decision::Now(match (request.head().header("authorization"), request.action()) {
//!             (Some(word), _) if word == self.0 => Ok(Principal::all()),
//!             (Some(_), _) => Err(Denied::Forbidden),
//!             (None, Action::Subscribe) => {
//!                 let public = Filter::parse(["public.>"]).expect("a pattern");
//!                 Ok(Principal::new().subscribe(Some(public)))
//!             }
//!             (None, _) => Err(Denied::Unknown("Bearer")),
//!         })
//!     }
//! }
//!
//! let config = ServerConfig::default().listen("127.0.0.1:0".parse()?);
//! let server = Server::builder(&Hub::new()).authorizer(Word(b"Bearer secret")).bind(config)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is asked once for each request, and what it says holds for all that follows: one answer serves every message of
//! a WebSocket. A stream gets only what its own filter and `subscribe` both take, and ends at `expires_at`. Whoever has
//! to ask somebody else first answers [later](crate::gateway::Decision::Later), from any thread. Compare
//! secrets in constant time in code that counts.
//!
//! # Less than all of it
//!
//! The features are floors: `default-features = false` leaves the ring alone, `hub` adds events and
//! in-process subscriptions, `gateway` (the default) adds sockets. The crate's first page has the table.

//! Testing with a clock: timeouts, heartbeats and ages without sleeping.
//!
//! A server goes by a [`Clock`](crate::gateway::Clock) that is passed in, and does nothing that is not asked of it by
//! [`turn`](crate::gateway::Server::turn). So a test moves the time and turns the server itself:
//!
//! ```
//! use std::io::{ErrorKind, Read, Write};
//! use std::net::TcpStream;
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::time::{Duration, Instant};
//! use eventring::{Hub, Server, ServerConfig};
//!
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into()).heartbeat(Duration::from_secs(15));
//! let (begin, seconds) = (Instant::now(), Arc::new(AtomicU64::new(0)));
//! let moved = seconds.clone();
//! let clock = move || begin + Duration::from_secs(60 + moved.load(Ordering::Relaxed));
//! let mut server = Server::builder(&Hub::new()).clock(clock).bind(config)?;
//!
//! let mut client = TcpStream::connect(server.local_addrs()[0])?;
//! client.set_nonblocking(true)?;
//! client.write_all(b"GET /api/v1/events/stream?topic=quiet HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
//!
//! // Turns the server until the client has what is wanted; the deadline is for a test that fails.
//! let mut until = |server: &mut Server, wanted: &str| {
//!     let (mut text, start) = (String::new(), Instant::now());
//!     while !text.contains(wanted) {
//!         assert!(start.elapsed() < Duration::from_secs(30), "{text}");
//!         server.turn(Some(Duration::from_millis(1))).expect("a turn");
//!         let mut bytes = [0; 4096];
//!         match client.read(&mut bytes) {
//!             Ok(n) => text.push_str(&String::from_utf8_lossy(&bytes[..n])),
//!             Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
//!         }
//!     }
//! };
//! until(&mut server, "-0\n:\n\n"); // where it begins: an id, and a comment
//! seconds.fetch_add(15, Ordering::Relaxed);
//! until(&mut server, "-0\n:\n\n"); // the heartbeat is the same
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | rule | why |
//! | --- | --- |
//! | the clock never goes back, and begins a minute ahead of the machine's | what binds the server counts from the machine's, however long that takes |
//! | `turn` from the test, not [`spawn`](crate::gateway::Server::spawn) | a thread that sleeps until a deadline does not see that the clock has moved |
//! | deadlines are looked at each second of the clock | move it by whole seconds; for "not before", stop a second short |
//! | a function is a clock; for `Date`, implement [`time_of_day`](crate::gateway::Clock::time_of_day) | `Date` may go back, deadlines may not |
//!
//! # What goes by which time
//!
//! | time | clock | in a test |
//! | --- | --- | --- |
//! | heartbeats, `head_timeout`, `body_timeout`, `idle_timeout`, `write_timeout`, `authorization_timeout`, `outcome_timeout`, `publish_timeout`, pings, [`expires_at`](crate::gateway::Principal::expires_at) | the server's | move it |
//! | `max_age` | the machine's when a stream opens, then the server's | open it, then move the clock |
//! | `Date` of answers | [`time_of_day`](crate::gateway::Clock::time_of_day) | implement it |
//! | connections that were made and nobody comes to, five minutes | the machine's | - |
//! | [`retain_age`](crate::hub::TopicConfig::retain_age) | the machine's date when the hub took the event, whatever time that names | a millisecond: below |
//! | `since=`, [`StartFrom::Timestamp`](crate::hub::StartFrom) | the machine's date when the hub took the event | any time before the test begins, or after |
//! | the id and the time of an event | the machine's date | set [`id`](crate::event::EventBuilder::id) and [`time`](crate::event::EventBuilder::time) |
//! | [`recv_timeout`](crate::hub::Receiver::recv_timeout), `publish_timeout` of a [`BackpressureStream`](crate::pipeline::BackpressureStream) | the machine's | zero: it does not wait |
//! | [`Controls::heartbeat`](crate::hub::Controls), `interval` of a [`BatchingStream`](crate::pipeline::BatchingStream), windows by time | the machine's | a millisecond, or `size` and windows by number |
//! | waits of clients between connections | the machine's | [`pauses`](crate::client::ClientBuilder::pauses) of a millisecond |
//! | deadlines of the ring | the machine's | `try_` forms |
//!
//! What parses and encodes ([`wire`](crate::wire)) takes bytes and asks no clock; what it needs of the time is passed in.
//!
//! # Ages
//!
//! ```
//! use std::time::Duration;
//! use eventring::hub::TopicConfig;
//! use eventring::{Event, Hub};
//!
//! let hub = Hub::new();
//! let brief = TopicConfig::default().retain_events(100).retain_age(Some(Duration::from_millis(1)));
//! hub.create_topic("prices", brief)?;
//! hub.publish(Event::builder("prices", "price").build()?)?;
//! while hub.describe_topic("prices").ok_or("no such topic")?.retained > 0 {
//!     std::thread::yield_now();
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A client that comes back
//!
//! A test needs no minutes for it: the server is dropped and another one bound to the same port, and the client's waits
//! are a millisecond, the server's `retry` included.
//!
//! ```
//! use std::time::Duration;
//! use eventring::client::SseItem;
//! use eventring::{Event, Hub, Server, ServerConfig, SseClient};
//!
//! let (hub, ms) = (Hub::new(), Duration::from_millis(1));
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into()).retry(ms);
//! let server = Server::bind(&hub, config.clone())?.spawn()?;
//! let address = server.addr();
//! let url = format!("http://{address}/api/v1/events/stream?topic=t&from=beginning");
//! let mut client = SseClient::builder(&url)?.pauses(ms, ms).build();
//! let mut next = || loop {
//!     match client.next_item() {
//!         Ok(SseItem::Event(event)) => return event.data,
//!         Ok(_) => {}
//!         Err(error) => panic!("{error}"),
//!     }
//! };
//! hub.publish(Event::builder("t", "message").text("one").build()?)?;
//! assert_eq!(next(), "one");
//! server.stop()?;
//! hub.publish(Event::builder("t", "message").text("two").build()?)?; // while nobody serves
//! let server = Server::bind(&hub, config.listen(address))?.spawn()?;
//! assert_eq!(next(), "two");
//! # server.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

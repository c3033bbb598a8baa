//! Subscribing in process: a cursor with a filter, and no queue behind it.
//!
//! ```
//! use eventring::hub::StartFrom;
//! use eventring::{Event, Hub, Subscription};
//!
//! let hub = Hub::new();
//! let mut orders = hub.subscribe("orders.*")?;
//! hub.publish(Event::builder("orders.created", "order").text("first").build()?)?;
//! hub.publish(Event::builder("users.created", "user").text("other").build()?)?;
//!
//! let delivery = orders.recv()?; // waits; `try_recv` and `recv_timeout` do not, or not for ever
//! assert_eq!(delivery.event.data(), b"first");
//!
//! // Another one that starts with what is kept, over several patterns.
//! let both = Subscription::topics(["orders.>", "users.>"]).start(StartFrom::Beginning);
//! let mut all = hub.subscribe(both)?;
//! assert_eq!(all.drain(100, |position, event| println!("{position} {}", event.topic()))?, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | call | gives | copies |
//! | --- | --- | --- |
//! | [`recv`](crate::hub::Receiver::recv), [`try_recv`](crate::hub::Receiver::try_recv), [`recv_timeout`](crate::hub::Receiver::recv_timeout), the iterator | a [`Delivery`](crate::hub::Delivery) to keep | the event, once |
//! | [`with_next`](crate::hub::Receiver::with_next), [`try_with_next`](crate::hub::Receiver::try_with_next), [`drain`](crate::hub::Receiver::drain) | a look at the event in its place | nothing |
//! | [`Hub::cursor`](crate::hub::Hub::cursor) | every event, a cursor that can be moved | nothing |
//!
//! Keep a look short: while it runs, the block of 64 events around it cannot be reused.
//!
//! # Patterns
//!
//! `*` is one segment, `>` is one or more and stands at the end. In the first segment neither takes a topic that begins
//! with `$`, which is reserved for what a program says about itself: that takes its name.
//!
//! ```
//! use eventring::{Event, Hub, Subscription};
//!
//! let hub = Hub::new();
//! let mut all = hub.subscribe(Subscription::all())?; // `>`
//! let mut own = hub.subscribe("$sys.*")?;
//! hub.publish(Event::builder("$sys.stats", "tick").build()?)?;
//! assert_eq!(own.recv()?.event.topic(), "$sys.stats");
//! assert!(all.try_recv().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same holds for what a client may see: an [`Authorizer`](crate::gateway::Authorizer) that allows `>` allows no
//! reserved topic, and none is allowed where there is no authorizer. One that allows `>` and `$sys.>` does.
//!
//! # Who is too slow
//!
//! is told how many events are gone, and goes on with the oldest that is kept. It is an outcome, not a
//! failure, and costs the publisher nothing:
//!
//! ```
//! use eventring::hub::ReceiveError;
//! use eventring::{Event, Hub, Subscription};
//!
//! let hub = Hub::builder().capacity(64).build()?;
//! let mut slow = hub.subscribe(Subscription::all())?;
//! for n in 1..=100 {
//!     hub.publish(Event::builder("t", "message").text(&n.to_string()).build()?)?;
//! }
//! let Err(ReceiveError::Gap(gap)) = slow.recv() else { panic!("64 of 100 are kept") };
//! assert_eq!((gap.missed, gap.resume_at, gap.exact), (36, 37, true));
//! assert_eq!(slow.recv()?.position.offset, 37);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Behind a filter `missed` counts all of the hub's events, and `exact` is false; so it is for everybody once there was
//! a topic that begins with `$`.
//!
//! # Going on later
//!
//! [`Receiver::position`](crate::hub::Receiver::position) after the last event, kept somewhere, is where
//! [`StartFrom::After`](crate::hub::StartFrom::After) goes on, within the same epoch: [`resume`](super::resume).
//!
//! # The end
//!
//! When the hub is closed, readers get what is kept and then `Closed`; the iterator ends.
//!
//! # From async code
//!
//! [`recv_async`](crate::hub::Receiver::recv_async), [`into_stream`](crate::hub::Receiver::into_stream) (events and gaps)
//! and [`into_items`](crate::hub::Receiver::into_items) (all there is to tell) wait as a task, under tokio, smol or any other executor (feature `async`). Dropping a future that is pending, as `select!` and
//! timeouts do, loses nothing. Publishing never waits, so it needs no `async`.
//!
//! # Your own code in its hands
//!
//! Conditions, handlers, notifications, wakers and whatever they drop run while no lock of the hub or
//! its ring is held: they may publish, subscribe, unsubscribe and close. A notification that panics is
//! caught; what a closure of a receive panics on counts as not received. [`Hub`](crate::hub::Hub),
//! receivers and the ring's handles go through `catch_unwind` without an assertion. The handler of a
//! `BatchingStream` (feature `pipeline`) may stop, fill or own that stream: what it would
//! have to wait for itself, it does not wait for.

//! Checkpoints: how far a reader has come, kept with the events, by a name.
//!
//! A reader that ends and starts again has to know where it was. Its hub's journal keeps that for it, in the transaction of
//! whatever is published at that moment:
//!
//! ```
//! use eventring::hub::{CheckpointPolicy, StartFrom};
//! use eventring::journal::{MemoryJournal, MemoryLog};
//! use eventring::{Event, Hub, Subscription};
//!
//! let log = MemoryLog::default();
//! let hub = Hub::builder().journal(MemoryJournal::open(&log)).build()?;
//! hub.publish(Event::builder("orders.eu", "order").build()?)?;
//! let checkpoints = hub.checkpoints().ok_or("a hub in memory has none")?;
//!
//! let orders = Subscription::topic("orders.*");
//! let orders = match checkpoints.load("billing")? {
//!     // By the rules of Last-Event-ID: what is gone is a gap, another log a reset.
//!     Some(kept) => orders.resume(&kept.position.to_string()),
//!     None => orders.start(StartFrom::Beginning),
//! };
//! let mut receiver = hub.subscribe(orders)?;
//! let writer = checkpoints.writer("billing", CheckpointPolicy::default())?;
//! while let Ok(delivery) = receiver.try_recv() {
//!     // The work comes first, then this.
//!     writer.passed(delivery.position);
//! }
//! writer.passed(receiver.position());
//! writer.flush()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | rule | what it means |
//! | --- | --- |
//! | forward only | a position before the one that is kept is refused with both, unless it is [forced](crate::hub::Checkpoints::force) |
//! | one log | a position of another log is refused; what is kept from one (a copy, an import) is replaced by force only |
//! | what can be seen | a position behind the newest event that readers see is refused |
//! | never guessed | one that cannot be read is an error, and not the beginning |
//! | bounded | 10,000 names, which are those that topics may have |
//!
//! A [`CheckpointWriter`](crate::hub::CheckpointWriter) saves after 1,000 events or a second, whichever comes first
//! ([`CheckpointPolicy`](crate::hub::CheckpointPolicy)), without waiting. What was passed since the last save is passed once
//! more after a crash: work that must not be done twice has to know what it has done. A save that fails is tried again;
//! [`age`](crate::hub::CheckpointWriter::age) says how long something waits, and belongs among a program's metrics.
//! [`flush`](crate::hub::CheckpointWriter::flush) before the hub is closed.
//!
//! A checkpoint holds nothing back: events before which it stands may go by retention, and its reader is told of a gap then.
//! Who must not miss them [holds](crate::hub::JournalHandle::hold) them as well.
//!
//! Over HTTP, for who has the right `manage`:
//!
//! | request | does |
//! | --- | --- |
//! | `GET /api/v1/checkpoints?limit=100&after=NAME` | a page by name |
//! | `GET /api/v1/checkpoints/{name}` | `{"name": .., "position": .., "saved_ms": ..}`; 404: there is none; 500: it cannot be read |
//! | `PUT /api/v1/checkpoints/{name}` `{"position":"6z2k0e9m3qv1d-812","force":false}` | saves it, and answers once it is kept; 409: backwards, of another log, or not there yet; 429, `Retry-After`: more than 10 a second for one name |
//! | `DELETE /api/v1/checkpoints/{name}` | forgets it |
//!
//! A server without a journal answers 501.

//! History: questions about what was published, answered a page at a time.
//!
//! A stream goes on for ever; a page ends. Over HTTP:
//!
//! ```text
//! GET /api/v1/events/history?topic=orders.*&since=2026-03-01T12:00:00Z&order=desc&limit=2
//!
//! {"events":[{"specversion":"1.0","id":"…","type":"OrderPlaced","topic":"orders.eu","data":{"id":7},
//!             "position":"6z2k0e9m3qv1d-812"},…],
//!  "next":"6z2k0e9m3qv1d-812-d640","has_more":true,"as_of":"6z2k0e9m3qv1d-812"}
//! ```
//!
//! Events are CloudEvents in JSON, with their data in place. `position` is an id of streams: a page that shows the past
//! and then follows it opens a stream with `last-event-id=` of the newest event that it has ([`resume`](super::super::resume)).
//!
//! | parameter | meaning |
//! | --- | --- |
//! | `topic` | patterns, several if need be; without one every topic that does not begin with `$` |
//! | `since`, `until` | when the server took the event, not the time that it names; `until` is not part of it |
//! | `order` | `asc` (the oldest first) or `desc` |
//! | `limit` | events of a page, 1 to 1000; 100 |
//! | `cursor` | the `next` of the page before, which goes into an address as it is; with the same topics and times |
//! | `offset` | events to pass over before the first page; a cursor is cheaper |
//! | `total` | `true`: also how many there are, as `total`, or as `total_at_least` where that many were counted and no more |
//!
//! `next` is null where there are no more. Pages do not move under those who publish meanwhile: ascending ones go on into
//! what is new, descending ones end where the first page began (`as_of`). A page may have fewer events than `limit` and say
//! `has_more`: so much is looked at for one. `gaps` names what is missing among the events of a page, if anything is: lost
//! by a crash, damaged, no longer kept.
//!
//! What the journal has is read on threads of the hub's own, never by the thread that serves streams: the request waits, and
//! costs nobody else anything. Who may read some topics only gets the events of those. A value that is none is answered 400
//! and names its `field`.
//!
//! In the process it is [`Hub::history`](crate::Hub::history), or [`Hub::submit_history`](crate::Hub::submit_history) where
//! a thread must not wait for a disk:
//!
//! ```
//! use eventring::hub::{HistoryOrder, HistoryQuery};
//! use eventring::{Event, Filter, Hub};
//!
//! let hub = Hub::new();
//! hub.publish(Event::builder("orders.eu", "OrderPlaced").json(r#"{"id":7}"#).build()?)?;
//! let newest = HistoryQuery::topics(Filter::parse(["orders.*"])?).order(HistoryOrder::Descending);
//! let page = hub.history(&newest)?;
//! assert_eq!(page.events[0].position, hub.position());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

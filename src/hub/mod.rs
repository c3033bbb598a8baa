//! The hub: the object a program embeds.
//!
//! A [`Hub`] is one ring of events in one total order. Whoever publishes gets the event's
//! [`Position`](crate::event::Position); whoever reads is a cursor: a [`Receiver`] for a pattern of topics, a
//! [`Cursor`] for everything. A reader never slows a publisher down: one that falls more than the hub's capacity
//! behind is told exactly how many events it missed ([`Gap`]), and reads on.
//!
//! # Examples
//!
//! ```
//! use eventring::{Event, Hub};
//!
//! let hub = Hub::new();
//! let mut orders = hub.subscribe("orders.*").unwrap();
//! hub.publish(Event::builder("orders.created", "order").json(r#"{"id":7}"#).build().unwrap()).unwrap();
//! let delivery = orders.recv().unwrap();
//! assert_eq!(delivery.position.offset, 1);
//! assert_eq!(delivery.event.data(), br#"{"id":7}"#);
//! ```
//!
//! # Guarantees
//!
//! | promise | how it is kept | shown by |
//! | --- | --- | --- |
//! | who listens to a topic is known, over HTTP too; joins and leaves are told in the order of the list, or that some were not | [`Hub::present`], [`Hub::watch_presence`], [`Hub::open_presence`] | `tests/hub/catch_up.rs`, `tests/gateway/streams/presence.rs` |
//! | positions rise by one, and a batch is contiguous, whole or not there | one lock, one ring | `tests/hub/publish.rs` |
//! | nothing is missed silently | [`Gap`] is an item with a number; it never ends anything | `tests/hub/subscribe.rs` |
//! | only what a subscription wants is received; its position passes the rest | [`EventFilter`](crate::event::EventFilter) | `tests/hub/unsubscribe.rs` |
//! | a reader never holds a publisher back; closures run on the reader's thread | no queue, no gate | `tests/hub/subscribe.rs` |
//! | who waits is not woken by what it does not want, nor left behind by it | whoever publishes judges the filter, once a [`Class`], after the lock is released | `tests/hub/sleep.rs` |
//! | an event is judged once for all with equal filters | [`Class`]; a trie on topics with an index on types finds those who may want it | `scripts/bench-hub-instructions` |
//! | a task can wait as a thread can, under any runtime; dropping the future loses nothing | `Receiver::recv_async`, feature `async` | `tests/hub/tasks/mod.rs` |
//! | [`unsubscribe`](Hub::unsubscribe) ends delivery and a blocked receive at once; dropping a receiver unsubscribes | [`EndReason`] | `tests/hub/unsubscribe.rs`, `tests/hub/leaks.rs` |
//! | looking back at some topics does not look at others; where events of a topic stand is known | [`StartFrom`] | `tests/hub/look_back.rs` |
//! | an id that was kept as text resumes as on the wire: with a gap where it is too old, with [`Item::Reset`] where it means nothing | [`Subscription::resume`] | `tests/hub/resume.rs` |
//! | one stream tells events, gaps, resets, controls, and the reason of its end | `Receiver::into_items`, feature `async` | `tests/hub/tasks/items.rs` |
//! | history, then [`Item::CaughtUp`], then live, in one call | [`Receiver::next_item`] | `tests/hub/catch_up.rs` |
//! | a busy topic does not push out what a quiet one keeps | [`TopicConfig`]: own copies | `tests/hub/topics.rs` |
//! | what the ring has no more comes from the journal, live events after it, nothing twice | [`Receiver`], [`GapReason`] | `tests/hub/past/catch_up.rs` |
//! | pages of history put together are what was published, whatever is published meanwhile | [`HistoryQuery`] | `tests/hub/past/model.rs` |
//! | controls have no position and are not stored | [`Controls`] | `tests/hub/catch_up.rs` |
//! | stream positions are dense; an expected version is checked with the publish | [`ExpectedVersion`] | `tests/hub/catch_up.rs` |
//! | with a journal nothing is seen before it is as safe as it is to be, and no publish succeeds whose commit failed | the journal's driver stands before the ring's barrier; [`Outcome`] | `tests/hub/journal/commit.rs`, `tests/hub/journal/failure.rs` |
//! | a commit that fails leaves no version, figure or place of its events behind | an undo list; slots that are void by type | `tests/hub/journal/failure.rs` |
//! | no offset that was seen is given out twice, whatever crash | [`Journal::reserve`](crate::journal::Journal::reserve) | `tests/hub/journal/recovery.rs` |
//! | a checkpoint goes forward only, unless it is forced; one that cannot be read is an error, and never the beginning | [`Checkpoints`] | `tests/hub/journal/checkpoints.rs` |
//! | who waits for room gets it in the order in which it came, large batches too | [`HubPublisher::room`] | `tests/hub/journal/room.rs` |
//! | a small publish allocates nothing while nobody sleeps | slots are reused | `tests/hub/alloc.rs` |
//!
//! Keeping events for a topic starts one thread, `eventring-history`; a journal another, `eventring-journal`; reads that must
//! not block their caller ([`Hub::submit_history`], a server's streams, receivers as tasks) up to two, `eventring-read-0` and
//! `-1`. They end with the hub. Versions of streams ([`HubBuilder::streams_max`]) are kept in memory for this run; one that
//! nothing was published on in it is looked up in the journal by whoever publishes on it first, for a server by these threads.
//!
//! # Bounds
//!
//! | bound | default | beyond it |
//! | --- | --- | --- |
//! | [`capacity`](HubBuilder::capacity) | 65,536 events | the oldest event goes; who has not read it is told |
//! | [`ring_bytes`](HubBuilder::ring_bytes) | 64 MiB | the oldest blocks of 64 events go; who has not read them is told |
//! | [`limits`](HubBuilder::limits) | see [`EventLimits`](crate::event::EventLimits) | the event is refused |
//! | [`topics_max`](HubBuilder::topics_max) | 65,536 topics | creating is refused; what is published is not listed |
//! | [`history_bytes`](HubBuilder::history_bytes) | 256 MiB | a topic that wants to keep more is refused |
//! | [`streams_max`](HubBuilder::streams_max) | 0 streams | publishing on another stream is refused |
//! | a filter | 64 entries a part, 1,024 bytes a text | the subscription is refused |
//! | joins and leaves that wait | 64 a receiver, 4,096 a [`PresenceWatch`] | they go, and that is told: the list has them |
//! | a page of [`history`](Hub::history) | 1,000 events, 4 MiB, 262,144 looked at | the page says that there are more, and where |
//! | reads that wait for a thread | 16,384 | they are refused, and asked for again |
//! | what was read from a journal and is kept for others | 16 MiB | what was not asked for longest is read again |
//! | a batch | half of `capacity` and of `ring_bytes`; with a journal also of the two below | the batch is refused whole |
//! | [`in_flight`](HubBuilder::in_flight) | 8,192 events, half of `capacity` at most | publishes wait in line, or are [`Full`](HubPublishError::Full) |
//! | [`in_flight_bytes`](HubBuilder::in_flight_bytes) | 16 MiB | as above |
//! | [`publish_timeout`](HubBuilder::publish_timeout) | 5 s in that line | [`Full`](HubPublishError::Full) |
//! | [`commit_timeout`](HubBuilder::commit_timeout) | 10 s for a commit, and for closing | the journal is stalled: [`Indeterminate`](HubPublishError::Indeterminate) |
//! | a round of the journal | 4,096 events, 4 MiB, unless a batch is larger | the rest is the next round's |
//! | offsets reserved for what is not written | 2^20, renewed at half | such events wait as for a commit |
//! | changes of state that wait | 4,096 | they are refused |
//! | checkpoints by name | 10,000 | another one is refused |
//! | void ranges that are remembered | 4,096 | the oldest is forgotten |
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`subscribe`](crate::guide::subscribe), [`topics`](crate::guide::program::topics), [`resume`](crate::guide::resume)."
)]
#![forbid(unsafe_code)]

mod builder;
mod checkpoints;
mod class;
mod error;
mod history;
#[expect(
    clippy::module_inception,
    reason = "`Hub` stands where one looks for it"
)]
mod hub;
mod journal;
mod journal_read;
mod presence;
mod publish;
mod shared;
mod slot;
mod stats;
mod subscribe;
mod topics;
mod wait;

pub use crate::journal::Durability;
pub use builder::HubBuilder;
pub use checkpoints::{
    Checkpoint, CheckpointError, CheckpointPolicy, CheckpointWriter, Checkpoints, NamedCheckpoint,
};
pub use class::Class;
pub use error::{
    CursorReadError, CursorSeekError, EndReason, Gap, HubError, HubPublishError, ReceiveError,
    ReceiveTimeoutError, SubscriptionError, TryReceiveError,
};
pub use history::{
    EventPage, HistoryCursorError, HistoryError, HistoryEvent, HistoryOrder, HistoryQuery,
    HistoryTotal,
};
pub use hub::Hub;
pub use journal::{Histogram, JournalHandle, TransactDone, TransactError};
#[cfg(feature = "gateway")]
pub(crate) use journal_read::{
    OnOffset, OnPart, Part, ReadJob, ReadPoolFull, ReadStats, StreamLookUp,
};
pub use presence::{
    PresenceChange, PresenceConfig, PresenceEvent, PresenceHandle, PresenceUpdate, PresenceWatch,
    Present,
};
pub use publish::{ExpectedVersion, HubPublisher, Outcome, PublishOptions, RoomTicket};
pub use stats::HubStats;
#[cfg(feature = "gateway")]
pub(crate) use subscribe::ResumeId;
pub use subscribe::{
    Control, Controls, Cursor, Delivery, GapReason, HubWaiter, ID_BYTES_MAX, Item, Receiver, Reset,
    ResetReason, StartFrom, Subscription, SubscriptionStats,
};
#[cfg(feature = "async")]
pub use subscribe::{ItemStream, ReceiverStream};
#[cfg(feature = "gateway")]
pub(crate) use topics::{LastEvents, LookedUp, TopicSet, joined_since, topic_page};
pub use topics::{TopicConfig, TopicConfigErrors, TopicInfo, TopicMode, TopicsError};

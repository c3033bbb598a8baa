//! Topics and retention: which topics there are, what is kept of each, and what a reader is told of the rest.
//!
//! A topic is a name with dots; [`filters`](super::filters) has the patterns over names. Nothing has to be set up: the
//! first event makes its topic, and the hub's ring keeps the newest events of all topics together.
//!
//! | kept | where | bound | what goes first |
//! | --- | --- | --- | --- |
//! | the newest events of all topics | the ring | [`capacity`](crate::hub::HubBuilder::capacity), 65,536 events, exactly | the oldest, whatever its topic |
//! | | | [`ring_bytes`](crate::hub::HubBuilder::ring_bytes), 64 MiB of records over 195 bytes | the oldest block of 64 events |
//! | copies of one topic's own | beside the ring, where it asked for them | [`retain_events`](crate::hub::TopicConfig::retain_events), [`retain_bytes`](crate::hub::TopicConfig::retain_bytes) (1 MiB), [`retain_age`](crate::hub::TopicConfig::retain_age) | the topic's oldest |
//! | the same of all topics | | [`history_bytes`](crate::hub::HubBuilder::history_bytes), 256 MiB | nothing: one topic more is refused |
//! | all events that are to be kept | the journal, where there is one | its own, 10 GiB; and of a topic, [`journal`](crate::hub::TopicConfig::journal) | the oldest, but those with a stream |
//!
//! # A quiet topic beside a busy one
//!
//! In the ring the busy topic pushes the quiet one out. A topic that is to keep its own asks for it:
//!
//! ```
//! use eventring::hub::{StartFrom, TopicConfig};
//! use eventring::{Event, Hub, Subscription};
//!
//! let hub = Hub::builder().capacity(64).build()?;
//! hub.create_topic("alarms", TopicConfig::default().retain_events(100))?;
//! hub.publish(Event::builder("alarms", "alarm").text("fire").build()?)?;
//! for _ in 0..1_000 {
//!     hub.publish(Event::builder("sensors.7", "reading").build()?)?;
//! }
//! let mut alarms = hub.subscribe(Subscription::topic("alarms").start(StartFrom::Beginning))?;
//! assert_eq!(alarms.try_recv()?.event.data(), b"fire");
//!
//! let info = hub.describe_topic("alarms").ok_or("no such topic")?;
//! assert_eq!((info.published, info.retained), (1, 1));
//! assert_eq!(hub.earliest(), 1_001 - 63, "the ring has the newest 64");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It costs one copy an event, made by a thread (`eventring-history`) that starts with the first such topic, and nothing a
//! delivery. Copies begin with the topic's creation: what was published before is not among them. `retain_bytes` counts
//! against `history_bytes` as a whole, at once.
//!
//! **Receivers in the process read them**: [`StartFrom`](crate::hub::StartFrom) in each of its forms, and a receiver that
//! was overtaken. Streams over HTTP and WebSocket look back in the ring alone. A program that wants a quiet topic's state
//! in each new stream publishes it again now and then, or makes the ring large enough.
//!
//! `retain_age` counts from when the hub took the event, whatever time that names. Nothing in the ring goes by age.
//!
//! # Which topics there may be
//!
//! [`HubBuilder::topics`](crate::hub::HubBuilder::topics) takes a [`TopicMode`](crate::hub::TopicMode):
//!
//! ```
//! use eventring::hub::{HubPublishError, TopicConfig, TopicMode};
//! use eventring::{Event, Hub};
//!
//! let hub = Hub::builder().topics(TopicMode::Explicit).build()?;
//! let misspelt = Event::builder("ordres", "order").build()?;
//! assert_eq!(hub.publish(&misspelt), Err(HubPublishError::UnknownTopic));
//! hub.create_topic("orders", TopicConfig::default())?;
//! hub.publish(Event::builder("orders", "order").build()?)?;
//! assert_eq!(hub.topics(), ["orders"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | `Lazy`, the default | `Explicit` |
//! | --- | --- | --- |
//! | an event on a topic that is not there | makes it | refused: `UnknownTopic`; over HTTP and WebSocket 404, `no such topic` |
//! | a subscription to one | waits for it | waits for it |
//! | [`create_topic`](crate::hub::Hub::create_topic) of one that an event made | gives it its settings | - |
//! | the same of one that was created | refused: `Exists` | refused |
//! | more than [`topics_max`](crate::hub::HubBuilder::topics_max), 65,536 | published, not listed, counted as `untracked`; creating is refused | refused |
//! | [`delete_topic`](crate::hub::Hub::delete_topic) | its copies go; subscriptions that named only it end, `TopicDeleted`; its events go from the ring and the journal, and in a hub without one stay in the ring | the same |
//!
//! Over HTTP, for who has the right `observe`, or `manage` to change them:
//!
//! | request | does |
//! | --- | --- |
//! | `GET /api/v1/topics?prefix=orders.&limit=100&after=NAME` | a page by name: `{"topics": [..], "next": .., "has_more": ..}`; `next` is the `after` of the next one |
//! | `GET /api/v1/topics/{topic}` | its settings and figures |
//! | `PUT /api/v1/topics/{topic}` `{"durability":"durable","retain_events":100,"retain_bytes":65536,"retain_age_ms":60000}` | settles it, and makes it where there is none; what is not named has its default |
//! | the same with `journal_events`, `journal_bytes`, `journal_age_ms`, `journal_streams`, `compact`, `tombstone_age_ms` | bounds what the journal keeps of it |
//! | `DELETE /api/v1/topics/{topic}/events?below=POSITION&streams=true` | deletes its events before that position, those with a stream only if `streams` |
//! | `DELETE /api/v1/topics/{topic}` | deletes it |
//! | `GET /api/v1/topics/{topic}/presence` | who listens |
//!
//! In a hub with a journal settings are there after a restart: a change is answered once it is kept.
//!
//! # What the journal keeps of one
//!
//! [`journal`](crate::hub::TopicConfig::journal) has bounds on age, bytes and events of a topic;
//! [`compact`](crate::hub::TopicConfig::compact) keeps the newest event of each key, which a JSON pointer leads to. Events with
//! a stream stay unless `streams` says otherwise. Who resumes before what is left is told by a gap, `retention`; nobody is told
//! of what was compacted or deleted, since somebody asked for that.
//!
//! ```
//! use std::time::Duration;
//! use eventring::hub::TopicConfig;
//! use eventring::journal::{Compact, MemoryJournal, MemoryLog, Retention};
//! use eventring::Hub;
//!
//! let log = MemoryLog::default();
//! let hub = Hub::builder().journal(MemoryJournal::open(&log)).build()?;
//! let week = Retention::default().age(Some(Duration::from_secs(7 * 24 * 3600)));
//! hub.set_topic("sensors.7", TopicConfig::default().journal(week))?;
//! hub.set_topic("prices", TopicConfig::default().compact(Some(Compact::new("/data/symbol"))))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`truncate`](crate::hub::JournalHandle::truncate) deletes a topic's events before a position. From when it returns, readers
//! find them nowhere; what a reader was handed, or has read ahead, it has. Their bytes go later.
//!
//! # How safe they are
//!
//! [`Durability`](crate::hub::Durability) has the names `None`, `Buffered` and `Durable`; a topic that says nothing has the
//! hub's. A hub in memory takes `None` alone. `partitions`, `replication` and `compression` are refused by each hub, with
//! everything that is wrong at once, instead of promising what it does not do.
//!
//! ```
//! use eventring::hub::TopicConfig;
//!
//! let wrong = TopicConfig::default().partitions(3).replication(3);
//! assert_eq!(wrong.validate().unwrap_err().to_string(), "partitions: only 1; replication: only 1");
//! ```
//!
//! # What a reader is told
//!
//! | it wanted | and it is gone | in the process | over HTTP and WebSocket |
//! | --- | --- | --- | --- |
//! | to go on after a position | from the ring | what the topics' copies have; then [`Gap`](crate::hub::Gap) with the number that is missing | `gap`, `retention` |
//! | the beginning | - | the oldest that is kept; nothing is missing | the same |
//! | the last N | some of them | [`is_complete`](crate::hub::Receiver::is_complete) says no | `gap`, if there were more |
//! | since a time | some of that time | the oldest that is kept | `gap` |
//! | to read on, and was too slow | overwritten | the same as after a position | by `slow=`: [`slow_clients`](crate::guide::operate::slow_clients) |
//! | a position of another process | the epoch is another | [`SubscriptionError::Epoch`](crate::hub::SubscriptionError) | `reset`, `epoch` |
//!
//! How long the ring reaches back is `capacity` divided by the events a second, or less if `ring_bytes` is used up first:
//! [`slow_clients`](crate::guide::operate::slow_clients) has an example.

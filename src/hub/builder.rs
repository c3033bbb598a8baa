//! Settings of a hub.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::event::{Epoch, EventLimits};
use crate::journal::{Durability, Journal, TopicPolicy};
use crate::ring::{self, Overflow};

use crate::hub::Hub;
use crate::hub::HubError;
use crate::hub::class::Classes;
use crate::hub::journal::{HubJournal, JournalSettings, default_is_none, load_topics};
use crate::hub::journal_read::ReadSide;
use crate::hub::publish::{InFlight, Publisher, RoomQueue, StreamVersions};
use crate::hub::shared::Shared;
use crate::hub::slot::Slot;
use crate::hub::subscribe::Registry;
use crate::hub::topics::TopicMode;
use crate::hub::topics::TopicTable;
use crate::hub::topics::{self, TimeIndex};
use crate::hub::wait::WakeRouter;

/// Least `ring_bytes`.
const RING_BYTES_LEAST: usize = 64 << 10;

/// A journal that is taken by the first of several builders that builds.
type SharedJournal = Arc<Mutex<Option<Box<dyn Journal>>>>;

/// Builds a [`Hub`].
///
/// # Examples
///
/// ```
/// use eventring::Hub;
///
/// let hub = Hub::builder().capacity(1_000).ring_bytes(8 << 20).build().unwrap();
/// assert_eq!(hub.capacity(), 1_000);
/// assert_eq!(Hub::builder().capacity(0).build().unwrap_err().to_string(), "capacity is 0, a ring keeps at least one value");
/// ```
#[derive(Clone)]
#[must_use = "nothing is made until `build`"]
pub struct HubBuilder {
    capacity: usize,
    ring_bytes: usize,
    limits: EventLimits,
    topic_mode: TopicMode,
    topics_max: usize,
    history_bytes: usize,
    streams_max: usize,
    /// Shared by the clones of a builder: the first that builds takes it.
    journal: Option<SharedJournal>,
    settings: JournalSettings,
}

impl Default for HubBuilder {
    fn default() -> Self {
        Self {
            capacity: 65_536,
            ring_bytes: 64 << 20,
            limits: EventLimits::default(),
            topic_mode: TopicMode::Lazy,
            topics_max: 65_536,
            history_bytes: 256 << 20,
            streams_max: 0,
            journal: None,
            settings: JournalSettings::default(),
        }
    }
}

impl HubBuilder {
    /// Sets how many events are kept. Default 65,536, which is 16 MiB of slots once they are filled, and 1 MiB that
    /// says where the events of each topic stand; a reader that is further behind misses the oldest and is told.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// Sets how many bytes of events may lie on the heap: those of records beyond 195 bytes. Default 64 MiB, at least
    /// 64 KiB. Over it the oldest events go before their time, in whole blocks of 64; who has not read them is told.
    ///
    /// The block that is being written stays in any case, and a block that is being read at that moment: 64 events of
    /// the largest size can be over the bound.
    pub fn ring_bytes(mut self, bytes: usize) -> Self {
        self.ring_bytes = bytes;
        self
    }

    /// Sets the limits of each event; what is over them is refused.
    pub fn limits(mut self, limits: EventLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets whether topics must be created before something is published on them. Default: they need not.
    pub fn topics(mut self, mode: TopicMode) -> Self {
        self.topic_mode = mode;
        self
    }

    /// Sets how many topics are listed and described. Default 65,536, about 16 MiB of names and figures. An event on
    /// one more is published all the same, and counted as [`untracked`](crate::hub::HubStats::untracked); creating one
    /// more is refused. A topic that is not listed is known as long as its events are kept, so that looking back finds
    /// them: of these there are twice as many as [`capacity`](Self::capacity) at most.
    pub fn topics_max(mut self, topics: usize) -> Self {
        self.topics_max = topics;
        self
    }

    /// Sets how many bytes all topics may keep for themselves: the sum of their
    /// [`retain_bytes`](crate::hub::TopicConfig::retain_bytes). Default 256 MiB; creating a topic beyond it is refused.
    pub fn history_bytes(mut self, bytes: usize) -> Self {
        self.history_bytes = bytes;
        self
    }

    /// Sets of how many streams (aggregates) the hub keeps the position, about 32 bytes each. Default 0: none are kept,
    /// and expected versions are refused. Once there are as many, publishing on another stream is refused: streams are
    /// never forgotten.
    pub fn streams_max(mut self, streams: usize) -> Self {
        self.streams_max = streams;
        self
    }

    /// Sets the journal: where events outlive the process, unless their durability says otherwise. Default none: the hub is in
    /// memory. Starts one thread, `eventring-journal`, which ends with the hub.
    ///
    /// A clone of the builder has the same journal, and a journal is one hub's: the first that is built takes it.
    pub fn journal(mut self, journal: impl Journal + 'static) -> Self {
        self.journal = Some(Arc::new(Mutex::new(Some(Box::new(journal)))));
        self
    }

    /// Sets how safe an event is whose topic and publish ask for nothing. Default: durable with a journal, and what a hub
    /// without one has, which is [`Durability::None`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = Some(durability);
        self
    }

    /// Sets how many events may be published and not committed: two rounds of the journal by default, 8,192, and at most half
    /// of [`capacity`](Self::capacity). Beyond it a publish waits for room, in the order in which they came. A batch holds
    /// half of it at most.
    pub fn in_flight(mut self, events: usize) -> Self {
        self.settings.in_flight = events;
        self
    }

    /// Sets how many bytes of records may be published and not committed. Default 16 MiB. A batch holds half of it at most.
    pub fn in_flight_bytes(mut self, bytes: usize) -> Self {
        self.settings.in_flight_bytes = bytes;
        self
    }

    /// Sets how long a publish waits for room before it is refused as [`Full`](crate::hub::HubPublishError::Full). Default 5 s.
    pub fn publish_timeout(mut self, timeout: Duration) -> Self {
        self.settings.publish_timeout = timeout;
        self
    }

    /// Sets how long a commit may take before the journal counts as stalled: who waits for it is told
    /// [`Indeterminate`](crate::hub::HubPublishError::Indeterminate) then. Default 10 s. Closing the hub waits so long, too.
    ///
    /// A blocking publish without a [`timeout`](crate::hub::PublishOptions::timeout) may be the one that commits: nobody tells
    /// it anything before the disk answers.
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.settings.commit_timeout = timeout;
        self
    }

    /// Makes the hub: with a new epoch, or that of its journal.
    ///
    /// # Errors
    ///
    /// [`HubError::Capacity`] for 0 and for what memory cannot hold; [`HubError::RingBytes`] below 64 KiB;
    /// [`HubError::InFlight`] below 2 events or 64 KiB; [`HubError::NoJournal`] for a durability that needs one;
    /// [`HubError::JournalTaken`].
    pub fn build(self) -> Result<Hub, HubError> {
        if self.ring_bytes < RING_BYTES_LEAST {
            return Err(HubError::RingBytes {
                given: self.ring_bytes,
                least: RING_BYTES_LEAST,
            });
        }
        self.settings.check()?;
        let journal = match &self.journal {
            None if self.settings.durability > Some(Durability::None) => {
                return Err(HubError::NoJournal);
            }
            None => None,
            Some(journal) => Some(journal.lock().take().ok_or(HubError::JournalTaken)?),
        };
        let recovered = journal.as_ref().map(|journal| journal.recovered().clone());
        // Behind what the journal has, so that a sequence stays one less than its offset.
        let first = recovered.as_ref().map_or(0, |found| found.next - 1);
        let mut ring = ring::Builder::new(self.capacity);
        if journal.is_some() {
            // Publishers wait in a line of the hub's own, outside its lock.
            ring = ring.overflow(Overflow::Reject).staged();
        }
        let made = ring.build_from(first, Slot::void);
        let (ring_publisher, ring) = made.map_err(HubError::Capacity)?;
        let topics = TopicTable::new(
            self.topic_mode,
            self.topics_max,
            self.history_bytes,
            ring_publisher.capacity(),
        );
        // None at all by default: a hub without entities pays one comparison a publish for them.
        let streams = (self.streams_max > 0).then(|| StreamVersions::new(self.streams_max));
        // What is taken from here on is not before what was taken last.
        let recorded = recovered.as_ref().map_or(0, |found| found.recorded);
        let now = topics::now().max(recorded.saturating_mul(1_000_000));
        let times = TimeIndex::new(now, first, ring_publisher.capacity() as u64);
        let times = Arc::new(Mutex::new(times));
        let capacity = ring_publisher.capacity();
        let mut publisher = Publisher::new(
            ring_publisher,
            self.ring_bytes,
            topics,
            streams,
            times.clone(),
        );
        let journal = match journal {
            None => None,
            Some(journal) => {
                publisher.set_in_flight(InFlight::new(
                    self.settings.in_flight_of(capacity),
                    self.settings.in_flight_bytes,
                    first,
                    capacity,
                ));
                let upstream = ring.upstream().map_err(not_had)?;
                Some(HubJournal::new(journal, upstream, self.settings))
            }
        };
        let epoch = recovered.map_or_else(Epoch::random, |found| found.epoch);
        let reads = journal.as_ref();
        let reads = reads.map(|journal| (journal.view().clone(), journal.voids().clone()));
        let hub = Hub::from(Shared {
            read_side: ReadSide::new(reads),
            ring,
            publisher: Mutex::new(publisher),
            times,
            classes: Classes::default(),
            registry: Registry::default(),
            wake_router: WakeRouter::default(),
            room: RoomQueue::default(),
            journal,
            epoch,
            limits: self.limits.honoured(),
            ring_bytes: self.ring_bytes,
        });
        begin(&hub)?;
        Ok(hub)
    }
}

/// Takes up what the journal keeps of the hub, and starts its thread.
fn begin(hub: &Hub) -> Result<(), HubError> {
    let Some(journal) = &hub.shared.journal else {
        return Ok(());
    };
    let kept = load_topics(&**journal.view()).map_err(not_had)?;
    for topic in kept.topics {
        let name = &topic.name;
        let settled = topics::restore(&hub.shared, name, &topic.config);
        settled.map_err(|error| HubError::Journal {
            reason: format!("the topic {name:?}: {error}"),
        })?;
        let policy = topic.config.policy();
        if policy != TopicPolicy::default() {
            journal.set_topic(&hub.shared, name, policy);
        }
        if topic.was_none {
            hub.shared.publisher.lock().topics.note_unkept(name);
        }
    }
    let (is_none, was_none) = (
        journal.durability() == Durability::None,
        kept.was_default_none,
    );
    // Behind the topics: what the journal keeps of them says it of them.
    let mut publisher = hub.shared.publisher.lock();
    publisher.topics.note_default(is_none, was_none);
    drop(publisher);
    journal.start(&hub.shared).map_err(not_had)?;
    if is_none && !was_none {
        // Nobody waits: a disk that is full must not keep a hub from its memory. What fails is kept by the next run that
        // gives topics no durability.
        let _ = journal.submit_transact(&hub.shared, default_is_none(), Box::new(drop));
    }
    Ok(())
}

fn not_had(error: impl fmt::Display) -> HubError {
    HubError::Journal {
        reason: error.to_string(),
    }
}

impl fmt::Debug for HubBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubBuilder")
            .field("capacity", &self.capacity)
            .field("journal", &self.journal.is_some())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

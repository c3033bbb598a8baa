//! The histories of a hub: copies of what topics retain for themselves, made by one cursor over the ring.
//!
//! The cursor belongs to a thread that wakes once an eighth of the ring, and to whoever asks for history and brings it
//! up to date first. A publisher moves it only where the ring is about to overwrite what it has not copied yet.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::{Condvar, Mutex};

use crate::event::{Event, EventRef, Filter, topic};
use crate::ring::{self, Notify, Ring, Subscriber};

use super::TopicConfig;
use super::table::ByHash;
use super::time_index::{TimeIndex, millis, now};
use crate::hub::slot::Slot;

/// An event that a topic retains beside the ring, and its offset.
#[derive(Clone)]
pub(in crate::hub) struct RetainedEvent {
    pub(in crate::hub) offset: u64,
    pub(in crate::hub) event: Arc<Event>,
}

/// A copy in a history.
struct KeptCopy {
    event: RetainedEvent,
    /// The time at which the hub took it, milliseconds since 1970: its age counts from there, whatever time it names.
    recorded: i64,
}

/// The histories of all topics that retain events.
pub(in crate::hub) struct Histories {
    ring: Ring<Slot>,
    /// The next sequence that the cursor reads. Outside the lock, for publishers: nearly always it says that there is
    /// nothing to do.
    next: AtomicU64,
    times: Arc<Mutex<TimeIndex>>,
    state: Mutex<State>,
    waker: Arc<ThreadWaker>,
}

struct State {
    cursor: Subscriber<Slot>,
    by_topic: HashMap<u64, History, ByHash>,
}

struct History {
    name: Box<str>,
    config: TopicConfig,
    events: VecDeque<KeptCopy>,
    bytes: usize,
    /// Every event of the topic from this offset on is here.
    complete_from: u64,
}

/// Wakes the thread that copies.
#[derive(Default)]
struct ThreadWaker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Notify for ThreadWaker {
    fn notify(&self) {
        *self.woken.lock() = true;
        self.changed.notify_one();
    }
}

impl Histories {
    /// Starts with the next event to be published. Without a thread, publishers do its work.
    pub(in crate::hub) fn start(
        ring: &Ring<Slot>,
        times: &Arc<Mutex<TimeIndex>>,
    ) -> Result<Arc<Self>, ring::SubscribeError> {
        let cursor = ring.subscribe(ring::Start::Newest)?;
        let this = Arc::new(Self {
            ring: ring.clone(),
            next: AtomicU64::new(cursor.position()),
            times: times.clone(),
            state: Mutex::new(State {
                cursor,
                by_topic: HashMap::default(),
            }),
            waker: Arc::default(),
        });
        // Without a thread nothing is lost: publishers copy what they are about to overwrite, and readers what they ask
        // for.
        let thread = this.clone();
        let builder = thread::Builder::new().name("eventring-history".into());
        let _ = builder.spawn(move || thread.run());
        Ok(this)
    }

    fn run(&self) {
        let waiter = self.ring.waiter(self.waker.clone());
        // Often enough that publishers rarely have to copy, seldom enough that it is not woken for each event.
        let step = (self.ring.capacity() as u64 / 8).max(1);
        loop {
            self.catch_up();
            let next = self.next();
            // Not by the hub's being closed: what is in flight then is still to come.
            if self.state.lock().cursor.is_finished() {
                return;
            }
            if waiter.arm(next + step) {
                let mut woken = self.waker.woken.lock();
                while !*woken {
                    self.waker.changed.wait(&mut woken);
                }
                *woken = false;
            }
        }
    }

    /// The next sequence that is not copied yet. Relaxed: it only rises, and what depends on it is under the lock.
    pub(in crate::hub) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Copies everything that is published.
    pub(in crate::hub) fn catch_up(&self) {
        self.copy_below(u64::MAX);
    }

    /// Copies what is published below a sequence, at least.
    pub(in crate::hub) fn copy_below(&self, sequence: u64) {
        let mut state = self.state.lock();
        while state.cursor.position() < sequence && state.copy(&self.times).is_some() {}
        self.next.store(state.cursor.position(), Ordering::Relaxed);
    }

    /// Begins to keep a topic.
    pub(in crate::hub) fn add(&self, name: &str, config: &TopicConfig) {
        // What was published before the topic retained anything is not its, and is passed here.
        self.catch_up();
        let mut state = self.state.lock();
        let complete_from = state.cursor.position() + 1;
        let history = History {
            name: name.into(),
            config: config.clone(),
            events: VecDeque::new(),
            bytes: 0,
            complete_from,
        };
        state.by_topic.insert(topic::hash(name), history);
    }

    /// Gives other settings to a topic, which may have kept nothing so far, or keep nothing from now on.
    pub(in crate::hub) fn set(&self, name: &str, config: &TopicConfig) {
        if config.retain_events == 0 {
            return self.remove(name);
        }
        let mut state = self.state.lock();
        if let Some(history) = state.by_topic.get_mut(&topic::hash(name)) {
            history.config = config.clone();
            history.trim(now());
            return;
        }
        drop(state);
        self.add(name, config);
    }

    pub(in crate::hub) fn remove(&self, name: &str) {
        self.state.lock().by_topic.remove(&topic::hash(name));
    }

    /// Deletes what is kept of a topic below an offset; events with a stream only if `streams`.
    pub(in crate::hub) fn delete_below(&self, name: &str, below: u64, streams: bool) {
        // What is to be copied is deleted in the ring already.
        let mut state = self.state.lock();
        if let Some(history) = state.by_topic.get_mut(&topic::hash(name)) {
            history.events.retain(|one| {
                let is_gone = one.event.offset < below
                    && (streams || Event::as_ref(&one.event.event).stream().is_none());
                if is_gone {
                    history.bytes -= one.event.event.record().len();
                }
                !is_gone
            });
        }
    }

    /// Returns how many events of a topic are kept, and their bytes.
    pub(in crate::hub) fn size(&self, name: &str) -> (usize, usize) {
        self.catch_up();
        let mut state = self.state.lock();
        match state.by_topic.get_mut(&topic::hash(name)) {
            Some(history) => {
                // Age goes on while nothing is published.
                history.trim(now());
                (history.events.len(), history.bytes)
            }
            None => (0, 0),
        }
    }

    /// Returns what is kept of some topics from one offset to below another, in order. `wanted` runs under the lock: it
    /// is none of a subscriber's own code.
    pub(in crate::hub) fn between(
        &self,
        topics: &Filter,
        range: Range<u64>,
        mut wanted: impl FnMut(EventRef<'_>) -> bool,
    ) -> Vec<RetainedEvent> {
        self.catch_up();
        let mut found = Vec::new();
        let mut state = self.state.lock();
        for history in state.by_topic.values_mut() {
            if !topics.matches(&history.name) {
                continue;
            }
            history.trim(now());
            let start = history
                .events
                .partition_point(|one| one.event.offset < range.start);
            let events = history.events.range(start..).map(|one| &one.event);
            let events = events.take_while(|one| one.offset < range.end);
            found.extend(
                events
                    .filter(|one| wanted(Event::as_ref(&one.event)))
                    .cloned(),
            );
        }
        // Sorted outside the lock, which publishers may need.
        drop(state);
        found.sort_unstable_by_key(|one| one.offset);
        found
    }

    /// Returns whether every event of a topic from that offset on is kept.
    pub(in crate::hub) fn is_complete(&self, name: &str, from: u64) -> bool {
        let state = self.state.lock();
        let history = state.by_topic.get(&topic::hash(name));
        history.is_some_and(|history| history.complete_from <= from)
    }
}

impl State {
    /// Copies what is there, a round at most; `None` where there is nothing more.
    fn copy(&mut self, times: &Mutex<TimeIndex>) -> Option<()> {
        let by_topic = &mut self.by_topic;
        // One look at the clock a round, not one an event.
        let now = now();
        let read = self.cursor.read_while(1024, |sequence, slot| {
            let Some(event) = slot.event() else {
                return true;
            };
            if let Some(history) = by_topic.get_mut(&event.topic_hash()) {
                let offset = sequence + 1;
                // Without a mark it was taken since the last one: too late is better than gone too early.
                let recorded = times.lock().known_time_of(offset);
                history.push(offset, event, recorded.unwrap_or(millis(now)), now);
            }
            true
        });
        match read {
            Ok(_) => Some(()),
            // Publishers copy first: this does not happen. If it did, nothing would be claimed to be complete.
            Err(ring::TryRecvError::Lagged(lagged)) => {
                let complete_from = lagged.resume_at + 1;
                by_topic
                    .values_mut()
                    .for_each(|history| history.complete_from = complete_from);
                Some(())
            }
            Err(ring::TryRecvError::Empty | ring::TryRecvError::Closed { .. }) => None,
        }
    }
}

impl History {
    fn push(&mut self, offset: u64, event: EventRef<'_>, recorded: i64, now: i64) {
        self.bytes += event.record().len();
        let event = Arc::new(event.to_event());
        self.events.push_back(KeptCopy {
            event: RetainedEvent { offset, event },
            recorded,
        });
        self.trim(now);
    }

    /// Lets go of what is over a bound, the oldest first.
    fn trim(&mut self, now: i64) {
        let oldest = self.config.retain_age.map(|age| {
            let nanos = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
            millis(now.saturating_sub(nanos))
        });
        // From the front only: what is complete from an offset on has no holes.
        while let Some(KeptCopy {
            event: one,
            recorded,
        }) = self.events.front()
        {
            let old = oldest.is_some_and(|oldest| *recorded < oldest);
            let over = self.events.len() > self.config.retain_events
                || self.bytes > self.config.retain_bytes;
            if !old && !over {
                return;
            }
            self.bytes -= one.event.record().len();
            self.complete_from = one.offset + 1;
            self.events.pop_front();
        }
    }
}

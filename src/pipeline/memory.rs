//! A buffer of the last events, and callbacks.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::event::{AsEvent, Event, EventRef, Filter, Position};
use crate::hub::{
    Class, Cursor, CursorReadError, Hub, HubError, HubPublishError, StartFrom, Subscription,
    SubscriptionError,
};

use super::handler::{Failure, HandlerError, guarded};

type Handle = dyn Fn(EventRef<'_>) -> Result<(), HandlerError> + Send + Sync;
type Accept = dyn Fn(EventRef<'_>) -> bool + Send + Sync;
type Report = dyn Fn(&str, &Failure) + Send + Sync;

/// Keeps the last events and shows each one to its handlers, in order.
///
/// Handlers run on the thread that publishes. While one thread runs them, another's publish returns at once, and the
/// first one shows that event too: so every handler sees one order, and nobody waits for a lock. A handler that fails or panics
/// is counted and reported; the others get the event. If handlers fall behind by more than the buffer, the oldest events
/// are never shown, and counted.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
/// use eventring::pipeline::InMemoryStream;
/// use eventring::Event;
///
/// let stream = InMemoryStream::new();
/// let seen = Arc::new(AtomicUsize::new(0));
/// let count = seen.clone();
/// let id = stream.subscribe("orders.*", move |_| { count.fetch_add(1, Ordering::Relaxed); Ok(()) }).unwrap();
/// stream.publish(Event::builder("orders.eu", "t").build().unwrap()).unwrap();
/// assert!(stream.unsubscribe(&id) && !stream.unsubscribe(&id));
/// stream.publish(Event::builder("orders.eu", "t").build().unwrap()).unwrap();
/// assert_eq!((seen.load(Ordering::Relaxed), stream.recent(10).len()), (1, 2));
/// ```
pub struct InMemoryStream {
    hub: Hub,
    /// Held by the dispatching thread while handlers run. Nobody waits for it then: `due` says which thread dispatches,
    /// and `unsubscribe` only tries.
    dispatcher: Mutex<Dispatcher>,
    /// Events published and not dispatched yet; the thread that raises it from 0 dispatches them.
    due: AtomicU64,
    handlers: Mutex<Arc<Vec<Arc<Entry>>>>,
    /// Counts changes of `handlers`.
    generation: AtomicU64,
    made: AtomicU64,
    missed: AtomicU64,
    report: Option<Box<Report>>,
}

/// The reader and the handlers of the thread that dispatches.
struct Dispatcher {
    reader: Cursor,
    snapshot: HandlerSnapshot,
}

/// The handlers as of one generation: read without the lock for each event.
#[derive(Default)]
struct HandlerSnapshot {
    handlers: Arc<Vec<Arc<Entry>>>,
    generation: u64,
}

struct Entry {
    id: Box<str>,
    class: Arc<Class>,
    accept: Option<Box<Accept>>,
    handle: Box<Handle>,
    /// Events after this offset are shown; none any more once it is the greatest.
    after: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
}

/// Counts of one handler.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerStats {
    /// The subscription's id.
    pub id: String,
    /// Events that it took.
    pub delivered: u64,
    /// Events at which it failed or panicked.
    pub failed: u64,
}

impl Default for InMemoryStream {
    fn default() -> Self {
        Self::new()
    }
}

impl InMemoryStream {
    /// Creates a stream that keeps 1,000 events.
    pub fn new() -> Self {
        // 1,000 is in range: a test builds it.
        Self::with_capacity(1_000).expect("the default capacity is in range")
    }

    /// Creates a stream that keeps so many events.
    ///
    /// # Errors
    ///
    /// [`HubError`] for 0 and for what memory cannot hold.
    pub fn with_capacity(events: usize) -> Result<Self, HubError> {
        let hub = Hub::builder().capacity(events).build()?;
        // A hub that was just made has no other readers.
        let reader = hub.cursor().expect("the first reader of a hub");
        Ok(Self {
            hub,
            dispatcher: Mutex::new(Dispatcher {
                reader,
                snapshot: HandlerSnapshot::default(),
            }),
            due: AtomicU64::new(0),
            handlers: Mutex::default(),
            generation: AtomicU64::new(0),
            made: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            report: None,
        })
    }

    /// Sets the function that is told of failures: the id of the subscription, and what happened. A panic in it is ignored.
    #[must_use]
    pub fn on_failure(mut self, report: impl Fn(&str, &Failure) + Send + Sync + 'static) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// Publishes an event and shows it to the handlers.
    ///
    /// # Errors
    ///
    /// [`HubPublishError`]; what handlers do is no error of the publisher's.
    pub fn publish(&self, event: impl AsEvent) -> Result<Position, HubPublishError> {
        let position = self.hub.publish(event)?;
        // AcqRel: whoever finds another one at it leaves the event to that one, who acquires it below.
        if self.due.fetch_add(1, Ordering::AcqRel) == 0 {
            self.dispatch();
        }
        Ok(position)
    }

    /// Shows events of a topic or pattern to a handler (`*` is every topic); returns the subscription's id.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`] for what is no pattern.
    pub fn subscribe(
        &self,
        topic: &str,
        handle: impl Fn(EventRef<'_>) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) -> Result<String, SubscriptionError> {
        self.enter(topic, None, Box::new(handle))
    }

    /// As [`subscribe`](Self::subscribe), for events of which `accept` says true. A panic in it is a failure.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn subscribe_where(
        &self,
        topic: &str,
        accept: impl Fn(EventRef<'_>) -> bool + Send + Sync + 'static,
        handle: impl Fn(EventRef<'_>) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) -> Result<String, SubscriptionError> {
        self.enter(topic, Some(Box::new(accept)), Box::new(handle))
    }

    /// Ends a subscription; its handler is not called again once this returns, but for a call that is under way on
    /// another thread. `false` where there is none.
    pub fn unsubscribe(&self, id: &str) -> bool {
        let mut handlers = self.handlers.lock();
        let Some(at) = handlers.iter().position(|entry| &*entry.id == id) else {
            return false;
        };
        let mut changed = handlers.to_vec();
        let removed = changed.remove(at);
        // Whoever dispatches may hold it still: from here on it takes no event.
        removed.after.store(u64::MAX, Ordering::Release);
        let old = std::mem::replace(&mut *handlers, Arc::new(changed));
        // After the list, so that whoever sees the new number finds the new list.
        self.generation.fetch_add(1, Ordering::Release);
        drop(handlers);
        // What the handler holds goes now, and without a lock: its `Drop` may use the stream. While events are being
        // dispatched it goes after them.
        let shown = self
            .dispatcher
            .try_lock()
            .and_then(|mut dispatcher| self.refresh(&mut dispatcher.snapshot));
        drop((removed, old, shown));
        true
    }

    /// Returns the last so many events, oldest first: none for 0, all that are kept for more than there are.
    pub fn recent(&self, count: usize) -> Vec<Event> {
        self.recent_of(Subscription::all(), count)
    }

    pub(super) fn recent_of(&self, what: Subscription, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        if count > 0
            && let Ok(mut receiver) = self.hub.subscribe(what.start(StartFrom::Last(count)))
        {
            // What goes while it is read is no longer recent.
            while receiver.lag() > 0 && events.len() < count {
                let _ = receiver.drain(count - events.len(), |_, event| {
                    events.push(event.to_event())
                });
            }
        }
        events
    }

    /// Returns what each handler has done, in the order in which they subscribed.
    pub fn handlers(&self) -> Vec<HandlerStats> {
        let handlers = self.handlers.lock().clone();
        let stats = handlers.iter().map(|entry| HandlerStats {
            id: entry.id.to_string(),
            delivered: entry.delivered.load(Ordering::Relaxed),
            failed: entry.failed.load(Ordering::Relaxed),
        });
        stats.collect()
    }

    /// Returns how many events went before they were shown.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Returns the hub beneath.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    fn enter(
        &self,
        topic: &str,
        accept: Option<Box<Accept>>,
        handle: Box<Handle>,
    ) -> Result<String, SubscriptionError> {
        let pattern = if topic == "*" { ">" } else { topic };
        let filter = Filter::parse([pattern]);
        let filter = match filter {
            Ok(filter) => filter,
            // The same check again, for its errors.
            Err(_) => {
                return self.hub.subscribe(pattern).map(|_| String::new());
            }
        };
        let id = format!("h-{}", self.made.fetch_add(1, Ordering::Relaxed) + 1);
        let entry = Arc::new(Entry {
            id: id.clone().into(),
            class: self.hub.class(&filter),
            accept,
            handle,
            // What is in the hub by now was published before it came.
            after: AtomicU64::new(self.hub.visible()),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let mut handlers = self.handlers.lock();
        let mut changed = handlers.to_vec();
        changed.push(entry);
        *handlers = Arc::new(changed);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(id)
    }

    /// Dispatches what is due, and what comes due meanwhile. One thread at a time: the one that raised `due` from 0.
    fn dispatch(&self) {
        let mut taken = 1;
        loop {
            self.dispatch_pending();
            // AcqRel: pairs with the one in `publish`; what was added meanwhile is in the hub.
            let due = self.due.fetch_sub(taken, Ordering::AcqRel);
            if due == taken {
                return;
            }
            // One round reads everything that came meanwhile.
            taken = due - taken;
        }
    }

    fn dispatch_pending(&self) {
        // Nobody else asks for it while we do; a handler that publishes does not.
        let mut dispatcher = self.dispatcher.lock();
        loop {
            let Dispatcher { reader, snapshot } = &mut *dispatcher;
            let read = reader.read_while(64, |offset, event| {
                // Before each event: the one before may have made a handler subscribe or unsubscribe.
                let old = self.refresh(snapshot);
                let_go(old);
                self.call_all(&snapshot.handlers, offset, event);
                true
            });
            // Once more, or what was removed at the last event would be held until the next publish.
            let old = self.refresh(snapshot);
            let_go(old);
            match read {
                Err(CursorReadError::Closed) => return,
                // Whoever publishes from here on raises `due` for it.
                Ok(_) if dispatcher.reader.lag() == 0 => return,
                Ok(_) => {}
                Err(CursorReadError::Gap { missed, .. }) => {
                    self.missed.fetch_add(missed, Ordering::Relaxed);
                }
            }
        }
    }

    /// Takes the handlers of now, where they changed. Returns those from before, for the caller to drop: what they hold
    /// may run any code as it goes.
    #[inline]
    fn refresh(&self, snapshot: &mut HandlerSnapshot) -> Option<Arc<Vec<Arc<Entry>>>> {
        // The number first: handlers that are newer than it are only asked for once more.
        let now = self.generation.load(Ordering::Acquire);
        (now != snapshot.generation).then(|| {
            snapshot.generation = now;
            let handlers = self.handlers.lock().clone();
            std::mem::replace(&mut snapshot.handlers, handlers)
        })
    }

    /// Calls each handler that wants the event, under one guard for all: it is set up again behind one that failed.
    fn call_all(&self, handlers: &[Arc<Entry>], offset: u64, event: EventRef<'_>) {
        // A `Cell`, since the place has to outlive a panic that leaves the closure.
        let at = Cell::new(0);
        while at.get() < handlers.len() {
            let shown = guarded(|| {
                while let Some(entry) = handlers.get(at.get()) {
                    entry.call(offset, event)?;
                    at.set(at.get() + 1);
                }
                Ok(())
            });
            if let Err(failure) = shown {
                self.fail(&handlers[at.get()], &failure);
                at.set(at.get() + 1);
            }
        }
    }

    fn fail(&self, entry: &Entry, failure: &Failure) {
        add(&entry.failed);
        if let Some(report) = &self.report {
            let _ = guarded(|| {
                report(&entry.id, failure);
                Ok(())
            });
        }
    }
}

impl Entry {
    fn call(&self, offset: u64, event: EventRef<'_>) -> Result<(), HandlerError> {
        // Acquire: pairs with the Release in `unsubscribe`.
        let wanted = offset > self.after.load(Ordering::Acquire)
            && self.class.wants(event)
            && self.accept.as_ref().is_none_or(|accept| accept(event));
        if wanted {
            (self.handle)(event)?;
            add(&self.delivered);
        }
        Ok(())
    }
}

/// Drops handlers that were unsubscribed. A panic of what they hold must not end the dispatching.
fn let_go(handlers: Option<Arc<Vec<Arc<Entry>>>>) {
    if handlers.is_some() {
        let _ = guarded(|| {
            drop(handlers);
            Ok(())
        });
    }
}

/// Relaxed: one thread at a time writes the figures.
fn add(figure: &AtomicU64) {
    figure.store(figure.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl fmt::Debug for InMemoryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryStream")
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}

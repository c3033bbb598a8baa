//! A pipeline over a subscription: map, filter, windows, sinks.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use thiserror::Error;

use crate::event::{Event, EventRef};
use crate::hub::{Hub, Receiver, SubscribeError, Subscription, TryRecvError};
use crate::ring::Notify;

use super::handler::{ErrorPolicy, Failure, HandlerError, guarded};
use super::sink::EventSink;

/// Most windows that are open at once, one a key; beyond that all are closed early.
pub const WINDOWS_MAX: usize = 10_000;

/// An event in the pipeline, and its key.
struct Piece {
    key: Option<Arc<str>>,
    event: Event,
}

/// One step: takes a piece, and gives any number.
trait Step: Send {
    fn feed(&mut self, piece: Piece, out: &mut Vec<Piece>) -> Result<(), HandlerError>;

    /// When it wants to be asked again without a piece.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Gives what is due; at the end, everything.
    fn close(&mut self, _now: Option<Instant>, _out: &mut Vec<Piece>) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// Builds a pipeline: steps in order, then sinks. It runs on one thread, so that order is kept; what a step or a sink
/// refuses or panics on goes to the [`ErrorPolicy`]; stopping it works off what was published before.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use eventring::event::{Event, EventBuilder};
/// use eventring::hub::{Hub, Subscription};
/// use eventring::stream::{InMemoryStream, StreamProcessor};
///
/// let (hub, out) = (Hub::new(), Arc::new(InMemoryStream::new()));
/// let running = StreamProcessor::new()
///     .filter(|event| event.ty() == "order")
///     .map(|event| EventBuilder::new().copy_from(event).topic("seen").to_event().map_err(|_| "no event".into()))
///     .sink(out.clone())
///     .start(&hub, Subscription::topic("orders.*"))
///     .unwrap();
/// for ty in ["order", "other", "order"] {
///     hub.publish(Event::new("orders.eu", ty).build().unwrap()).unwrap();
/// }
/// let stats = running.stop(Duration::from_secs(60));
/// assert_eq!((stats.taken, stats.sent, stats.left), (3, 2, 0));
/// assert_eq!(out.recent(10)[1].as_ref().topic(), "seen");
/// ```
#[derive(Default)]
#[must_use = "nothing runs until `start`"]
pub struct StreamProcessor {
    steps: Vec<Box<dyn Step>>,
    sinks: Vec<Box<dyn EventSink>>,
    policy: ErrorPolicy,
}

/// Says why a pipeline was not started.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StartError {
    /// It has no sink: it would do nothing.
    #[error("a pipeline needs a sink")]
    NoSink,
    /// The subscription is none.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
}

/// What a pipeline has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessorStats {
    /// Events taken in.
    pub taken: u64,
    /// Events that every sink took.
    pub sent: u64,
    /// Times that a step or a sink failed.
    pub failed: u64,
    /// Events of the hub that went before they were read.
    pub missed: u64,
    /// Events of the hub that a stop left unread, wanted or not.
    pub left: u64,
}

struct Each<F>(F);

impl<F> Step for Each<F>
where
    F: FnMut(Piece, &mut Vec<Piece>) -> Result<(), HandlerError> + Send,
{
    fn feed(&mut self, piece: Piece, out: &mut Vec<Piece>) -> Result<(), HandlerError> {
        (self.0)(piece, out)
    }
}

impl StreamProcessor {
    /// Starts with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes each event.
    pub fn map(
        self,
        mut f: impl FnMut(EventRef<'_>) -> Result<Event, HandlerError> + Send + 'static,
    ) -> Self {
        self.filter_map(move |event| f(event).map(Some))
    }

    /// Passes events of which `f` says true.
    pub fn filter(self, mut f: impl FnMut(EventRef<'_>) -> bool + Send + 'static) -> Self {
        self.step(Each(move |piece: Piece, out: &mut Vec<Piece>| {
            if f(piece.event.as_ref()) {
                out.push(piece);
            }
            Ok(())
        }))
    }

    /// Changes events, or drops them.
    pub fn filter_map(
        self,
        mut f: impl FnMut(EventRef<'_>) -> Result<Option<Event>, HandlerError> + Send + 'static,
    ) -> Self {
        self.step(Each(move |piece: Piece, out: &mut Vec<Piece>| {
            let key = piece.key;
            out.extend(f(piece.event.as_ref())?.map(|event| Piece { key, event }));
            Ok(())
        }))
    }

    /// Makes any number of events of each.
    pub fn flat_map(
        self,
        mut f: impl FnMut(EventRef<'_>) -> Result<Vec<Event>, HandlerError> + Send + 'static,
    ) -> Self {
        self.step(Each(move |piece: Piece, out: &mut Vec<Piece>| {
            let key = piece.key;
            let events = f(piece.event.as_ref())?;
            out.extend(events.into_iter().map(|event| Piece {
                key: key.clone(),
                event,
            }));
            Ok(())
        }))
    }

    /// Gives each event a key: windows that follow are one a key.
    pub fn key_by(self, mut f: impl FnMut(EventRef<'_>) -> String + Send + 'static) -> Self {
        self.step(Each(move |mut piece: Piece, out: &mut Vec<Piece>| {
            piece.key = Some(f(piece.event.as_ref()).into());
            out.push(piece);
            Ok(())
        }))
    }

    /// Folds every `count` events into one, or none; at the end what is left too.
    pub fn window_count(
        self,
        count: usize,
        fold: impl FnMut(&[Event]) -> Result<Option<Event>, HandlerError> + Send + 'static,
    ) -> Self {
        self.step(Window::new(count.max(1), None, fold))
    }

    /// Folds the events of so long into one, or none. A window opens with its first event.
    pub fn window_time(
        self,
        span: Duration,
        fold: impl FnMut(&[Event]) -> Result<Option<Event>, HandlerError> + Send + 'static,
    ) -> Self {
        self.step(Window::new(usize::MAX, Some(span), fold))
    }

    /// Adds where events go; each sink gets each event.
    pub fn sink(mut self, sink: impl EventSink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Sets what becomes of events at which a step or a sink fails. Default: counted and passed.
    pub fn policy(mut self, policy: ErrorPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Starts it on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    ///
    /// # Panics
    ///
    /// If the operating system gives no thread.
    pub fn start(self, hub: &Hub, subscription: Subscription) -> Result<Running, StartError> {
        if self.sinks.is_empty() {
            return Err(StartError::NoSink);
        }
        let receiver = hub.subscribe(subscription)?;
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            pipeline: self,
            shared: shared.clone(),
        };
        let thread = thread::spawn(move || worker.run(receiver));
        Ok(Running {
            hub: hub.clone(),
            shared,
            thread: Some(thread),
        })
    }

    fn step(mut self, step: impl Step + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }
}

/// Events of one key each, until there are enough or it is time.
struct Window<F> {
    count: usize,
    span: Option<Duration>,
    fold: F,
    open: HashMap<Option<Arc<str>>, (Instant, Vec<Event>)>,
    /// The keys in the order in which their windows opened.
    order: Vec<Option<Arc<str>>>,
}

impl<F: FnMut(&[Event]) -> Result<Option<Event>, HandlerError> + Send> Window<F> {
    fn new(count: usize, span: Option<Duration>, fold: F) -> Self {
        Self {
            count,
            span,
            fold,
            open: HashMap::new(),
            order: Vec::new(),
        }
    }

    fn fold(&mut self, key: &Option<Arc<str>>, out: &mut Vec<Piece>) -> Result<(), HandlerError> {
        self.order.retain(|one| one != key);
        let Some((_, events)) = self.open.remove(key) else {
            return Ok(());
        };
        let folded = (self.fold)(&events)?;
        out.extend(folded.map(|event| Piece {
            key: key.clone(),
            event,
        }));
        Ok(())
    }
}

impl<F: FnMut(&[Event]) -> Result<Option<Event>, HandlerError> + Send> Step for Window<F> {
    fn feed(&mut self, piece: Piece, out: &mut Vec<Piece>) -> Result<(), HandlerError> {
        let key = piece.key;
        if !self.open.contains_key(&key) {
            if self.open.len() >= WINDOWS_MAX {
                self.close(None, out)?;
            }
            self.order.push(key.clone());
        }
        let window = self
            .open
            .entry(key.clone())
            .or_insert_with(|| (Instant::now(), Vec::new()));
        window.1.push(piece.event);
        if window.1.len() >= self.count {
            self.fold(&key, out)?;
        }
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        let (opened, _) = self.open.get(self.order.first()?)?;
        opened.checked_add(self.span?)
    }

    fn close(&mut self, now: Option<Instant>, out: &mut Vec<Piece>) -> Result<(), HandlerError> {
        let mut done = Ok(());
        while let Some(key) = self.order.first().cloned() {
            if now.is_some_and(|now| self.due().is_none_or(|due| due > now)) {
                break;
            }
            // A fold that fails loses its window to the policy; the others go on.
            done = done.and(self.fold(&key, out));
        }
        done
    }
}

/// A pipeline that runs. Dropping it stops it after the event that is under way.
pub struct Running {
    hub: Hub,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    bell: Bell,
    /// Read up to this offset, then end; 0 for not yet.
    until: AtomicU64,
    stopping: AtomicBool,
    abort: AtomicBool,
    finished: Mutex<bool>,
    ended: Condvar,
    passed: AtomicU64,
    taken: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    missed: AtomicU64,
}

#[derive(Default)]
struct Bell {
    rung: Arc<Ring>,
}

#[derive(Default)]
struct Ring {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Notify for Ring {
    fn notify(&self) {
        *self.rung.lock() = true;
        self.changed.notify_one();
    }
}

impl Running {
    /// Works off what has been published, so long at most, and ends.
    pub fn stop(mut self, timeout: Duration) -> ProcessorStats {
        let head = self.hub.head();
        self.shared.until.store(head, Ordering::Relaxed);
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.bell.rung.notify();
        let deadline = Instant::now().checked_add(timeout);
        let mut finished = self.shared.finished.lock();
        while !*finished {
            match deadline {
                Some(deadline) => {
                    if self
                        .shared
                        .ended
                        .wait_until(&mut finished, deadline)
                        .timed_out()
                    {
                        break;
                    }
                }
                None => self.shared.ended.wait(&mut finished),
            }
        }
        let join = *finished;
        drop(finished);
        self.shared.abort.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take().filter(|_| join) {
            // It catches what handlers panic with.
            let _ = thread.join();
        }
        let left = head.saturating_sub(self.shared.passed.load(Ordering::Relaxed));
        ProcessorStats {
            left,
            ..self.stats()
        }
    }

    /// Returns what it has done so far.
    pub fn stats(&self) -> ProcessorStats {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        ProcessorStats {
            taken: read(&self.shared.taken),
            sent: read(&self.shared.sent),
            failed: read(&self.shared.failed),
            missed: read(&self.shared.missed),
            left: self.hub.head().saturating_sub(read(&self.shared.passed)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.abort.store(true, Ordering::Release);
        self.shared.bell.rung.notify();
    }
}

struct Worker {
    pipeline: StreamProcessor,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(mut self, mut receiver: Receiver) {
        if self.work(&mut receiver) {
            self.close(None);
        }
        *self.shared.finished.lock() = true;
        self.shared.ended.notify_all();
    }

    /// Returns whether the end was an orderly one.
    fn work(&mut self, receiver: &mut Receiver) -> bool {
        loop {
            let received = receiver.try_recv();
            self.shared
                .passed
                .store(Receiver::position(receiver).offset, Ordering::Relaxed);
            if self.shared.abort.load(Ordering::Acquire) {
                return false;
            }
            match received {
                Ok(delivery) => {
                    add(&self.shared.taken, 1);
                    let piece = Piece {
                        key: None,
                        event: delivery.event,
                    };
                    if !self.feed(vec![piece], 0) {
                        return false;
                    }
                    let until = self.shared.until.load(Ordering::Relaxed);
                    if self.shared.stopping.load(Ordering::Acquire)
                        && delivery.position.offset >= until
                    {
                        return true;
                    }
                }
                Err(TryRecvError::Lagged(lagged)) => add(&self.shared.missed, lagged.missed),
                Err(TryRecvError::Empty) => {
                    if self.shared.stopping.load(Ordering::Acquire) {
                        return true;
                    }
                    self.sleep(receiver);
                }
                Err(_) => return true,
            }
            let now = Instant::now();
            if self.due().is_some_and(|due| due <= now) && !self.close(Some(now)) {
                return false;
            }
        }
    }

    /// Waits for an event, for the time of a window, or for a stop.
    fn sleep(&self, receiver: &mut Receiver) {
        let ring = self.shared.bell.rung.clone();
        if !receiver.arm(ring.clone()) {
            return;
        }
        let due = self.due();
        let mut rung = ring.rung.lock();
        while !*rung {
            match due {
                Some(due) => {
                    if ring.changed.wait_until(&mut rung, due).timed_out() {
                        break;
                    }
                }
                None => ring.changed.wait(&mut rung),
            }
        }
        *rung = false;
    }

    fn due(&self) -> Option<Instant> {
        self.pipeline
            .steps
            .iter()
            .filter_map(|step| step.due())
            .min()
    }

    /// Takes what is due out of every step, at the end everything, and sends it on. False if the policy says stop.
    fn close(&mut self, now: Option<Instant>) -> bool {
        for at in 0..self.pipeline.steps.len() {
            let mut out = Vec::new();
            let done = guarded(|| self.pipeline.steps[at].close(now, &mut out));
            if let Err(failure) = done
                && !self.fail(&[], &failure)
            {
                return false;
            }
            if !self.feed(out, at + 1) {
                return false;
            }
        }
        true
    }

    /// Sends pieces through the steps from one on, and to the sinks. False if the policy says stop.
    fn feed(&mut self, mut pieces: Vec<Piece>, from: usize) -> bool {
        for at in from..self.pipeline.steps.len() {
            let mut out = Vec::new();
            for piece in pieces {
                let event = piece.event.clone();
                let fed = guarded(|| self.pipeline.steps[at].feed(piece, &mut out));
                if let Err(failure) = fed
                    && !self.fail(&[event], &failure)
                {
                    return false;
                }
            }
            pieces = out;
        }
        pieces.iter().all(|piece| self.send(&piece.event))
    }

    fn send(&self, event: &Event) -> bool {
        let mut sent = true;
        for sink in &self.pipeline.sinks {
            if let Err(failure) = guarded(|| sink.accept(event.as_ref())) {
                sent = false;
                if !self.fail(std::slice::from_ref(event), &failure) {
                    return false;
                }
            }
        }
        add(&self.shared.sent, u64::from(sent));
        true
    }

    fn fail(&self, events: &[Event], failure: &Failure) -> bool {
        add(&self.shared.failed, 1);
        self.pipeline.policy.apply(events, failure)
    }
}

/// Relaxed: one thread writes the figures.
fn add(figure: &AtomicU64, more: u64) {
    figure.store(figure.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

impl fmt::Debug for StreamProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamProcessor")
            .field("steps", &self.steps.len())
            .field("sinks", &self.sinks.len())
            .field("policy", &self.policy)
            .finish()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.stats()).finish()
    }
}

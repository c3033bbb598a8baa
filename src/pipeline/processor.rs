//! A pipeline over a subscription: map, filter, windows, sinks.

mod running;
mod window;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::event::{Event, EventRef};
use crate::hub::{Hub, Subscription, SubscriptionError};

use self::running::Shared;
use self::window::Window;
use self::worker::Worker;
use super::handler::{ErrorPolicy, HandlerError};
use super::sink::EventSink;

pub use self::running::Running;

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

    /// Returns when it wants to be asked again without a piece.
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
/// use eventring::event::EventBuilder;
/// use eventring::pipeline::{InMemoryStream, StreamProcessor};
/// use eventring::{Event, Hub};
///
/// let (hub, out) = (Hub::new(), Arc::new(InMemoryStream::new()));
/// let running = StreamProcessor::new()
///     .filter(|event| event.ty() == "order")
///     .map(|event| EventBuilder::new().copy_from(event).topic("seen").build().map_err(|_| "no event".into()))
///     .sink(out.clone())
///     .start(&hub, "orders.*")
///     .unwrap();
/// for ty in ["order", "other", "order"] {
///     hub.publish(Event::builder("orders.eu", ty).build().unwrap()).unwrap();
/// }
/// let stats = running.stop(Duration::from_secs(60));
/// assert_eq!((stats.taken, stats.sent, stats.left), (3, 2, 0));
/// assert_eq!(out.recent(10)[1].topic(), "seen");
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
#[non_exhaustive]
pub enum StartError {
    /// The pipeline has no sink: it would do nothing.
    #[error("a pipeline needs a sink")]
    NoSink,
    /// The subscription is none.
    #[error(transparent)]
    Subscribe(#[from] SubscriptionError),
}

/// Counts of a pipeline.
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
    pub fn start(
        self,
        hub: &Hub,
        subscription: impl Into<Subscription>,
    ) -> Result<Running, StartError> {
        if self.sinks.is_empty() {
            return Err(StartError::NoSink);
        }
        // Here and not on the thread: errors reach the caller, and what is published from now on is not missed.
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

impl fmt::Debug for StreamProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamProcessor")
            .field("steps", &self.steps.len())
            .field("sinks", &self.sinks.len())
            .field("policy", &self.policy)
            .finish()
    }
}

//! Publishing with settings, waiting for the outcome or not.

use std::fmt;
#[cfg(feature = "async")]
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::submit::{self, Publish};
use super::{Outcome, PublishOptions, RoomTicket};
#[cfg(feature = "async")]
use crate::event::Event;
#[cfg(feature = "gateway")]
use crate::event::EventRef;
use crate::event::{AsEvent, EventBatch, Position};
#[cfg(feature = "gateway")]
use crate::hub::journal_read::StreamLookUp;
use crate::hub::shared::Shared;
use crate::hub::{Hub, HubPublishError};
use crate::journal::{StateError, StateFn, StateTx};
use crate::ring::Notify;

/// A hub's publishing side with everything that [`Hub::publish`] decides by itself: how safe the events are to be, how long
/// to wait, or not to wait at all.
///
/// In a hub without a journal every outcome is [`Outcome::Visible`] at once, and nothing waits.
///
/// With one, a publish that waits may commit on its own thread, and then hangs with a disk that hangs; not so where it has a
/// [`timeout`](PublishOptions::timeout), nor where it only [submits](Self::submit).
///
/// # Examples
///
/// ```
/// use eventring::hub::{Outcome, PublishOptions};
/// use eventring::journal::MemoryJournal;
/// use eventring::{Event, Hub};
///
/// let hub = Hub::builder().journal(MemoryJournal::new()).build().unwrap();
/// let event = Event::builder("orders", "order").build().unwrap();
/// let publisher = hub.publisher();
/// // Has its offsets, and may not be committed yet.
/// let offsets = publisher.submit(&event, &PublishOptions::default())?;
/// assert_eq!(publisher.wait_outcome(offsets, None), Outcome::Visible);
/// # Ok::<(), eventring::hub::HubPublishError>(())
/// ```
#[derive(Clone, Copy)]
pub struct HubPublisher<'h> {
    hub: &'h Hub,
    /// A place among those who wait for room, which is that of this publish.
    ticket: Option<&'h RoomTicket>,
    are_streams_known: bool,
}

impl<'h> HubPublisher<'h> {
    pub(in crate::hub) fn new(hub: &'h Hub) -> Self {
        Self {
            hub,
            ticket: None,
            are_streams_known: false,
        }
    }

    /// Publishes in the place of a ticket: while others wait for room, only who is first among them gets it.
    #[must_use]
    pub fn with_ticket(self, ticket: &'h RoomTicket) -> Self {
        Self {
            ticket: Some(ticket),
            ..self
        }
    }

    /// Publishes on streams that were looked up, or on none: nothing is read for it.
    #[cfg(feature = "gateway")]
    pub(crate) fn with_known_streams(self) -> Self {
        Self {
            are_streams_known: true,
            ..self
        }
    }

    /// Has the streams of events looked up that the hub does not know yet, on another thread; `notify` is called when they
    /// are. `None`: there is nothing to look up, and `notify` is not made.
    #[cfg(feature = "gateway")]
    pub(crate) fn look_up_streams<'e>(
        &self,
        events: impl Iterator<Item = EventRef<'e>>,
        notify: impl FnOnce() -> Arc<dyn Notify>,
    ) -> Result<Option<StreamLookUp>, HubPublishError> {
        StreamLookUp::begin(self.shared(), events, notify)
    }

    /// Publishes one event, and waits until it is as safe as it is to be and readers see it.
    ///
    /// # Errors
    ///
    /// As [`Hub::publish`], and by the settings: [`HubPublishError::DurabilityBelow`],
    /// [`DurabilityUnavailable`](HubPublishError::DurabilityUnavailable), [`TimedOut`](HubPublishError::TimedOut).
    pub fn publish(
        &self,
        event: impl AsEvent,
        options: &PublishOptions,
    ) -> Result<Position, HubPublishError> {
        let event = event.as_event();
        let offsets = Publish::new(1, |_| event, options).wait(self.shared())?;
        Ok(self.shared().position(offsets.start))
    }

    /// Publishes the events of a batch, contiguous and visible at once, or none of them, and waits as
    /// [`publish`](Self::publish) does. Returns their offsets.
    ///
    /// # Errors
    ///
    /// As [`Hub::publish_batch`] and [`publish`](Self::publish).
    pub fn publish_batch(
        &self,
        batch: &EventBatch,
        options: &PublishOptions,
    ) -> Result<Range<u64>, HubPublishError> {
        let event = |index| batch.at(index);
        Publish::new(batch.len(), event, options).wait(self.shared())
    }

    /// Publishes a batch with a change of state that the journal commits with it, and waits for both.
    ///
    /// `state` runs once, in the transaction that holds the batch, on the thread that commits: it should take less than 1
    /// ms. Where it fails or panics its changes alone are undone.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch); [`HubPublishError::State`] if the events are there and the change is not;
    /// [`HubPublishError::NoJournal`].
    pub fn publish_with(
        &self,
        batch: &EventBatch,
        options: &PublishOptions,
        state: impl FnOnce(&mut dyn StateTx) -> Result<(), StateError> + Send + 'static,
    ) -> Result<Range<u64>, HubPublishError> {
        let publish = Publish::new(batch.len(), |index| batch.at(index), options);
        let state: StateFn<'static> = Box::new(state);
        let state = Some(state);
        Publish { state, ..publish }.wait(self.shared())
    }

    /// Publishes one event without waiting: it has its offset when this returns, and its [`outcome`](Self::outcome) later.
    ///
    /// Of a stream that nothing was published on in this run of the process it reads the version first, on this thread, from
    /// the journal.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); [`HubPublishError::Full`] where there is no room, or others wait for it: see
    /// [`room`](Self::room).
    pub fn submit(
        &self,
        event: impl AsEvent,
        options: &PublishOptions,
    ) -> Result<Range<u64>, HubPublishError> {
        let event = event.as_event();
        let mut publish = Publish::new(1, |_| event, options);
        publish.are_streams_known = self.are_streams_known;
        publish.submit(self.shared(), self.ticket)
    }

    /// Publishes the events of a batch without waiting, as [`submit`](Self::submit).
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch) and [`submit`](Self::submit).
    pub fn submit_batch(
        &self,
        batch: &EventBatch,
        options: &PublishOptions,
    ) -> Result<Range<u64>, HubPublishError> {
        let mut publish = Publish::new(batch.len(), |index| batch.at(index), options);
        publish.are_streams_known = self.are_streams_known;
        publish.submit(self.shared(), self.ticket)
    }

    /// Publishes a batch with a change of state, as [`publish_with`](Self::publish_with), without waiting. What comes of
    /// the change is not told apart: the outcome is that of the events.
    ///
    /// # Errors
    ///
    /// As [`submit_batch`](Self::submit_batch); [`HubPublishError::NoJournal`].
    pub fn submit_with(
        &self,
        batch: &EventBatch,
        options: &PublishOptions,
        state: impl FnOnce(&mut dyn StateTx) -> Result<(), StateError> + Send + 'static,
    ) -> Result<Range<u64>, HubPublishError> {
        let publish = Publish::new(batch.len(), |index| batch.at(index), options);
        let state: StateFn<'static> = Box::new(state);
        let state = Some(state);
        Publish { state, ..publish }.submit(self.shared(), self.ticket)
    }

    /// Returns what has come of a publish; `None`: it is not known yet. Never [`Outcome::Timeout`].
    pub fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome> {
        submit::outcome(self.shared(), offsets)
    }

    /// Waits for the outcome of a publish, until then at most.
    pub fn wait_outcome(&self, offsets: Range<u64>, deadline: Option<Instant>) -> Outcome {
        submit::wait_outcome(self.shared(), &offsets, deadline)
    }

    /// Takes a place among those who wait for room, behind those who came before. `notify` is called when it is its turn,
    /// and whenever there is more room while it is; it may be called at once. To be dropped when its publish is done.
    ///
    /// A place is taken where [`submit`](Self::submit) said `Full`; then submit
    /// [in its place](Self::with_ticket) at each notification, until that says something else. A place that is told and not
    /// used within 100 ms goes behind the others, and waits there until it is used again.
    pub fn room(&self, notify: Arc<dyn Notify>) -> RoomTicket {
        RoomTicket::join(&self.hub.shared, notify)
    }

    /// Publishes one event as [`publish`](Self::publish), and waits as a task, which calls no disk. Its `timeout` begins when
    /// it is polled first.
    ///
    /// The first of a hub with a journal starts a thread, which wakes those whose time is over.
    ///
    /// A future that is dropped has published or not; it waits no longer for the outcome.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); [`HubPublishError::Unavailable`] also where that thread cannot be started, and where
    /// the journal has not looked up in time what stream the event has.
    #[cfg(feature = "async")]
    pub fn publish_async(
        &self,
        event: Event,
        options: &PublishOptions,
    ) -> impl Future<Output = Result<Position, HubPublishError>> + fmt::Debug + Send + 'static {
        super::publish_future::PublishFuture::new(self.hub.clone(), event, *options)
    }

    /// Returns how many events one batch may hold: half the hub's capacity, and half of what may be in flight.
    pub fn batch_events_max(&self) -> usize {
        self.shared().batch_events_max()
    }

    /// Returns how many bytes of records one batch may hold: half of `ring_bytes`, and of what may be in flight.
    pub fn batch_bytes_max(&self) -> usize {
        self.shared().batch_bytes_max()
    }

    fn shared(&self) -> &'h Arc<Shared> {
        &self.hub.shared
    }
}

impl fmt::Debug for HubPublisher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubPublisher")
            .field("hub", self.hub)
            .finish_non_exhaustive()
    }
}

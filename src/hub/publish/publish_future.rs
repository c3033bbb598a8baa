//! Publishing as a task.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::submit::{Publish, outcome, settled};
use super::{Outcome, PublishOptions, RoomTicket};
use crate::deadline;
use crate::event::{AsEvent, Event, Position};
use crate::hub::journal::HubJournal;
use crate::hub::journal_read::StreamLookUp;
use crate::hub::wait::Alarm;
use crate::hub::{Hub, HubPublishError};
use crate::ring::{Notify, TaskWaker};

/// Waits for room, publishes, and waits for the outcome; see
/// [`HubPublisher::publish_async`](crate::hub::HubPublisher::publish_async).
#[must_use = "a future does nothing unless it is polled"]
pub(super) struct PublishFuture {
    hub: Hub,
    event: Event,
    options: PublishOptions,
    waker: Arc<TaskWaker>,
    ticket: Option<RoomTicket>,
    /// The look-up of its stream: a task waits for no disk.
    look_up: Option<StreamLookUp>,
    are_streams_known: bool,
    offsets: Option<Range<u64>>,
    /// From its first poll on, where it may wait.
    ends: Option<Ends>,
    alarm: Option<Alarm>,
}

/// The times at which it waits no longer.
#[derive(Clone, Copy)]
struct Ends {
    /// For room.
    room: Instant,
    /// For the outcome.
    outcome: Option<Instant>,
}

impl PublishFuture {
    pub(super) fn new(hub: Hub, event: Event, options: PublishOptions) -> Self {
        Self {
            hub,
            event,
            options,
            waker: TaskWaker::new(),
            ticket: None,
            look_up: None,
            are_streams_known: false,
            offsets: None,
            ends: None,
            alarm: None,
        }
    }

    /// Returns when its waits end, which begin with the first poll; there is somebody to tell it then.
    fn ends(&mut self, journal: &HubJournal) -> Result<Ends, HubPublishError> {
        if let Some(ends) = self.ends {
            return Ok(ends);
        }
        let started = journal.alarms().start();
        started.map_err(|error| HubPublishError::Unavailable {
            reason: format!("a thread could not be started: {error}"),
        })?;
        let now = Instant::now();
        let outcome = self.options.timeout.map(|wait| deadline::after(now, wait));
        let room = deadline::after(now, journal.settings().publish_timeout);
        let room = outcome.map_or(room, |outcome| outcome.min(room));
        Ok(*self.ends.insert(Ends { room, outcome }))
    }

    /// Has it polled at a time at the latest.
    fn wake_at(&mut self, journal: &HubJournal, at: Instant) {
        let now = Instant::now();
        // What is set and goes off sooner does as well: it is polled then, and sets another.
        if self.alarm.is_some_and(|(set, _)| set > now && set <= at) {
            return;
        }
        self.clear_alarm(journal);
        self.alarm = Some(journal.alarms().set(at, self.waker.clone()));
    }

    fn clear_alarm(&mut self, journal: &HubJournal) {
        if let Some(alarm) = self.alarm.take() {
            journal.alarms().clear(alarm);
        }
    }

    /// Says why nothing is published, if it waits for that no longer.
    fn given_up(&self, ends: Ends) -> Option<HubPublishError> {
        if Instant::now() < ends.room {
            return None;
        }
        Some(match self.look_up {
            None => HubPublishError::Full,
            Some(_) => HubPublishError::Unavailable {
                reason: "its stream could not be looked up in time".to_owned(),
            },
        })
    }

    /// Returns whether the hub knows the stream of the event, as far as the journal does. If not, it is looked up.
    fn knows_stream(&mut self) -> Result<bool, HubPublishError> {
        let event = self.event.as_event();
        if let Some(look_up) = &self.look_up {
            let Some(result) = look_up.result() else {
                return Ok(false);
            };
            self.look_up = None;
            result?;
        } else if !self.are_streams_known && event.stream().is_some() {
            let notify = || -> Arc<dyn Notify> { self.waker.clone() };
            let events = [event].into_iter();
            self.look_up = StreamLookUp::begin(&self.hub.shared, events, notify)?;
            if self.look_up.is_some() {
                return Ok(false);
            }
        }
        self.are_streams_known = true;
        Ok(true)
    }

    /// Publishes, as soon as there is room and its stream is known; `None`: not yet.
    fn publish(&mut self) -> Result<Option<Range<u64>>, HubPublishError> {
        if !self.knows_stream()? {
            return Ok(None);
        }
        loop {
            let event = |_| self.event.as_event();
            let mut publish = Publish::new(1, event, &self.options);
            publish.are_streams_known = true;
            match publish.submit(&self.hub.shared, self.ticket.as_ref()) {
                // Once more with a place in line: there may have come room before it had one.
                Err(HubPublishError::Full) if self.ticket.is_none() => {
                    let notify = self.waker.clone();
                    self.ticket = Some(RoomTicket::join(&self.hub.shared, notify));
                }
                Err(HubPublishError::Full) => return Ok(None),
                offsets => {
                    self.ticket = None;
                    return offsets.map(Some);
                }
            }
        }
    }

    fn forget(&self) {
        if let Some(journal) = &self.hub.shared.journal {
            let notify: Arc<dyn Notify> = self.waker.clone();
            journal.completions().remove(&notify);
        }
    }
}

impl Future for PublishFuture {
    type Output = Result<Position, HubPublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Before it looks: whoever wakes it from here on finds the waker.
        self.waker.register(cx.waker());
        let shared = self.hub.shared.clone();
        let Some(journal) = &shared.journal else {
            let published = self.publish()?;
            return published.map_or(Poll::Pending, |offsets| {
                Poll::Ready(Ok(shared.position(offsets.start)))
            });
        };
        let ends = self.ends(journal)?;
        let offsets = match self.offsets.clone() {
            Some(offsets) => offsets,
            None => match self.publish()? {
                Some(offsets) => self.offsets.insert(offsets).clone(),
                None => {
                    if let Some(error) = self.given_up(ends) {
                        self.ticket = None;
                        return Poll::Ready(Err(error));
                    }
                    self.wake_at(journal, ends.room);
                    return Poll::Pending;
                }
            },
        };
        if outcome(&shared, &offsets).is_none() {
            self.forget();
            let notify = self.waker.clone();
            // An offset is one more than its sequence.
            journal.completions().add(offsets.end - 1, notify);
        }
        let is_over = || ends.outcome.is_some_and(|end| end <= Instant::now());
        let outcome = outcome(&shared, &offsets);
        let Some(outcome) = outcome.or_else(|| is_over().then_some(Outcome::Timeout)) else {
            // A call that hangs wakes nobody.
            let stalls = journal.stalls_at();
            self.wake_at(journal, ends.outcome.map_or(stalls, |end| end.min(stalls)));
            return Poll::Pending;
        };
        let event = Some(self.event.as_event());
        let settled = settled(&shared, journal, outcome, &offsets, event);
        Poll::Ready(settled.map(|()| shared.position(offsets.start)))
    }
}

impl Drop for PublishFuture {
    fn drop(&mut self) {
        self.forget();
        let shared = self.hub.shared.clone();
        if let Some(journal) = &shared.journal {
            self.clear_alarm(journal);
        }
    }
}

impl fmt::Debug for PublishFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishFuture").finish_non_exhaustive()
    }
}

//! How a receiver waits: it falls asleep under the publisher's lock, and whoever publishes judges events for it.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_utils::Backoff;

use super::Receiver;
use crate::event::{EventRef, Position};
use crate::hub::error::{RecvTimeoutError, TryRecvError};
use crate::hub::sleepers::State;
use crate::ring::Notify;

impl Receiver {
    /// Asks for one notification when something comes that it may want, or its end: how a task or a poller sleeps on
    /// it. `false` says that there is something to look at: receive first. Any receive takes the request back.
    ///
    /// The notification runs on the publisher's thread, without a lock; it should be short.
    #[must_use = "false says that there is something to receive: do not sleep"]
    pub fn arm(&mut self, notify: Arc<dyn Notify>) -> bool {
        self.rise();
        self.ticket.sleeper.set_notify(Some(notify));
        let armed = self.lie_down(true);
        if !armed {
            self.ticket.sleeper.set_notify(None);
        }
        armed
    }

    /// With `controls`, one that waits ends it too, as if the time were over.
    pub(in crate::hub) fn next_until<R>(
        &mut self,
        deadline: Option<Instant>,
        controls: bool,
        look: impl FnOnce(Position, EventRef<'_>) -> R,
    ) -> Result<R, RecvTimeoutError> {
        self.rise();
        let mut look = Some(look);
        let mut seen = None;
        loop {
            let scanned = self.scan(|position, event| {
                seen = look.take().map(|look| look(position, event));
                false
            });
            match (scanned, seen.take()) {
                (Ok(()), Some(seen)) => {
                    self.rise();
                    return Ok(seen);
                }
                (Ok(()) | Err(TryRecvError::Empty), _) => {}
                (Err(error), _) => {
                    self.rise();
                    return Err(error.into());
                }
            }
            if controls && self.ticket.has_controls() {
                self.rise();
                return Err(RecvTimeoutError::TimedOut);
            }
            if self.armed.is_none() {
                self.spin();
                // What was published before it lay down is scanned once more; for the rest others watch.
                self.lie_down(false);
            } else if self.ticket.sleeper.park(deadline) == State::Asleep
                && self.rise() == State::Asleep
            {
                return Err(RecvTimeoutError::TimedOut);
            } else {
                self.rise();
            }
        }
    }

    /// Gives what is about to come a moment, where nothing is there.
    fn spin(&self) {
        let backoff = Backoff::new();
        while !backoff.is_completed() && self.lag() == 0 && self.ended().is_none() {
            backoff.snooze();
        }
    }

    /// Falls asleep: from now on every event is judged by whoever publishes it. With `idle`, only if everything before
    /// was read.
    pub(super) fn lie_down(&mut self, idle: bool) -> bool {
        let routing = &self.inner.routing;
        if !self.has_slept {
            routing.join(&self.class);
            self.has_slept = true;
        }
        routing.sleep(&self.class, &self.ticket.sleeper);
        // Only now: whatever is published, ended or told after this finds it asleep.
        let (next, closed) = {
            let writer = self.inner.writer.lock();
            (writer.next_sequence(), writer.is_closed())
        };
        let unread = idle && (next > self.subscriber.position() || self.ticket.has_controls());
        if unread || closed || self.ticket.ended().is_some() {
            routing.rouse(&self.class, &self.ticket.sleeper, State::Awake);
            self.ticket.sleeper.take();
            return false;
        }
        self.armed = Some(next);
        true
    }

    /// Wakes up, if it slept, and passes what is known not to be wanted. Says how it was woken; `Asleep` if it was not.
    pub(super) fn rise(&mut self) -> State {
        let Some(armed) = self.armed.take() else {
            return State::Awake;
        };
        let sleeper = &self.ticket.sleeper;
        // First this: what was judged before it would have woken it.
        let judged = self.inner.routing.judged(&self.inner.ring);
        let state = self.inner.routing.rouse(&self.class, sleeper, State::Awake);
        sleeper.take();
        sleeper.set_notify(None);
        let passed = match state {
            State::At(sequence) | State::Nudged(sequence) => sequence,
            State::Asleep => judged,
            State::Awake => return state,
        };
        // Others watched from `armed` on; what was before it is for the receiver itself.
        let position = self.subscriber.position();
        if position >= armed && passed > position && self.subscriber.seek(passed).is_ok() {
            self.note_position();
        }
        state
    }
}

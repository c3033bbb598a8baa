//! Waiting: a receiver goes on its class's wait list, and whoever publishes judges events for it.
//!
//! In this order: it goes on the list, takes the publisher's lock, reads the next sequence, looks once more. What is
//! published before that sequence it sees itself; from there on every publisher sees it asleep.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_utils::Backoff;

use super::Receiver;
use crate::event::{EventRef, Position};
use crate::hub::wait::WaitState;
use crate::hub::{ReceiveTimeoutError, TryReceiveError};
use crate::ring::Notify;

impl Receiver {
    /// Asks for one notification when something comes that it may want, or its end: how a task or a poller sleeps on
    /// it. `false` says that there is something to look at: receive first. Any receive takes the request back.
    ///
    /// The notification runs on the publisher's thread, without a lock; it should be short.
    #[must_use = "false says that there is something to receive: do not sleep"]
    pub fn arm(&mut self, notify: Arc<dyn Notify>) -> bool {
        self.end_wait();
        if self.past.is_some() {
            return self.arm_past(notify);
        }
        // Before it lies down: whoever wakes it between the two must find what to call.
        self.entry.waiter.set_notify(Some(notify));
        let armed = self.begin_wait(true);
        if !armed {
            self.entry.waiter.set_notify(None);
        }
        armed
    }

    /// Shows the next event, and waits for it until then. With `controls`, one that is there ends the wait too, as if
    /// the time were over.
    pub(in crate::hub) fn next_until<R>(
        &mut self,
        deadline: Option<Instant>,
        controls: bool,
        look: impl FnOnce(Position, EventRef<'_>) -> R,
    ) -> Result<R, ReceiveTimeoutError> {
        self.end_wait();
        // `look` is called once; the loop cannot know that.
        let mut look = Some(look);
        let mut seen = None;
        loop {
            let scanned = self.scan(|position, event| {
                seen = look.take().map(|look| look(position, event));
                false
            });
            match (scanned, seen.take()) {
                (Ok(()), Some(seen)) => {
                    self.end_wait();
                    return Ok(seen);
                }
                // There is more to be looked at in the journal: on, if there is time.
                (Ok(()) | Err(TryReceiveError::Empty), _) if self.past.is_some() => {
                    self.wait_for_retry(deadline);
                    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        return Err(ReceiveTimeoutError::TimedOut);
                    }
                    continue;
                }
                (Ok(()) | Err(TryReceiveError::Empty), _) => {}
                (Err(error), _) => {
                    self.end_wait();
                    return Err(error.into());
                }
            }
            if controls && self.entry.has_controls() {
                self.end_wait();
                return Err(ReceiveTimeoutError::TimedOut);
            }
            if self.armed.is_none() {
                self.spin();
                // What was published before it lay down is scanned once more; for the rest others watch.
                self.begin_wait(false);
            } else if self.entry.waiter.park(deadline) == WaitState::Asleep
                && self.end_wait() == WaitState::Asleep
            {
                // Only now: somebody may have woken it between the timeout and its way off the list.
                return Err(ReceiveTimeoutError::TimedOut);
            } else {
                self.end_wait();
            }
        }
    }

    /// Gives what is about to come a moment: a wake-up takes some 20 us, and costs the publisher a system call.
    fn spin(&self) {
        let backoff = Backoff::new();
        while !backoff.is_completed() && self.lag() == 0 && self.ended().is_none() {
            backoff.snooze();
        }
    }

    /// Falls asleep: from now on every event is judged by whoever publishes it. With `idle`, only if everything before
    /// it was read. Returns whether it sleeps.
    pub(super) fn begin_wait(&mut self, idle: bool) -> bool {
        // Nobody judges what comes from the journal.
        if self.past.is_some() {
            return false;
        }
        let wake_router = &self.shared.wake_router;
        if !self.has_slept {
            wake_router.join(&self.class);
            self.has_slept = true;
        }
        // Only when it is on the list: whatever is published, ended or told behind this lock finds it asleep.
        let (next, closed) = wake_router.lie_down(&self.class, &self.entry.waiter, || {
            let publisher = self.shared.publisher.lock();
            // What is closed and not all seen is still moved, by somebody who sees under this lock that one sleeps.
            (publisher.visible(), publisher.is_finished())
        });
        // Ends and controls are not under that lock. Whoever gives one sets it first and wakes then, so it is either
        // seen here or finds the receiver on the list.
        let unread = idle && (next > self.subscriber.position() || self.entry.has_controls());
        let closed = closed || self.shared.is_given_up();
        if unread || closed || self.entry.ended().is_some() {
            wake_router.remove(&self.class, &self.entry.waiter, WaitState::Awake);
            self.entry.waiter.take_state();
            return false;
        }
        self.armed = Some(next);
        true
    }

    /// Wakes up, if it slept, and passes the events that are known not to be wanted. Returns how it was woken; `Asleep`
    /// if it was not.
    pub(super) fn end_wait(&mut self) -> WaitState {
        let Some(armed) = self.armed.take() else {
            return WaitState::Awake;
        };
        let waiter = &self.entry.waiter;
        let shared = &self.shared;
        let (state, judged) = shared.wake_router.rise(&shared.ring, &self.class, waiter);
        waiter.take_state();
        waiter.set_notify(None);
        let passed = match state {
            WaitState::Matched(sequence) | WaitState::Nudged(sequence) => sequence,
            WaitState::Asleep => judged,
            WaitState::Awake => return state,
        };
        // Others judged from `armed` on; what was before it is for the receiver itself, which may not have read so far.
        let position = self.subscriber.position();
        // What was not committed wakes nobody, and is told to everybody: by the scan, which comes by.
        let has_voids = || !self.shared.voids(&(position + 1..passed + 1)).is_empty();
        if position >= armed
            && passed > position
            && !has_voids()
            && self.subscriber.seek(passed).is_ok()
        {
            self.note_position();
        }
        state
    }
}

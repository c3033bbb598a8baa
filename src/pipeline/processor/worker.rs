//! The thread of a pipeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::running::Shared;
use super::{Piece, StreamProcessor};
use crate::event::Event;
use crate::hub::{Receiver, TryReceiveError};
use crate::pipeline::handler::{Failure, guarded};

pub(super) struct Worker {
    pub(super) pipeline: StreamProcessor,
    pub(super) shared: Arc<Shared>,
}

impl Worker {
    pub(super) fn run(mut self, mut receiver: Receiver) {
        let _finish = Finish(self.shared.clone());
        if self.work(&mut receiver) {
            self.close(None);
        }
    }

    /// Returns whether the end was an orderly one.
    fn work(&mut self, receiver: &mut Receiver) -> bool {
        loop {
            // Before the look at what is there, which then is all that was published before the stop.
            // Acquire: pairs with the Release in `stop`.
            let stopping = self.shared.stopping.load(Ordering::Acquire);
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
                    // Acquire, as above, and first: only then `until` says something.
                    if self.shared.stopping.load(Ordering::Acquire)
                        && delivery.position.offset >= self.shared.until.load(Ordering::Relaxed)
                    {
                        return true;
                    }
                }
                Err(TryReceiveError::Gap(gap)) => add(&self.shared.missed, gap.missed),
                Err(TryReceiveError::Empty) => {
                    if stopping {
                        return true;
                    }
                    // A stop that came meanwhile has woken it already.
                    self.sleep(receiver);
                }
                Err(_) => return true,
            }
            // After each event, too: on a busy stream nothing else would close windows by time.
            let now = Instant::now();
            if self.due().is_some_and(|due| due <= now) && !self.close(Some(now)) {
                return false;
            }
        }
    }

    /// Waits for an event, for the time of a window, or for a stop.
    fn sleep(&self, receiver: &mut Receiver) {
        let waker = self.shared.waker.clone();
        // `false`: an event has come since the look, and no wake would follow.
        if !receiver.arm(waker.clone()) {
            return;
        }
        let due = self.due();
        let mut woken = waker.woken.lock();
        while !*woken {
            match due {
                Some(due) => {
                    if waker.changed.wait_until(&mut woken, due).timed_out() {
                        break;
                    }
                }
                None => waker.changed.wait(&mut woken),
            }
        }
        *woken = false;
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
        // From the front: what a window gives enters those behind it before they close.
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
                // For the policy: the step takes the piece, whatever becomes of it.
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

/// Says that the thread is done, however it ends: a stop must not wait for one that panicked.
struct Finish(Arc<Shared>);

impl Drop for Finish {
    fn drop(&mut self) {
        *self.0.finished.lock() = true;
        self.0.ended.notify_all();
    }
}

/// Relaxed: one thread writes the figures.
fn add(figure: &AtomicU64, more: u64) {
    figure.store(figure.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

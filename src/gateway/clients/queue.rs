//! A seat: where a client is, and what waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::gateway::admin::connections::Place;
use crate::gateway::clients::SubscriptionId;
use crate::gateway::clients::mailbox::{Errand, Goodbye, Trays, Woken};
use crate::reactor::SendOutcome;

/// Bytes that a frame takes beside its own, as it waits.
const FRAME_COST: usize = size_of::<Arc<[u8]>>();

/// One client's seat: made when its request comes, kept until its connection ends.
///
/// Any thread puts frames on it, its reactor takes them as the socket takes bytes. Its lock is held for
/// as long as that takes, never while a socket is written to, a reactor is woken or a handler runs.
pub(in crate::gateway) struct Seat {
    pub(in crate::gateway) client: Arc<str>,
    pub(in crate::gateway) subscription: SubscriptionId,
    inside: Mutex<Inside>,
}

struct Inside {
    stage: Stage,
    waiting: VecDeque<Arc<[u8]>>,
    /// What `waiting` takes, and what the socket has been handed last and may not have taken yet.
    bytes: usize,
    handed: usize,
    /// The reactor comes for what waits without being told.
    awaited: bool,
}

enum Stage {
    /// The answer to its request is not sent yet.
    Arriving,
    /// Its socket is open.
    Open(Place),
    /// It is to be closed as soon as it has been opened.
    Unwanted(Goodbye),
    /// It gets nothing more.
    Leaving,
}

impl Seat {
    pub(in crate::gateway) fn new(client: Arc<str>, subscription: SubscriptionId) -> Self {
        Self {
            client,
            subscription,
            inside: Mutex::new(Inside {
                stage: Stage::Arriving,
                waiting: VecDeque::new(),
                bytes: 0,
                handed: 0,
                // A socket that opens asks once.
                awaited: true,
            }),
        }
    }

    /// Notes where the socket is.
    pub(in crate::gateway) fn open(&self, place: Place, trays: &Trays) {
        let mut inside = self.inside.lock();
        match std::mem::replace(&mut inside.stage, Stage::Leaving) {
            Stage::Arriving => inside.stage = Stage::Open(place),
            Stage::Unwanted(goodbye) => {
                drop(inside);
                close_socket(place, goodbye, trays);
            }
            Stage::Open(_) | Stage::Leaving => {}
        }
    }

    /// Has a frame wait, unless more than `max` bytes would then. Who is to be woken for it is added to `woken`.
    pub(in crate::gateway) fn offer(
        &self,
        frame: &Arc<[u8]>,
        max: usize,
        trays: &Trays,
        woken: &mut Woken,
    ) -> SendOutcome {
        let mut inside = self.inside.lock();
        let place = match inside.stage {
            Stage::Arriving => None,
            Stage::Open(place) => Some(place),
            Stage::Unwanted(_) | Stage::Leaving => return SendOutcome::Unknown,
        };
        if place.is_some_and(|place| trays.is_stopping(place)) {
            return SendOutcome::Unknown;
        }
        let bytes = inside.bytes + frame.len() + FRAME_COST;
        if bytes > max {
            return SendOutcome::Full;
        }
        inside.bytes = bytes;
        inside.waiting.push_back(frame.clone());
        if let (false, Some(place)) = (inside.awaited, place) {
            inside.awaited = true;
            trays.put(place, Errand::Send, woken);
        }
        SendOutcome::Queued
    }

    /// Moves frames of about `max` bytes to `out`, one at least. The socket has taken what it was handed
    /// before.
    pub(in crate::gateway) fn take(&self, max: usize, out: &mut Vec<u8>) {
        self.inside.lock().take(max, out);
    }

    /// Moves all that waits to `out`, and has nothing more come to wait: the socket is closing.
    pub(in crate::gateway) fn part(&self, out: &mut Vec<u8>) {
        let mut inside = self.inside.lock();
        inside.stage = Stage::Leaving;
        inside.take(usize::MAX, out);
    }

    /// Whether something waits that the socket has not been handed.
    pub(in crate::gateway) fn has_waiting(&self) -> bool {
        !self.inside.lock().waiting.is_empty()
    }

    #[cfg(test)]
    pub(super) fn is_locked(&self) -> bool {
        self.inside.is_locked()
    }

    /// Has the socket closed after all that waits; nothing more comes to wait.
    pub(in crate::gateway) fn close(&self, goodbye: Goodbye, trays: &Trays) {
        let mut inside = self.inside.lock();
        match std::mem::replace(&mut inside.stage, Stage::Leaving) {
            Stage::Arriving => inside.stage = Stage::Unwanted(goodbye),
            Stage::Open(place) => {
                drop(inside);
                close_socket(place, goodbye, trays);
            }
            earlier @ (Stage::Unwanted(_) | Stage::Leaving) => inside.stage = earlier,
        }
    }

    /// Has nothing more come to wait: the socket is gone.
    pub(in crate::gateway) fn leave(&self) {
        let mut inside = self.inside.lock();
        inside.stage = Stage::Leaving;
        inside.waiting = VecDeque::new();
    }
}

impl Inside {
    fn take(&mut self, max: usize, out: &mut Vec<u8>) {
        self.bytes -= self.handed;
        self.handed = 0;
        let start = out.len();
        while let Some(frame) = self.waiting.pop_front() {
            let made = out.len() - start;
            if made > 0 && made + frame.len() > max {
                self.waiting.push_front(frame);
                break;
            }
            out.extend_from_slice(&frame);
            self.handed += frame.len() + FRAME_COST;
        }
        self.awaited = self.handed > 0;
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }
}

fn close_socket(place: Place, goodbye: Goodbye, trays: &Trays) {
    let mut woken = Woken::default();
    trays.put(place, Errand::Close(goodbye), &mut woken);
    woken.wake();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::StreamId;

    fn frame(len: usize) -> Arc<[u8]> {
        vec![7; len].into()
    }

    fn seat() -> Seat {
        Seat::new("a".into(), SubscriptionId(1))
    }

    fn place() -> Place {
        (0, StreamId::from_bits(1))
    }

    fn offer(seat: &Seat, frame: &Arc<[u8]>, max: usize, trays: &Trays) -> SendOutcome {
        seat.offer(frame, max, trays, &mut Woken::default())
    }

    #[test]
    fn what_waits_is_bounded_until_the_socket_has_taken_it() {
        let (seat, trays) = (seat(), Trays::new(1));
        let max = 2 * (100 + FRAME_COST);
        assert_eq!(offer(&seat, &frame(max), max, &trays), SendOutcome::Full);
        assert_eq!(offer(&seat, &frame(100), max, &trays), SendOutcome::Queued);
        seat.open(place(), &trays);
        assert_eq!(offer(&seat, &frame(100), max, &trays), SendOutcome::Queued);
        assert_eq!(offer(&seat, &frame(0), max, &trays), SendOutcome::Full);
        let mut out = Vec::new();
        seat.take(150, &mut out);
        assert_eq!(out.len(), 100, "whole frames, about as many as asked for");
        assert_eq!(
            offer(&seat, &frame(0), max, &trays),
            SendOutcome::Full,
            "handed"
        );
        seat.take(150, &mut out);
        assert_eq!(out.len(), 200);
        assert_eq!(offer(&seat, &frame(50), max, &trays), SendOutcome::Queued);
    }

    #[test]
    fn who_leaves_gets_what_waited_and_nothing_more() {
        let (seat, trays) = (seat(), Trays::new(1));
        seat.open(place(), &trays);
        assert_eq!(offer(&seat, &frame(3), 1000, &trays), SendOutcome::Queued);
        let goodbye = Goodbye {
            code: crate::wire::ws::CloseCode::NORMAL,
            reason: String::new(),
        };
        seat.close(goodbye, &trays);
        assert_eq!(offer(&seat, &frame(3), 1000, &trays), SendOutcome::Unknown);
        let mut out = Vec::new();
        seat.part(&mut out);
        assert_eq!(out.len(), 3);
    }
}

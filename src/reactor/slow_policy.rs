//! How a stream is paced: what becomes of it when it is slow, and how long its class collects.

use std::time::Duration;

use super::class::ClassId;
use super::conn::Flags;
use super::core::Core;
use super::disconnect::DisconnectReason;
use super::send::Broken;
use super::service::Service;
use super::stream_plan::HistoryMode;
use crate::deadline;
use crate::settings::setters;

/// What happens to a stream that falls further behind than it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlowPolicy {
    /// It gets everything that is kept, however late.
    #[default]
    CatchUp,
    /// It is told what it misses and goes on with the next event.
    Gap,
    /// It gets the newest event of each topic, in order, and goes on live.
    Latest,
    /// It is told why, and its connection ends.
    Disconnect,
}

/// How a stream is paced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// What happens when it is too slow.
    pub slow: SlowPolicy,
    /// Bytes of the frame log that may lie between it and the newest frame before that happens; 0: all
    /// that the log holds. Nothing but the log bounds [`SlowPolicy::CatchUp`].
    pub lag_bytes: u32,
}

setters! {
    Pace {
        slow: SlowPolicy,
        lag_bytes: u32,
    }
}

impl<S: Service> Core<S> {
    /// Notes that stream `i` is too slow, if its policy has to do something about it.
    pub(super) fn note_slow(&mut self, i: u32) {
        if self.cold[i as usize].pace.slow != SlowPolicy::CatchUp {
            self.hot(i).flags.set(Flags::SLOW);
        }
    }

    /// Whether stream `i`, whose next byte is `next` of a log that ends at `end`, is further behind
    /// than it asked for.
    pub(super) fn is_too_far(&self, i: u32, next: u64, end: u64) -> bool {
        let pace = self.cold[i as usize].pace;
        pace.lag_bytes > 0
            && pace.slow != SlowPolicy::CatchUp
            && end.saturating_sub(next) > u64::from(pace.lag_bytes)
    }

    /// Does to a slow stream what it asked for. It stands at the start of a frame and its socket takes
    /// bytes. `true`: there may be more to send; `false`: the stream has ended.
    pub(super) fn apply_policy(
        &mut self,
        service: &mut S,
        i: u32,
        budget: &mut u64,
    ) -> Result<bool, Broken> {
        let slow = self.cold[i as usize].pace.slow;
        if slow == SlowPolicy::CatchUp {
            self.hot(i).flags.clear(Flags::SLOW);
            return Ok(true);
        }
        if slow == SlowPolicy::Disconnect {
            self.hot(i).flags.clear(Flags::SLOW);
            self.end_stream(service, i, DisconnectReason::TooSlow);
            return Ok(false);
        }
        let mode = match slow {
            SlowPolicy::Latest => HistoryMode::Latest,
            _ => HistoryMode::Skip,
        };
        let done = self.take_history(i, mode, budget, |part, out| service.history(part, out))?;
        // What was published meanwhile is small: it comes from the log.
        if done.next >= self.fed {
            self.hot(i).flags.clear(Flags::SLOW);
        }
        Ok(true)
    }

    /// Counts events whose frames were begun for stream `i`.
    pub(super) fn count_events(&mut self, i: u32, events: u64, second: u32) {
        if events > 0 {
            let cold = &mut self.cold[i as usize];
            cold.delivered += events;
            cold.last_event = second;
        }
    }
}

/// Classes that collect for a moment before their members are sent to.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What is collected, and until when.
    waiting: Vec<(std::time::Instant, ClassId)>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the first of them is due.
    pub(super) fn next_due(&self) -> Option<std::time::Instant> {
        self.waiting.iter().map(|(at, _)| *at).min()
    }

    pub(super) fn forget(&mut self, id: ClassId) {
        self.waiting.retain(|(_, held)| *held != id);
    }
}

impl<S: Service> Core<S> {
    /// Has class `id`, which has news, wait until its time is up.
    pub(super) fn hold(&mut self, id: ClassId, hold: Duration) {
        if self.held.waiting.iter().all(|(_, held)| *held != id) {
            let due = deadline::after(self.now, hold);
            self.held.waiting.push((due, id));
        }
    }

    /// Queues the classes whose time is up, or all of them.
    pub(super) fn release_held(&mut self, all: bool) {
        let now = self.now;
        let mut at = 0;
        while let Some((due, id)) = self.held.waiting.get(at).copied() {
            if !all && due > now {
                at += 1;
                continue;
            }
            self.held.waiting.swap_remove(at);
            if let Some(class) = self.classes.get_mut(id)
                && class.pump_left == 0
            {
                class.pump_left = class.members.len();
                self.dirty.push_back(id);
            }
        }
    }

    /// Whether nothing can happen to any stream before a held class is due, so that publishers need
    /// not wake this thread.
    pub(super) fn only_holds(&self) -> bool {
        !self.held.is_empty() && self.eager == 0 && self.waiting.is_empty()
    }
}

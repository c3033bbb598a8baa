//! The slow policy of a stream: what it does, and when it applies.

use crate::net::conns::conn::Flags;
use crate::net::core::Core;
use crate::net::disconnect::DisconnectReason;
use crate::net::io::send::Broken;
use crate::net::service::Service;
use crate::net::stream_plan::HistoryMode;

/// The treatment of a stream that falls further behind than it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlowPolicy {
    /// The stream gets everything that is kept, however late.
    #[default]
    CatchUp,
    /// The stream is told what it misses and goes on with the next event.
    Gap,
    /// The stream gets the newest event of each topic, in order, and goes on live.
    Latest,
    /// The stream is told why, and its connection ends.
    Disconnect,
}

/// The settings for a stream that is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlowOptions {
    /// The treatment when it is too slow.
    pub slow: SlowPolicy,
    /// Bytes of the frame log that may lie between it and the newest frame before that happens; 0: all
    /// that the log holds. Nothing but the log bounds [`SlowPolicy::CatchUp`].
    pub lag_bytes: u32,
}

impl<S: Service> Core<S> {
    /// Notes that stream `i` is too slow, if its policy has to do something about it.
    pub(in crate::net) fn note_slow(&mut self, i: u32) {
        if self.cold[i as usize].slow_options.slow != SlowPolicy::CatchUp {
            self.hot(i).flags.set(Flags::SLOW);
        }
    }

    /// Returns whether stream `i`, whose next byte is `next` of a log that ends at `end`, is further behind
    /// than it asked for.
    pub(in crate::net) fn is_too_far(&self, i: u32, next: u64, end: u64) -> bool {
        let slow_options = self.cold[i as usize].slow_options;
        slow_options.lag_bytes > 0
            && slow_options.slow != SlowPolicy::CatchUp
            && end.saturating_sub(next) > u64::from(slow_options.lag_bytes)
    }

    /// Does to a slow stream what it asked for. It stands at the start of a frame and its socket takes
    /// bytes. `true`: there may be more to send; `false`: the stream has ended.
    pub(in crate::net) fn apply_policy(
        &mut self,
        service: &mut S,
        i: u32,
        budget: &mut u64,
    ) -> Result<bool, Broken> {
        let slow = self.cold[i as usize].slow_options.slow;
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
    pub(in crate::net) fn count_events(&mut self, i: u32, events: u64, second: u32) {
        if events > 0 {
            let cold = &mut self.cold[i as usize];
            cold.delivered += events;
            cold.last_event = second;
        }
    }
}

//! Options of streams, and what each may be.

use std::time::Duration;

use crate::fanout::{SlowOptions, SlowPolicy};
use crate::gateway::encode::{Compression, CompressionFor};
use crate::settings::setters;

/// Shortest silence before a heartbeat: they are looked for once a second.
const HEARTBEAT_MIN: Duration = Duration::from_secs(1);
/// Longest silence before a heartbeat, and the longest wait that clients are told.
const HOUR: Duration = Duration::from_secs(3600);
/// Longest time that a class collects: beyond it a person sees the delay.
const HOLD_MAX: Duration = Duration::from_millis(20);
/// Fewest bytes that a stream may be behind: a frame of an ordinary event.
pub(super) const BUFFER_MIN: usize = 4 << 10;
/// Shortest greatest age: clients that come back all the time do nothing else.
const AGE_MIN: Duration = Duration::from_secs(1);

/// The options of a stream: the server's own, an endpoint's, or as its client asks for.
///
/// ```
/// use eventring::gateway::{SlowPolicy, StreamOptions};
///
/// let options = StreamOptions::default().slow(SlowPolicy::Latest);
/// assert_eq!(options.heartbeat.as_secs(), 15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamOptions {
    /// Silence after which a stream gets a heartbeat: a comment, and the newest id. Zero (none), or
    /// 1 s to 1 h. 15 s.
    pub heartbeat: Duration,
    /// Compression of the stream, if its client accepts it. [`Compression::Gzip`].
    pub compression: Compression,
    /// For whom. [`CompressionFor::Browsers`], and who asks for it by parameter.
    pub compression_for: CompressionFor,
    /// The time that clients are told to wait before they reconnect (`retry:`). 1 ms to 1 h. 2 s.
    pub retry: Duration,
    /// Policy for a stream that is too slow. It gets everything that is kept.
    pub slow: SlowPolicy,
    /// Bytes of frames that a stream may be behind before `slow` is applied, if that is not
    /// [`CatchUp`](SlowPolicy::CatchUp). 0 (as many as the frame log holds), or 4 KiB up to its size. 0.
    pub buffer: usize,
    /// Time for which events are collected before they are sent, so that more leave in one write. Zero to
    /// 20 ms. Zero: what comes while the server is busy leaves together anyway.
    pub hold: Duration,
    /// Age at which a connection ends, so that clients spread again over servers. Each gets its own, up
    /// to a tenth more or less. Zero (none) or from 1 s. Zero.
    pub max_age: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            compression: Compression::default(),
            compression_for: CompressionFor::default(),
            retry: Duration::from_secs(2),
            slow: SlowPolicy::CatchUp,
            buffer: 0,
            hold: Duration::ZERO,
            max_age: Duration::ZERO,
        }
    }
}

setters! {
    StreamOptions {
        heartbeat: Duration,
        compression: Compression,
        compression_for: CompressionFor,
        retry: Duration,
        slow: SlowPolicy,
        buffer: usize,
        hold: Duration,
        max_age: Duration,
    }
}

impl StreamOptions {
    /// The option that this build cannot do, and the feature that it lacks; `None`: it can do all of them.
    pub(in crate::gateway) fn lacks(&self) -> Option<(&'static str, &'static str)> {
        Some(("compression", self.compression.lacks()?))
    }

    /// The first option that is out of its range, and the range; `frame_log` are the bytes of a log.
    pub(in crate::gateway) fn first_fault(
        &self,
        frame_log: usize,
    ) -> Option<(&'static str, &'static str)> {
        self.faults(frame_log).next()
    }

    /// All options that are out of their ranges.
    pub(in crate::gateway) fn faults(
        &self,
        frame_log: usize,
    ) -> impl Iterator<Item = (&'static str, &'static str)> {
        let heartbeats = HEARTBEAT_MIN..=HOUR;
        let retries = Duration::from_millis(1)..=HOUR;
        let buffers = BUFFER_MIN..=frame_log;
        let checks = [
            (
                self.heartbeat.is_zero() || heartbeats.contains(&self.heartbeat),
                ("heartbeat", "must be 0 (none) or 1 s to 1 h"),
            ),
            (
                retries.contains(&self.retry),
                ("retry", "must be 1 ms to 1 h"),
            ),
            (
                self.buffer == 0 || buffers.contains(&self.buffer),
                (
                    "buffer",
                    "must be 0 (the frame log) or 4 KiB (a frame) up to the size of the frame log",
                ),
            ),
            (self.hold <= HOLD_MAX, ("hold", "must be 0 to 20 ms")),
            (
                self.max_age.is_zero() || self.max_age >= AGE_MIN,
                ("max_age", "must be 0 (none) or at least 1 s"),
            ),
        ];
        checks
            .into_iter()
            .filter(|(good, _)| !good)
            .map(|(_, fault)| fault)
    }

    pub(super) fn slow_options(&self) -> SlowOptions {
        SlowOptions {
            slow: self.slow,
            lag_bytes: u32::try_from(self.buffer).unwrap_or(u32::MAX),
        }
    }

    /// Whole milliseconds, which is what the poll can wait.
    pub(in crate::gateway) fn hold_ms(&self) -> u8 {
        self.hold.as_millis() as u8
    }
}

/// The policies by the names that they have in addresses, bodies and settings.
const POLICIES: [(&str, SlowPolicy); 4] = [
    ("catch-up", SlowPolicy::CatchUp),
    ("gap", SlowPolicy::Gap),
    ("latest", SlowPolicy::Latest),
    ("disconnect", SlowPolicy::Disconnect),
];

/// The name of a policy.
pub(in crate::gateway) fn policy_name(policy: SlowPolicy) -> &'static str {
    let found = POLICIES.iter().find(|(_, known)| *known == policy);
    found.map_or("", |(name, _)| name)
}

/// The words that a policy's name may be.
pub(in crate::gateway) const POLICY_NAMES: &str = "slow is catch-up, gap, latest or disconnect";

/// The policy of a name.
pub(in crate::gateway) fn policy(name: &str) -> Option<SlowPolicy> {
    let found = POLICIES.iter().find(|(known, _)| *known == name);
    found.map(|(_, policy)| *policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_named() {
        let fault = |change: fn(&mut StreamOptions)| {
            let mut options = StreamOptions::default();
            change(&mut options);
            options.first_fault(1 << 20).map(|(field, _)| field)
        };
        assert_eq!(fault(|_| {}), None);
        assert_eq!(fault(|o| o.heartbeat = Duration::ZERO), None);
        assert_eq!(
            fault(|o| o.heartbeat = Duration::from_millis(999)),
            Some("heartbeat")
        );
        assert_eq!(fault(|o| o.heartbeat = HOUR + AGE_MIN), Some("heartbeat"));
        assert_eq!(fault(|o| o.retry = Duration::ZERO), Some("retry"));
        assert_eq!(fault(|o| o.buffer = BUFFER_MIN - 1), Some("buffer"));
        assert_eq!(fault(|o| o.buffer = (1 << 20) + 1), Some("buffer"));
        assert_eq!(fault(|o| o.hold = HOLD_MAX + HOLD_MAX), Some("hold"));
        assert_eq!(
            fault(|o| o.max_age = Duration::from_millis(1)),
            Some("max_age")
        );
    }

    #[test]
    fn policies_have_names() {
        for (name, slow) in POLICIES {
            assert_eq!((policy(name), policy_name(slow)), (Some(slow), name));
        }
        assert_eq!(policy("drop"), None);
    }
}

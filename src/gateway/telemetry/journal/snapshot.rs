//! The numbers of a journal at one moment.

use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::gateway::telemetry::journal::JournalCondition;
use crate::hub::{Histogram, Hub};
use crate::journal::JournalStats;
use crate::json::write_string;

/// The numbers of a journal at one moment.
#[derive(Debug)]
pub(in crate::gateway) struct JournalSnapshot {
    pub(in crate::gateway) stats: JournalStats,
    pub(in crate::gateway) condition: JournalCondition,
    /// A reason for people; empty: there is nothing to say.
    pub(in crate::gateway) reason: String,
    pub(in crate::gateway) commit_seconds: Histogram,
    pub(in crate::gateway) commit_events: Histogram,
    pub(in crate::gateway) commit_bytes: Histogram,
    /// Topics to whose settings the journal does not keep.
    pub(in crate::gateway) topics_not_taken: u64,
    /// Events that are published and not shown to readers yet.
    pub(in crate::gateway) in_flight: u64,
    /// Bytes of their records.
    pub(in crate::gateway) in_flight_bytes: u64,
    /// Time since the oldest event was taken.
    pub(in crate::gateway) oldest_age: Duration,
}

impl JournalSnapshot {
    /// Reads them; `None`: the hub has no journal.
    pub(in crate::gateway) fn of(hub: &Hub) -> Option<Self> {
        let journal = hub.journal()?;
        let (condition, reason) = JournalCondition::of(hub)?;
        let stats = journal.stats();
        let taken = Duration::from_millis(stats.oldest_recorded.max(0) as u64);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock that was set back makes nothing younger than it is.
        let age = now.unwrap_or_default().saturating_sub(taken);
        Some(Self {
            condition,
            reason,
            commit_seconds: journal.commit_seconds(),
            commit_events: journal.commit_events(),
            commit_bytes: journal.commit_bytes(),
            topics_not_taken: journal.not_taken().0 as u64,
            // The head first is larger: readers may see more by the time that is asked.
            in_flight: hub.head().saturating_sub(hub.visible()),
            in_flight_bytes: journal.in_flight_bytes() as u64,
            oldest_age: match stats.oldest_recorded {
                0 => Duration::ZERO,
                _ => age,
            },
            stats,
        })
    }

    /// Appends them as one JSON object.
    pub(in crate::gateway) fn write_json(&self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, r#"{{"state":"{}","reason":"#, self.condition.name());
        write_string(out, &self.reason);
        for (name, read) in NUMBERS {
            let _ = write!(out, r#","{name}":{}"#, read(self));
        }
        let commits = &self.commit_seconds;
        let us =
            |(bound, _): &(f64, u64)| bound.is_finite().then_some((bound * 1e6).round() as u64);
        let bounds: Vec<u64> = commits.buckets.iter().filter_map(us).collect();
        let counts: Vec<u64> = commits.buckets.iter().map(|(_, count)| *count).collect();
        let sum = (commits.sum * 1e6).round() as u64;
        let _ = write!(
            out,
            r#","commit_latency":{{"bounds_us":{bounds:?},"counts":{counts:?},"sum_us":{sum}}}}}"#
        );
    }
}

/// Reads one of the numbers.
type ReadNumber = fn(&JournalSnapshot) -> u64;

/// The plain numbers, in the order in which they are written.
pub(in crate::gateway) const NUMBERS: [(&str, ReadNumber); 20] = [
    ("last", |j| j.stats.last),
    ("oldest", |j| j.stats.oldest),
    ("oldest_age_ms", |j| j.oldest_age.as_millis() as u64),
    ("events", |j| j.stats.events),
    ("bytes", |j| j.stats.bytes),
    ("wal_bytes", |j| j.stats.wal_bytes),
    ("commits", |j| j.stats.commits),
    ("flushes", |j| j.stats.flushes),
    ("merges", |j| j.stats.merges),
    ("checkpoints", |j| j.stats.checkpoints),
    ("damaged", |j| j.stats.damaged),
    ("floor", |j| j.stats.floor),
    ("removed_events", |j| j.stats.removed_events),
    ("removed_bytes", |j| j.stats.removed_bytes),
    ("age_suspended", |j| u64::from(j.stats.is_age_suspended)),
    ("holds_cut", |j| j.stats.holds_cut),
    ("topics_not_taken", |j| j.topics_not_taken),
    ("in_flight", |j| j.in_flight),
    ("in_flight_bytes", |j| j.in_flight_bytes),
    ("commit_events_sum", |j| j.commit_events.sum as u64),
];

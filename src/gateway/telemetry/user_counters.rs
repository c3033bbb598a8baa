//! Counters of the program that embeds the server, shown with the server's own.

use std::fmt;

/// The families of the server's own, by the names that their series have. Two of one name are no text that Prometheus
/// takes, and `eventring_` alone tells nothing: the binary has counters of its own that begin so.
const OURS: [&str; 49] = [
    "eventring_build_info",
    "eventring_callback_panics_total",
    "eventring_build",
    "eventring_tls_certificate_left_seconds",
    "eventring_uptime_seconds",
    "eventring_published_events_total",
    "eventring_hub_head_offset",
    "eventring_hub_earliest_offset",
    "eventring_hub_heap_bytes",
    "eventring_hub_trimmed_events_total",
    "eventring_journal_state",
    "eventring_journal_bytes",
    "eventring_journal_wal_bytes",
    "eventring_journal_events",
    "eventring_journal_last_offset",
    "eventring_journal_oldest_offset",
    "eventring_journal_oldest_age_seconds",
    "eventring_journal_in_flight_bytes",
    "eventring_journal_in_flight_events",
    "eventring_journal_commits_total",
    "eventring_journal_flushes_total",
    "eventring_journal_merges_total",
    "eventring_journal_checkpoints_total",
    "eventring_journal_damaged_total",
    "eventring_journal_commit_seconds",
    "eventring_journal_commit_events",
    "eventring_journal_commit_bytes",
    "eventring_reactor_lag_events",
    "eventring_delivered_events_total",
    "eventring_sent_bytes_total",
    "eventring_sends_total",
    "eventring_connections",
    "eventring_connections_accepted_total",
    "eventring_unfinished_bytes",
    "eventring_unfinished_max_bytes",
    "eventring_streams_blocked",
    "eventring_streams_lagging",
    "eventring_stream_lag_events_max",
    "eventring_stall_max_seconds",
    "eventring_gaps_total",
    "eventring_resets_total",
    "eventring_fell_behind_total",
    "eventring_looked_back_total",
    "eventring_compressed_events_total",
    "eventring_compressions_total",
    "eventring_streams_ended_total",
    "eventring_requests_total",
    "eventring_refused_total",
    "eventring_publish_to_socket_seconds",
];

/// The counters of one server's program, as they were given.
#[derive(Debug)]
pub(in crate::gateway) struct UserCounters(Vec<UserCounter>);

impl UserCounters {
    pub(in crate::gateway) fn new(counters: Vec<UserCounter>) -> Self {
        Self(counters)
    }

    /// Shows each counter with what it stands at, up to the first error.
    pub(in crate::gateway) fn read<E>(
        &self,
        mut show: impl FnMut(&UserCounter, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut counters = self.0.iter();
        counters.try_for_each(|counter| show(counter, (counter.read)()))
    }
}

/// A figure that only grows, read when somebody asks.
pub(in crate::gateway) struct UserCounter {
    pub(in crate::gateway) name: &'static str,
    pub(in crate::gateway) help: &'static str,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl UserCounter {
    /// A help may be any text: it is escaped.
    pub(in crate::gateway) fn new(
        name: &'static str,
        help: &'static str,
        read: Box<dyn Fn() -> u64 + Send + Sync>,
    ) -> Self {
        Self { name, help, read }
    }

    /// Says why Prometheus takes no counter of this name; `None`: it does.
    pub(in crate::gateway) fn fault(&self) -> Option<&'static str> {
        let may_start = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':';
        let named = self.name.bytes().next().is_some_and(may_start)
            && self
                .name
                .bytes()
                .all(|b| may_start(b) || b.is_ascii_digit());
        if !named {
            return Some("must have a name like shop_orders_total");
        }
        // By its stem too: a counter's family is named without `_total`.
        let family = stem(self.name);
        OURS.iter()
            .any(|ours| stem(ours) == family)
            .then_some("is a name of the server's own")
    }
}

fn stem(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

impl fmt::Debug for UserCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without its figure: reading that runs the program's code.
        f.debug_struct("UserCounter")
            .field("name", &self.name)
            .field("help", &self.help)
            .finish_non_exhaustive()
    }
}

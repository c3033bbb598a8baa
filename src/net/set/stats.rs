//! Counters that any thread may read while the reactor runs.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The reactor's own counters; it is their only writer.
        #[derive(Debug, Default)]
        pub(in crate::net) struct Counters {
            $(pub(in crate::net) $name: Counter,)*
            /// From publish to sockets.
            pub(in crate::net) latency: crate::net::set::latency::Histogram,
        }

        /// A reading of the counters of all reactors of a server.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct ServerStats {
            $($(#[$doc])* pub $name: u64),*
        }

        impl ServerStats {
            /// These figures and those of another reactor together.
            pub(in crate::net) fn with(self, other: Self) -> Self {
                Self {
                    lag_max: self.lag_max.max(other.lag_max),
                    stall_max_us: self.stall_max_us.max(other.stall_max_us),
                    ..Self { $($name: self.$name.wrapping_add(other.$name)),* }
                }
            }
        }

        impl Counters {
            pub(in crate::net) fn read(&self) -> ServerStats {
                ServerStats { $($name: self.$name.get()),* }
            }
        }
    };
}

counters! {
    /// Open connections, streams and requests together.
    connections,
    /// Open streams.
    streams,
    /// Connections accepted so far.
    accepted,
    /// Connections refused because of the limit, so far.
    refused,
    /// Bytes that sockets accepted, so far.
    bytes_sent,
    /// Sends that sockets took, whole or in part, so far.
    sends,
    /// Events sent to streams from the frame logs, so far: one that was begun counts.
    delivered,
    /// Events that were compressed, so far; once more for each further wire form.
    compressed_events,
    /// Times that an event was compressed, so far: twice at most for each form, and once for each
    /// further class with a window log, whatever the number of streams.
    compressions,
    /// Keyframes of window logs, so far.
    keyframes,
    /// Window logs: classes of compressed streams that share a window.
    chains,
    /// Times a stream fell so far behind that it had to catch up from history.
    fell_behind,
    /// Events that were looked at for streams that read history, so far.
    looked_back,
    /// Connections cut because they accepted no byte for too long, or because half-sent frames took
    /// too much memory.
    cut,
    /// Open WebSockets, with and without a subscription.
    sockets,
    /// Open connections that get a tick a second.
    watchers,
    /// Streams that read history, at the last look: one a second.
    catching_up,
    /// Streams whose sockets take no more, at the last look.
    blocked,
    /// Connections that are about to close, at the last look.
    closing,
    /// Streams that are blocked or read history while there is news for them, at the last look.
    lagging,
    /// Events of all topics between the slowest of those and the newest event, at the last look.
    lag_max,
    /// The longest time for which streams had to wait for other work of their reactor, so far, microseconds.
    stall_max_us,
}

/// A number with one writer: the reactor's thread.
#[derive(Debug, Default)]
pub(in crate::net) struct Counter(AtomicU64);

impl Counter {
    // Relaxed throughout: the numbers order nothing, and a load and a store suffice for one writer.
    pub(in crate::net) fn add(&self, n: u64) {
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    pub(in crate::net) fn sub(&self, n: u64) {
        self.0.store(self.get().wrapping_sub(n), Ordering::Relaxed);
    }

    pub(in crate::net) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub(in crate::net) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

//! Counters that any thread may read while the reactor runs.

use crate::counter::Counter;

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
        pub struct NetStats {
            $($(#[$doc])* pub $name: u64),*
        }

        impl NetStats {
            /// These figures and those of another reactor together.
            pub(in crate::net) fn with(self, other: Self) -> Self {
                Self {
                    stall_max_us: self.stall_max_us.max(other.stall_max_us),
                    ..Self { $($name: self.$name.wrapping_add(other.$name)),* }
                }
            }
        }

        impl Counters {
            pub(in crate::net) fn read(&self) -> NetStats {
                NetStats { $($name: self.$name.get()),* }
            }
        }
    };
}

counters! {
    /// Open connections, streams and requests together.
    connections,
    /// Connections accepted so far.
    accepted,
    /// Connections refused because of the limit, so far.
    refused,
    /// Bytes that sockets accepted, so far.
    bytes_sent,
    /// Sends that sockets took, whole or in part, so far.
    sends,
    /// Connections cut because they accepted no byte for too long, or because half-sent frames took
    /// too much memory.
    cut,
    /// Open WebSockets, with and without a subscription.
    sockets,
    /// Open connections that get a tick a second.
    watchers,
    /// Streams whose sockets take no more, at the last look.
    blocked,
    /// Connections that are about to close, at the last look.
    closing,
    /// The longest time for which streams had to wait for other work of their reactor, so far, microseconds.
    stall_max_us,
}

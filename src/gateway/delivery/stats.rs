//! The figures of a server: of its sockets and of its fan-outs, together.

use crate::fanout::FanoutStats;
use crate::net::NetStats;

/// A reading of the counters of all reactors of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStats {
    /// Open connections, streams and requests together.
    pub connections: u64,
    /// Open streams.
    pub streams: u64,
    /// Connections accepted so far.
    pub accepted: u64,
    /// Connections refused because of the limit, so far.
    pub refused: u64,
    /// Bytes that sockets accepted, so far.
    pub bytes_sent: u64,
    /// Sends that sockets took, whole or in part, so far.
    pub sends: u64,
    /// Events sent to streams from the frame logs, so far: one that was begun counts.
    pub delivered: u64,
    /// Events that were compressed, so far; once more for each further wire form.
    pub compressed_events: u64,
    /// Times that an event was compressed, so far: twice at most for each form, and once for each
    /// further class with a window log, whatever the number of streams.
    pub compressions: u64,
    /// Keyframes of window logs, so far.
    pub keyframes: u64,
    /// Window logs: classes of compressed streams that share a window.
    pub chains: u64,
    /// Times a stream fell so far behind that it had to catch up from history.
    pub fell_behind: u64,
    /// Events that were looked at for streams that read history, so far.
    pub looked_back: u64,
    /// Connections cut because they accepted no byte for too long, or because half-sent frames took
    /// too much memory.
    pub cut: u64,
    /// Open WebSockets, with and without a subscription.
    pub sockets: u64,
    /// Open connections that get a tick a second.
    pub watchers: u64,
    /// Streams that read history, at the last look: one a second.
    pub catching_up: u64,
    /// Streams whose sockets take no more, at the last look.
    pub blocked: u64,
    /// Connections that are about to close, at the last look.
    pub closing: u64,
    /// Streams that are blocked or read history while there is news for them, at the last look.
    pub lagging: u64,
    /// Events of all topics between the slowest of those and the newest event, at the last look.
    pub lag_max: u64,
    /// The longest time for which streams had to wait for other work of their reactor, so far, microseconds.
    pub stall_max_us: u64,
}

impl ServerStats {
    /// The figures of sockets and those of fan-outs together.
    pub(in crate::gateway) fn of(net: NetStats, fanout: FanoutStats) -> Self {
        // Taken apart whole: a figure that is added there and not here does not compile.
        let NetStats {
            connections,
            accepted,
            refused,
            bytes_sent,
            sends,
            cut,
            sockets,
            watchers,
            blocked,
            closing,
            stall_max_us,
        } = net;
        let FanoutStats {
            streams,
            delivered,
            compressed_events,
            compressions,
            keyframes,
            chains,
            fell_behind,
            looked_back,
            catching_up,
            lagging,
            lag_max,
        } = fanout;
        Self {
            connections,
            streams,
            accepted,
            refused,
            bytes_sent,
            sends,
            delivered,
            compressed_events,
            compressions,
            keyframes,
            chains,
            fell_behind,
            looked_back,
            cut,
            sockets,
            watchers,
            catching_up,
            blocked,
            closing,
            lagging,
            lag_max,
            stall_max_us,
        }
    }
}

//! Figures of the fan-outs of one server, and the bounds that hold for all of them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::counter::Counter;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// A fan-out's own counters; it is their only writer.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        /// A reading of the counters of all fan-outs of a server.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct FanoutStats {
            $($(#[$doc])* pub $name: u64),*
        }

        impl FanoutStats {
            /// These figures and those of another fan-out together.
            fn with(self, other: Self) -> Self {
                Self {
                    lag_max: self.lag_max.max(other.lag_max),
                    ..Self { $($name: self.$name.wrapping_add(other.$name)),* }
                }
            }
        }

        impl Counters {
            fn read(&self) -> FanoutStats {
                FanoutStats { $($name: self.$name.get()),* }
            }
        }
    };
}

counters! {
    /// Open streams.
    streams,
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
    /// Streams that read history, at the last look: one a second.
    catching_up,
    /// Streams that are blocked or read history while there is news for them, at the last look.
    lagging,
    /// Events of all topics between the slowest of those and the newest event, at the last look.
    lag_max,
}

/// Counters and bounds that the fan-outs of one server share.
#[derive(Debug)]
pub struct Shared {
    counters: Box<[Arc<Counters>]>,
    /// Bytes of half-sent frames that all of them keep.
    half_sent: AtomicUsize,
    /// Streams with a compressor of their own.
    own_compressors: AtomicUsize,
}

impl Shared {
    /// Makes it for `count` fan-outs.
    pub fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            counters: (0..count).map(|_| Arc::default()).collect(),
            half_sent: AtomicUsize::new(0),
            own_compressors: AtomicUsize::new(0),
        })
    }

    /// The counters of all of them as they are now.
    pub fn stats(&self) -> FanoutStats {
        let all = self.counters.iter().map(|counters| counters.read());
        all.fold(FanoutStats::default(), FanoutStats::with)
    }

    /// Returns the number of streams that have a compressor of their own ([`Codec::Brotli`](super::Codec)).
    pub fn own_compressors(&self) -> usize {
        self.own_compressors.load(Ordering::Relaxed)
    }

    pub(super) fn counters(&self, number: usize) -> Arc<Counters> {
        self.counters[number].clone()
    }

    // -- Bounds. Relaxed throughout: counts that order nothing.

    /// Takes `bytes` for half-sent frames, unless all together would have more than `max`.
    #[must_use]
    pub(super) fn hold_half_sent(&self, bytes: usize, max: usize) -> bool {
        // Taken first and given back where it does not fit: of two fan-outs that only looked,
        // both would find room.
        let before = self.half_sent.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= max;
        if !fits {
            self.release_half_sent(bytes);
        }
        fits
    }

    pub(super) fn release_half_sent(&self, bytes: usize) {
        self.half_sent.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes of half-sent frames that are kept.
    #[cfg(any(test, fuzzing))]
    pub(super) fn half_sent(&self) -> usize {
        self.half_sent.load(Ordering::Relaxed)
    }

    /// Counts a stream with a compressor of its own.
    pub(super) fn enter_own_compressor(&self) {
        self.own_compressors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave_own_compressor(&self) {
        self.own_compressors.fetch_sub(1, Ordering::Relaxed);
    }
}

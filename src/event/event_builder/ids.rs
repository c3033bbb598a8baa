//! Event ids: UUIDs of version 7, increasing within one builder.

use std::hash::{BuildHasher, RandomState};

use uuid::Builder;
use uuid::fmt::Hyphenated;

/// Makes ids. Each one has its own random key, so that two that work at the same millisecond do not meet; within a
/// millisecond a counter (RFC 9562, 6.2, method 1) keeps the order.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    key: RandomState,
    made: u64,
    millis: u64,
    counter: u32,
}

impl Default for Ids {
    fn default() -> Self {
        Self {
            key: RandomState::new(),
            made: 0,
            millis: 0,
            counter: 0,
        }
    }
}

impl Ids {
    /// Writes the next id for `nanos` since 1970 into `out` and returns its text. A clock that steps back changes
    /// nothing: the order within one builder stays.
    pub(super) fn next<'o>(
        &mut self,
        nanos: i64,
        out: &'o mut [u8; Hyphenated::LENGTH],
    ) -> &'o str {
        self.made += 1;
        // Nobody can guess it without the key, and no id needs a call to the operating system.
        let random = self.key.hash_one(self.made);
        // RFC 9562, 5.7: the time is unsigned, so anything before 1970 counts as its start.
        let millis = u64::try_from(nanos / 1_000_000).unwrap_or(0);
        if millis > self.millis {
            self.millis = millis;
            // The top bit stays free, so that two thousand million ids fit into one millisecond.
            self.counter = (random >> 33) as u32;
        } else {
            self.counter += 1;
        }
        let mut bits = [0; 10];
        // `from_unix_timestamp_millis` overwrites 4 bits of byte 0 (version) and 2 of byte 2 (variant).
        let counter = self.counter;
        bits[0] = (counter >> 28) as u8;
        bits[1] = (counter >> 20) as u8;
        bits[2] = (counter >> 14) as u8 & 0x3f;
        bits[3] = (counter >> 6) as u8;
        bits[4] = (counter << 2) as u8;
        bits[5..].copy_from_slice(&random.to_le_bytes()[..5]);
        let id = Builder::from_unix_timestamp_millis(self.millis, &bits).into_uuid();
        id.hyphenated().encode_lower(out)
    }
}

//! Settings of a hub.

use crate::event::Limits;
use crate::ring;

use super::core::Hub;
use super::error::HubError;

/// Least `ring_bytes`.
const RING_BYTES_LEAST: usize = 64 << 10;

/// Builds a [`Hub`].
///
/// # Examples
///
/// ```
/// use eventring::hub::Hub;
///
/// let hub = Hub::builder().capacity(1_000).ring_bytes(8 << 20).build().unwrap();
/// assert_eq!(hub.capacity(), 1_000);
/// assert_eq!(Hub::builder().capacity(0).build().unwrap_err().to_string(), "capacity is 0, a ring keeps at least one value");
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is made until `build`"]
pub struct HubBuilder {
    capacity: usize,
    ring_bytes: usize,
    limits: Limits,
}

impl Default for HubBuilder {
    fn default() -> Self {
        Self {
            capacity: 65_536,
            ring_bytes: 64 << 20,
            limits: Limits::default(),
        }
    }
}

impl HubBuilder {
    /// Sets how many events are kept. Default 65,536, which is 16 MiB of slots once they are filled; a reader that is
    /// further behind misses the oldest and is told.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// Sets how many bytes of events may lie on the heap: those of records beyond 216 bytes. Default 64 MiB, at least
    /// 64 KiB. Over it the oldest events go before their time, in whole blocks of 64; who has not read them is told.
    ///
    /// The block that is being written stays in any case, and a block that is being read at that moment: 64 events of
    /// the largest size can be over the bound.
    pub fn ring_bytes(mut self, bytes: usize) -> Self {
        self.ring_bytes = bytes;
        self
    }

    /// Sets the limits of each event; what is over them is refused.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Makes the hub, with a new epoch.
    ///
    /// # Errors
    ///
    /// [`HubError::Capacity`] for 0 and for what memory cannot hold; [`HubError::RingBytes`] below 64 KiB.
    pub fn build(self) -> Result<Hub, HubError> {
        if self.ring_bytes < RING_BYTES_LEAST {
            return Err(HubError::RingBytes {
                given: self.ring_bytes,
                least: RING_BYTES_LEAST,
            });
        }
        let (publisher, ring) = ring::channel(self.capacity).map_err(HubError::Capacity)?;
        Ok(Hub::from_parts(
            publisher,
            ring,
            self.ring_bytes,
            self.limits,
        ))
    }
}

//! The bound on control frames of a peer in a second.

use super::super::violation::Violation;

/// Counts control frames by the second: pings are cheap to send and cost an answer each.
#[derive(Clone, Copy, Debug, Default)]
pub struct ControlRate {
    second: u32,
    count: u32,
}

impl ControlRate {
    /// Counts one control frame in `second`, of which there may be `limit`.
    ///
    /// ```
    /// use eventring::wire::ws::ControlRate;
    ///
    /// let mut rate = ControlRate::default();
    /// assert!(rate.count(7, 2).is_ok() && rate.count(7, 2).is_ok());
    /// assert!(rate.count(7, 2).is_err() && rate.count(8, 2).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// [`Violation::TooManyControls`] for one too many.
    pub fn count(&mut self, second: u32, limit: u32) -> Result<(), Violation> {
        // A fixed window, eight bytes a connection: twice the limit may pass around a boundary, which is no flood.
        if self.second != second {
            *self = Self { second, count: 0 };
        }
        self.count += 1;
        if self.count > limit {
            return Err(Violation::TooManyControls { limit });
        }
        Ok(())
    }
}

//! Faults on purpose: clients that stall and connections that are cut, spread evenly and the same in every run.

/// The schedule of cuts.
#[derive(Debug)]
pub(crate) struct Cuts {
    /// Nanoseconds between two; `None`: never.
    every: Option<u64>,
    due: u64,
    state: u64,
    reset: bool,
}

impl Cuts {
    /// So many clients, of which `share` are cut each second from `start` on.
    pub(crate) fn new(clients: usize, share: f64, start: u64) -> Cuts {
        let a_second = clients as f64 * share;
        let every = (a_second > 0.0).then(|| (1e9 / a_second) as u64);
        Cuts {
            every,
            due: start + every.unwrap_or(0),
            state: 0x9E37_79B9_7F4A_7C15,
            reset: false,
        }
    }

    /// Returns the time at which the next one is due.
    pub(crate) fn due(&self) -> Option<u64> {
        self.every.map(|_| self.due)
    }

    /// The place to look for a victim from, and whether it ends with a reset; `None` before its time.
    pub(crate) fn next(&mut self, now: u64, clients: usize) -> Option<(usize, bool)> {
        let every = self.every.filter(|_| self.due <= now)?;
        // From the plan, not from now: a cut that comes late does not put off the others.
        self.due += every;
        // Both kinds in turn: a reset shows as an error, an orderly end as an end of input.
        self.reset = !self.reset;
        // xorshift64: good enough to spread cuts, and without a seed from outside.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        Some(((self.state % clients as u64) as usize, self.reset))
    }
}

/// True for the clients that stall: `share` of them, spread over all.
pub(crate) fn stalls(index: usize, share: f64) -> bool {
    ((index + 1) as f64 * share).floor() > (index as f64 * share).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_come_at_their_rate() {
        let mut cuts = Cuts::new(100, 0.5, 0);
        let mut count = 0;
        while cuts.next(1_000_000_000, 100).is_some() {
            count += 1;
        }
        assert_eq!(count, 50);
        assert_eq!(cuts.due(), Some(1_020_000_000));
        let mut never = Cuts::new(100, 0.0, 0);
        assert_eq!((never.due(), never.next(u64::MAX, 100)), (None, None));
    }

    #[test]
    fn a_share_of_the_clients_stalls() {
        let stalled = |share| (0..1000).filter(|&index| stalls(index, share)).count();
        assert_eq!((stalled(0.0), stalled(0.25), stalled(1.0)), (0, 250, 1000));
    }
}

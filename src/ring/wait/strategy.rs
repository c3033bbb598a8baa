//! The strategies of a waiting thread: it spins, it yields, or it parks.

use crate::deadline;
use crate::sync::yield_now;
use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// The way in which a thread passes the time while nothing is there for it.
///
/// It is the waiting thread's choice alone: whoever it waits for does the same for all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WaitStrategy {
    /// Looks again and again. The shortest way, at the price of a core: for threads that have one to themselves.
    BusySpin,
    /// Looks again and again, and lets other threads run between.
    Yield,
    /// Looks again and again for about two microseconds, and then sleeps until it is woken.
    #[default]
    Park,
}

impl WaitStrategy {
    /// Looks whether `ready` as this strategy does; false if the deadline came first, or the time to park.
    pub(super) fn spin(self, deadline: Option<Instant>, ready: &mut impl FnMut() -> bool) -> bool {
        match self {
            WaitStrategy::BusySpin => spin_until(deadline, u32::MAX, ready),
            WaitStrategy::Yield => spin_until(deadline, LOOKS_BEFORE_YIELD, ready),
            WaitStrategy::Park => spin_until(earlier(deadline, SPIN), u32::MAX, ready),
        }
    }
}

/// Looks again and again, after `patience` looks with other threads between; false if the deadline came first.
fn spin_until(deadline: Option<Instant>, patience: u32, ready: &mut impl FnMut() -> bool) -> bool {
    let mut looks = 0_u32;
    loop {
        if ready() {
            return true;
        }
        looks = looks.saturating_add(1);
        if looks > patience {
            yield_now();
        } else {
            spin_loop();
        }
        // A look at the clock costs as much as some looks at the ring.
        let now_and_then = looks > patience || looks.is_multiple_of(16);
        if now_and_then && deadline.is_some_and(|at| at <= Instant::now()) {
            return ready();
        }
    }
}

/// Returns the deadline, or the end of so long a wait from now on if that comes first.
pub(super) fn earlier(until: Option<Instant>, wait: Duration) -> Option<Instant> {
    let end = deadline::after(Instant::now(), wait);
    Some(until.map_or(end, |at| at.min(end)))
}

/// The time for which a thread looks before it sleeps: about what a sleep and a wake-up cost.
const SPIN: Duration = Duration::from_micros(2);
/// The looks after which a thread lets others run between: what it waits for may need its core.
const LOOKS_BEFORE_YIELD: u32 = 64;

//! The times that a reactor goes by, and the deadlines of its connections.

use std::time::{Duration, Instant};

use crate::deadline;
use crate::net::time::wheel::{TICK, Tick, Wheel};

/// Time after which the poll is asked again, and streams have their turn.
const SLICE: Duration = Duration::from_millis(1);

/// The deadline of a connection, and when the wheel looks at it.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct Deadline {
    /// `Tick::MAX`: it has none.
    at: Tick,
    /// The earliest tick at which the wheel will look; `Tick::MAX`: it will not.
    looked_at: Tick,
}

impl Default for Deadline {
    fn default() -> Self {
        Self {
            at: Tick::MAX,
            looked_at: Tick::MAX,
        }
    }
}

impl Deadline {
    /// That of the next user of the slot in which the wheel looks at `last`.
    pub(in crate::net) fn after(last: &Self) -> Self {
        Self {
            at: Tick::MAX,
            looked_at: last.looked_at,
        }
    }

    pub(in crate::net) fn clear(&mut self) {
        self.at = Tick::MAX;
    }
}

/// A look at a connection that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Due {
    /// Its deadline has passed, and it has none any more.
    Passed,
    /// The look was for a deadline that has moved, or is further away than the wheel reaches.
    NotYet,
}

/// The clocks and the timer wheel of a reactor.
pub(in crate::net) struct Timers {
    wheel: Wheel,
    started: Instant,
    now: Instant,
    /// The second that `now` is in, since `started`.
    second: u32,
    /// The moment before which all that came has been looked at: deadlines of peers are judged by it, not by `now`,
    /// which the process may have slept through.
    settled: Instant,
    /// Since when streams have not had their turn.
    slice: Instant,
}

impl Timers {
    pub(in crate::net) fn new(now: Instant) -> Self {
        Self {
            wheel: Wheel::new(),
            started: now,
            now,
            second: 0,
            settled: now,
            slice: now,
        }
    }

    /// Begins a turn at `now`; `looked`: the same by the machine's clock.
    pub(in crate::net) fn begin_turn(&mut self, now: Instant, looked: Instant) {
        self.now = now;
        self.second = (now - self.started).as_secs() as u32;
        self.slice = looked;
    }

    /// Notes that all that came before `at` has been looked at.
    pub(in crate::net) fn settle(&mut self, at: Instant) {
        self.settled = at;
    }

    // -- Reading the time

    /// The time, which stands still for a turn.
    pub(in crate::net) fn now(&self) -> Instant {
        self.now
    }

    /// Whole seconds since the reactor started.
    pub(in crate::net) fn second(&self) -> u32 {
        self.second
    }

    /// The second before which all that came has been looked at.
    pub(in crate::net) fn settled_second(&self) -> u32 {
        self.settled
            .saturating_duration_since(self.started)
            .as_secs() as u32
    }

    /// The tick before which all that came has been looked at.
    pub(in crate::net) fn settled_tick(&self) -> Tick {
        self.tick_of(self.settled)
    }

    pub(in crate::net) fn tick(&self) -> Tick {
        self.tick_of(self.now)
    }

    pub(in crate::net) fn tick_of(&self, at: Instant) -> Tick {
        let ticks = at.saturating_duration_since(self.started).as_millis() / TICK.as_millis();
        // One that is too far away is looked at now and then, and found not to have come.
        ticks.min(u128::from(Tick::MAX - 1)) as Tick
    }

    /// The tick at which `after` from now has passed.
    pub(in crate::net) fn tick_after(&self, after: Duration) -> Tick {
        // Rounded up: it may pass late, never early.
        self.tick_of(deadline::after(self.now, after)) + 1
    }

    fn instant_of(&self, tick: Tick) -> Instant {
        self.started + TICK * tick
    }

    // -- Slices of a turn

    /// Returns whether other work has taken so much time that streams should have their turn.
    pub(in crate::net) fn is_slice_over(&self) -> bool {
        // By the machine's clock, not by `now`, which stands still for a turn.
        self.slice.elapsed() > SLICE
    }

    /// Begins the next slice; returns how long the last one was.
    pub(in crate::net) fn end_slice(&mut self) -> Duration {
        let now = Instant::now();
        let before = std::mem::replace(&mut self.slice, now);
        now.saturating_duration_since(before)
    }

    // -- Deadlines

    /// Sets when the wheel looks at connection `i`, whose deadline this is.
    pub(in crate::net) fn set(&mut self, deadline: &mut Deadline, i: u32, at: Tick) {
        deadline.at = at;
        // A deadline that moves away needs no entry: the look that is due before enters it again.
        if at < deadline.looked_at {
            deadline.looked_at = self.wheel.insert(i, at);
        }
    }

    /// Moves all connections that are to be looked at to `due`.
    pub(in crate::net) fn expire(&mut self, due: &mut Vec<u32>) {
        // Not by `now`: to a process that was stopped everybody would seem late whose bytes wait in the kernel.
        let tick = self.settled_tick();
        self.wheel.expire(tick, due);
    }

    /// Looks at connection `i`, which was due, and whose deadline this is.
    pub(in crate::net) fn look(&mut self, deadline: &mut Deadline, i: u32) -> Due {
        let tick = self.settled_tick();
        // The entry that was due is used up; a later one of this slot is still in the wheel.
        if deadline.looked_at <= tick {
            deadline.looked_at = Tick::MAX;
        }
        // The wheel may have looked for a deadline that was moved since: the connection knows its own.
        if deadline.at <= tick {
            deadline.clear();
            return Due::Passed;
        }
        if deadline.at != Tick::MAX {
            self.set(deadline, i, deadline.at);
        }
        Due::NotYet
    }

    /// The moment of the next look.
    pub(in crate::net) fn next_look(&self) -> Instant {
        self.instant_of(self.wheel.next_due().unwrap_or(Tick::MAX))
    }

    /// The moment at which `second` begins.
    pub(in crate::net) fn start_of(&self, second: u32) -> Instant {
        self.instant_of(second.saturating_mul(1000 / TICK.as_millis() as Tick))
    }
}

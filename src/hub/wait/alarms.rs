//! A clock for tasks, which have none: each is woken at its time, by a thread that does nothing else.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::ring::{self, Notify};

/// Those who are to be woken at a time, and the thread that does it.
///
/// It sleeps until the time that was the earliest when it looked, also where nobody waits for that any more. So who sets a
/// time and takes it back, as nearly every publish does, wakes nobody.
#[derive(Default)]
pub(in crate::hub) struct Alarms(Arc<Inner>);

/// An alarm: its time, and a number, since several may have one time.
pub(in crate::hub) type Alarm = (Instant, u64);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    alarms: BTreeMap<Alarm, Arc<dyn Notify>>,
    /// Alarms that were ever set.
    count: u64,
    /// The time until which the thread sleeps; `None`: until it is told.
    until: Option<Instant>,
    is_started: bool,
    is_over: bool,
}

impl Alarms {
    /// Starts the thread, unless it runs: without it no alarm goes off.
    pub(in crate::hub) fn start(&self) -> io::Result<()> {
        let mut state = self.0.state.lock();
        if !state.is_started {
            let inner = self.0.clone();
            let builder = thread::Builder::new().name("eventring-clock".into());
            builder.spawn(move || inner.run())?;
            state.is_started = true;
        }
        Ok(())
    }

    /// Has somebody notified at a time, once.
    pub(in crate::hub) fn set(&self, at: Instant, notify: Arc<dyn Notify>) -> Alarm {
        let mut state = self.0.state.lock();
        state.count += 1;
        let alarm = (at, state.count);
        state.alarms.insert(alarm, notify);
        if state.until.is_none_or(|until| at < until) {
            self.0.changed.notify_one();
        }
        alarm
    }

    /// Takes an alarm back, if it has not gone off.
    pub(in crate::hub) fn clear(&self, alarm: Alarm) {
        // Goes when the lock is released: it may be the last reference, and foreign code.
        let _notify = {
            let mut state = self.0.state.lock();
            state.alarms.remove(&alarm)
        };
    }
}

impl Inner {
    fn run(&self) {
        let mut state = self.state.lock();
        while !state.is_over {
            let later = state.alarms.split_off(&(Instant::now(), u64::MAX));
            let due = mem::replace(&mut state.alarms, later);
            if !due.is_empty() {
                MutexGuard::unlocked(&mut state, || {
                    due.into_values().for_each(ring::notify_and_drop);
                });
                continue;
            }
            state.until = state.alarms.keys().next().map(|alarm| alarm.0);
            match state.until {
                None => self.changed.wait(&mut state),
                Some(until) => _ = self.changed.wait_until(&mut state, until),
            }
        }
    }
}

impl Drop for Alarms {
    fn drop(&mut self) {
        // The thread is not waited for: it may be the one that drops this.
        self.0.state.lock().is_over = true;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hub::wait::Parker;

    const LONGEST: Duration = Duration::from_secs(20);

    #[test]
    fn each_is_woken_at_its_time_and_by_nothing_that_was_taken_back() {
        let alarms = Alarms::default();
        alarms.start().unwrap();
        alarms.start().unwrap();
        let parkers = [0; 3].map(|_| Parker::new());
        let now = Instant::now();
        let [far, cleared, soon] = [40, 10, 10].map(|millis| now + Duration::from_millis(millis));
        alarms.set(far, parkers[0].clone());
        let taken_back = alarms.set(cleared, parkers[1].clone());
        alarms.clear(taken_back);
        // Earlier than what the thread sleeps for.
        alarms.set(soon, parkers[2].clone());
        assert!(parkers[2].park(Some(now + LONGEST)));
        assert!(Instant::now() >= soon);
        assert!(parkers[0].park(Some(now + LONGEST)));
        assert!(Instant::now() >= far);
        assert!(!parkers[1].park(Some(now)));
        // What is over already.
        alarms.set(now, parkers[1].clone());
        assert!(parkers[1].park(Some(Instant::now() + LONGEST)));
    }

    #[test]
    fn the_thread_ends_with_those_it_was_for() {
        let alarms = Alarms::default();
        alarms.start().unwrap();
        let inner = Arc::downgrade(&alarms.0);
        drop(alarms);
        let began = Instant::now();
        while inner.strong_count() > 0 {
            assert!(began.elapsed() < LONGEST, "the thread has not ended");
            thread::yield_now();
        }
    }
}

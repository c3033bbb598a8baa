//! The hub's sleepers: who lies down while something is shown sees it or is woken, and nobody passes what is not judged.
#![cfg(loom)]

use eventring::hub::wait::judging::{Judging, JudgingGuard, Least};
use eventring::hub::wait::waiter::{WaitList, WaitState, Waiter, Woken};
use eventring::ring::{Publisher, Ring, Upstream, models};
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use loom_tests::{GATED, apart, model, publish, staged, together};
use std::ops::Range;
use std::sync::Arc;

/// A hub with two classes, of which each wants some of its events.
struct Hub {
    ring: Ring<u64>,
    /// The publisher's lock, under which the barrier moves.
    publisher: Mutex<Publisher<u64>>,
    /// The barrier, as those look at it who wake up. That of the ring is loaded and then stored by who moves it, and loom
    /// tries no load of somebody else between the two (see the README).
    visible: AtomicU64,
    judging: Judging,
    classes: [Class; 2],
    /// Nothing is abandoned.
    _upstream: Upstream<u64>,
}

struct Class {
    list: WaitList,
    wants: Range<u64>,
}

impl Hub {
    /// Makes a hub with one event in flight.
    fn new(wants: [Range<u64>; 2]) -> Arc<Self> {
        let (mut publisher, ring) = staged(4, GATED);
        publish(&mut publisher, 1);
        Arc::new(Self {
            _upstream: ring.upstream().unwrap(),
            ring,
            publisher: Mutex::new(publisher),
            visible: AtomicU64::new(0),
            judging: Judging::default(),
            classes: wants.map(|wants| Class {
                list: WaitList::default(),
                wants,
            }),
        })
    }

    /// Shows what is in flight, as the journal's driver does.
    fn show(&self, to: u64) {
        let (guard, shown) = {
            let _publisher = self.publisher.lock().unwrap();
            let guard = self.judging.guard(self.ring.visible());
            let shown = models::raise_barrier(&self.ring, to);
            self.visible.store(self.ring.visible(), Ordering::Release);
            (guard, shown)
        };
        self.judge(guard, shown);
    }

    /// Publishes an event that its publisher shows itself, if nothing is in flight.
    fn publish_shown(&self) {
        let (guard, shown) = {
            let mut publisher = self.publisher.lock().unwrap();
            let next = publisher.next();
            if self.ring.visible() < next {
                return;
            }
            let guard = self.judging.guard(next);
            publish(&mut publisher, 1);
            let shown = models::pass(&mut publisher, next + 1);
            self.visible.store(next + 1, Ordering::Release);
            (guard, shown)
        };
        self.judge(guard, shown);
    }

    fn judge(&self, guard: Option<JudgingGuard<'_>>, shown: Range<u64>) {
        let Some(guard) = guard else { return };
        let mut woken = Woken::new();
        for sequence in shown {
            let mut least = Least::default();
            for class in &self.classes {
                if !class.list.is_empty() && class.wants.contains(&sequence) {
                    guard.wake(&class.list, &mut least, &mut woken);
                }
            }
        }
        drop(guard);
        woken.iter().for_each(|waiter| waiter.notify());
    }

    /// Puts a waiter to sleep, and returns how far readers see behind that.
    fn lie_down(&self, class: usize, waiter: &Arc<Waiter>) -> u64 {
        let list = &self.classes[class].list;
        self.judging.lie_down(list, waiter, || {
            let _publisher = self.publisher.lock().unwrap();
            self.ring.visible()
        })
    }

    fn rise(&self, class: usize, waiter: &Waiter) -> (WaitState, u64) {
        let list = &self.classes[class].list;
        self.judging.rise(|| self.visible(), list, waiter)
    }

    fn visible(&self) -> u64 {
        self.visible.load(Ordering::Acquire)
    }
}

/// Returns the sequence at which a waiter that rose goes on.
fn passed((state, judged): (WaitState, u64)) -> u64 {
    match state {
        WaitState::Matched(sequence) | WaitState::Nudged(sequence) => sequence,
        WaitState::Asleep => judged,
        WaitState::Awake => unreachable!("it lay down"),
    }
}

/// One that lies down while what it wants is shown has seen it, or is woken for it; one of the other class sleeps until
/// something for that comes.
#[test]
fn who_lies_down_has_seen_it_or_is_woken() {
    model(|swap| {
        let hub = Hub::new([0..1, 1..2]);
        let other = Waiter::new();
        assert_eq!(hub.lie_down(1, &other), 0);
        let showing = {
            let hub = hub.clone();
            move || hub.show(1)
        };
        let lying = {
            let hub = hub.clone();
            move || {
                let waiter = Waiter::new();
                if hub.lie_down(0, &waiter) == 0 {
                    assert_eq!(waiter.park(None), WaitState::Matched(0));
                }
            }
        };
        apart(swap, showing, lying);
        hub.publish_shown();
        assert_eq!(other.park(None), WaitState::Matched(1));
    });
}

/// Two judge at once what one sleeper wants both of: it goes on at the first, whoever wakes it.
#[test]
fn who_is_woken_goes_on_at_the_first_that_is_not_judged() {
    model(|swap| {
        let hub = Hub::new([0..2, 2..3]);
        let waiter = Waiter::new();
        assert_eq!(hub.lie_down(0, &waiter), 0);
        let showing = {
            let hub = hub.clone();
            move || hub.show(1)
        };
        let publishing = {
            let hub = hub.clone();
            move || hub.publish_shown()
        };
        together(swap, showing, publishing);
        assert_eq!(waiter.park(None), WaitState::Matched(0));
    });
}

/// Classes that two judge for at once are woken each for its own.
#[test]
fn two_classes_are_woken_each_for_its_own() {
    model(|swap| {
        let hub = Hub::new([0..1, 1..2]);
        let waiters = [Waiter::new(), Waiter::new()];
        for (class, waiter) in waiters.iter().enumerate() {
            assert_eq!(hub.lie_down(class, waiter), 0);
        }
        let showing = {
            let hub = hub.clone();
            move || hub.show(1)
        };
        let publishing = {
            let hub = hub.clone();
            move || {
                // Once what was in flight is shown, whoever shows it.
                hub.show(1);
                hub.publish_shown();
            }
        };
        together(swap, showing, publishing);
        assert_eq!(waiters[0].park(None), WaitState::Matched(0));
        let WaitState::Matched(second) = waiters[1].park(None) else {
            panic!("not woken");
        };
        assert!(second <= 1, "it passes what it wants");
    });
}

/// One that wakes up by itself passes nothing that it wants, whoever judges meanwhile.
#[test]
fn who_rises_passes_nothing_that_is_not_judged() {
    model(|swap| {
        let hub = Hub::new([0..2, 2..3]);
        let waiter = Waiter::new();
        assert_eq!(hub.lie_down(0, &waiter), 0);
        let showing = {
            let hub = hub.clone();
            move || hub.show(1)
        };
        let rising = {
            let hub = hub.clone();
            move || passed(hub.rise(0, &waiter))
        };
        let ((), passed) = together(swap, showing, rising);
        assert_eq!(passed, 0, "passed unseen");
    });
}

/// One that is nudged passes nothing that it wants either, and is told once.
#[test]
fn who_is_nudged_passes_nothing_that_is_not_judged() {
    model(|swap| {
        let hub = Hub::new([0..2, 2..3]);
        let waiter = Waiter::new();
        assert_eq!(hub.lie_down(0, &waiter), 0);
        let showing = {
            let hub = hub.clone();
            thread::spawn(move || hub.show(1))
        };
        let nudging = {
            let (hub, waiter) = (hub.clone(), waiter.clone());
            move || {
                let list = &hub.classes[0].list;
                if hub.judging.nudge(|| hub.visible(), list, &waiter) == WaitState::Asleep {
                    waiter.notify();
                }
            }
        };
        let rising = {
            let hub = hub.clone();
            move || {
                let state = waiter.park(None);
                assert_ne!(state, WaitState::Asleep);
                passed(hub.rise(0, &waiter))
            }
        };
        let ((), passed) = apart(swap, nudging, rising);
        showing.join().unwrap();
        assert_eq!(passed, 0, "passed unseen");
    });
}

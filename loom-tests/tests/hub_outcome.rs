//! The outcome of a publish: who waits for it is told, and what failed is never told to be visible.
#![cfg(loom)]

use eventring::hub::journal::void_ranges::{Void, VoidRanges};
use eventring::hub::wait::completions::Completions;
use eventring::ring::{Notify, Ring, models};
use loom::sync::Mutex;
use loom_tests::{GATED, apart, model, publish, staged, together};
use std::sync::Arc;

/// A thread that waits for one notification.
struct Parked(loom::sync::Notify);

impl Notify for Parked {
    fn notify(&self) {
        self.0.notify();
    }
}

/// A journal that is driven: the barrier of its ring, what failed, and who waits.
struct Driven {
    ring: Ring<u64>,
    /// The publisher's lock, under which the barrier moves.
    publisher: Mutex<()>,
    voids: VoidRanges<&'static str>,
    completions: Completions,
}

impl Driven {
    fn new(ring: Ring<u64>) -> Arc<Self> {
        Arc::new(Self {
            ring,
            publisher: Mutex::new(()),
            voids: VoidRanges::default(),
            completions: Completions::default(),
        })
    }

    /// Gives up the events of a round that failed. The next round passes them.
    fn fail(&self, offset: u64) {
        let _publisher = self.publisher.lock().unwrap();
        self.voids.add(offset..offset + 1, &"failed");
    }

    /// Shows what was committed, or is void.
    fn show(&self, to: u64) {
        {
            let _publisher = self.publisher.lock().unwrap();
            models::raise_barrier(&self.ring, to);
        }
        self.completions.wake(self.ring.visible());
    }

    fn outcome(&self, offset: u64) -> Option<Result<(), Void<&'static str>>> {
        self.voids
            .outcome(&(offset..offset + 1), || self.ring.visible())
    }

    /// Waits for the outcome of the event with an offset, as a publisher does.
    fn wait(&self, offset: u64) -> Result<(), Void<&'static str>> {
        let parked = Arc::new(Parked(loom::sync::Notify::new()));
        let notify: Arc<dyn Notify> = parked.clone();
        loop {
            self.completions.add(offset, notify.clone());
            if let Some(outcome) = self.outcome(offset) {
                self.completions.remove(&notify);
                return outcome;
            }
            parked.0.wait();
            self.completions.remove(&notify);
        }
    }
}

/// Two that wait for a round each are told once it is shown.
#[test]
fn no_lost_wake_up_of_who_waits_for_an_outcome() {
    model(|swap| {
        let (mut publisher, ring) = staged(4, GATED);
        let _upstream = ring.upstream().unwrap();
        publish(&mut publisher, 2);
        let driven = Driven::new(ring);
        let waits = |offset| {
            let driven = driven.clone();
            move || assert_eq!(driven.wait(offset), Ok(()))
        };
        let later = loom::thread::spawn(waits(2));
        let showing = {
            let driven = driven.clone();
            move || {
                driven.show(1);
                driven.show(2);
            }
        };
        apart(swap, showing, waits(1));
        later.join().unwrap();
    });
}

/// Whoever looks while a round fails and the next one passes it sees nothing yet, or the failure.
#[test]
fn what_failed_is_never_visible() {
    model(|swap| {
        let (mut publisher, ring) = staged(4, GATED);
        let _upstream = ring.upstream().unwrap();
        publish(&mut publisher, 2);
        let driven = Driven::new(ring);
        let driving = {
            let driven = driven.clone();
            move || {
                driven.fail(1);
                driven.show(2);
            }
        };
        let asking = {
            let driven = driven.clone();
            move || [driven.outcome(1), driven.outcome(2)]
        };
        let ((), [failed, other]) = together(swap, driving, asking);
        let void = Some(Err(Void::Failed("failed")));
        assert!(failed.is_none() || failed == void, "{failed:?}");
        assert!(other.is_none_or(|other| other == Ok(())));
        assert_eq!(driven.outcome(1), void);
    });
}

/// Whoever waits for what fails is told of the failure.
#[test]
fn who_waits_for_what_fails_is_told() {
    model(|swap| {
        let (mut publisher, ring) = staged(4, GATED);
        let _upstream = ring.upstream().unwrap();
        publish(&mut publisher, 1);
        let driven = Driven::new(ring);
        let driving = {
            let driven = driven.clone();
            move || {
                driven.fail(1);
                driven.show(1);
            }
        };
        let waiting = move || assert_eq!(driven.wait(1), Err(Void::Failed("failed")));
        apart(swap, driving, waiting);
    });
}

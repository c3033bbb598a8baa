//! The turns of a journal's driver: what is published is written by somebody, and who waits for it is told.
#![cfg(loom)]

use eventring::hub::journal::turn::Turn;
use eventring::hub::wait::completions::Completions;
use eventring::ring::{Notify, Publisher, Ring, Upstream, models};
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use loom_tests::{GATED, apart, model, model_up_to, publish, staged};
use std::sync::Arc;

/// A thread that waits for one notification.
struct Parked(loom::sync::Notify);

impl Notify for Parked {
    fn notify(&self) {
        self.0.notify();
    }
}

/// A hub whose journal has a driver; all of it is done after so many events.
struct Hub {
    ring: Ring<u64>,
    /// The publisher's lock, under which events get their offsets, and the barrier moves.
    publisher: Mutex<Publisher<u64>>,
    turn: Turn<Driver>,
    completions: Completions,
    /// Touched by who publishes and by who has the driver: loom has no step at which a lock is released, so that nobody else
    /// would try to get the driver between the last look of a round and its end.
    step: AtomicU64,
    all: u64,
}

struct Driver(Upstream<u64>);

impl Hub {
    fn new(all: u64) -> Arc<Self> {
        let (publisher, ring) = staged(4, GATED);
        Arc::new(Self {
            turn: Turn::new(Driver(ring.upstream().unwrap())),
            ring,
            publisher: Mutex::new(publisher),
            completions: Completions::default(),
            step: AtomicU64::new(0),
            all,
        })
    }

    /// Publishes an event, has it committed, by itself or somebody else, and waits for that.
    fn publish(&self) {
        let end = {
            let mut publisher = self.publisher.lock().unwrap();
            publish(&mut publisher, 1);
            self.step.fetch_add(1, Ordering::Relaxed);
            publisher.next()
        };
        let is_visible = || self.ring.visible() >= end;
        self.lead(is_visible);
        let parked = Arc::new(Parked(loom::sync::Notify::new()));
        let notify: Arc<dyn Notify> = parked.clone();
        loop {
            self.completions.add(end, notify.clone());
            if is_visible() {
                return self.completions.remove(&notify);
            }
            parked.0.wait();
            self.completions.remove(&notify);
        }
    }

    fn lead(&self, is_enough: impl Fn() -> bool) {
        self.turn.lead(
            is_enough,
            |driver| self.round(driver),
            |()| self.told(),
            || self.has_more(),
        );
    }

    /// The thread of the journal, until everything is shown.
    fn run(&self) {
        loop {
            while self
                .turn
                .round(|driver| self.round(driver), |()| self.told())
            {}
            if self.ring.visible() == self.all {
                return;
            }
            self.turn.sleep(None, || self.has_more());
        }
    }

    fn round(&self, Driver(upstream): &mut Driver) -> Option<()> {
        let (from, to) = {
            let publisher = self.publisher.lock().unwrap();
            (self.ring.visible(), publisher.next())
        };
        self.step.fetch_add(1, Ordering::Relaxed);
        if from == to {
            return None;
        }
        // Here it would be written.
        {
            let _publisher = self.publisher.lock().unwrap();
            assert_eq!(models::raise_barrier(&self.ring, to), from..to);
        }
        upstream.seek(to).unwrap();
        models::move_gate(upstream, to);
        Some(())
    }

    fn told(&self) {
        self.completions.wake(self.ring.visible());
        // The last one ends the thread.
        if self.ring.visible() == self.all {
            self.turn.tell();
        }
    }

    fn has_more(&self) -> bool {
        let publisher = self.publisher.lock().unwrap();
        publisher.next() > self.ring.visible()
    }
}

/// Two publish at once, and nobody else is there but the thread: each is told, whoever wrote its event.
#[test]
fn what_is_published_while_somebody_leads_is_written() {
    model_up_to(2, |swap| {
        let hub = Hub::new(2);
        let publishing = || {
            let hub = hub.clone();
            move || hub.publish()
        };
        let running = {
            let hub = hub.clone();
            thread::spawn(move || hub.run())
        };
        apart(swap, publishing(), publishing());
        running.join().unwrap();
        assert_eq!(hub.ring.visible(), 2);
    });
}

/// The thread is woken for what a publisher leaves to it: that does not wait, or waits for nothing that is still to come.
#[test]
fn the_thread_sleeps_through_nothing() {
    for waits in [false, true] {
        model(move |swap| {
            let hub = Hub::new(1);
            let publishing = {
                let hub = hub.clone();
                move || {
                    publish(&mut hub.publisher.lock().unwrap(), 1);
                    match waits {
                        true => hub.lead(|| true),
                        false => hub.turn.tell(),
                    }
                }
            };
            let running = {
                let hub = hub.clone();
                move || hub.run()
            };
            apart(swap, publishing, running);
        });
    }
}

//! Values that know whether they are alive, and may panic when they are dropped.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A value: read before it was written, after it was dropped, or dropped twice, it panics.
pub(super) struct Value {
    id: u64,
    seal: u64,
    /// So that a sanitizer sees what is read after it was freed.
    owned: Box<u64>,
}

/// The panic that is part of the check; any other is a fault.
pub(super) struct Bomb;

#[derive(Default)]
struct Registry {
    /// True for each value that was made and is alive.
    alive: Vec<bool>,
    /// At which drop from now on a bomb goes off; 0: none.
    bomb: u32,
}

thread_local! {
    static REGISTRY: RefCell<Registry> = RefCell::default();
}

/// Begins anew, without values.
pub(super) fn begin() {
    REGISTRY.with_borrow_mut(|registry| *registry = Registry::default());
}

/// Has the `n`-th drop from now on panic; 0: none.
pub(super) fn arm(n: u32) {
    REGISTRY.with_borrow_mut(|registry| registry.bomb = n);
}

/// Returns how many values are alive.
pub(super) fn alive() -> usize {
    REGISTRY.with_borrow(|registry| registry.alive.iter().filter(|alive| **alive).count())
}

impl Value {
    pub(super) fn new() -> Self {
        let id = REGISTRY.with_borrow_mut(|registry| {
            registry.alive.push(true);
            registry.alive.len() as u64 - 1
        });
        Self {
            id,
            seal: seal(id),
            owned: Box::new(id),
        }
    }

    /// Returns its number.
    pub(super) fn look(&self) -> u64 {
        assert_eq!(self.seal, seal(self.id), "a slot that nobody wrote");
        let alive = REGISTRY.with_borrow(|registry| registry.alive.get(self.id as usize).copied());
        assert_eq!(alive, Some(true), "value {} is not alive", self.id);
        assert_eq!(*self.owned, self.id);
        self.id
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let id = self.look();
        let goes_off = REGISTRY.with_borrow_mut(|registry| {
            registry.alive[id as usize] = false;
            let was_armed = registry.bomb > 0;
            registry.bomb = registry.bomb.saturating_sub(1);
            was_armed && registry.bomb == 0
        });
        if goes_off && !std::thread::panicking() {
            go_off();
        }
    }
}

/// Panics, without a message on standard error.
pub(super) fn go_off() -> ! {
    resume_unwind(Box::new(Bomb))
}

/// Runs what may go off.
pub(super) fn caught<R>(run: impl FnOnce() -> R) -> Result<R, Bomb> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| match panic.downcast::<Bomb>() {
        Ok(bomb) => *bomb,
        Err(fault) => resume_unwind(fault),
    })
}

fn seal(id: u64) -> u64 {
    !id.rotate_left(17) ^ 0x5eed_5eed_5eed_5eed
}

//! Foreign code that calls back, and a deadline for whoever runs it.
#![allow(dead_code, reason = "each test uses its part")]

use eventring::ring::Notify;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::task::{RawWaker, RawWakerVTable, Waker};
use std::thread;
use std::time::Duration;

/// How long a step may take before it counts as a deadlock.
pub(crate) const DEADLOCK: Duration = Duration::from_secs(30);

/// Runs a step on a thread of its own.
///
/// # Panics
///
/// If it comes to no end, or panics.
pub(crate) fn within<R: Send + 'static>(what: &str, run: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, ended) = channel();
    let thread = thread::spawn(move || {
        let result = run();
        let _ = done.send(());
        result
    });
    match ended.recv_timeout(DEADLOCK) {
        Err(RecvTimeoutError::Timeout) => panic!("deadlock: {what}"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => thread.join().unwrap(),
    }
}

/// What was done to foreign code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    Cloned,
    Called,
    Dropped,
}

/// How often a hook acts: what it does may lead back to it.
const ACTS_MAX: usize = 30;

/// Each kind alone: what a hook does at one of them may keep it from coming to the next.
pub(crate) const TOUCHES: [Touch; 3] = [Touch::Cloned, Touch::Called, Touch::Dropped];

/// Foreign code: when something is done to it, it acts.
pub(crate) struct Hook {
    act: Mutex<Arc<dyn Fn() + Send + Sync>>,
    /// Acts only then; None: whatever is done to it.
    at: Option<Touch>,
    touched: [AtomicUsize; 3],
}

thread_local! {
    /// What a hook does touches hooks again: those do nothing.
    static ACTS: Cell<bool> = const { Cell::new(false) };
}

impl Hook {
    pub(crate) fn new(act: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Self::at(None, act)
    }

    pub(crate) fn at(at: Option<Touch>, act: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            act: Mutex::new(Arc::new(act)),
            at,
            touched: Default::default(),
        })
    }

    pub(crate) fn touch(&self, touch: Touch) {
        let before = self.touched[touch as usize].fetch_add(1, Ordering::SeqCst);
        let is_it = self.at.is_none_or(|at| at == touch) && before < ACTS_MAX;
        if !is_it || ACTS.replace(true) {
            return;
        }
        let act = self.act.lock().unwrap().clone();
        act();
        ACTS.set(false);
    }

    pub(crate) fn count(&self, touch: Touch) -> usize {
        self.touched[touch as usize].load(Ordering::SeqCst)
    }

    /// Checks that the walk went by where it was to.
    pub(crate) fn assert_touched(&self, touches: &[Touch]) {
        for touch in touches {
            assert_ne!(self.count(*touch), 0, "never {touch:?}");
        }
    }

    /// Ends what would keep itself alive.
    pub(crate) fn rest(&self) {
        let old = std::mem::replace(&mut *self.act.lock().unwrap(), Arc::new(|| ()));
        drop(old);
    }

    pub(crate) fn notify(self: &Arc<Self>) -> Arc<dyn Notify> {
        Arc::new(Foreign(self.clone()))
    }

    pub(crate) fn guard(self: &Arc<Self>) -> Foreign {
        Foreign(self.clone())
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        // SAFETY: the functions of `VTABLE` take a pointer from `Arc::into_raw`, of which each waker owns one count.
        unsafe { Waker::from_raw(raw(self.clone())) }
    }
}

/// Something that acts when it is called, cloned or dropped.
pub(crate) struct Foreign(pub(crate) Arc<Hook>);

impl Notify for Foreign {
    fn notify(&self) {
        self.0.touch(Touch::Called);
    }
}

impl Clone for Foreign {
    fn clone(&self) -> Self {
        self.0.touch(Touch::Cloned);
        Self(self.0.clone())
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.0.touch(Touch::Dropped);
    }
}

fn raw(hook: Arc<Hook>) -> RawWaker {
    RawWaker::new(Arc::into_raw(hook).cast(), &VTABLE)
}

/// # Safety
///
/// `data` is from `Arc::into_raw` of a hook, and counted.
unsafe fn borrow(data: *const ()) -> Arc<Hook> {
    // SAFETY: says the caller.
    unsafe { Arc::increment_strong_count(data.cast::<Hook>()) };
    // SAFETY: counted just now.
    unsafe { Arc::from_raw(data.cast()) }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: the waker that is cloned owns a count.
        let hook = unsafe { borrow(data) };
        hook.touch(Touch::Cloned);
        raw(hook)
    },
    |data| {
        // SAFETY: the waker that is woken owns this count, and ends here.
        let hook: Arc<Hook> = unsafe { Arc::from_raw(data.cast()) };
        hook.touch(Touch::Called);
    },
    |data| {
        // SAFETY: the waker that is woken owns a count.
        unsafe { borrow(data) }.touch(Touch::Called);
    },
    |data| {
        // SAFETY: the waker that is dropped owns this count.
        let hook: Arc<Hook> = unsafe { Arc::from_raw(data.cast()) };
        hook.touch(Touch::Dropped);
    },
);

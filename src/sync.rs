//! The atomics, locks and threads of std or of loom: the only file that says `cfg(loom)`.
//!
//! Everything that two threads of a ring touch goes through here, so that the models in `loom-tests` run the code that
//! ships. [`ShadowCells`] is the payload's part of that: real slots are contiguous (a reader gets `&[T]`), which loom's own
//! cells are not, so each slot has a shadow cell that loom watches and a release build does not contain.

#[cfg(not(all(loom, feature = "_loom")))]
pub(crate) use self::real::*;
#[cfg(all(loom, feature = "_loom"))]
pub(crate) use self::watched::*;

#[cfg(not(all(loom, feature = "_loom")))]
mod real {
    use std::sync::PoisonError;
    #[cfg(any(feature = "hub", feature = "net", feature = "_loom"))]
    pub(crate) use std::sync::atomic::AtomicBool;
    pub(crate) use std::sync::{
        MutexGuard,
        atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    };
    pub(crate) use std::thread::{Thread, current, yield_now};
    use std::time::Instant;

    /// True where memory full of zeroes is a valid array of atomics: loom's have more to them.
    pub(crate) const ATOMICS_MAY_BE_ZEROED: bool = true;
    /// True in a model: no clock, no spinning, no system calls.
    pub(crate) const MODEL: bool = false;

    /// The locks of the hub.
    #[cfg(any(feature = "hub", feature = "_loom"))]
    pub(crate) mod blocking {
        #[allow(unused_imports, reason = "the hub's models do without")]
        pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    }

    /// A mutex that ignores poison: what it guards is valid after every statement.
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Parks this thread until it is unparked, the deadline passes, or for no reason.
    pub(crate) fn park_until(deadline: Option<Instant>) {
        match deadline {
            None => std::thread::park(),
            Some(at) => std::thread::park_timeout(at.saturating_duration_since(Instant::now())),
        }
    }

    /// The shadow cells of a block's slots: nothing at all outside loom.
    pub(crate) struct ShadowCells;
    /// A guard that lives while some slots are read.
    pub(crate) struct Reading;
    /// A guard that lives while one slot is written.
    pub(crate) struct Writing;

    impl ShadowCells {
        pub(crate) fn new(_slots: usize) -> Self {
            Self
        }

        #[inline(always)]
        pub(crate) fn read(&self, _from: usize, _len: usize) -> Reading {
            Reading
        }

        #[inline(always)]
        pub(crate) fn write(&self, _index: usize) -> Writing {
            Writing
        }
    }
}

#[cfg(all(loom, feature = "_loom"))]
mod watched {
    use loom::cell::{ConstPtr, MutPtr, UnsafeCell};
    pub(crate) use loom::sync::{
        MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    };
    pub(crate) use loom::thread::yield_now;
    use std::sync::Arc;
    use std::time::Instant;

    pub(crate) const ATOMICS_MAY_BE_ZEROED: bool = false;
    pub(crate) const MODEL: bool = true;

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    /// The locks of the hub, as `parking_lot` has them.
    pub(crate) mod blocking {
        use std::ops::{Deref, DerefMut};
        use std::time::Instant;

        #[derive(Default)]
        pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);
        /// `None` while a condition variable has it.
        #[allow(unreachable_pub, reason = "some parts lend it to their models")]
        pub struct MutexGuard<'m, T>(Option<loom::sync::MutexGuard<'m, T>>);
        #[derive(Default)]
        pub(crate) struct Condvar(loom::sync::Condvar);
        /// No deadline passes in a model.
        pub(crate) struct NotTimedOut;

        impl<T> Mutex<T> {
            pub(crate) fn new(value: T) -> Self {
                Self(loom::sync::Mutex::new(value))
            }

            pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
                MutexGuard(Some(self.0.lock().unwrap()))
            }

            pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
                self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
            }
        }

        impl<T> Deref for MutexGuard<'_, T> {
            type Target = T;

            fn deref(&self) -> &T {
                self.0.as_ref().unwrap()
            }
        }

        impl<T> DerefMut for MutexGuard<'_, T> {
            fn deref_mut(&mut self) -> &mut T {
                self.0.as_mut().unwrap()
            }
        }

        impl Condvar {
            pub(crate) fn new() -> Self {
                Self(loom::sync::Condvar::new())
            }

            pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
                let waits = guard.0.take().unwrap();
                guard.0 = Some(self.0.wait(waits).unwrap());
            }

            pub(crate) fn wait_until<T>(
                &self,
                guard: &mut MutexGuard<'_, T>,
                _deadline: Instant,
            ) -> NotTimedOut {
                self.wait(guard);
                NotTimedOut
            }

            pub(crate) fn notify_one(&self) {
                self.0.notify_one();
            }

            pub(crate) fn notify_all(&self) {
                self.0.notify_all();
            }
        }

        impl NotTimedOut {
            pub(crate) fn timed_out(&self) -> bool {
                false
            }
        }
    }

    loom::thread_local! {
        static CURRENT: Thread = Thread(Arc::new(loom::sync::Notify::new()));
    }

    /// A thread that can be woken. Not loom's own: its `unpark` also ends other waits, such as that for a mutex.
    #[derive(Clone)]
    pub(crate) struct Thread(Arc<loom::sync::Notify>);

    impl Thread {
        pub(crate) fn unpark(&self) {
            self.0.notify();
        }
    }

    pub(crate) fn current() -> Thread {
        CURRENT.with(Thread::clone)
    }

    /// Models have no clock: a deadline never passes.
    pub(crate) fn park_until(_deadline: Option<Instant>) {
        current().0.wait();
    }

    pub(crate) struct ShadowCells(Box<[UnsafeCell<()>]>);
    pub(crate) struct Reading(#[allow(dead_code)] Vec<ConstPtr<()>>);
    pub(crate) struct Writing(#[allow(dead_code)] MutPtr<()>);

    impl ShadowCells {
        pub(crate) fn new(slots: usize) -> Self {
            Self((0..slots).map(|_| UnsafeCell::new(())).collect())
        }

        pub(crate) fn read(&self, from: usize, len: usize) -> Reading {
            Reading(
                self.0[from..from + len]
                    .iter()
                    .map(UnsafeCell::get)
                    .collect(),
            )
        }

        pub(crate) fn write(&self, index: usize) -> Writing {
            Writing(self.0[index].get_mut())
        }
    }
}

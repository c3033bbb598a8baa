//! A place on the wait list of a ring for a foreign waker.

use super::notify::Notify;
use super::wait_list::{WaitEntry, WaitList};
use crate::ring::core::Core;
use crate::ring::stage::Side;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// A place on a wait list that calls a [`Notify`] when there is something to read: how a poller sleeps on a ring and on
/// sockets at once.
///
/// Dropping it takes it off the list. A notification that is under way at that moment may still come.
///
/// # Examples
///
/// ```
/// use eventring::ring::{self, Notify};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// struct Flag(AtomicBool);
/// impl Notify for Flag {
///     fn notify(&self) {
///         self.0.store(true, Ordering::Relaxed);
///     }
/// }
///
/// let (mut publisher, ring) = ring::channel::<u64>(8).unwrap();
/// let flag = Arc::new(Flag(AtomicBool::new(false)));
/// let waiter = ring.waiter(flag.clone());
/// assert!(waiter.arm(ring.head()), "nothing is there: armed");
/// publisher.publish(7).unwrap();
/// assert!(flag.0.load(Ordering::Relaxed));
/// assert!(!waiter.arm(0), "something is there: do not sleep");
/// ```
pub struct Waiter {
    ring: Arc<dyn AnyRing>,
    awaited: Awaited,
    entry: Arc<WaitEntry>,
}

/// The thing that a waiter waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) enum Awaited {
    /// Values that readers on this side of a barrier may read.
    Values(Side),
    /// Room for publishers: who waits for it has to try.
    #[cfg(any(feature = "hub", feature = "_loom"))]
    #[allow(dead_code, reason = "for the hub's journal")]
    Room,
}

/// A ring without the type of its values.
trait AnyRing: Send + Sync {
    fn arm(&self, awaited: Awaited, entry: &Arc<WaitEntry>, cursor: u64) -> bool;
    fn disarm(&self, awaited: Awaited, entry: &WaitEntry);
    fn is_ready(&self, awaited: Awaited, cursor: u64) -> bool;
}

impl<T: Send + Sync> AnyRing for Core<T> {
    fn arm(&self, awaited: Awaited, entry: &Arc<WaitEntry>, cursor: u64) -> bool {
        // Without the promise of a notification the caller has to look again, at once.
        if !list(self, awaited).arm(entry, cursor) || AnyRing::is_ready(self, awaited, cursor) {
            list(self, awaited).disarm(entry);
            return false;
        }
        true
    }

    fn disarm(&self, awaited: Awaited, entry: &WaitEntry) {
        list(self, awaited).disarm(entry);
    }

    fn is_ready(&self, awaited: Awaited, cursor: u64) -> bool {
        match awaited {
            Awaited::Values(side) => Core::is_ready(self, side, cursor),
            #[cfg(any(feature = "hub", feature = "_loom"))]
            Awaited::Room => false,
        }
    }
}

fn list<T>(core: &Core<T>, awaited: Awaited) -> &WaitList {
    match awaited {
        Awaited::Values(side) => core.sleepers(side),
        #[cfg(any(feature = "hub", feature = "_loom"))]
        Awaited::Room => &core.room,
    }
}

impl Waiter {
    pub(in crate::ring) fn new<T: Send + Sync + 'static>(
        ring: Arc<Core<T>>,
        awaited: Awaited,
        notify: Arc<dyn Notify>,
    ) -> Self {
        Self {
            ring,
            awaited,
            entry: Arc::new(WaitEntry::foreign(notify)),
        }
    }

    /// Asks to be notified once, when head passes `cursor` or the ring closes.
    ///
    /// False means that this is so already, or that no notification can be promised (the kernel has refused
    /// `membarrier` since the ring was made): the caller must not sleep, and looks again. Arming again replaces the
    /// cursor.
    #[must_use = "false means that there is something to read"]
    pub fn arm(&self, cursor: u64) -> bool {
        self.ring.arm(self.awaited, &self.entry, cursor)
    }

    /// Returns whether head is past `cursor`, or the ring closed.
    pub fn is_ready(&self, cursor: u64) -> bool {
        self.ring.is_ready(self.awaited, cursor)
    }

    /// Asks not to be notified after all.
    pub fn disarm(&self) {
        self.ring.disarm(self.awaited, &self.entry);
    }
}

// It reaches no value of its ring, only the list of who sleeps, which is whole whenever its lock is released; and a
// notification that panics is caught.
impl UnwindSafe for Waiter {}
// As above.
impl RefUnwindSafe for Waiter {}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}

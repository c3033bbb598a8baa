//! Notifications whose code is not ours.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(any(feature = "hub", feature = "_loom"))]
use std::sync::Arc;

/// A wake-up that other threads may call, such as that of a poller.
///
/// Called, and dropped, outside any lock of the ring or the hub: it may use them, publish and subscribe. It runs on the
/// publisher's thread, so it should be short, and it must not wait. A panic in it is caught, so that it neither stops
/// other notifications nor the publisher.
pub trait Notify: Send + Sync {
    /// Wakes its owner: there is something to read, or nothing more will come.
    fn notify(&self);
}

/// Calls a notification, and drops it. To be called without a lock.
#[cfg(any(feature = "hub", feature = "_loom"))]
pub(crate) fn notify_and_drop(notify: Arc<dyn Notify>) {
    // Each by itself: a notification that panicked is still to be dropped, and that may panic again.
    catch_panic(|| notify.notify());
    catch_panic(|| drop(notify));
}

/// Runs foreign code that must not keep what comes after it from being done.
pub(super) fn catch_panic(run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        // The panic hook has told. Its payload may panic again when dropped.
        mem::forget(panic);
    }
}

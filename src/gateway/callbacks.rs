//! Code of the program that the server calls on its own threads: a panic in it ends what it was called for, and nothing
//! else.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// The caller of the program's code, with the number of its panics on all reactors.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Callbacks {
    panics: AtomicU64,
}

impl Callbacks {
    /// Calls it; `None`: it has panicked, which is counted and logged.
    pub(in crate::gateway) fn call<T>(
        &self,
        what: &'static str,
        call: impl FnOnce() -> T,
    ) -> Option<T> {
        // Unwind safe: what it leaves in a broken state is the program's own, and the server does not look into it.
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(done) => Some(done),
            Err(panic) => {
                // The panic hook has told it. The payload is the program's, too, and may panic again when dropped: it is leaked.
                mem::forget(panic);
                // Relaxed: a count that orders nothing.
                self.panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(what, "a callback of the program has panicked");
                None
            }
        }
    }

    pub(in crate::gateway) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_counted_and_goes_no_further() {
        struct Again;
        impl Drop for Again {
            fn drop(&mut self) {
                panic!("the payload panics, too");
            }
        }
        let callbacks = Callbacks::default();
        assert_eq!(callbacks.call("fine", || 7), Some(7));
        let panics = || -> u8 { std::panic::panic_any(Again) };
        assert_eq!(callbacks.call("not fine", panics), None);
        assert_eq!(callbacks.panics(), 1);
    }
}

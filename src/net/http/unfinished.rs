//! One total for all that peers have begun and not ended: heads, bodies, lines, WebSocket messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of what is unfinished on all connections of a server, and how many there may be.
///
/// Relaxed throughout: counts that order nothing.
#[derive(Clone, Debug)]
pub struct Unfinished(Arc<Total>);

#[derive(Debug)]
struct Total {
    bytes: AtomicUsize,
    max: usize,
}

impl Unfinished {
    /// Nothing yet, of `max` bytes.
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Total {
            bytes: AtomicUsize::new(0),
            max,
        }))
    }

    /// Returns the number of bytes that are unfinished now.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes that may be unfinished at once.
    pub fn max(&self) -> usize {
        self.0.max
    }

    /// Returns whether `more` bytes fit now; nothing is reserved.
    pub fn has_room(&self, more: usize) -> bool {
        self.bytes().saturating_add(more) <= self.0.max
    }

    /// A share of nothing yet.
    pub fn share(&self) -> Share {
        Share {
            total: self.clone(),
            bytes: 0,
        }
    }

    /// Lets somebody who took `before` bytes take `now`; `false`: all together are over the bound now.
    #[must_use]
    pub(in crate::net) fn change(&self, before: usize, now: usize) -> bool {
        let bytes = &self.0.bytes;
        match now.checked_sub(before) {
            Some(0) => true,
            // Kept also where it is over: whoever is over goes, and gives back all that it has.
            Some(more) => bytes.fetch_add(more, Ordering::Relaxed) + more <= self.0.max,
            None => {
                bytes.fetch_sub(before - now, Ordering::Relaxed);
                true
            }
        }
    }
}

/// The part of the total that one of them takes, until it is dropped.
#[derive(Debug)]
pub struct Share {
    total: Unfinished,
    bytes: usize,
}

impl Share {
    /// Sets what it takes; `false`: all together are over the bound now, and this one is to go.
    #[must_use]
    pub fn set(&mut self, bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.bytes, bytes);
        self.total.change(before, bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let given_back = self.set(0);
        debug_assert!(given_back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_over_the_total_is_told_and_who_is_dropped_gives_back() {
        let total = Unfinished::new(100);
        let (mut a, mut b) = (total.share(), total.share());
        assert!(a.set(60));
        assert!(b.set(40));
        assert!(!b.set(41));
        assert!(!total.has_room(1));
        assert!(a.set(10), "who shrinks is never told so");
        drop(b);
        assert!(total.has_room(90));
        drop(a);
        assert!(total.has_room(100));
        assert!(!total.has_room(101));
    }
}

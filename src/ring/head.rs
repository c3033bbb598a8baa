//! The word in which a ring says how far it has come, and whether it goes on.

/// The next sequence, and whether it stays that for ever.
///
/// `head` and the next claim are kept as one word, `next << 1 | closed`: so that nobody sees a ring closed before the
/// last value that was published, or open behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The next sequence to be published (or claimed): everything below it has been.
    pub(super) next: u64,
    /// The ring has ended at `next`.
    pub(super) closed: bool,
}

impl Head {
    /// Makes the head of a ring that goes on.
    #[inline(always)]
    pub(super) fn open(next: u64) -> Self {
        Self {
            next,
            closed: false,
        }
    }

    /// Makes the head of a ring that has ended.
    pub(super) fn closed(next: u64) -> Self {
        Self { next, closed: true }
    }

    /// Reads it off its word.
    #[inline(always)]
    pub(super) fn of_word(word: u64) -> Self {
        Self {
            next: word >> 1,
            closed: word & CLOSED != 0,
        }
    }

    /// Returns its word: `next << 1 | closed`.
    #[inline(always)]
    pub(super) fn word(self) -> u64 {
        self.next << 1 | u64::from(self.closed)
    }

    /// Returns what waiters are compared with: a closed ring wakes each of them.
    pub(super) fn wakes_below(self) -> u64 {
        if self.closed { u64::MAX } else { self.next }
    }
}

/// The bit of a head word that says that the ring has ended.
pub(super) const CLOSED: u64 = 1;

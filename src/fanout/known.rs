//! What was found out for a reader a moment ago: the next one of its class mostly stands in the same place.

use std::ops::Range;

use super::class::ClassId;
use super::log::LogName;
use super::reader::Reader;

/// The place of a reader in a log: two of one class with equal cursors get the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaceKey {
    class: ClassId,
    aligned: bool,
    pub(super) cursor: u64,
}

impl PlaceKey {
    pub(super) fn of(reader: &Reader) -> Self {
        Self {
            class: reader.class(),
            aligned: reader.is_aligned(),
            cursor: reader.cursor(),
        }
    }
}

/// The next bytes of the readers in one place.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The place in which they stood when they were prepared.
    pub(super) key: PlaceKey,
    pub(super) name: LogName,
    /// The bytes from where they stand now on, as far as they may be sent.
    pub(super) next: Range<u64>,
    /// One past the last byte of the log.
    pub(super) log_end: u64,
}

/// The last place in which there was something to send, and the last in which there was nothing.
///
/// Both hold for as long as no log and no class changes; then [`forget`](Self::forget) is called.
#[derive(Default)]
pub(super) struct KnownPlaces {
    next: Option<Known>,
    all: Option<PlaceKey>,
}

impl KnownPlaces {
    pub(super) fn forget(&mut self) {
        (self.next, self.all) = (None, None);
    }

    pub(super) fn note(&mut self, known: Known) {
        self.next = Some(known);
    }

    /// Notes that whoever stands there has all that there is.
    pub(super) fn note_all(&mut self, key: PlaceKey) {
        self.all = Some(key);
    }

    /// Returns what is next for a reader that is to be prepared.
    pub(super) fn found(&self, key: PlaceKey) -> Option<&Known> {
        self.next.as_ref().filter(|known| known.key == key)
    }

    /// Returns whether a reader in this place has all that there is.
    pub(super) fn has_all(&self, key: PlaceKey) -> bool {
        self.all == Some(key)
    }

    /// Returns what is next for a reader that is prepared.
    pub(super) fn read_by(&self, reader: &Reader) -> Option<&Known> {
        let is_of = |known: &&Known| {
            reader.reads_log()
                && known.key.class == reader.class()
                && known.key.aligned == reader.is_aligned()
                && known.next.start == reader.cursor()
        };
        self.next.as_ref().filter(is_of)
    }
}

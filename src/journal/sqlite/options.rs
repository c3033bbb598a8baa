//! Settings of the embedded journal.

use crate::journal::Retention;
use crate::settings::setters;

/// The form in which events are kept once they have been written for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalCompression {
    /// As they are.
    #[default]
    None,
    /// Deflated (RFC 1951), some time after they were written, where that saves an eighth at least. JSON takes up a third of the
    /// space. It costs the journal's thread about twice as much again as writing them, and whoever looks for one event inflates up to
    /// 96 KiB. What was written before stays as it is, and either is read whatever is chosen.
    Deflate,
}

/// The settings of a [`SqliteJournal`](super::SqliteJournal).
///
/// # Examples
///
/// ```
/// use eventring::journal::SqliteOptions;
///
/// let options = SqliteOptions::default().same_epoch(true);
/// assert_eq!(options.page_bytes, 16 << 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// Bytes of a page of a new database, a power of two from 512 to 65,536. A commit writes whole pages: small ones cost
    /// less for a single event, large ones less for many. Default: 16 KiB. A database that is there keeps its own.
    pub page_bytes: u32,
    /// Bytes of events in one row, about: a round is cut into rows of that size, and who looks for one event reads one row.
    /// Default: 18,150, where a row of 16 KiB pages takes one page of its own and an eighth of another.
    pub chunk_bytes: usize,
    /// Topics whose numbers are kept in memory; those of others are looked up when an event of theirs is written. Default:
    /// 65,536, about 8 MiB.
    pub topics_cached: usize,
    /// The bounds on all that is kept. Default: 10 GiB, the oldest events go first. Events with a stream stay, unless
    /// [`streams`](Retention::streams); when they and what is held exceed the bound alone, commits find no space.
    pub retention: Retention,
    /// Keys of [compacted](crate::journal::Compact) topics that are kept in memory, of what came since their last passes, about 48 bytes
    /// each. With more a pass does more at once; a topic of many times as many keys is compacted in parts only. Default: 262,144,
    /// 8 to 16 MiB.
    pub compact_keys: usize,
    /// The form in which events are kept. Default: as they are, [`None`](JournalCompression::None).
    pub compression: JournalCompression,
    /// A directory that was copied from elsewhere goes on as the same log, so that positions of before are good for both.
    /// Default: a copy is a new log, and whoever resumes with a position of the old one is told.
    pub same_epoch: bool,
    /// The VFS of SQLite that stands between it and the disk, by the name under which it is registered: for tests that let
    /// the disk fail. Default: SQLite's own.
    pub vfs: Option<String>,
}

/// Of a row that is larger than a page of 16 KiB SQLite keeps 2,031 bytes beside others, and the rest in pages of its own,
/// 16,380 bytes in each; what does not fill the last of them stays with the 2,031, as far as a page has room for it. Rows of
/// 32 KiB would have two pages each, and share none. Numbers and topics are left room for.
pub(super) const CHUNK_BYTES: usize = 2_031 + 16_380 - 261;

/// Bytes of a journal by default.
const BYTES_MAX: u64 = 10 << 30;

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            page_bytes: 16 << 10,
            chunk_bytes: CHUNK_BYTES,
            topics_cached: 1 << 16,
            retention: Retention::default().bytes(Some(BYTES_MAX)),
            compact_keys: 1 << 18,
            compression: JournalCompression::None,
            same_epoch: false,
            vfs: None,
        }
    }
}

setters! {
    SqliteOptions {
        page_bytes: u32,
        chunk_bytes: usize,
        topics_cached: usize,
        retention: Retention,
        compact_keys: usize,
        compression: JournalCompression,
        same_epoch: bool,
        vfs: Option<String>,
    }
}

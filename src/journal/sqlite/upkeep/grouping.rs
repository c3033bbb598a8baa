//! Which chunks become one: a run of neighbours up to a size, beside nothing that is damaged.

use rusqlite::{Connection, params};

use super::{AIM, LARGE, rows};

/// Chunks that are looked at in a step: a step is short, since publishers wait for it.
const HEADERS: usize = 128;
/// Rows that are looked at in a step where they are damaged: who finds nothing whole among so many looks again after the
/// next commits.
const ROWS: usize = 4096;
/// Bytes of chunks that stay as they are on either side of a row whose number is out of order. Where rows go, SQLite moves those of the
/// pages beside theirs as well, and finds its way by their numbers from then on.
const BESIDE: u64 = 4 * AIM;

/// The form that a run of chunks gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Way {
    /// Small ones become one of [`AIM`] bytes.
    #[default]
    Merge,
    /// All of them become a deflated one, also where it is one chunk alone.
    Deflate,
}

/// The place that joining chunks has come to.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    way: Way,
    /// Everything up to this offset is as it stays.
    pub(super) done: u64,
    /// Bytes of chunks that are passed before it goes on.
    beside: u64,
}

/// The result of a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// The chunks from one offset to another become one.
    Group { first: u64, last: u64 },
    /// There is more to look at.
    More,
    /// There is no more: so many bytes wait for others.
    Rest(u64),
}

impl Grouping {
    pub(super) fn starting_behind(done: u64, way: Way) -> Self {
        Self {
            way,
            done,
            beside: 0,
        }
    }

    /// Passes what is as it stays.
    pub(super) fn pass(&mut self, last: u64) {
        self.done = self.done.max(last);
    }

    /// Looks for a run of chunks of `aim` bytes in all that begin at or before an offset.
    pub(super) fn look(
        &mut self,
        connection: &Connection,
        to: u64,
        aim: u64,
    ) -> rusqlite::Result<Looked> {
        let (least, large) = match self.way {
            Way::Merge => (2, LARGE),
            Way::Deflate => (1, u64::MAX),
        };
        let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) \
                   FROM chunk WHERE first > ?1 ORDER BY first LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.done as i64, ROWS as i64])?;
        let (mut first, mut last, mut chunks, mut bytes) = (0, self.done, 0, 0);
        let (mut seen, mut damaged) = (0, None);
        // What is to be joined, and the bytes that were looked at behind it.
        let (mut group, mut ahead) = (None, 0);
        while (seen < HEADERS || group.is_some())
            && let Some(row) = rows.next()?
        {
            let Some((header, _)) = rows::header(row) else {
                // It stays as it is. Neither its end nor its beginning counts: the next one that is whole says how far it went.
                damaged = damaged.max(Some(row.get::<_, i64>(0)? as u64));
                continue;
            };
            // A damaged page may name a row twice, or one that others have replaced.
            if header.last <= last {
                continue;
            }
            if header.first > to && group.is_none() {
                break;
            }
            seen += 1;
            let length = row.get::<_, i64>(8)? as u64;
            if let Some(number) = damaged.take() {
                // One whose number leads away from its place stays as it is with what is beside it.
                if number > header.first {
                    (group, self.beside) = (None, BESIDE);
                } else if chunks >= least && group.is_none() {
                    group = Some((first, last));
                }
                (chunks, bytes) = (0, 0);
            }
            if group.is_some() {
                last = header.last;
                ahead += length.max(1);
                if ahead >= BESIDE {
                    break;
                }
                continue;
            }
            if chunks == 0 {
                self.done = self.done.max(header.prev);
            }
            // What is deflated stays apart.
            let is_apart = header.inflated > 0;
            if chunks > 0 && (is_apart || bytes + length > aim) {
                if chunks >= least {
                    group = Some((first, last));
                    (last, ahead) = (header.last, length);
                    continue;
                }
                // It is alone between large ones.
                self.done = self.done.max(last);
                (chunks, bytes) = (0, 0);
            }
            last = header.last;
            if self.beside > 0 {
                self.beside = self.beside.saturating_sub(length.max(1));
                self.done = last;
                continue;
            }
            if chunks == 0 {
                first = header.first;
                if is_apart || length >= large {
                    self.done = self.done.max(last);
                    continue;
                }
            }
            chunks += 1;
            bytes += length;
        }
        if let Some((first, last)) = group {
            return Ok(Looked::Group { first, last });
        }
        if seen == HEADERS {
            // So many that do not fill one: events without data, say.
            return Ok(match chunks {
                0 | 1 => Looked::More,
                _ => Looked::Group { first, last },
            });
        }
        Ok(Looked::Rest(bytes))
    }
}

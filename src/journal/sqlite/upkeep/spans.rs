//! Spans: which of a run of chunks have a topic.

use rusqlite::{Connection, params};

use super::rows;
use crate::journal::chunk::{ChunkHeader, Numbers, put_numbers};

/// Chunks in a span.
const CHUNKS: usize = 1024;
/// Chunks that are looked at in a step.
const STEP: usize = 64;
/// Stands for a chunk whose topics cannot be read: whoever looks for any topic has to look there, and finds the damage.
pub(in crate::journal::sqlite) const ANY: u64 = 0;

/// A run of chunks that are as large as they get.
///
/// `lists` has for each number of `topics`, in their order, how many chunks have it and which, counted within the span.
#[derive(Debug)]
pub(in crate::journal::sqlite) struct Span {
    first: u64,
    last: u64,
    chunks: Vec<u8>,
    topics: Vec<u8>,
    lists: Vec<u8>,
    /// To go on with it if it cannot be written.
    collected: Collected,
}

/// A span that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::journal::sqlite) struct SpanIndex {
    pub(in crate::journal::sqlite) first: u64,
    pub(in crate::journal::sqlite) last: u64,
    /// The chunks that have a wanted topic: the first offset of each, and of the chunk behind it.
    pub(in crate::journal::sqlite) chunks: Vec<(u64, u64)>,
}

#[derive(Debug, Default)]
struct Collected {
    firsts: Vec<u64>,
    /// Topic and chunk.
    pairs: Vec<(u64, u64)>,
    last: u64,
}

impl Collected {
    fn add(&mut self, header: ChunkHeader, topics: &[u8]) {
        let chunk = self.firsts.len() as u64;
        self.firsts.push(header.first);
        let numbers = Numbers::new(topics);
        self.pairs.extend(numbers.map(|number| (number, chunk)));
        self.last = header.last;
    }

    /// Takes what lies between the last chunk and an offset for a chunk of any topic: nothing there is whole.
    fn miss_up_to(&mut self, to: u64) {
        if to > self.last {
            self.pairs.push((ANY, self.firsts.len() as u64));
            self.firsts.push(self.last + 1);
            self.last = to;
        }
    }
}

/// Collects the chunks of the next span.
#[derive(Debug, Default)]
pub(super) struct SpanBuilder {
    collected: Collected,
}

impl SpanBuilder {
    pub(super) fn starting_behind(last: u64) -> Self {
        let mut builder = Self::default();
        builder.collected.last = last;
        builder
    }

    /// Returns the last offset that was looked at.
    pub(super) fn end(&self) -> u64 {
        self.collected.last
    }

    /// Looks at a few more chunks, up to an offset at which one that was whole ends, or what lies before one. Returns the span
    /// once it is complete.
    pub(super) fn collect(
        &mut self,
        connection: &Connection,
        to: u64,
    ) -> rusqlite::Result<Option<Span>> {
        // Without an end: a row whose number is damaged must not end it.
        let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) \
                   FROM chunk WHERE first > ?1 ORDER BY first";
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query(params![self.end() as i64])?;
        let collected = &mut self.collected;
        let mut seen = 0;
        while seen < STEP && collected.firsts.len() < CHUNKS && collected.last < to {
            let Some(row) = found.next()? else {
                collected.miss_up_to(to);
                break;
            };
            // Neither where it begins nor where it ends counts: the next one that is whole says how far it went.
            let Some((header, topics)) = rows::header(row) else {
                continue;
            };
            // A damaged page may name a row twice, or one that others have replaced.
            if header.last <= collected.last || collected.firsts.last() >= Some(&header.first) {
                continue;
            }
            seen += 1;
            collected.miss_up_to(header.prev.min(to));
            if header.first <= to {
                collected.add(header, topics);
            } else {
                collected.miss_up_to(to);
            }
        }
        if collected.firsts.len() < CHUNKS {
            return Ok(None);
        }
        let last = collected.last;
        let done = std::mem::replace(self, Self::starting_behind(last));
        Ok(Some(Span::new(done.collected)))
    }

    /// Takes a span back that could not be written.
    pub(super) fn take_back(&mut self, span: Span) {
        self.collected = span.collected;
    }
}

impl Span {
    fn new(mut collected: Collected) -> Self {
        collected.pairs.sort_unstable();
        collected.pairs.dedup();
        let mut span = Self {
            first: collected.firsts.first().copied().unwrap_or_default(),
            last: collected.last,
            chunks: Vec::new(),
            topics: Vec::new(),
            lists: Vec::new(),
            collected,
        };
        put_numbers(&span.collected.firsts, &mut span.chunks);
        let (mut topics, mut list) = (Vec::new(), Vec::new());
        for pairs in span.collected.pairs.chunk_by(|one, other| one.0 == other.0) {
            topics.push(pairs[0].0);
            list.clear();
            list.extend(pairs.iter().map(|(_, chunk)| *chunk));
            put_numbers(&[list.len() as u64], &mut span.lists);
            put_numbers(&list, &mut span.lists);
        }
        put_numbers(&topics, &mut span.topics);
        span
    }

    /// Writes its row.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO span VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
        let crc = checksum(
            self.first,
            self.last,
            [&self.chunks, &self.topics, &self.lists],
        );
        connection.prepare_cached(sql)?.execute(params![
            self.first as i64,
            self.last as i64,
            self.chunks,
            self.topics,
            self.lists,
            crc,
        ])?;
        Ok(())
    }
}

impl SpanIndex {
    /// Reads the span that has an offset, as far as it has chunks of wanted topics, whose numbers are sorted. `None`: there
    /// is none, or it is damaged; chunks say the same, one by one.
    pub(in crate::journal::sqlite) fn find(
        connection: &Connection,
        offset: u64,
        wanted: &[u64],
    ) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT first, last, chunks, topics, lists, crc FROM span WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query([i64::try_from(offset).unwrap_or(i64::MAX)])?;
        let Some(row) = found.next()? else {
            return Ok(None);
        };
        let (first, last) = (row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64);
        if last < offset {
            return Ok(None);
        }
        let blob = |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_blob()?);
        let parts = [blob(2)?, blob(3)?, blob(4)?];
        if checksum(first, last, parts) != row.get::<_, u32>(5)? {
            return Ok(None);
        }
        Ok(Some(Self {
            first,
            last,
            chunks: Self::chunks(last, parts, wanted),
        }))
    }

    fn chunks(last: u64, [chunks, topics, lists]: [&[u8]; 3], wanted: &[u64]) -> Vec<(u64, u64)> {
        let firsts: Vec<u64> = Numbers::new(chunks).collect();
        let mut has = vec![false; firsts.len()];
        let mut lists = lists;
        for topic in Numbers::new(topics) {
            let Some(count) = Numbers::take_one(&mut lists) else {
                break;
            };
            let is_wanted = topic == ANY || wanted.binary_search(&topic).is_ok();
            let mut chunk = 0;
            for _ in 0..count {
                let Some(more) = Numbers::take_one(&mut lists) else {
                    break;
                };
                chunk += more;
                if let Some(has) = has.get_mut(chunk as usize).filter(|_| is_wanted) {
                    *has = true;
                }
            }
        }
        let behind = firsts.iter().skip(1).copied().chain([last + 1]);
        let chunks = firsts.iter().copied().zip(behind).zip(has);
        chunks
            .filter(|(_, has)| *has)
            .map(|(chunk, _)| chunk)
            .collect()
    }
}

fn checksum(first: u64, last: u64, parts: [&[u8]; 3]) -> u32 {
    let mut crc = crc32c::crc32c(&first.to_le_bytes());
    crc = crc32c::crc32c_append(crc, &last.to_le_bytes());
    for part in parts {
        // With its length, so that no byte can change sides.
        crc = crc32c::crc32c_append(crc, &(part.len() as u64).to_le_bytes());
        crc = crc32c::crc32c_append(crc, part);
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_says_which_chunks_have_a_topic() {
        let mut collected = Collected::default();
        for chunk in 0..200_u64 {
            collected.firsts.push(10 + chunk * 7);
            collected.pairs.push((1, chunk));
            collected.pairs.push((5 + chunk % 3, chunk));
            if chunk == 77 {
                collected.pairs.push((ANY, chunk));
            }
        }
        collected.last = 10 + 200 * 7 - 1;
        let span = Span::new(collected);
        let chunks = |wanted: &[u64]| {
            let parts = [&span.chunks[..], &span.topics, &span.lists];
            SpanIndex::chunks(span.last, parts, wanted)
        };
        assert_eq!(chunks(&[1]).len(), 200);
        let expected: Vec<(u64, u64)> = (0..200)
            .filter(|chunk| chunk % 3 == 1 || *chunk == 77)
            .map(|chunk| (10 + chunk * 7, 17 + chunk * 7))
            .collect();
        assert_eq!(chunks(&[6, 99]), expected);
        assert_eq!(
            chunks(&[2, 3]),
            [(10 + 77 * 7, 17 + 77 * 7)],
            "where topics cannot be read"
        );
        assert_eq!(chunks(&[1, 7]).last(), Some(&(10 + 199 * 7, span.last + 1)));
    }
}

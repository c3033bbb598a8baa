//! Finds the way around pages that cannot be read: what lies behind them is there.

use rusqlite::{Connection, OptionalExtension};

use super::batch::Batch;
use super::walk::{self, bound};
use crate::journal::sqlite::rows;

/// The direction in which a chunk is looked for.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Forward,
    Back,
}

/// The numbers of a chunk, without its body.
struct Found {
    first: u64,
    last: u64,
}

/// A chunk at or beyond an offset; none; or pages on the way that cannot be read.
enum Looked {
    Chunk(Found),
    End,
    Damage,
}

fn look(connection: &Connection, way: Way, offset: u64) -> rusqlite::Result<Looked> {
    let mut statement = connection.prepare_cached(match way {
        Way::Forward => "SELECT first, last FROM chunk WHERE first >= ?1 ORDER BY first LIMIT 1",
        Way::Back => "SELECT first, last FROM chunk WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
    })?;
    let found = statement.query_row([bound(offset)], |row| {
        Ok(Found {
            first: row.get::<_, i64>(0)? as u64,
            last: row.get::<_, i64>(1)? as u64,
        })
    });
    let is_on_the_way = |found: &Found| match way {
        Way::Forward => found.first >= offset,
        Way::Back => found.first <= offset,
    };
    match found.optional() {
        Ok(Some(found)) if is_on_the_way(&found) => Ok(Looked::Chunk(found)),
        // In a damaged page a search may end beside what it looks for: whoever went on from there would come here again.
        Ok(Some(_)) => Ok(Looked::Damage),
        Ok(None) => Ok(Looked::End),
        Err(error) if rows::is_damage(&error) => Ok(Looked::Damage),
        Err(error) => Err(error),
    }
}

/// Returns the offset behind a chunk. What it says may be damaged: it ends behind where it begins, and before the next one.
fn first_behind(connection: &Connection, found: &Found) -> rusqlite::Result<u64> {
    let next = look(connection, Way::Forward, found.first.saturating_add(1))?;
    let last = match next {
        Looked::Chunk(next) => found.last.min(next.first.saturating_sub(1)),
        Looked::End => found.last,
        Looked::Damage => found.first,
    };
    Ok(last.max(found.first).saturating_add(1))
}

/// Goes on behind damage that was met at `resume` or behind it; what is known to be whole ends at `before`.
pub(super) fn forward(
    connection: &Connection,
    resume: u64,
    before: u64,
    end: u64,
    last: u64,
    batch: &mut Batch,
) -> rusqlite::Result<()> {
    // Only the body is damaged, or what comes behind it: its row says what is lost with it.
    if let Looked::Chunk(found) = look(connection, Way::Forward, resume)? {
        let behind = first_behind(connection, &found)?;
        batch.miss(before + 1..found.first);
        walk::one(connection, found.first..behind, batch)?;
        batch.next = behind.min(end).max(batch.next);
        return Ok(());
    }
    let (mut bad, mut step) = (resume, 1_u64);
    let (mut good, mut found) = loop {
        let at = bad.saturating_add(step);
        let looked = match at < end {
            true => look(connection, Way::Forward, at)?,
            false => Looked::End,
        };
        match looked {
            Looked::Chunk(found) => break (at, found),
            Looked::Damage => (bad, step) = (at, step * 2),
            Looked::End => {
                batch.miss(before + 1..last.saturating_add(1));
                batch.next = end;
                return Ok(());
            }
        }
    };
    // As near behind the damage as it can be read.
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        match look(connection, Way::Forward, middle)? {
            Looked::Chunk(nearer) => (good, found) = (middle, nearer),
            Looked::Damage | Looked::End => bad = middle,
        }
    }
    // What it says of the one before it may be damaged as well.
    batch.miss(before + 1..found.first);
    let behind = first_behind(connection, &found)?;
    // It is taken here: the way on from the page before it may be what is damaged.
    walk::one(connection, found.first..behind, batch)?;
    batch.next = behind.min(end).max(batch.next);
    Ok(())
}

/// Goes on before damage that was met before `at`; what lies before it ends at `before`.
pub(super) fn backward(
    connection: &Connection,
    at: u64,
    before: u64,
    start: u64,
    batch: &mut Batch,
) -> rusqlite::Result<()> {
    let all_is_missing = |batch: &mut Batch| {
        batch.miss(start..before.saturating_add(1));
        batch.next = start;
    };
    let Some(near) = at.checked_sub(1) else {
        return Ok(());
    };
    if let Looked::Chunk(found) = look(connection, Way::Back, near)? {
        let behind = found.last.saturating_add(1).min(at);
        let behind = behind.max(found.first.saturating_add(1));
        batch.miss(behind..before.saturating_add(1));
        walk::one(connection, found.first..behind, batch)?;
        batch.next = found.first.max(start).min(batch.next);
        return Ok(());
    }
    let (mut bad, mut step) = (near, 1_u64);
    let (mut good, mut found) = loop {
        let below = bad.checked_sub(step).filter(|below| *below >= start);
        let Some(below) = below else {
            all_is_missing(batch);
            return Ok(());
        };
        match look(connection, Way::Back, below)? {
            Looked::Chunk(found) => break (below, found),
            Looked::Damage => (bad, step) = (below, step * 2),
            Looked::End => {
                all_is_missing(batch);
                return Ok(());
            }
        }
    };
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        match look(connection, Way::Back, middle)? {
            Looked::Chunk(nearer) => (good, found) = (middle, nearer),
            Looked::Damage | Looked::End => bad = middle,
        }
    }
    // What it says may be damaged as well: it ends before what was tried last.
    let behind = found.last.saturating_add(1).min(bad);
    let behind = behind.max(found.first.saturating_add(1));
    batch.miss(behind..before.saturating_add(1));
    walk::one(connection, found.first..behind, batch)?;
    batch.next = found.first.max(start).min(batch.next);
    Ok(())
}

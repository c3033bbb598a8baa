//! Several chunks become one: the same frames, counted from its first, deflated where that is wanted.

use std::ops::RangeInclusive;

use rusqlite::{Connection, params};

use super::{Merged, rows};
use crate::journal::chunk::{ChunkBuilder, Deflater, Frames, Numbers};
use crate::journal::sqlite::write::insert_chunk;

/// Writes the chunks that begin at some offsets as one, whose last event has the last of them. Readers look up by position in each transaction, so it is safe
/// beside them.
pub(super) fn write(
    connection: &Connection,
    builder: &mut ChunkBuilder,
    deflater: Option<&mut Deflater>,
    offsets: RangeInclusive<u64>,
) -> rusqlite::Result<Merged> {
    let (first, last) = offsets.into_inner();
    match read(connection, builder, first, last) {
        Ok(true) => {}
        Ok(false) => return Ok(Merged::Left),
        // A page of events that cannot be read is theirs, and no reason to write nothing more.
        Err(error) if rows::is_damage(&error) && !connection.is_autocommit() => {
            return Ok(Merged::Left);
        }
        Err(error) => return Err(error),
    }
    let chunk = match deflater {
        None => builder.finish(),
        Some(deflater) => match builder.finish_deflated(deflater) {
            Some(chunk) => chunk,
            None => return Ok(Merged::Left),
        },
    };
    let sql = "DELETE FROM chunk WHERE first >= ?1 AND first <= ?2";
    let range = params![first as i64, last as i64];
    connection.prepare_cached(sql)?.execute(range)?;
    insert_chunk(connection, &chunk)?;
    Ok(Merged::Written)
}

/// Builds the chunk; returns whether all that was read is whole.
fn read(
    connection: &Connection,
    builder: &mut ChunkBuilder,
    first: u64,
    last: u64,
) -> rusqlite::Result<bool> {
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
               FROM chunk WHERE first >= ?1 AND first <= ?2 ORDER BY first";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params![first as i64, last as i64])?;
    let (mut before, mut recorded_last) = (None, 0);
    while let Some(row) = found.next()? {
        let Some((header, topics)) = rows::header(row) else {
            return Ok(false);
        };
        match before {
            None => {
                builder.start(header.prev);
                builder.cover_from(header.first, header.recorded_first);
            }
            // One that vanished between them is noticed by the one behind it: that must stay so.
            Some(before) if before != header.prev => return Ok(false),
            Some(_) => {}
        }
        before = Some(header.last);
        recorded_last = header.recorded_last;
        for frame in Frames::new(header, rows::body(row)?) {
            match frame {
                Ok(frame) => builder.push(frame),
                Err(_) => return Ok(false),
            }
        }
        Numbers::new(topics).for_each(|number| builder.topic(number));
    }
    builder.cover_to(last, recorded_last);
    // A row whose number is damaged ends the search: what lies behind it stays.
    Ok(before == Some(last))
}

//! Several small chunks become one: the same frames, counted from its first.

use rusqlite::{Connection, params};

use super::{Merged, rows};
use crate::journal::chunk::{ChunkBuilder, Frames, Numbers};
use crate::journal::sqlite::write::insert;

/// Writes the chunks from one offset to another as one. Readers look up by position in each transaction, so it is safe
/// beside them.
pub(super) fn write(
    connection: &Connection,
    builder: &mut ChunkBuilder,
    first: u64,
    last: u64,
) -> rusqlite::Result<Merged> {
    let range = params![first as i64, last as i64];
    {
        let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                   FROM chunk WHERE first >= ?1 AND first <= ?2 ORDER BY first";
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query(range)?;
        let mut before = None;
        while let Some(row) = found.next()? {
            let Some((header, topics)) = rows::header(row) else {
                return Ok(Merged::Left);
            };
            match before {
                None => builder.start(header.prev),
                // One that vanished between them is noticed by the one behind it: that must stay so.
                Some(before) if before != header.prev => return Ok(Merged::Left),
                Some(_) => {}
            }
            before = Some(header.last);
            for frame in Frames::new(header, rows::body(row)?) {
                match frame {
                    Ok(frame) => builder.push(frame),
                    Err(_) => return Ok(Merged::Left),
                }
            }
            Numbers::new(topics).for_each(|number| builder.topic(number));
        }
    }
    let sql = "DELETE FROM chunk WHERE first >= ?1 AND first <= ?2";
    connection.prepare_cached(sql)?.execute(range)?;
    insert(connection, builder)?;
    Ok(Merged::Written)
}

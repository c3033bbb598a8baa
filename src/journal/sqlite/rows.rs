//! A row of a chunk, as it is selected: `first, last, prev, count, recorded_first, recorded_last, topics, crc,
//! length(body)`, and perhaps `body`.

use rusqlite::{ErrorCode, Row};

use crate::journal::chunk::{Checksums, ChunkHeader};

/// Reads the header of a row and its topics; `None`: it is not as it was written. The body is not touched.
pub(super) fn header<'r>(row: &'r Row<'_>) -> Option<(ChunkHeader, &'r [u8])> {
    let number = |column: usize| row.get::<_, i64>(column).ok();
    let mut header = ChunkHeader {
        first: number(0)? as u64,
        last: number(1)? as u64,
        prev: number(2)? as u64,
        recorded_first: number(4)?,
        recorded_last: number(5)?,
        ..ChunkHeader::default()
    };
    header.set_sizes(number(3)?);
    let topics = row.get_ref(6).ok()?.as_blob().ok()?;
    let crc = Checksums::from_number(number(7)?);
    let body_bytes = usize::try_from(number(8)?).ok()?;
    header
        .is_whole(topics, body_bytes, crc.header)
        .then_some((header, topics))
}

/// Returns the body of a row, as it is kept: see [`Inflater`](crate::journal::chunk::Inflater).
pub(super) fn body<'r>(row: &'r Row<'_>) -> rusqlite::Result<&'r [u8]> {
    Ok(row.get_ref(9)?.as_blob()?)
}

/// Returns the checksum of the body of a row.
pub(super) fn body_crc(row: &Row<'_>) -> rusqlite::Result<u32> {
    Ok(Checksums::from_number(row.get(7)?).body)
}

/// Returns whether an error says that pages or values cannot be read, or make no sense: others may.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    matches!(
        error,
        Error::InvalidColumnType(..)
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
    ) || matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::SystemIoFailure)
    )
}

/// Goes on with something else where what was asked for is damaged. Whatever else failed has to be tried again: taken for
/// damage, it would be told to somebody whose events are there.
pub(super) fn unless_damaged<T>(result: rusqlite::Result<T>, otherwise: T) -> rusqlite::Result<T> {
    match result {
        Err(error) if is_damage(&error) => Ok(otherwise),
        other => other,
    }
}

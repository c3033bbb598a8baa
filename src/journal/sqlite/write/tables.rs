//! State: tables of bytes in one table of the database.

use rusqlite::{Connection, OptionalExtension, params};

use crate::journal::{StateError, StateTx};

/// The tables within a transaction of a connection.
pub(in crate::journal::sqlite) struct StateTables<'c> {
    connection: &'c Connection,
    /// The first error that SQLite told: the transaction may be gone with it.
    pub(in crate::journal::sqlite) error: Option<rusqlite::Error>,
}

impl<'c> StateTables<'c> {
    pub(in crate::journal::sqlite) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            error: None,
        }
    }

    fn noted<T>(&mut self, result: rusqlite::Result<T>) -> Result<T, StateError> {
        result.map_err(|error| {
            let said = StateError::Journal(error.to_string());
            self.error.get_or_insert(error);
            said
        })
    }
}

fn get(connection: &Connection, table: &str, key: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT value FROM state WHERE name = ?1 AND key = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    statement
        .query_row(params![table, key], |row| row.get(0))
        .optional()
}

fn put(connection: &Connection, table: &str, key: &[u8], value: &[u8]) -> rusqlite::Result<usize> {
    let sql = "INSERT OR REPLACE INTO state VALUES(?1, ?2, ?3)";
    connection
        .prepare_cached(sql)?
        .execute(params![table, key, value])
}

fn delete(connection: &Connection, table: &str, key: &[u8]) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM state WHERE name = ?1 AND key = ?2";
    connection.prepare_cached(sql)?.execute(params![table, key])
}

fn scan(
    connection: &Connection,
    table: &str,
    from: &[u8],
    limit: usize,
) -> rusqlite::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let sql = "SELECT key, value FROM state WHERE name = ?1 AND key >= ?2 ORDER BY key LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![table, from, limit], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    rows.collect()
}

impl StateTx for StateTables<'_> {
    fn get(&mut self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let result = get(self.connection, table, key);
        self.noted(result)
    }

    fn put(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let result = put(self.connection, table, key, value);
        self.noted(result).map(|_| ())
    }

    fn delete(&mut self, table: &str, key: &[u8]) -> Result<bool, StateError> {
        let result = delete(self.connection, table, key);
        self.noted(result).map(|rows| rows > 0)
    }

    fn scan(
        &mut self,
        table: &str,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StateError> {
        let result = scan(self.connection, table, from, limit);
        self.noted(result)
    }
}

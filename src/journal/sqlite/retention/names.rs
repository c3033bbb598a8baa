//! Names of topics and streams of which nothing is left: erasing takes them, too.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::Floors;
use crate::journal::chunk::Numbers;

/// Takes the names that no event has any more out of the tables. A stream whose versions go on keeps its name, and so does a topic of
/// which readers are still to be told that something is missing. Within a transaction.
pub(in crate::journal::sqlite) fn erase_names(
    connection: &Connection,
    floors: &Floors,
) -> rusqlite::Result<()> {
    let mut used = numbers(connection, "SELECT topics FROM chunk")?;
    used.extend(floors.announced_topics());
    let indexed = numbers(connection, "SELECT topics FROM span")?;
    let mut gone = HashSet::new();
    let mut statement = connection.prepare("SELECT id, name FROM topic")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get::<_, i64>(0)?;
        if used.contains(&(id as u64)) {
            continue;
        }
        gone.insert(row.get::<_, String>(1)?);
        connection.execute("DELETE FROM floor WHERE topic = ?1", [id])?;
        match indexed.contains(&(id as u64)) {
            // Nobody else must be given its number; no topic can have such a name.
            true => {
                let name = format!(">{id}");
                connection.execute(
                    "UPDATE topic SET name = ?2 WHERE id = ?1",
                    params![id, name],
                )?
            }
            false => connection.execute("DELETE FROM topic WHERE id = ?1", [id])?,
        };
    }
    let mut keys = connection.prepare("SELECT key FROM meta WHERE key GLOB 'compact *'")?;
    let keys = keys.query_map([], |row| row.get::<_, String>(0))?;
    for key in keys.collect::<rusqlite::Result<Vec<_>>>()? {
        // What is clean by a pointer: "compact", what, the topic, the pointer.
        if key
            .split(' ')
            .nth(2)
            .is_some_and(|name| gone.contains(name))
        {
            connection.execute("DELETE FROM meta WHERE key = ?1", [key])?;
        }
    }
    let sql = "DELETE FROM stream WHERE id NOT IN (SELECT stream FROM stream_version)";
    connection.execute(sql, []).map(|_| ())
}

/// Returns all numbers of topics in a column. Of a row that is damaged they count as they are.
fn numbers(connection: &Connection, sql: &str) -> rusqlite::Result<HashSet<u64>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut all = HashSet::new();
    while let Some(row) = rows.next()? {
        all.extend(Numbers::new(row.get_ref(0)?.as_bytes()?));
    }
    Ok(all)
}

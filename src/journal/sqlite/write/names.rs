//! The numbers that stand for names in the file, and those of them that are kept in memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use rusqlite::{Connection, OptionalExtension, params};

/// The table that numbers belong to, as statements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    find: &'static str,
    insert: &'static str,
    last: &'static str,
}

pub(super) const TOPICS: Table = Table {
    find: "SELECT id FROM topic WHERE name = ?1",
    insert: "INSERT INTO topic VALUES(?1, ?2)",
    last: "SELECT ifnull(max(id), 0) FROM topic",
};

pub(super) const STREAMS: Table = Table {
    find: "SELECT id FROM stream WHERE name = ?1",
    insert: "INSERT INTO stream VALUES(?1, ?2)",
    last: "SELECT ifnull(max(id), 0) FROM stream",
};

/// Finds the number of a name, or gives it one.
///
/// The names that were used last are kept in memory, by their hash; the name itself decides. Two generations: when the
/// young one is full, the old one is dropped and the young one takes its place, so that what is in use stays.
#[derive(Debug)]
pub(super) struct Names {
    table: Table,
    young: Generation,
    old: Generation,
    /// Of each generation.
    names_max: usize,
    /// The highest number that was given; `None`: it has to be looked up.
    last: Option<u64>,
}

type Generation = HashMap<u64, (u64, Box<str>), BuildHasherDefault<Identity>>;

impl Names {
    pub(super) fn new(table: Table, names_max: usize) -> Self {
        Self {
            table,
            young: Generation::default(),
            old: Generation::default(),
            names_max: names_max.div_ceil(2).max(1),
            last: None,
        }
    }

    /// Returns the number of a name whose hash is this, within a transaction.
    pub(super) fn number(
        &mut self,
        connection: &Connection,
        hash: u64,
        name: &str,
    ) -> rusqlite::Result<u64> {
        // Names decide: two of them may have one hash.
        if let Some((number, known)) = self.young.get(&hash)
            && **known == *name
        {
            return Ok(*number);
        }
        let number = match self.old.remove(&hash) {
            Some((number, known)) if *known == *name => number,
            _ => self.look_up(connection, name)?,
        };
        if self.young.len() >= self.names_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, (number, name.into()));
        Ok(number)
    }

    /// Forgets everything: a transaction that gave numbers was undone.
    pub(super) fn forget(&mut self) {
        self.young.clear();
        self.old.clear();
        self.last = None;
    }

    fn look_up(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<u64> {
        let mut find = connection.prepare_cached(self.table.find)?;
        let found = find.query_row([name], |row| row.get::<_, i64>(0));
        if let Some(number) = found.optional()? {
            return Ok(number as u64);
        }
        let last = match self.last {
            Some(last) => last,
            None => {
                let last = connection.query_row(self.table.last, [], |row| row.get::<_, i64>(0))?;
                last as u64
            }
        };
        let mut insert = connection.prepare_cached(self.table.insert)?;
        insert.execute(params![(last + 1) as i64, name])?;
        self.last = Some(last + 1);
        Ok(last + 1)
    }
}

/// A hasher of what is a hash already.
#[derive(Debug, Default)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only numbers are hashed here; this keeps any other key correct.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_whatever_is_forgotten() {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE topic(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)";
        connection.execute_batch(tables).unwrap();
        let mut names = Names::new(TOPICS, 8);
        let name = |n: u64| format!("topic.{n}");
        for round in 0..3 {
            for n in 0..50 {
                // Every other hash is that of another name.
                let number = names.number(&connection, n / 2, &name(n)).unwrap();
                assert_eq!(number, n + 1, "round {round}");
                assert!(names.young.len() + names.old.len() <= 8);
            }
            if round == 1 {
                names.forget();
            }
        }
    }

    #[test]
    fn numbers_of_an_undone_transaction_are_given_again() {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE topic(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)";
        connection.execute_batch(tables).unwrap();
        let mut names = Names::new(TOPICS, 8);
        assert_eq!(names.number(&connection, 1, "a"), Ok(1));
        connection.execute_batch("BEGIN").unwrap();
        assert_eq!(names.number(&connection, 2, "b"), Ok(2));
        connection.execute_batch("ROLLBACK").unwrap();
        names.forget();
        assert_eq!(names.number(&connection, 3, "c"), Ok(2));
        assert_eq!(names.number(&connection, 2, "b"), Ok(3));
    }
}

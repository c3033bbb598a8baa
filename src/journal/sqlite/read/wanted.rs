//! Which topics a filter takes, as numbers: chunks and spans are passed over by them.

use rusqlite::{Connection, OptionalExtension, params};

use crate::event::{Filter, Pattern};
use crate::journal::sqlite::upkeep::SpanIndex;

/// Names that are looked at for a filter. One that would need more of them looks at every chunk instead.
const NAMES_MAX: usize = 4096;

/// The numbers of a filter's topics, as far as there are any yet.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    filter: Option<Filter>,
    /// Sorted; `None`: every chunk has to be looked at.
    numbers: Option<Vec<u64>>,
    /// Topics up to this number were looked at.
    to: u64,
    /// The span that was read last, for these numbers.
    span: Option<SpanIndex>,
}

impl Wanted {
    /// Brings it up to date, within a transaction.
    pub(super) fn update(
        &mut self,
        connection: &Connection,
        filter: &Filter,
    ) -> rusqlite::Result<()> {
        let is_known = self.filter.as_ref() == Some(filter);
        // Everybody who takes everything reads everything: nothing is looked up.
        if filter.is_all() {
            if !is_known {
                self.look_everywhere(filter);
            }
            return Ok(());
        }
        let sql = "SELECT ifnull(max(id), 0) FROM topic";
        let mut last = connection.prepare_cached(sql)?;
        let last = last.query_row([], |row| row.get::<_, i64>(0))? as u64;
        if is_known && (self.to == last || self.numbers.is_none()) {
            return Ok(());
        }
        let new = last.saturating_sub(self.to);
        if is_known && new <= NAMES_MAX as u64 {
            self.add(connection, filter)?;
        } else {
            self.numbers = look_up(connection, filter, last)?;
        }
        self.to = last;
        self.filter = Some(filter.clone());
        self.span = None;
        Ok(())
    }

    /// Gives up on numbers: they cannot be read.
    pub(super) fn look_everywhere(&mut self, filter: &Filter) {
        *self = Self::default();
        self.filter = Some(filter.clone());
    }

    pub(super) fn numbers(&self) -> Option<&[u64]> {
        self.numbers.as_deref()
    }

    /// Returns the span that has an offset, with the chunks that have any of these topics.
    pub(super) fn span(
        &mut self,
        connection: &Connection,
        offset: u64,
    ) -> rusqlite::Result<Option<&SpanIndex>> {
        let Some(numbers) = &self.numbers else {
            return Ok(None);
        };
        let is_known = |span: &&SpanIndex| (span.first..=span.last).contains(&offset);
        if self.span.as_ref().filter(is_known).is_none() {
            self.span = SpanIndex::find(connection, offset, numbers)?;
        }
        Ok(self.span.as_ref())
    }

    /// Adds the topics that came since.
    fn add(&mut self, connection: &Connection, filter: &Filter) -> rusqlite::Result<()> {
        let sql = "SELECT id, name FROM topic WHERE id > ?1 ORDER BY id";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([self.to as i64])?;
        let numbers = self.numbers.get_or_insert_default();
        while let Some(row) = rows.next()? {
            if filter.matches(row.get_ref(1)?.as_str()?) {
                numbers.push(row.get::<_, i64>(0)? as u64);
            }
        }
        Ok(())
    }
}

/// Finds the topics of a filter: by name where it has no wildcard, else among those that begin as it does.
fn look_up(
    connection: &Connection,
    filter: &Filter,
    last: u64,
) -> rusqlite::Result<Option<Vec<u64>>> {
    let mut left = NAMES_MAX;
    let mut numbers = Vec::new();
    // Neither the table nor its index has checksums. Where there are few names both are asked, so that what is damaged in
    // one of them hides no topic.
    if last <= NAMES_MAX as u64 {
        let sql = "SELECT id, name FROM topic NOT INDEXED LIMIT ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([NAMES_MAX as i64])?;
        while let Some(row) = rows.next()? {
            if filter.matches(row.get_ref(1)?.as_str()?) {
                numbers.push(row.get::<_, i64>(0)? as u64);
            }
        }
    }
    for pattern in filter.patterns() {
        if pattern.is_literal() {
            let sql = "SELECT id FROM topic WHERE name = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_row([pattern.as_str()], |row| row.get::<_, i64>(0));
            numbers.extend(found.optional()?.map(|number| number as u64));
        } else if !range(connection, pattern, &mut left, &mut numbers)? {
            return Ok(None);
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Some(numbers))
}

/// Adds the topics of a pattern; returns whether that was possible within what is left to look at.
fn range(
    connection: &Connection,
    pattern: &Pattern,
    left: &mut usize,
    numbers: &mut Vec<u64>,
) -> rusqlite::Result<bool> {
    let text = pattern.as_str();
    let wildcard = text
        .split('.')
        .position(|segment| matches!(segment, "*" | ">"));
    let fixed = text.split('.').take(wildcard.unwrap_or(0));
    let prefix: String = fixed.flat_map(|segment| [segment, "."]).collect();
    // Names that begin so are those from the prefix up to where its dot has become the next character.
    let behind = match prefix.strip_suffix('.') {
        Some(fixed) => format!("{fixed}/"),
        None => char::MAX.to_string(),
    };
    let sql = "SELECT id, name FROM topic WHERE name >= ?1 AND name < ?2 LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![prefix, behind, *left as i64 + 1])?;
    while let Some(row) = rows.next()? {
        let Some(rest) = left.checked_sub(1) else {
            return Ok(false);
        };
        *left = rest;
        if pattern.matches(row.get_ref(1)?.as_str()?) {
            numbers.push(row.get::<_, i64>(0)? as u64);
        }
    }
    Ok(true)
}

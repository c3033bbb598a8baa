//! The rows that endpoints and made connections are kept as, and how they are read back.

use std::time::Duration;

use serde::Serialize;

use crate::event::Filter;
use crate::gateway::encode::{Compression, CompressionFor};
use crate::gateway::stream::options::{StreamOptions, policy, policy_name};
use crate::hub::Hub;
use crate::journal::{JournalError, StateError};
use crate::json::Members;

/// The version of rows that is written, and the newest that is read.
const VERSION: u32 = 1;
/// Rows read in one go.
const PIECE: usize = 256;

/// The tables of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Table {
    /// Endpoints, by path.
    Endpoints,
    /// Made connections, by id.
    Connections,
}

impl Table {
    /// The name that the journal has it by.
    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::Connections => "connections",
        }
    }
}

/// The offer of an endpoint or of a made connection, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Row {
    pub(in crate::gateway) filter: Filter,
    pub(in crate::gateway) options: StreamOptions,
}

/// The form of a row.
#[derive(Serialize)]
struct Written {
    version: u32,
    topics: Vec<String>,
    heartbeat_ms: u64,
    retry_ms: u64,
    max_age_ms: u64,
    hold_ms: u64,
    buffer: usize,
    slow: String,
    compression: String,
    compression_for: String,
}

/// Its members. One that this version does not know is an error: it would mean something.
const MEMBERS: [&str; 10] = [
    "version",
    "topics",
    "heartbeat_ms",
    "retry_ms",
    "max_age_ms",
    "hold_ms",
    "buffer",
    "slow",
    "compression",
    "compression_for",
];

impl Row {
    pub(super) fn write(&self) -> Vec<u8> {
        let ms = |time: Duration| time.as_millis() as u64;
        let options = &self.options;
        let patterns = self.filter.patterns().iter();
        let written = Written {
            version: VERSION,
            topics: patterns
                .map(|pattern| pattern.as_str().to_owned())
                .collect(),
            heartbeat_ms: ms(options.heartbeat),
            retry_ms: ms(options.retry),
            max_age_ms: ms(options.max_age),
            hold_ms: ms(options.hold),
            buffer: options.buffer,
            slow: policy_name(options.slow).to_owned(),
            compression: options.compression.name().to_owned(),
            compression_for: options.compression_for.name().to_owned(),
        };
        // Numbers and texts, which always can be written.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Result<Self, String> {
        let members = Members::read(bytes).map_err(|error| error.to_string())?;
        let member = |name: &str| {
            members
                .get(name)
                .ok_or_else(|| format!("{name}: is missing"))
        };
        let number = |name: &str| {
            let number = member(name)?.whole();
            number.ok_or_else(|| format!("{name}: is no whole number"))
        };
        // First: another version has other members.
        let version = number("version")?;
        if version > u64::from(VERSION) {
            return Err(format!("version {version} is newer than {VERSION}"));
        }
        if let Some((name, _)) = members.iter().find(|(name, _)| !MEMBERS.contains(name)) {
            return Err(format!("unknown field {name}"));
        }
        let ms = |name: &str| number(name).map(Duration::from_millis);
        let word = |name: &str| {
            let word = member(name)?.string();
            word.ok_or_else(|| format!("{name}: is no text"))
        };
        let topics = member("topics")?.strings();
        let topics = topics.ok_or_else(|| "topics: is no list of texts".to_owned())?;
        let filter = Filter::parse(&topics).map_err(|e| format!("topics: {e}"))?;
        let of = |name: &str, value: &str| format!("{name}: {value:?} is not known");
        let (slow, codec, whom) = (
            word("slow")?,
            word("compression")?,
            word("compression_for")?,
        );
        let options = StreamOptions {
            heartbeat: ms("heartbeat_ms")?,
            compression: Compression::parse(&codec).ok_or_else(|| of("compression", &codec))?,
            compression_for: CompressionFor::parse(&whom)
                .ok_or_else(|| of("compression_for", &whom))?,
            retry: ms("retry_ms")?,
            slow: policy(&slow).ok_or_else(|| of("slow", &slow))?,
            buffer: usize::try_from(number("buffer")?).unwrap_or(usize::MAX),
            hold: ms("hold_ms")?,
            max_age: ms("max_age_ms")?,
        };
        Ok(Self { filter, options })
    }
}

/// A row that cannot be had, or is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct BadRow {
    /// `None`: the table could not be read to its end.
    pub(in crate::gateway) key: Option<String>,
    pub(in crate::gateway) reason: String,
}

/// Hands over the rows of a table that a hub's journal keeps, by key; none where it has no journal.
///
/// # Errors
///
/// The first row that cannot be read, or that `take` refuses.
pub(in crate::gateway) fn load(
    hub: &Hub,
    table: Table,
    mut take: impl FnMut(&str, Row) -> Result<(), String>,
) -> Result<(), BadRow> {
    let Some(journal) = hub.journal() else {
        return Ok(());
    };
    let of_journal = |error: JournalError| BadRow {
        key: None,
        reason: error.to_string(),
    };
    let of_state = |error: StateError| BadRow {
        key: None,
        reason: error.to_string(),
    };
    let mut reader = journal.view().reader().map_err(of_journal)?;
    let mut from = Vec::new();
    loop {
        let mut rows = Ok(Vec::new());
        let look = &mut |tx: &mut dyn crate::journal::StateTx| {
            rows = tx.scan(table.name(), &from, PIECE);
        };
        reader.state(look).map_err(of_journal)?;
        let rows = rows.map_err(of_state)?;
        for (key, value) in &rows {
            let text = String::from_utf8_lossy(key);
            let taken = Row::read(value).and_then(|row| take(&text, row));
            taken.map_err(|reason| BadRow {
                key: Some(text.into_owned()),
                reason,
            })?;
        }
        let Some((last, _)) = rows.last().filter(|_| rows.len() == PIECE) else {
            return Ok(());
        };
        // The key right behind it.
        from = [last, &[0][..]].concat();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::stream::options::StreamOptions;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let row = Row {
            filter: Filter::parse(["a.>", "b"]).unwrap(),
            options: StreamOptions::default()
                .heartbeat(Duration::from_millis(1500))
                .buffer(4096)
                .hold(Duration::from_millis(3)),
        };
        assert_eq!(Row::read(&row.write()), Ok(row));
        let all = Row {
            filter: Filter::all(),
            options: StreamOptions::default(),
        };
        assert_eq!(Row::read(&all.write()), Ok(all));
    }

    #[test]
    fn what_is_no_row_is_told() {
        let row = Row {
            filter: Filter::all(),
            options: StreamOptions::default(),
        };
        let text = String::from_utf8(row.write()).unwrap();
        for (from, to, told) in [
            (r#""version":1"#, r#""version":2"#, "version 2 is newer"),
            (r#""version":1"#, r#""version":1,"x":1"#, "unknown field"),
            (r#""slow":"catch-up""#, r#""slow":"x""#, "slow: "),
            ("[\">\"]", "[\"a..b\"]", "topics: "),
            ("{", "", ""),
        ] {
            assert!(text.contains(from), "{text}");
            let error = Row::read(text.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}

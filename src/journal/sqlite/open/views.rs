//! Views for people with the `sqlite3` shell: what the tables have in numbers and bytes, in words.
//!
//! Nothing here reads them. They are made anew at open where they are not what this version says.

use rusqlite::{Connection, OptionalExtension};

/// Name and statement of each view.
fn views() -> Vec<(&'static str, String)> {
    let body = "length(body) AS bytes, count >> 32 AS inflated_bytes";
    let chunk = format!(
        "first, last, prev, count & 0xffffffff AS events, {} AS recorded_first, {} AS recorded_last, {body}, {} AS topics",
        time("recorded_first"),
        time("recorded_last"),
        topics("chunk"),
    );
    let part = |of: &str| format!("CAST({of} AS TEXT)");
    let name = "CAST(stream.name AS BLOB)";
    let end = format!("instr({name}, x'00')");
    let stream = format!(
        "id, {} AS type, {} AS name, (SELECT max(version) FROM stream_version WHERE stream = id) AS version, \
         (SELECT count(*) FROM stream_version WHERE stream = id) AS events, \
         (SELECT offset FROM stream_version WHERE stream = id ORDER BY version DESC LIMIT 1) AS last",
        part(&format!("substr({name}, 1, {end} - 1)")),
        part(&format!("substr({name}, {end} + 1)")),
    );
    let span = format!(
        "first, last, (SELECT count(*) FROM chunk WHERE chunk.first BETWEEN span.first AND span.last) AS chunks, {} AS topics",
        topics("span"),
    );
    let hole = "first, last, CASE reason WHEN 1 THEN 'crash' WHEN 2 THEN 'retention' WHEN 3 THEN 'aborted' \
                WHEN 4 THEN 'indeterminate' WHEN 5 THEN 'memory' ELSE 'damaged' END AS reason";
    let floor = "iif(floor.topic = 0, '(all)', name) AS topic, retained, retained_streams, truncated, truncated_streams";
    // `1 POSITION MILLISECONDS`, in ASCII.
    let line = "CAST(value AS TEXT)";
    let space = format!("instr(substr({line}, 3), ' ')");
    let is_known = format!("{line} LIKE '1 % %'");
    let checkpoint = format!(
        "{} AS name, CASE WHEN {is_known} THEN substr({line}, 3, {space} - 1) END AS position, \
         CASE WHEN {is_known} THEN {} END AS saved",
        part("key"),
        time(&format!("substr({line}, 3 + {space})")),
    );
    let hold = format!(
        "{} AS name, {} AS position, {} AS set_at",
        part("key"),
        little_end_first("value", 2),
        time(&little_end_first("value", 10)),
    );
    [
        ("v_chunk", chunk, "chunk"),
        ("v_topic", "id, name".to_owned(), "topic"),
        ("v_stream", stream, "stream"),
        ("v_span", span, "span"),
        ("v_hole", hole.to_owned(), "hole"),
        (
            "v_floor",
            floor.to_owned(),
            "floor LEFT JOIN topic ON topic.id = floor.topic",
        ),
        (
            "v_checkpoint",
            checkpoint,
            "state WHERE state.name = 'checkpoints'",
        ),
        ("v_hold", hold, "state WHERE state.name = 'holds'"),
    ]
    .map(|(name, columns, from)| {
        (
            name,
            format!("CREATE VIEW {name} AS SELECT {columns} FROM {from}"),
        )
    })
    .into()
}

/// Makes the views that are missing or are those of another version.
pub(super) fn ensure(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ?1";
    let mut statement = connection.prepare(sql)?;
    for (name, create) in views() {
        let found = statement.query_row([name], |row| row.get::<_, String>(0));
        if found.optional()?.is_some_and(|found| found == create) {
            continue;
        }
        connection.execute_batch(&format!("DROP VIEW IF EXISTS {name}; {create}"))?;
    }
    Ok(())
}

/// A time in milliseconds since 1970 as text.
fn time(milliseconds: &str) -> String {
    format!("strftime('%Y-%m-%dT%H:%M:%fZ', {milliseconds} / 1000.0, 'unixepoch')")
}

/// A byte as a number: SQL has no function for that.
fn byte(blob: &str, at: &str) -> String {
    let digit = |at: usize, of: &str| {
        format!("instr('123456789ABCDEF', substr(hex(substr({blob}, {of}, 1)), {at}, 1))")
    };
    format!("({} * 16 + {})", digit(1, at), digit(2, at))
}

fn little_end_first(blob: &str, at: usize) -> String {
    let bytes = (0..8).map(|byte_at| {
        let byte = byte(blob, &(at + byte_at).to_string());
        format!("({byte} << {})", 8 * byte_at)
    });
    format!("({})", bytes.collect::<Vec<_>>().join(" | "))
}

/// The names of the topics of a row, whose numbers are differences in LEB128.
fn topics(table: &str) -> String {
    let (first, next) = (
        byte(&format!("{table}.topics"), "1"),
        byte(&format!("{table}.topics"), "at + 1"),
    );
    format!(
        "(SELECT group_concat(name, ' ') FROM (WITH RECURSIVE step(at, byte, part, shift, number, is_number) AS \
         (SELECT 1, {first}, 0, 0, 0, 0 UNION ALL SELECT at + 1, {next}, \
         iif(byte < 128, 0, part + ((byte & 127) << shift)), iif(byte < 128, 0, shift + 7), \
         iif(byte < 128, number + part + (byte << shift), number), byte < 128 \
         FROM step WHERE at <= length({table}.topics)) \
         SELECT topic.name FROM step JOIN topic ON topic.id = number WHERE is_number ORDER BY topic.name))"
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::event::Event;
    use crate::journal::sqlite::files::tests::Directory;
    use crate::journal::{CommitRound, Hole, HoleReason, JournalCompression, holds};
    use crate::journal::{Journal, RoundEvent, SqliteJournal, SqliteOptions, StateWork};

    fn filled(directory: &Directory) {
        let options = SqliteOptions::default().compression(JournalCompression::Deflate);
        let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
        for offset in 1..=400 {
            let mut event = Event::builder(&format!("t.{}", offset % 200), "t");
            if offset % 100 == 0 {
                event.stream("order", "ä 7", None);
            }
            let event = event
                .json(&format!("[{}]", "0,".repeat(200) + "1"))
                .build()
                .unwrap();
            let mut round = CommitRound::default();
            let recorded = 1_700_000_000_123 + offset as i64;
            let mut taken = RoundEvent::new(offset, recorded, event.as_ref());
            taken.version = (offset % 100 == 0).then_some(offset / 100);
            round.events.push(taken);
            if offset == 7 {
                round.holes.push(Hole::new(900..1_000, HoleReason::Aborted));
                round.work.push(StateWork::new(Box::new(|tx| {
                    holds::set(tx, "billing", 0x1122_3344_5566, 1_700_000_000_000)?;
                    tx.put(
                        "checkpoints",
                        b"mails",
                        b"1 00000000000000a7-42 1700000000000",
                    )?;
                    tx.put("checkpoints", b"newer", b"2 something else")
                })));
            }
            journal.commit(&mut round).unwrap();
            while journal.maintain(std::time::Instant::now()) == Some(std::time::Duration::ZERO) {}
        }
        journal.close().unwrap();
    }

    #[test]
    fn tables_are_readable_for_people() {
        let directory = Directory::new("views");
        filled(&directory);
        let path = directory.path().join("journal.sqlite");
        let connection = Connection::open(&path).unwrap();
        let lines = |sql: &str| {
            let mut statement = connection.prepare(sql).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            let mut lines = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                let cells = (0..columns).map(|at| match row.get_ref(at).unwrap() {
                    rusqlite::types::ValueRef::Null => "-".to_owned(),
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    value => value.as_str().unwrap().to_owned(),
                });
                lines.push(cells.collect::<Vec<_>>().join("|"));
            }
            lines
        };
        let sql = "SELECT min(first), max(last), sum(events), max(inflated_bytes > 3 * bytes) FROM v_chunk";
        assert_eq!(lines(sql), ["1|400|400|1"]);
        let sql = "SELECT recorded_first, recorded_last FROM v_chunk ORDER BY first LIMIT 1";
        assert!(lines(sql)[0].starts_with("2023-11-14T22:13:20.124Z|2023-11-14T22:13:20."));
        let sql = "SELECT topics FROM v_chunk ORDER BY first LIMIT 1";
        let mut expected: Vec<String> = (0..200).map(|n| format!("t.{n}")).collect();
        expected.sort();
        let found = lines("SELECT topics FROM v_chunk");
        assert!(lines(sql)[0].starts_with("t.1 t.10"), "{sql}");
        let mut found: Vec<&str> = found.iter().flat_map(|line| line.split(' ')).collect();
        found.sort();
        found.dedup();
        assert_eq!(found, expected);
        assert_eq!(
            lines("SELECT count(*), max(name) FROM v_topic"),
            ["200|t.99"]
        );
        assert_eq!(lines("SELECT * FROM v_stream"), ["1|order|ä 7|4|4|400"]);
        assert_eq!(lines("SELECT * FROM v_hole"), ["900|999|aborted"]);
        let checkpoints = [
            "mails|00000000000000a7-42|2023-11-14T22:13:20.000Z",
            "newer|-|-",
        ];
        assert_eq!(
            lines("SELECT * FROM v_checkpoint ORDER BY name"),
            checkpoints
        );
        let hold = "billing|18838586676582|2023-11-14T22:13:20.000Z";
        assert_eq!(lines("SELECT * FROM v_hold"), [hold]);
        assert_eq!(lines("SELECT * FROM v_span"), [""; 0]);
        let floors = "INSERT INTO floor VALUES(0, 7, 6, 5, 4, 0), (1, 3, 0, 9, 0, 0)";
        connection.execute_batch(floors).unwrap();
        let floors = ["(all)|7|6|5|4", "t.1|3|0|9|0"];
        assert_eq!(lines("SELECT * FROM v_floor"), floors);

        // What the guide shows.
        let by_day = "SELECT substr(recorded_first, 1, 10) AS day, sum(events), sum(bytes) > 0 FROM v_chunk GROUP BY day";
        assert_eq!(lines(by_day), ["2023-11-14|400|1"]);
        let of_topic = "SELECT max(last) FROM v_chunk WHERE ' ' || topics || ' ' LIKE '% t.7 %'";
        assert!(lines(of_topic)[0].parse::<u64>().unwrap() >= 207);

        // Those of another version give way.
        let old = "DROP VIEW v_hole; CREATE VIEW v_hole AS SELECT 1";
        connection.execute_batch(old).unwrap();
        ensure(&connection).unwrap();
        assert_eq!(lines("SELECT last FROM v_hole"), ["999"]);
    }

    /// The shell may be older than the library that wrote the file.
    #[test]
    #[allow(clippy::print_stderr, reason = "says that it is skipped")]
    fn the_shell_shows_them() {
        let directory = Directory::new("views-shell");
        filled(&directory);
        let path = directory.path().join("journal.sqlite");
        for (view, _) in views() {
            let sql = format!("SELECT count(*) FROM (SELECT * FROM {view})");
            let shell = Command::new("sqlite3")
                .arg("-readonly")
                .arg(&path)
                .arg(sql)
                .output();
            let Ok(shell) = shell else {
                eprintln!("skipped: no sqlite3");
                return;
            };
            let error = String::from_utf8_lossy(&shell.stderr);
            assert!(
                shell.status.success() && error.is_empty(),
                "{view}: {error}"
            );
        }
    }
}

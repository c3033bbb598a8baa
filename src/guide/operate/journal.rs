//! The journal of a server: where events outlive the process, how safe they are, and what a full or broken disk does.
//!
//! `eventring serve` keeps a journal in `./eventring-data`, or in the folder of `--data`. Its first line says where and how
//! much:
//!
//! ```text
//! journal /var/lib/eventring: 81200 events in 23.4 MiB, the oldest of 2026-11-30T09:00:00Z; durability durable; keeps at most 10.0 GiB
//! listening on http://127.0.0.1:8080
//! dashboard http://127.0.0.1:8080/
//! ```
//!
//! After a restart, `kill -9` included, positions, topics with their settings, endpoints and made connections are what they
//! were, and a reader that comes back with an id of before goes on behind it.
//!
//! # How safe
//!
//! A publish is answered, and readers see its events, once they are as safe as their *durability* says:
//!
//! | durability | an event is | it survives | it costs |
//! | --- | --- | --- | --- |
//! | `durable` (default) | flushed to the disk | a loss of power | a flush of the disk, which all publishes of that moment share |
//! | `buffered` | written, and flushed within 20 ms | `kill -9` | a write |
//! | `none` | in memory | nothing | nothing |
//!
//! `--durability` is for topics that say nothing; `PUT /api/v1/topics/T` with `{"durability": "none"}` is for one topic, and
//! `?durability=durable` at a publish raises it for that request. Readers of events that are lost with the process are told by
//! a `gap`. `--memory` keeps no journal: everything ends with the process, and readers are told by a `reset`
//! ([`resume`](super::super::resume)).
//!
//! # The folder
//!
//! It is made for its owner alone (mode 0700), and is one server's at a time: a second one ends with exit code 2, and names the
//! folder and the process that has it. It belongs on a local disk; on a network file system neither locks nor flushes can be
//! relied upon. To take a copy, run [`eventring journal backup`](super::journal_commands) beside it, or stop the server and copy the whole folder: a copy is another log, with an epoch of its own, so
//! that the ids of one are never taken for those of the other.
//!
//! A folder that cannot be written, a database of another program, and one that a newer version has written are exit code 2,
//! too, with the path and the reason; nothing in them is changed.
//!
//! # How much is kept
//!
//! | flag | default | what goes |
//! | --- | --- | --- |
//! | `--retention-bytes` | 10G | the oldest events, once the folder has more; `none`: no bound |
//! | `--retention-age` | any age | events that were taken longer ago, as `12h` or `7d` |
//! | `--retention-events` | any number | the oldest events, once there are more |
//!
//! The first line says the bounds, the log says when the first events go, and `eventring_journal_removed_events_total` counts
//! them. Nobody's events go by surprise: who resumes before what is left is told by a `gap`, `retention`, once of all that went. Events with a stream
//! stay, and so does what somebody holds; where they alone take more than `--retention-bytes`, publishing is refused with 507
//! and `/health/ready` says why. Topics have bounds of their own ([`topics`](super::super::program::topics)),
//! 4,096 of them; a further one is refused with 409. `eventring_journal_topics_not_taken` counts those whose kept settings the
//! journal does not keep to, and the log names one.
//! `--journal-compression deflate` makes room for more.
//!
//! # Compressed events
//!
//! With [`SqliteOptions::compression`](crate::journal::SqliteOptions) set to
//! [`Deflate`](crate::journal::JournalCompression::Deflate) events are deflated some time after they were written, about 58 KB of
//! them at a time, where that saves an eighth at least. JSON takes up a third of the space; what is compressed or encrypted
//! already stays as it is. It costs the journal's thread about twice as much again as writing, and a look at one event some 50 µs more.
//! It can be switched on and off: what is there stays as it is, and either is read.
//!
//! # The newest of each key
//!
//! A topic with `{"compact": "/subject"}` (or `/data/id`, or any JSON pointer into an event) keeps the newest event of each key:
//! its history is then as long as there are keys, and whoever reads it from the beginning ends with the state of each.
//! [`Compact`](crate::journal::Compact) in a [`TopicPolicy`](crate::journal::TopicPolicy) says the same to a journal. An event
//! without data says that its key is gone; it goes itself after `tombstone_age_ms`, a day by default, so that a reader has as long
//! to notice. Events without the key stay, and so do those of a stream unless `journal_streams`.
//!
//! It is done some time later, in passes, as new events come: until then readers see older ones, too, and nobody is told of those
//! that have gone. Passes read at most eight rows for each that is written (`eventring_journal_compaction_rows_total`), so that a
//! topic with very many keys, millions by default, is compacted in parts (`eventring_journal_compaction_parts_total` rises):
//! readers come to the same state, and older events of a key may stay. `SqliteOptions::compact_keys` lets an embedded journal
//! have more keys in memory. An event that is damaged cannot be judged: it stays, and so does every event without data from then on.
//!
//! # A look with `sqlite3`
//!
//! The journal is a SQLite database, and may be read beside a running server with `sqlite3 -readonly journal.sqlite` (3.37 or
//! later). Times, counts and names are in views; everything else is in the [commands](crate::guide::operate), which check what
//! they read. Write nothing to it.
//!
//! | view | a row is | columns |
//! | --- | --- | --- |
//! | `v_chunk` | a run of events, kept together | `first`, `last`, `prev`, `events`, `recorded_first`, `recorded_last`, `bytes`, `inflated_bytes` (0: not compressed), `topics` |
//! | `v_topic` | a topic that had an event | `id`, `name` |
//! | `v_stream` | a stream | `id`, `type`, `name`, `version`, `events`, `last` |
//! | `v_span` | 1,024 chunks and their topics | `first`, `last`, `chunks`, `topics` |
//! | `v_hole` | a range that is missing, and is told | `first`, `last`, `reason` |
//! | `v_floor` | the offsets below which events have gone, of a topic or of `(all)` | `topic`, `retained`, `retained_streams`, `truncated`, `truncated_streams` |
//! | `v_checkpoint` | a checkpoint | `name`, `position`, `saved` |
//! | `v_hold` | what somebody still needs | `name`, `position`, `set_at` |
//!
//! | question | statement |
//! | --- | --- |
//! | events and bytes by day | `SELECT substr(recorded_first, 1, 10) AS day, sum(events), sum(bytes) FROM v_chunk GROUP BY day` |
//! | where a topic's newest events are | `SELECT max(last) FROM v_chunk WHERE ' ' \|\| topics \|\| ' ' LIKE '% orders.eu %'` |
//!
//! # A full disk, a broken one
//!
//! | what happens | publishes that are to be kept | `none` | readers | `/health/ready` |
//! | --- | --- | --- | --- | --- |
//! | no room | 507, until there is room: it is tried again by itself | go on | go on | 503 with the reason, until there is room |
//! | a flush or write fails | refused until the server is started again | go on | go on | 503 with the reason |
//! | a flush takes more than 10 s | wait; those that waited so long are told that nobody knows | wait | go on | 503 with the reason |
//!
//! A publish that is answered with an error other than these was not published; one whose connection ends without an answer is
//! there as a whole or not at all. `/health/live` stays 200 in all of these.
//!
//! # The end
//!
//! SIGTERM flushes and closes the journal within `--stop-timeout`, and the last line of the log says so, or how many events
//! are left that it does not have; the exit code is 3 then. `kill -9` needs no repair: the next start takes a moment more.

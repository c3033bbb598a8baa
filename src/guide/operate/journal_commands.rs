//! The commands of the journal: looking into it, checking it, copying it, taking events out and in, mending it.
//!
//! `eventring journal COMMAND --data DIR` works on the folder that a server was started with; without `--data` that is
//! `./eventring-data`, or what `EVENTRING_DATA` says.
//!
//! | command | what it does | beside a running server |
//! | --- | --- | --- |
//! | `info` | says what is in it: epoch, first and last event, times, topics, streams, what is missing, and bytes by the reason why they are kept | yes |
//! | `verify` | checks every row, and with `--deep` every event and page; damage is printed by offset, exit code 1 | yes |
//! | `export` | writes events as lines of CloudEvents JSON | yes |
//! | `backup` | copies all of it into a new folder | yes |
//! | `import` | takes an export | no |
//! | `scavenge` | removes what has gone from the files; `--erase` leaves no byte of it | no |
//! | `repair` | makes a damaged journal anew of what can be read | no |
//!
//! The first four change nothing: neither a file nor a lock that a server would wait for. They show what was there when they
//! began, on a journal that was stopped, killed or is running. Only where a log of writes (`-wal`) lies there without the
//! index beside it (`-shm`), SQLite makes one. `info` and `verify` print JSON with `--json`. The others end with exit code 2
//! while a server has the folder, and name its process.
//!
//! # Backup and restore
//!
//! ```sh
//! eventring journal backup --data /var/lib/eventring /mnt/backup/2026-11-30
//! eventring journal verify --data /mnt/backup/2026-11-30 --deep
//! eventring serve --data /mnt/backup/2026-11-30
//! ```
//!
//! The copy is of one moment, is flushed when the command ends, and has everything: events, topics, endpoints, checkpoints.
//! While it is made, the log of writes of a running server cannot begin anew, and grows by what is written. A copy that is
//! opened is a log of its own with a new epoch: whoever comes back with a position of the old one is told by a `reset`
//! ([`resume`](super::super::resume)), and never given other events for it. Until it is whole its file has another name
//! (`journal.sqlite.part`), so that a backup that was killed is no journal. Where a server starts while the files of a stopped one are
//! copied, the copy is made again from the beginning.
//!
//! # Export and import
//!
//! ```sh
//! eventring journal export events.ndjson
//! eventring journal import --data ./restored events.ndjson
//! eventring journal export --topic orders.eu --since 2026-11-30T09:00:00Z |
//!     eventring publish --topic orders.eu --format cloudevents
//! ```
//!
//! An export has one event a line, in structured CloudEvents JSON, as any tool reads it. What a journal knows of an event
//! stands in attributes that begin with `eventring` (`eventringposition`, `eventringrecorded`, …), so that `import` gives the
//! event back as it was: number, time, batch, version of its stream, the data to the byte. A first and a last line that are no
//! events say that the export is whole; `publish` passes over them. State is not in it: topics' settings, endpoints and checkpoints go by `backup`.
//!
//! Into a journal without events the export goes as it was, under the epoch of that journal. One that has events refuses it:
//! positions of another log mean nothing there. With `--append` its events get new numbers behind those that are there; their
//! times do not go back, and a stream goes on only where its versions do.
//!
//! An import that breaks off (a full disk, a kill, a bad line) leaves whole batches, and says how many events were taken; the
//! same command goes on behind them. An export that was cut off is told with the line and the byte, and `--partial` takes what is
//! there; one that was taken to its end is not taken twice but with `--again`. Two exports in one input are an error behind the first
//! one. Events that were recorded later than now (by ten minutes) are refused, since every later event would count as recorded then:
//! `--from-future` takes them. Nothing of the journal's own goes by a bound while it takes an export.
//!
//! An export ends with exit code 1, and says which events, where some are damaged or where an end that was flushed is lost.
//!
//! # Room
//!
//! What retention and truncation let go is out of reach for readers at once, and its bytes go bit by bit while a server runs;
//! `scavenge` does all of it now. `--retention-bytes`, `--retention-age` and `--retention-events` let more go before. The file does
//! not get smaller: free pages are used again. With `--erase` the database is written anew, and no byte of what has gone is left in
//! any file of the folder, but for the names of streams: their versions go on. What a file system with snapshots, a disk that moves
//! blocks, or a backup has kept is out of its reach.
//!
//! # Repair
//!
//! ```sh
//! eventring journal verify --deep
//! eventring journal repair
//! eventring journal repair --apply
//! ```
//!
//! A server starts on a damaged journal, too: what cannot be read is told to readers, and the rest goes on. `repair` is for
//! getting rid of the damage, and without `--apply` only says what there is. With it, everything that can be read is copied into
//! a new database (topics and versions of streams from the events where their tables have lost them), ranges that cannot be read are
//! written down, and the new database takes the place of the old one. The epoch stays. Nothing is deleted: the files that were
//! there lie in `repair-TIME` within the folder, until you remove them; there has to be room for both. One of which not even the end can
//! be read is refused: restore a backup. Killed while it exchanges the files, it leaves a file `repairing`, and nothing opens the
//! journal until `repair`, given again, has ended it. Exit code 1 says that a table was not whole, and what that means: checkpoints
//! that are missing, deleted events that are there again.
//!
//! `--rebase-clock` is for a clock that was ahead. Times of a journal never go back, so that all events to come would be of
//! that future: those that are count as taken now, in a log with a new epoch.

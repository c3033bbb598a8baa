//! From the shell: publishing the lines of a file, watching a stream, and the same with curl.
//!
//! `publish` sends each line of a file or a pipe as one event, in order; `tail` prints them.
//!
//! ```sh
//! eventring serve &
//! eventring tail --topic 'orders.>' &
//! eventring publish --topic orders.eu orders.ndjson
//! tail -f service.log | eventring publish --topic logs.service
//! ```
//!
//! What a line is, `--format` says. The bytes of the line are the event's data, unchanged.
//!
//! | `--format` | a line is |
//! | --- | --- |
//! | `ndjson` | one JSON value; blank lines are skipped |
//! | `lines` | text; a blank line is an event without text |
//! | `cloudevents` | a whole event in CloudEvents JSON |
//! | `auto` (default) | `ndjson` for `*.ndjson`, `*.jsonl` and input that starts with an object or an array, else `lines` |
//!
//! The end of a line is LF or CR LF. A bad line is named on stderr: with `--on-error stop` (the
//! default) the lines before it are published and nothing behind it, with `--on-error skip` it is
//! left out; the exit code is 1 either way. A request holds up to `--batch` lines, published whole or
//! not at all, and up to `--in-flight` requests are sent ahead of their answers; with `--in-flight 1`
//! nothing behind a line that only the server refuses is ever published. What was sent without an
//! answer is reported and never sent twice.
//!
//! `tail` reconnects by itself, waits longer after each failure, and goes on after the last event it
//! had. `--ws` reads over a WebSocket instead; the output is the same. Gaps are told on stderr. `--from beginning` starts with what is kept, `--count N` ends after
//! N events, `--format sse` or `cloudevents` prints more than the data.
//!
//! `history` prints what was published before and ends: the oldest first or, with `--order desc`, the newest; `--limit` of
//! them (100), or `--all`. Its times are those at which the server took the events.
//!
//! ```sh
//! eventring history --topic 'orders.>' --since 2026-11-30T09:00:00Z --limit 1000
//! eventring history --all --format cloudevents > events.ndjson
//! ```
//!
//! With curl, an event is a request: any content type, attributes in `ce-` headers.
//!
//! ```sh
//! curl -H 'Content-Type: application/json' -d '{"n":1}' \
//!      http://127.0.0.1:8080/api/v1/topics/orders.eu/events
//! # {"first":"6z2k0e9m3qv1d-1","last":"6z2k0e9m3qv1d-1","count":1}
//! curl -H 'Content-Type: application/x-ndjson' --data-binary @orders.ndjson \
//!      'http://127.0.0.1:8080/api/v1/topics/orders.eu/events?atomic=false'
//! ```
//!
//! `application/cloudevents+json` and `application/cloudevents-batch+json` carry whole events.
//! `application/x-ndjson` carries one event's data a line: up to 1,000 lines, all or nothing, or any
//! number with `?atomic=false` and an answer for each line. Errors are `application/problem+json` and
//! name the field, the line or the byte.

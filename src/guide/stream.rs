//! The event stream: its parameters, and the events of its own that it has beside yours.
//!
//! `GET /api/v1/events/stream` takes these parameters:
//!
//! | parameter | meaning |
//! | --- | --- |
//! | `topic` | a name or a pattern, up to 64 of them; `*` is one segment, `>` is the rest; a topic that begins with `$` is taken only by its first segment (`$sys.>`) |
//! | `from` | `now` (default), `beginning`, or a position |
//! | `last-event-id` | as the header, for clients that cannot set one; `lastEventId` too, as polyfills spell it |
//! | `format` | `cloudevents`: the whole event as JSON; else `data:` is the payload |
//! | `framing` | `chunked` (default, each event one chunk: Python's `requests` reads other bodies by 512 bytes) or `close` |
//! | `last`, `since` | begin with the newest `N` events, or those that came since a time (RFC 3339), then go on live |
//! | `slow` | when too slow: `catch-up` (default, all that is kept), `gap`, `latest` (the newest of each topic), `disconnect` |
//! | `buffer` | bytes that the stream may be behind before `slow` is applied |
//! | `compression` | `gzip`, `brotli`, or `off`; browsers get gzip unasked, others by `--compression-for all` |
//!
//! Others are refused, with the name that was meant: a misspelt filter must not subscribe to everything.
//!
//! An event's `id:` is its position, `<epoch>-<number>`. A client that comes back sends it as
//! `Last-Event-ID`, as every browser does, and gets exactly what it missed. If that is not possible
//! it is told so, by an event of the server's own, and the stream goes on:
//!
//! | event | data | when |
//! | --- | --- | --- |
//! | `gap` | `reason`, `asked`, `earliest`, `missing`, `exact`, `from`, `to`, `missing_at_most` | some of it is no longer kept, or was left out because the client was slow |
//! | `reset` | `reason` (`junk`, `future`, `epoch`, `gone`), `asked`, `head` | the id means nothing here, as after a restart; `gone`: the endpoint or connection was of an earlier life |
//! | `disconnect` | `reason` (`too_slow`, `disconnected`, `removed`) | the server ends the connection; without an id, so that the client resumes where it was |
//!
//! Streams that are quiet get a comment every 15 seconds, with the newest id.

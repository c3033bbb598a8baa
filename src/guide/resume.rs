//! Resuming: ids, epochs, and what a client is told when it cannot have what it missed.
//!
//! The `id:` of every event on a stream is its [`Position`](crate::event::Position):
//!
//! ```text
//! id: 6z2k0e9m3qv1d-42
//! data: {"n":42}
//! ```
//!
//! The part before the dash is the **epoch**, the identity of the log: a hub in memory has a new one at
//! each start. The number is the **offset**. Clients treat the whole as opaque.
//!
//! A browser's `EventSource` sends the last id it saw as `Last-Event-ID` when it reconnects, and gets
//! everything after it, each event once, then the live stream. Nothing has to be written for this.
//! Clients that cannot set a header put it into the address: `?last-event-id=`, or as polyfills spell it, `lastEventId`,
//! `lastEventID`, `Last-Event-ID`, `last_event_id`, `evs_last_event_id`. The header beats the
//! parameter, of several parameters the last one counts (polyfills append theirs), and all beat `?from=`, so that an
//! address with `from=beginning` in it still resumes. Nothing, `null`, `undefined`, `None` and `nil` are no id, wherever
//! they stand: the stream begins as if none were given. Two headers that differ are a strange id (`junk`, below).
//! All of this holds for WebSocket handshakes, too.
//!
//! | `from=` | starts with |
//! | --- | --- |
//! | `now` (default) | the next event |
//! | `beginning` | the oldest that is kept |
//! | a position | the event after it |
//!
//! A stream can begin with a part of what is kept, and go on live: `last=20` with the newest twenty of its
//! filter, `since=2026-03-01T12:00:00Z` with the first event that came then or later. If some of that is gone
//! already, a `gap` says how many at most. One start at a time: two of `from`, `last` and `since` are refused,
//! and an id that the client remembers beats them all, so that coming back never begins anew.
//!
//! **`since` goes by when the server took an event**, not by the `time` that the event names, which may be anything.
//! That time is known to the millisecond where events come slowly; of a burst, `since` may begin with up to 255 events
//! that came before it, and never leaves one out that came after it. Times never go back, whatever the clock does. An
//! event's own `time` can be asked for in a program, as a filter
//! ([`Subscription::since`](crate::hub::Subscription::since)).
//!
//! # What it costs
//!
//! Looking back costs what it returns. The hub knows where the events of each topic stand, so that `last=`, `since=`, an
//! id and `from=beginning` of some topics do not look at those of others, and what many clients look for together is made
//! in parts (half a MiB a turn), between which live events go out. A pattern that takes more than 256 topics with events
//! that are kept is the exception: for it events are looked at one by one, in parts too, and `last=` looks at the newest
//! 65,536 of all topics; if it found fewer than were asked for, a `gap` says so. What was looked at is counted
//! (`eventring_looked_back_total`).
//!
//! # When it is not there any more
//!
//! The answer is 200 and a stream in any case: a browser gives up for good on anything else. The stream
//! begins with an event of the server's own.
//!
//! **`gap`**: some of what was asked for is gone.
//!
//! ```text
//! id: 6z2k0e9m3qv1d-136
//! event: gap
//! data: {"reason":"retention","asked":"6z2k0e9m3qv1d-5","earliest":"6z2k0e9m3qv1d-137","missing":131,"exact":true,
//!        "from":"6z2k0e9m3qv1d-6","to":"6z2k0e9m3qv1d-136","missing_at_most":131}
//! ```
//!
//! | `reason` | what happened |
//! | --- | --- |
//! | `retention` | the hub keeps less than the client was away or behind for |
//! | `overrun` | the server itself fell behind publishers in its process by more than the hub keeps |
//! | `oversize` | one event is too large for the frame log (a quarter of `frame_log_bytes`) |
//! | `malformed` | one event cannot be written as a frame: what is published is checked, so this does not happen |
//! | `slow` | the stream was slow and had asked for `slow=gap` |
//! | `coalesced` | the stream was slow and had asked for `slow=latest`: of `from` to `to` came the newest of each topic |
//! | `crash` | the process ended before the journal had them: events of topics that ask for no durability |
//! | `aborted` | their commit failed, as on a full disk, and they are not there: their publishers were told |
//! | `indeterminate` | their commit failed, and they may be there after a restart |
//! | `damaged` | the journal has them, and cannot read them |
//! | `memory` | some of the stream's topics are in memory only: of `from` to `to` those events do not come, at most so many; told before the first event from the journal, and again when publishers have outrun the stream since |
//!
//! With a journal what left memory comes from there, at the client's own pace, and then live: no gap, whatever is
//! published meanwhile, and none after a restart of what was acknowledged as durable. It is read by threads of the hub's own,
//! 64 KiB at a time, and [eight parts at once](super::operate::limits) for each reactor: who looks far back waits for others
//! who do, and nobody who is live waits for them. `from=beginning`, `last=` and `since=` reach into the journal as well.
//!
//! `missing` is exact for a stream of all topics (`exact` is true), and an upper bound behind a filter:
//! what is gone cannot be looked at any more. The id of a `gap` stands right before `earliest` (that of a `memory` one at
//! `asked`, since some of what follows comes), so that resuming from it does not tell it twice. Gaps come in the middle of a stream as well.
//!
//! **`reset`**: the id means nothing here, and the stream goes on live, after `head`.
//!
//! | `reason` | the id |
//! | --- | --- |
//! | `epoch` | is of another log, as after a restart of a server that keeps events in memory |
//! | `future` | is beyond the newest event; one that is published and not shown yet is waited for |
//! | `junk` | is not a position |
//! | `gone` | is of an endpoint or a connection that this server does not have: below |
//!
//! A page that shows state should load it again after either:
//!
//! ```js
//! const source = new EventSource('/api/v1/events/stream?topic=orders.*');
//! source.onmessage = (e) => apply(JSON.parse(e.data));
//! source.addEventListener('gap', reload);
//! source.addEventListener('reset', reload);
//! ```
//!
//! `examples/browser` has such a page.
//!
//! # When the endpoint is not there any more
//!
//! Endpoints and connections that were made are gone after a restart where the hub has no journal. A 404 would silence an
//! `EventSource` for good. So whoever asks for an event stream (`Accept: text/event-stream`, as `EventSource` does, or a
//! `Last-Event-ID`) at a path that could be an endpoint's, or with an id that has the form of a connection's, gets a
//! stream of 200 that says this and ends:
//!
//! ```text
//! retry: 30000
//!
//! id: 6z2k0e9m3qv1d-0
//! event: reset
//! data: {"reason":"gone","asked":"1kq0c4dwh5f3y-42","head":"6z2k0e9m3qv1d-0","detail":"there is no endpoint /prices: load anew
//!        when it is there again"}
//! ```
//!
//! To an endpoint the browser comes back by itself, each 30 seconds, until the program has made it again. The id of a
//! connection never comes again: close the source and make another connection; who does not asks again each hour.
//!
//! 404 is right, and stays, for what was ended on purpose in this process (`DELETE`, `remove_endpoint`, `disconnect`; the
//! last 4,096), for other requests, and below `/api/`.
//!
//! # Quiet streams
//!
//! Every 15 seconds without an event a stream gets its newest id and a comment. Browsers note the id and
//! dispatch nothing, so a stream whose filter matches rarely still resumes from close by, and does not
//! fall out of what is kept.
//!
//! Python's `httpx-sse` hands these out as events without data: skip events whose data is empty. It
//! does not reconnect by itself either; `server/tests/real_clients/programs/httpx_sse_client.py` has the loop.
//!
//! # In process
//!
//! ```
//! use eventring::hub::{Controls, Item};
//! use eventring::{Event, Hub, Subscription};
//!
//! let hub = Hub::new();
//! let kept = hub.publish(Event::builder("t", "one").build()?)?.to_string(); // the last event that was dealt with
//! hub.publish(Event::builder("t", "two").build()?)?;
//! let mut receiver = hub.subscribe(Subscription::all().resume(&kept))?;
//! assert_eq!(receiver.recv()?.event.ty(), "two");
//!
//! // An id of an earlier process is told, instead of meaning another event.
//! let all = Subscription::all().controls(Controls::none());
//! let mut receiver = hub.subscribe(all.resume("6z2k0e9m3qv1d-42"))?;
//! assert!(matches!(receiver.next_item()?, Item::Reset(reset) if reset.head == hub.position()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`resume`](crate::hub::Subscription::resume) goes by the rules above; an item takes the place of the server's own
//! events. [`StartFrom::After`](crate::hub::StartFrom::After) takes a position and is strict: one that means nothing here
//! is the error of `subscribe`.
//!
//! # Names that are the server's own
//!
//! `gap`, `reset`, `disconnect`, `join` and `leave` name what a stream is told beside events; `open` and `error` are
//! what `EventSource` itself tells its page of the connection. An event whose own type is
//! one of them is sent without `event:` and arrives as `message`, so that nothing a publisher sends can be taken for a
//! control, or for a connection that broke; its type is in its CloudEvents form (`format=cloudevents`).

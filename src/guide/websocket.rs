//! WebSocket: events and requests on one connection, messages to named clients, protocols of your own.
//!
//! `GET /api/v1/ws` becomes a WebSocket ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)). Every
//! message is one JSON object with a `type`. `docs/asyncapi.yaml` describes them all.
//!
//! # Without a word
//!
//! With `?topic=PATTERN` (several times, if need be) the connection is subscribed at once, and a client
//! has nothing to send:
//!
//! ```js
//! const socket = new WebSocket("ws://127.0.0.1:8080/api/v1/ws?topic=orders.%3E");
//! let last = null;
//! socket.onmessage = ({ data }) => {
//!   const message = JSON.parse(data);
//!   if (message.id) last = message.id;
//!   if (message.type === "event") show(message.topic, message.event, message.data);
//!   if (message.type === "gap") warn(`${message.missing} events are gone`);
//! };
//! ```
//!
//! `new WebSocket(address, ["eventring.v1"])` names the subprotocol, which is also spoken with who names none. Of what
//! a client names, the first that is known is chosen, and nothing else is sent back; who names only others is answered
//! 400, which says what is spoken here, since a browser would close at once. `compression=off` agrees on no
//! compression.
//!
//! A browser's `WebSocket` does not come back by itself. To resume, connect again with
//! `&last-event-id=` (or the header `Last-Event-ID` on the handshake) and the `id` of the last message that had one and was no answer to a request: when
//! an answer leaves, events before its `id` may still be on their way. [`client`](super::client) does
//! all this for programs in Rust, `examples/browser/socket.js` for pages, with backoff and jitter. Ids
//! mean what they mean on SSE: [`resume`](super::resume). `from=beginning` starts with the oldest event
//! that is kept, `last=20` and `since=` as on SSE.
//!
//! # What comes
//!
//! | `type` | members | says |
//! | --- | --- | --- |
//! | `welcome` | `id` | first of all: what follows comes after this position |
//! | `event` | `id`, `topic`, `event`, `data` | an event; `event` is its type. Data that is text comes as a string with its `datacontenttype` |
//! | `gap` | `id`, `reason`, `asked`, `earliest`, `missing`, `exact` | events are gone |
//! | `reset` | `id`, `reason`, `asked` | the id you came with means nothing here; live from now on |
//! | `caught_up` | `request`, `id` | the history that a request asked for is complete |
//! | `heartbeat` | `id` | nothing for you up to here; remember the id |
//! | `presence` | `event` (`join`, `leave`), `who`, `at` | somebody joined or left; to who subscribed with `"presence": true` |
//! | `presence` | `event` (`reset`), `at` | said first, and where too much changed to tell it: see [below](#who-is-there) |
//! | `bye` | `reason`, `retry_ms` | the server stops, its hub is closed, or your right has ended; come back after that time. Close code 1001 or 1008 follows |
//! | `error` | `request`, `code`, `detail`, and `field`, `at`, `limit` where known | a request was refused; the connection stays |
//!
//! A binary event is a binary message: one byte 1, then id, topic, type and content type, each after its
//! length in two bytes (big endian), then the data.
//!
//! # Requests
//!
//! Each has a `request`, a number or a string of yours, which the answer repeats.
//!
//! ```json
//! {"type": "subscribe", "request": 1, "topic": ["orders.>", "users.*"], "from": "beginning"}
//! {"type": "unsubscribe", "request": 2, "topic": "users.*"}
//! {"type": "publish", "request": 3, "topic": "orders.new", "event": "created", "data": {"n": 1}}
//! {"type": "ping", "request": 4}
//! ```
//!
//! They are answered `subscribed`, `unsubscribed` (both with all patterns that hold now), `published`
//! (with the event's `id`, once it is visible) and `pong`. Subscriptions add up: the connection gets an
//! event once, whichever of its patterns take it. `from` is `now` (the default), `beginning` or an id.
//! What is asked for of the past comes first, on this connection alone, then `caught_up`; live events of the
//! other subscriptions wait for it. So do not mix `from` with a pattern that is subscribed already, or
//! be ready to see its events again.
//!
//! `publish` takes `data` that is JSON, a string with a `datacontenttype`, or a whole `cloudevent`; and a `durability`, as
//! [over HTTP](super::publish).
//!
//! | `code` | when |
//! | --- | --- |
//! | `invalid` | not JSON, a member that is missing, unknown or wrong: `field` and `at` say which and where |
//! | `unknown` | no such request, no such subscription, no such topic where the program makes them all |
//! | `forbidden` | the authorizer says no |
//! | `conflict` | nothing waits for this `ack`; a `durability` below the topic's |
//! | `too_large` | an event over a limit |
//! | `unavailable` | the server is stopping; the event was not committed, or not in time |
//! | `no_space` | the journal's disk is full |
//!
//! # Who is there
//!
//! Who subscribes with `"presence": true` (`?presence=true` where the address names the topics, and on SSE) is told who
//! joins and leaves its topics. `GET /api/v1/topics/{topic}/presence` answers who is there now:
//!
//! ```json
//! {"topic": "room", "at": 41, "count": 2, "present": ["c0-300000002", "c0-400000003"]}
//! ```
//!
//! A notice has no `id` and no place in the order of events. Each change has a number, `at`, one higher than the last:
//!
//! | | over WebSocket | over SSE |
//! | --- | --- | --- |
//! | somebody joined | `{"type":"presence","event":"join","at":42,"who":"c0-500000004"}` | `event: join`, `data: {"id":"c0-500000004","at":42}` |
//! | somebody left | the same with `leave` | `event: leave`, the same data |
//! | a list is needed | `{"type":"presence","event":"reset","at":41}` | `event: presence`, `data: {"event":"reset","at":41}` |
//!
//! A `reset` comes first of all, and again where more than 64 changes would have to be told at once, or where the
//! connection took too little: then those changes are not told. After `presence reset at=N`, ask for the list until
//! its `at` is N or higher, then apply joins and leaves with a higher `at`. Those that come meanwhile are kept until
//! then: what has an `at` up to that of the list is in it already.
//!
//! ```js
//! const source = new EventSource("/api/v1/events/stream?topic=room&presence=true");
//! let there = new Set(), upTo = 0, waiting = null, wanted = 0;
//! const apply = ({ joined, id, at }) => {
//!   if (waiting) return waiting.push({ joined, id, at });
//!   if (at > upTo) joined ? there.add(id) : there.delete(id);
//! };
//! source.addEventListener("join", ({ data }) => apply({ joined: true, ...JSON.parse(data) }));
//! source.addEventListener("leave", ({ data }) => apply({ joined: false, ...JSON.parse(data) }));
//! source.addEventListener("presence", async ({ data }) => {
//!   wanted = JSON.parse(data).at;
//!   if (waiting) return; // A list is on its way, and is asked for again if it is too old.
//!   waiting = [];
//!   let list;
//!   do {
//!     list = await (await fetch("/api/v1/topics/room/presence")).json();
//!   } while (list.at < wanted);
//!   const kept = waiting;
//!   [there, upTo, waiting] = [new Set(list.present), list.at, null];
//!   kept.forEach(apply);
//! });
//! ```
//!
//! The list names at most 1,000, sorted; `count` is of all. A stream is there once it has begun, and gone when the
//! server sees that it is. Programs watch in process:
//! [`Hub::present`](crate::hub::Hub::present), [`Hub::watch_presence`](crate::hub::Hub::watch_presence).
//!
//! # Bounds
//!
//! A message has at most 1 MiB (also after inflation) and 1,024 fragments: 1009. More than 100 control
//! frames in a second, or more than 64 errors without messages in order between them: 1008. A connection has
//! 64 patterns. Who answers no ping for 20 seconds, or takes nothing for `write_timeout`, is cut. Clients
//! may compress what they send (permessage-deflate, each message by itself), and get events compressed:
//! [`compression`](super::operate::compression).
//!
//! # A protocol of your own
//!
//! [`ServerBuilder::socket`](crate::gateway::ServerBuilder::socket) gives a path to a handler:
//!
//! ```
//! use eventring::gateway::{SocketOptions, SocketReplies};
//! use eventring::wire::ws::MessageKind;
//! use eventring::{Hub, Server, ServerConfig};
//!
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
//! let server = Server::builder(&Hub::new())
//!     .socket("/echo", SocketOptions::default(), |_request| {
//!         Ok(|kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>| {
//!             replies.message(kind, data);
//!         })
//!     })
//!     .bind(config)?;
//! # assert!(server.spawn()?.stop()?.clean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Fragments, pings, text that is not UTF-8, closing: the server deals with them. While a slow client has
//! not taken its answers, nothing more is read from it.
//!
//! # Messages to named clients
//!
//! [`ServerBuilder::clients`](crate::gateway::ServerBuilder::clients) gives a path to a
//! [`WebSocketStream`](crate::gateway::WebSocketStream): clients connect there with `?client=ID`, and the
//! program sends to one of them by its id, or to all, from any thread. `examples/ws_notify.rs` is a whole
//! program.
//!
//! ```
//! use eventring::gateway::{OnDuplicate, WebSocketStream, WebSocketStreamOptions};
//! use eventring::{Event, Hub, Server, ServerConfig};
//!
//! let options = WebSocketStreamOptions::default().on_duplicate(OnDuplicate::Refuse);
//! let notifications = WebSocketStream::new(options);
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
//! let server = Server::builder(&Hub::new())
//!     .clients("/notifications", &notifications)
//!     .bind(config)?
//!     .spawn()?;
//! // new WebSocket("ws://127.0.0.1:8080/notifications?client=alice")
//! let event = Event::builder("orders.new", "created").json("{\"n\":1}").build()?;
//! let done = notifications.broadcast(&event);
//! println!("{} clients get it, {:?} have no room", done.sent, done.full);
//! if !notifications.send_to("alice", "your parcel has come") {
//!     println!("alice is not here, or takes nothing: send her a letter");
//! }
//! # assert!(server.stop()?.clean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An event goes out as the JSON object of the table above, without an `id`; texts and bytes go out as they
//! are, none of it compressed. Nothing is kept: who is away misses it. What must not be missed is published to a topic instead, and
//! read from `GET /api/v1/ws`.
//!
//! | what happens | what comes of it |
//! | --- | --- |
//! | only [`protocols`](crate::gateway::WebSocketStreamOptions::protocols) are named that are not spoken | 400 |
//! | `client` is missing, there twice, or not 1 to 64 printable ASCII bytes without spaces | 400, `field` is `client` |
//! | the authorizer says no to `Action::Subscribe` | 401 or 403 |
//! | [`ClientHandler::admit`](crate::gateway::ClientHandler::admit) says no | its status |
//! | a second connection for one id, [`Replace`](crate::gateway::OnDuplicate::Replace) | the first is closed: 4000, "another connection has this id now". Its page should not connect again by itself |
//! | the same, [`Refuse`](crate::gateway::OnDuplicate::Refuse) | 409 |
//! | `only_expected`, and [`connect`](crate::gateway::WebSocketStream::connect) has not announced the id since it last connected | 403 |
//! | more ids than `clients_max` | 503 with `Retry-After` |
//! | a client closes, resets, or does not answer a ping (`ping_after`, `pong_timeout`) | it is not known any more: `send_to` says `false` |
//! | a client is slow | up to `queue_bytes` wait for it; what would be more it does not get, which `send_to`, `broadcast` and `/metrics` tell. When it takes nothing for `write_timeout` it is cut |
//! | [`disconnect`](crate::gateway::WebSocketStream::disconnect) | what was sent before goes out, then 1000 |
//! | the server stops | what was sent before goes out, then 1001 |
//!
//! An id is a name, not a proof: whoever can reach the path can name any. See to it in the
//! authorizer or in `admit`, or announce random ids: `only_expected`, and `connect` with an id that
//! only the right client was told, admits each once.

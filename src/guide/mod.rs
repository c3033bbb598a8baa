//! The guide: how to use the crate, one page a task. Text only; its code is compiled and run as tests.
//!
//! # In your program
//!
//! | you want to | page |
//! | --- | --- |
//! | serve events of your own | [`embed`] |
//! | publish: from code, over HTTP, from the shell | [`publish`] |
//! | read them in the same process | [`subscribe`] |
//! | say which events: patterns, types, tags, times, conditions | [`filters`](program::filters) |
//! | say which topics there are, and what is kept of them | [`topics`](program::topics) |
//! | ask for what was published, a page at a time | [`history`](program::history) |
//! | have a reader go on where it was | [`checkpoints`](program::checkpoints) |
//! | choose between a receiver, callbacks, batches, backpressure, pipelines | [`which_stream`](program::which_stream) |
//! | have it beside axum, hyper or another framework | [`frameworks`](program::frameworks) |
//! | test timeouts, heartbeats and ages without sleeping | [`testing`](program::testing) |
//!
//! # Over the network
//!
//! | you want to | page |
//! | --- | --- |
//! | know the event stream over HTTP: its parameters, and the events of its own | [`stream`] |
//! | come back and miss nothing: ids, epochs, `gap` and `reset` | [`resume`] |
//! | know what stands behind the question mark, and what is refused there | [`parameters`] |
//! | have clients that also send, or a protocol of your own | [`websocket`] |
//! | make paths and connections at run time, and look at who is there | [`connections`] |
//! | read a stream from a program in Rust | [`client`] |
//! | read it in a browser, Python, Node, Java, Go, C#, Swift, by curl | [`languages`] |
//!
//! # Running a server
//!
//! | you want to | page |
//! | --- | --- |
//! | publish and tail from the shell, and the same with curl | [`shell`](operate::shell) |
//! | set it up: flags, variables, the settings file; stop it | [`configure`](operate::configure) |
//! | put it behind nginx, HAProxy or Caddy, and expose it | [`deploy`](operate::deploy) |
//! | keep events over restarts, choose how safe they are, know what a full disk does | [`journal`](operate::journal) |
//! | know what a crash takes along, and what to do at three in the morning | [`disk`](operate::disk) |
//! | back a journal up, check it, export and import events, repair it | [`journal_commands`](operate::journal_commands) |
//! | know every bound, its default, and what is beyond it | [`limits`](operate::limits) |
//! | know what happens to who falls behind | [`slow_clients`](operate::slow_clients) |
//! | know what gzip saves and costs | [`compression`](operate::compression) |
//! | measure it | [`measure`](operate::measure) |
//!
//! # Before you choose it
//!
//! | you want to | page |
//! | --- | --- |
//! | know what holds and what does not | [`guarantees`] |
//! | come from tokio's broadcast, Nchan, Mercure, sse-starlette, NATS, Redis, Centrifugo, uWebSockets, disruptor | [`coming_from`] |
//!
//! # The words
//!
//! * An **event** has an id, a topic, a type and a payload. It is written once and never changes.
//! * A **topic** is a name with dots, `orders.eu.created`. A **pattern** is an expression over names:
//!   `*` is one segment, `>` is the rest. A topic that begins with `$` is **reserved**: no wildcard in the first
//!   segment takes it, and only the program itself publishes there.
//! * A **position** is where an event stands: an **offset**, counted from 1, in one **epoch**. There is
//!   one order for all topics.
//! * A **hub** keeps the newest events in a ring. Everybody who reads is a cursor over it; there is no
//!   queue per reader.
//! * **Lag** is how far a reader is behind: a measurement. Who is further behind than the hub keeps has
//!   **lagged**, and is told by how much; on the wire that is a **gap**.

pub mod client;
pub mod coming_from;
pub mod connections;
pub mod embed;
pub mod guarantees;
pub mod languages;
pub mod operate;
pub mod parameters;
pub mod program;
pub mod publish;
pub mod resume;
pub mod stream;
pub mod subscribe;
pub mod websocket;

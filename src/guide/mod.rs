//! The guide: how to use the crate, one page a task. Text only; its code is compiled and run as tests.
//!
//! | page | for whom |
//! | --- | --- |
//! | [`embed`] | a program that serves its own events |
//! | [`publish`] | whoever has events: from code, from the shell, over HTTP |
//! | [`subscribe`] | readers in the same process |
//! | [`connections`] | endpoints at run time, and whoever is connected to them |
//! | [`client`] | programs that read a stream over HTTP |
//! | [`stream`] | the event stream over HTTP: its parameters, and the events of its own |
//! | [`resume`] | clients that come back: ids, epochs, `gap` and `reset` |
//! | [`parameters`] | what stands behind the question mark, and what is refused there |
//! | [`websocket`] | clients that also send, and protocols of your own |
//! | [`shell`](operate::shell) | `eventring publish` and `tail`, and the same with curl |
//! | [`configure`](operate::configure) | flags, variables and the settings file; how the server stops |
//! | [`measure`](operate::measure) | `eventring bench`, what it reports, and what it reported here |
//! | [`slow_clients`](operate::slow_clients) | what happens to who falls behind, step by step |
//! | [`compression`](operate::compression) | what gzip saves readers, what it costs, and when to turn it off |
//! | [`limits`](operate::limits) | every bound, its default, and what is beyond it |
//! | [`deploy`](operate::deploy) | reverse proxies, file limits, and what to do before exposing it |
//! | [`guarantees`] | what holds and what does not, as a table |
//! | [`coming_from`] | users of tokio's broadcast, Nchan, Mercure, sse-starlette |
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
pub mod operate;
pub mod parameters;
pub mod publish;
pub mod resume;
pub mod stream;
pub mod subscribe;
pub mod websocket;

//! Coming from elsewhere: concept by concept, with what is missing here.
//!
//! **Bold** is what there is not: a test holds each of these, and fails when the thing comes. What the others do is as
//! their documents say it (tokio 1.x, Nchan 1.3, Mercure 0.x and 1.0, sse-starlette 3).
//!
//! # tokio's `broadcast`
//!
//! | there | here |
//! | --- | --- |
//! | `broadcast::channel(n)`, rounded up to a power of two | [`Hub::builder().capacity(n)`](crate::hub::HubBuilder::capacity), kept exactly; large events are bounded by [`ring_bytes`](crate::hub::HubBuilder::ring_bytes) too |
//! | `tx.send(value)`, an error without receivers | [`hub.publish(event)`](crate::hub::Hub::publish), fine without receivers: the event is kept |
//! | `tx.subscribe()`: from now on | [`Subscription`](crate::hub::Subscription): from now on, from the beginning, after a position, since a time, the last N |
//! | `rx.recv().await` | [`receiver.recv_async().await`](crate::hub::Receiver::recv_async), under any runtime; [`recv`](crate::hub::Receiver::recv) blocks its thread |
//! | `RecvError::Lagged(n)` | [`Gap`](crate::hub::Gap) with the number, where it goes on, and whether it is exact |
//! | `T: Clone`, cloned per receiver | bytes with a topic: `recv` copies the event once, [`with_next`](crate::hub::Receiver::with_next) looks at it in place. For any type `T` there is the ring alone: [`ring::channel`](crate::ring::channel) |
//! | a value goes when all receivers have it | it stays until newer ones need its place, so that others can start in the past |
//! | `Closed` when all senders are gone | `Closed` when all hubs are gone (a server holds one), or at [`close`](crate::hub::Hub::close) |
//! | one channel per topic | one hub, a pattern per subscription |
//! | `receiver_count`, `len` | [`subscriptions`](crate::hub::Hub::subscriptions); [`head`](crate::hub::Hub::head) and [`earliest`](crate::hub::Hub::earliest) |
//! | a task per SSE client that forwards | [`Server`](crate::gateway::Server): no task per client |
//!
//! # Nchan
//!
//! | there | here |
//! | --- | --- |
//! | a module inside nginx | a process or a library behind nginx, or alone: TLS with the feature `tls`; **HTTP/1.1 only** |
//! | `nchan_publisher`, `nchan_subscriber` locations | `POST /api/v1/topics/{topic}/events`, `GET /api/v1/events/stream?topic=`; own paths: [`connections`](super::connections) |
//! | `nchan_channel_id`, up to 7, or 255 split at a delimiter | `topic=`, up to 64 names or patterns |
//! | `nchan_message_buffer_length`, 10 of each channel | `capacity` and `ring_bytes` for all topics together; a topic keeps copies of its own by [`retain_events`](crate::hub::TopicConfig::retain_events), for readers in the process: **streams over HTTP look back in the ring alone** |
//! | `nchan_message_timeout`, 1 h | [`retain_age`](crate::hub::TopicConfig::retain_age) of a topic's own copies, `--retention-age` of the journal; **the ring forgets nothing by age** |
//! | message ids `time:tag` | `<epoch>-<offset>` |
//! | `nchan_subscriber_first_message`, else the oldest | `from=now` (here the default), `from=beginning`, `last=N`, `since=` a time |
//! | WebSocket, EventSource, long-polling, multipart, raw and chunked subscribers | SSE and [WebSocket](super::websocket); **no long-polling**, **no multipart** |
//! | `nchan_authorize_request`, subscribe and unsubscribe requests | an [`Authorizer`](crate::gateway::Authorizer) in code, which may ask elsewhere and answer [later](crate::gateway::Decision::Later); **no request to a back end** by the server itself |
//! | `DELETE` of a channel | `DELETE /api/v1/topics/{topic}`, [`Hub::delete_topic`](crate::hub::Hub::delete_topic) |
//! | `nchan_max_channel_subscribers`, groups with limits | limits of the server and of an address ([`limits`](super::operate::limits)); **no limits of a topic** |
//! | pings of EventSource and WebSocket, off | `heartbeat`, 15 s; WebSocket pings, 20 s |
//! | Redis for several servers | **one process** |
//! | `nchan_stub_status` | `GET /metrics` for Prometheus, `GET /api/v1/stats`, `GET /healthz` |
//! | channel events | who joins and leaves, to those who ask by `presence=true` |
//!
//! # Mercure
//!
//! | there | here |
//! | --- | --- |
//! | `/.well-known/mercure?match=`, `match_urlpattern=` (0.x: `topic=`), IRIs and URL patterns | `/api/v1/events/stream?topic=`, names with dots and patterns |
//! | `POST` of a form with `topic` and `data` | `POST` of the data itself, the topic in the path |
//! | several topics for one update | one topic for one event |
//! | `Last-Event-ID`, `last_event_id=` (0.x: `lastEventID=`), `earliest` | `Last-Event-ID`, `last-event-id=` and these spellings; `from=beginning` |
//! | `Mercure-Last-Event-ID` in the answer says what the hub could find | a `gap` or `reset` event says it, which a page's script can see |
//! | tokens (JWT), private updates | **no tokens**: an [`Authorizer`](crate::gateway::Authorizer) in code, or a proxy; whoever has the right to a topic gets all of it |
//! | history in a file (Bolt), unbounded unless told | a journal in a folder (`--data`), SQLite: [`journal`](super::operate::journal) |
//! | subscriptions API and events, by option | `GET /api/v1/topics/{topic}/presence`, and `presence=true` on a stream |
//! | discovery by `Link` | **no discovery** |
//! | `heartbeat` 40 s; `write_timeout` 600 s, then a connection ends | `heartbeat` 15 s; `max_age`, off |
//! | several nodes in the licensed build | **one process** |
//!
//! # sse-starlette
//!
//! | there | here |
//! | --- | --- |
//! | `EventSourceResponse(generator)` per client | the server writes to all clients; Python publishes by `POST` |
//! | a generator or memory channel per client, which you feed | none |
//! | `ServerSentEvent(data, event, id, retry)` | payload, type, position, `retry` setting |
//! | `ping=15` | `heartbeat`, 15 s, which also moves the client's id |
//! | `await request.is_disconnected()` | noticed by the reactor |
//! | `send_timeout`, none | `write_timeout`, 30 s |
//! | resuming: read `last_event_id` and find the rest yourself | done, within what is kept |
//! | `shutdown_event`, `shutdown_grace_period` | SIGTERM or [`stop`](crate::gateway::ServerThread::stop): what is published goes out, `stop_timeout` at most |
//! | your routes and your login in one process | **not in Python**: a process beside it, joined by a proxy |
//!
//! From Python, a publish is one request:
//!
//! ```python
//! httpx.post("http://127.0.0.1:8080/api/v1/topics/orders.eu/events", json={"n": 1})
//! ```
//!
//! # Core NATS, Redis
//!
//! | there | here |
//! | --- | --- |
//! | NATS: subjects, `*` and `>`, `$SYS` | the same for topics and patterns; a topic that begins with `$` is reserved |
//! | NATS, Redis Pub/Sub: at most once, to who is there | kept in the ring: who comes back within it misses nothing |
//! | NATS: a slow consumer is cut off; Redis: `client-output-buffer-limit` | it falls behind by a number, and is told: [`slow_clients`](super::operate::slow_clients) |
//! | NATS: queue groups; Redis: `XREADGROUP`, `XACK` | **no consumer groups** |
//! | NATS: request and reply | **no request and reply** |
//! | Redis: `XADD`, an id of milliseconds and a number | `publish`; a position of epoch and offset |
//! | Redis: `XREAD BLOCK` from an id, `$` or `0` | [`StartFrom::After`](crate::hub::StartFrom::After), [`Now`](crate::hub::StartFrom::Now), [`Beginning`](crate::hub::StartFrom::Beginning) |
//! | Redis: `MAXLEN` of each stream | `capacity` of all, [`retain_events`](crate::hub::TopicConfig::retain_events) of one topic |
//! | Redis: `XDEL`; expiry by `MINID` | **no deleting of single events**; up to a position with `DELETE /api/v1/topics/T/events?below=` |
//! | JetStream, AOF and RDB: on a disk | a [`journal`](super::operate::journal): on the disk before a publish is answered, unless told otherwise |
//! | clusters, replicas | **one process** |
//!
//! # Centrifugo, uWebSockets
//!
//! | there | here |
//! | --- | --- |
//! | Centrifugo: recovery by offset and epoch, of each channel | the same in one order of all topics: an id is enough for a stream of many |
//! | Centrifugo: `history_size`, `history_ttl` of a namespace | as Nchan's above |
//! | Centrifugo: presence, join and leave | the same, without data about who it is |
//! | Centrifugo: RPC and publish proxied to a back end | **no request to a back end** |
//! | Centrifugo: a client library with its own protocol | `EventSource`, or JSON on a plain WebSocket |
//! | uWebSockets: `ws.subscribe(topic)`, `app.publish` | `subscribe` on `/api/v1/ws`, or a protocol of your own by [`SocketHandler`](crate::gateway::SocketHandler) |
//! | uWebSockets: `maxBackpressure`: messages are dropped, or the socket is closed | SSE: `slow=` and a `gap`; named clients: `queue_bytes`, and the sender is told |
//! | uWebSockets: nothing is kept | kept in the ring |
//!
//! # Disruptor
//!
//! | there | here |
//! | --- | --- |
//! | a ring of slots, of a power of two | [`ring::channel`](crate::ring::channel), of any capacity |
//! | consumers that hold the producer back | [`subscribe_gated`](crate::ring::Ring::subscribe_gated); lossy ones on the same ring: [`subscribe`](crate::ring::Ring::subscribe) |
//! | handlers on threads of the library | your threads: [`Subscriber`](crate::ring::Subscriber), or many cursors on one by [`ReaderGroup`](crate::ring::ReaderGroup) |
//! | one or several producers | [`Publisher`](crate::ring::Publisher), [`SharedPublisher`](crate::ring::SharedPublisher), [`Lanes`](crate::ring::Lanes) |
//! | `BusySpin`, blocking and other wait strategies | [`WaitStrategy`](crate::ring::WaitStrategy), of each reader |
//! | consumers behind consumers (`and_then`) | readers downstream of a barrier that handles upstream move: [`Builder::staged`](crate::ring::Builder::staged) |

//! Coming from elsewhere: concept by concept, with what is missing here.
//!
//! # tokio's `broadcast`
//!
//! | there | here |
//! | --- | --- |
//! | `broadcast::channel(n)` | [`Hub::builder().capacity(n)`](crate::hub::HubBuilder::capacity); kept exactly, not rounded up |
//! | `tx.send(value)`, an error without receivers | [`hub.publish(event)`](crate::hub::Hub::publish), fine without receivers |
//! | `tx.subscribe()`: from now on | [`Subscription`](crate::hub::Subscription): from now on, from the beginning, or after a position |
//! | `rx.recv().await` | [`receiver.recv_async().await`](crate::hub::Receiver::recv_async), under any runtime; [`recv`](crate::hub::Receiver::recv) blocks its thread |
//! | `RecvError::Lagged(n)` | [`Lagged`](crate::hub::Lagged) with the number, where it goes on, and whether it is exact |
//! | `T: Clone`, cloned per receiver | bytes with a topic, looked at in place. For any type `T` there is the ring alone: [`ring::channel`](crate::ring::channel) |
//! | `Closed` when all senders are gone | `Closed` when all hubs are gone, or at [`close`](crate::hub::Hub::close) |
//! | one channel per topic | one hub, a pattern per subscription |
//! | a task per SSE client that forwards | [`Server`](crate::gateway::Server): no task per client |
//!
//! # Nchan
//!
//! | there | here |
//! | --- | --- |
//! | a module inside nginx | a process or a library behind nginx |
//! | `nchan_publisher`, `nchan_subscriber` locations | `POST /api/v1/topics/{topic}/events`, `GET /api/v1/events/stream?topic=` |
//! | `nchan_channel_id`, several at once | `topic=`, up to 64 names or patterns |
//! | `nchan_message_buffer_length`, per channel | `capacity` and `ring_bytes`, for all topics together |
//! | `nchan_message_timeout` | **nothing expires by age yet** |
//! | message ids `time:tag` | `<epoch>-<offset>` |
//! | `nchan_subscriber_first_message` | `from=now` (here the default), `from=beginning`, `last=N`, `since=` a time |
//! | WebSocket, long-polling, multipart subscribers | SSE and [WebSocket](super::websocket); **no long-polling, no multipart** |
//! | `nchan_authorize_request` | [`Authorizer`](crate::gateway::Authorizer) in code; **no subrequests** |
//! | Redis for several servers | **one process** |
//! | `nchan_stub_status` | `GET /metrics` for Prometheus, `GET /api/v1/stats`, `GET /healthz` |
//! | channel events | who joins and leaves, to those who ask by `presence=true`; **no request to a back end** |
//!
//! # Mercure
//!
//! | there | here |
//! | --- | --- |
//! | `/.well-known/mercure?topic=`, IRIs and URI templates | `/api/v1/events/stream?topic=`, names with dots and patterns |
//! | `POST` of a form with `topic` and `data` | `POST` of the data itself, the topic in the path |
//! | several topics for one update | one topic for one event |
//! | `Last-Event-ID`, `lastEventID=` | `Last-Event-ID`, `last-event-id=` |
//! | a `Last-Event-ID` in the answer says what the hub could find | a `gap` or `reset` event says it, which a page's script can see |
//! | JWT, private updates | **neither**: an [`Authorizer`](crate::gateway::Authorizer) in code, or a proxy |
//! | history in a file (Bolt) | **memory only** |
//! | subscriptions API | `GET /api/v1/topics/{topic}/presence`, and `presence=true` on a stream |
//! | discovery by `Link` | **none** |
//!
//! # sse-starlette
//!
//! | there | here |
//! | --- | --- |
//! | `EventSourceResponse(generator)` per client | the server writes to all clients; Python publishes by `POST` |
//! | a queue per client that you fill | none |
//! | `ServerSentEvent(data, event, id, retry)` | payload, type, position, `retry` setting |
//! | `ping=15` | `heartbeat`, 15 s, which also moves the client's id |
//! | `await request.is_disconnected()` | noticed by the reactor |
//! | `send_timeout` | `write_timeout` |
//! | resuming: read `last_event_id` and find the rest yourself | done, within what is kept |
//! | your routes and your login in one process | **not in Python**: a process beside it, joined by a proxy |
//!
//! From Python, a publish is one request:
//!
//! ```text
//! httpx.post("http://127.0.0.1:8080/api/v1/topics/orders.eu/events", json={"n": 1})
//! ```

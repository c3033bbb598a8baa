//! Beside a web framework: axum and hyper as they are today.
//!
//! Nothing of a framework is needed, and nothing of one gets in the way. Three ways, by how much the two share:
//!
//! | way | who serves the streams | what it costs | take it when |
//! | --- | --- | --- | --- |
//! | a port of its own | [`Server`](crate::gateway::Server), on its thread | a second port; pages of the app are another origin ([`cors_origins`](crate::gateway::ServerConfig::cors_origins)) | inside, and for publishers |
//! | a proxy in front of both | the same | a proxy: `location /api/v1/events/` to this port, the rest to the app ([`deploy`](crate::guide::operate::deploy)) | browsers, many connections |
//! | a route of the app | the framework: a task and a buffer a connection | about half as much CPU again at 1,000 clients (the README's table), none of `slow=`, compression and the other routes | a few streams behind the app's own middleware |
//!
//! In each of them the hub is in the app's own process: [`Hub`](crate::hub::Hub) is a handle, so put a clone into the app's
//! state and publish from its handlers. Publishing never waits, and needs no `async`. The login is shared as well: an
//! [`Authorizer`](crate::gateway::Authorizer) is the app's own code, and may look at its sessions.
//!
//! # A port of its own, beside axum
//!
//! ```
//! use axum::extract::State;
//! use axum::routing::post;
//! use eventring::{Event, Hub, Server, ServerConfig};
//!
//! async fn order(State(hub): State<Hub>, body: String) -> Result<String, String> {
//!     let event = Event::builder("orders.new", "order").text(&body).build().map_err(|error| error.to_string())?;
//!     let position = hub.publish(event).map_err(|error| error.to_string())?;
//!     Ok(position.to_string())
//! }
//!
//! let hub = Hub::new();
//! let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
//! let server = Server::bind(&hub, config)?.spawn()?; // streams, on its own thread
//! let app: axum::Router = axum::Router::new().route("/orders", post(order)).with_state(hub);
//! # drop(app);
//! # assert!(server.stop()?.clean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A route of the app, with axum
//!
//! [`Receiver::into_items`](crate::hub::Receiver::into_items) is a `futures` stream of everything there is to tell, and
//! [`resume`](crate::hub::Subscription::resume) takes the id as it comes. hyper asks for the next frame when the socket
//! takes more: a slow client falls behind in the ring by a number, not in a queue.
//!
//! ```
//! use std::convert::Infallible;
//! use axum::extract::State;
//! use axum::http::{HeaderMap, StatusCode};
//! use axum::response::sse::{Event as Frame, KeepAlive, Sse};
//! use axum::routing::get;
//! use eventring::client::SseItem;
//! use eventring::hub::{Controls, Item};
//! use eventring::{Event, Hub, SseClient, Subscription};
//! use futures::{Stream, StreamExt};
//!
//! async fn orders(
//!     State(hub): State<Hub>,
//!     headers: HeaderMap,
//! ) -> Result<Sse<impl Stream<Item = Result<Frame, Infallible>>>, StatusCode> {
//!     let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
//!     let orders = Subscription::topic("orders.*").resume(last).controls(Controls::none());
//!     let receiver = hub.subscribe(orders).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
//!     let frames = receiver.into_items().filter_map(|item| async move {
//!         Some(Ok(match item.ok()? {
//!             Item::Event(delivery) => Frame::default()
//!                 .id(delivery.position.to_string())
//!                 .event(delivery.event.ty())
//!                 .data(String::from_utf8_lossy(delivery.event.data())),
//!             Item::Gap(gap) => Frame::default().event("gap").data(gap.to_string()),
//!             Item::Reset(reset) => Frame::default().event("reset").data(reset.to_string()),
//!             _ => return None,
//!         }))
//!     });
//!     Ok(Sse::new(frames).keep_alive(KeepAlive::default()))
//! }
//!
//! let hub = Hub::new();
//! let app = axum::Router::new().route("/orders", get(orders)).with_state(hub.clone());
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! runtime.block_on(async move {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/orders", listener.local_addr()?);
//!     tokio::spawn(async move { axum::serve(listener, app).await });
//!     // A client that blocks, on a thread of its own.
//!     tokio::task::spawn_blocking(move || read(&hub, &url)).await?
//! })?;
//!
//! fn read(hub: &Hub, url: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     let publish = |text: &str| hub.publish(Event::builder("orders.eu", "order").text(text).build().expect("an event"));
//!     let mut client = SseClient::open(url)?;
//!     let next = |client: &mut SseClient| loop {
//!         match client.next_item() {
//!             Ok(SseItem::Event(event)) => return event,
//!             Ok(SseItem::Connected) => _ = publish("one"),
//!             Ok(_) => {}
//!             Err(error) => panic!("{error}"),
//!         }
//!     };
//!     let first = next(&mut client);
//!     assert_eq!((first.event.as_str(), first.data.as_str()), ("order", "one"));
//!     drop(client);
//!     publish("two")?; // while the client is away
//!     let mut client = SseClient::builder(url)?.last_event_id(&first.id).build();
//!     assert_eq!(next(&mut client).data, "two");
//!     Ok(())
//! }
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! # With hyper alone
//!
//! A body is a stream of frames; [`wire::sse::encode`](crate::wire::sse::encode) writes one:
//!
//! ```
//! use std::convert::Infallible;
//! use eventring::wire::sse;
//! use eventring::{Event, Hub, Subscription};
//! use futures::{Stream, StreamExt};
//! use http_body_util::{BodyExt, StreamBody};
//! use hyper::body::{Bytes, Frame};
//! use hyper::{Response, header};
//!
//! fn respond(
//!     hub: &Hub,
//! ) -> Result<Response<StreamBody<impl Stream<Item = Result<Frame<Bytes>, Infallible>>>>, Box<dyn std::error::Error>> {
//!     let receiver = hub.subscribe(Subscription::topic("orders.*"))?;
//!     let frames = receiver.into_stream().filter_map(|item| async move {
//!         let delivery = item.ok()?; // a gap: tell it, as above
//!         let id = delivery.position.to_string();
//!         let event = &delivery.event;
//!         let frame = sse::Frame::default().id(id.as_bytes()).event(event.ty()).data(event.data());
//!         let mut bytes = Vec::new();
//!         sse::encode(&mut bytes, frame).ok()?;
//!         Some(Ok(Frame::data(Bytes::from(bytes))))
//!     });
//!     let response = Response::builder().header(header::CONTENT_TYPE, "text/event-stream; charset=utf-8");
//!     Ok(response.body(StreamBody::new(frames))?)
//! }
//!
//! let hub = Hub::new();
//! let response = respond(&hub)?;
//! hub.publish(Event::builder("orders.eu", "order").text("one").build()?)?;
//! let mut body = Box::pin(response.into_body());
//! let frame = futures::executor::block_on(body.frame()).ok_or("the end")??;
//! let text = frame.into_data().map_err(|_| "trailers")?;
//! assert!(text.ends_with(b"event: order\ndata: one\n\n"), "{text:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Such a stream has no heartbeat: merge one in (axum's `KeepAlive` does), or proxies cut it when it is quiet. actix-web,
//! warp and others take the same stream of bytes. Frameworks that block have
//! [`SseStream::frames`](crate::pipeline::SseStream::frames), an iterator of whole frames with heartbeats and gaps, which
//! needs a thread for each client.
//!
//! # The server in a loop of yours
//!
//! [`Server::turn`](crate::gateway::Server::turn) does what is ready and returns; the server is a descriptor to wait for
//! (`examples/own_loop.rs`). In tokio a thread of its own ([`spawn`](crate::gateway::Server::spawn)) is simpler, and no
//! task waits for it.

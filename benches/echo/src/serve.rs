//! The servers that are this program: what comes on `/echo` is sent back.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::{MethodRouter, any};
use axum::serve::ListenerExt;
use eventring::gateway::{Server, ServerConfig, SocketOptions, SocketReplies};
use eventring::hub::Hub;
use eventring::wire::ws::MessageKind;
use futures_util::{FutureExt, SinkExt, StreamExt};

/// Serves until the process is ended, and says where.
pub fn run(name: &str) {
    match name {
        "ours" => ours(),
        "axum" => axum(any(async |socket: WebSocketUpgrade| {
            socket.on_upgrade(echo)
        })),
        "axum-batched" => axum(any(async |socket: WebSocketUpgrade| {
            socket.on_upgrade(batched)
        })),
        _ => panic!("{name}: ours, axum or axum-batched"),
    }
}

/// As in `examples/ws_echo.rs`, without compression: the load does not offer it.
fn ours() {
    let echo = |kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>| {
        replies.message(kind, data);
    };
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .reactors(1);
    let server = Server::builder(&Hub::new())
        .socket("/echo", SocketOptions::default(), move |_| Ok(echo))
        .bind(config)
        .expect("a free port");
    println!("listening on {}", server.local_addrs()[0]);
    server.run().expect("a server");
}

/// A runtime of one thread, as the other two have one.
fn axum(echo: MethodRouter) {
    let routes = axum::Router::new().route("/echo", echo);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        println!(
            "listening on {}",
            listener.local_addr().expect("an address")
        );
        // The other two do this by themselves.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, routes).await.expect("a server");
    });
}

/// As axum's documentation has it.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if is_data(&message) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Written for speed: what came together is answered together.
async fn batched(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.next().await {
        let mut next = Some(message);
        while let Some(message) = next.take() {
            if is_data(&message) && socket.feed(message).await.is_err() {
                return;
            }
            next = socket.next().now_or_never().flatten().and_then(Result::ok);
        }
        if socket.flush().await.is_err() {
            return;
        }
    }
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}

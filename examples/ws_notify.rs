//! Notifications by WebSocket: each line of the input goes to the clients that are connected.
//!
//! `cargo run --example ws_notify 9002`, then in a browser's console, or with any other client:
//!
//! ```js
//! new WebSocket("ws://127.0.0.1:9002/notifications?client=alice").onmessage = (m) => console.log(m.data)
//! ```
//!
//! A line goes to all, `@alice hello` to one. What a client sends goes to all.

#![allow(clippy::print_stdout)]

use std::error::Error;

use eventring::gateway::{
    ClientHandler, SocketReplies, StreamClient, WebSocketStream, WebSocketStreamOptions,
};
use eventring::wire::ws::MessageKind;
use eventring::{Hub, Server, ServerConfig};

struct Told;

impl ClientHandler for Told {
    fn connected(&self, client: &StreamClient<'_>) {
        println!("{} has come", client.id());
    }

    fn message(
        &self,
        client: &StreamClient<'_>,
        _: MessageKind,
        data: &[u8],
        _: &mut SocketReplies<'_, '_>,
    ) {
        let said = format!("{}: {}", client.id(), String::from_utf8_lossy(data));
        client.stream().broadcast(&*said);
    }

    fn disconnected(&self, client: &StreamClient<'_>) {
        println!("{} has gone", client.id());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = match std::env::args().nth(1) {
        Some(port) => port.parse()?,
        None => 9002,
    };
    let config = ServerConfig::default().listen(([127, 0, 0, 1], port).into());
    let stream = WebSocketStream::with_handler(WebSocketStreamOptions::default(), Told);
    let server = Server::builder(&Hub::new())
        .clients("/notifications", &stream)
        .bind(config)?
        .spawn()?;
    println!("ws://{}/notifications?client=NAME", server.addr());
    for line in std::io::stdin().lines() {
        let line = line?;
        match line.strip_prefix('@').and_then(|to| to.split_once(' ')) {
            Some((client, text)) if stream.send_to(client, text) => println!("sent"),
            Some((client, _)) => println!("{client} does not get it"),
            None => println!("sent to {}", stream.broadcast(&*line).sent),
        }
    }
    server.stop()?;
    Ok(())
}

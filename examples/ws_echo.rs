//! A WebSocket with a protocol of its own: what comes is sent back, text as text, binary as binary.
//!
//! `cargo run --release --example ws_echo 9001`, then connect to `ws://127.0.0.1:9001/echo`. Messages
//! may have 16 MiB and 131,072 fragments, and may be compressed.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Duration;

use eventring::gateway::{SocketLimits, SocketOptions, SocketReplies};
use eventring::wire::ws::{DeflatePolicy, MessageKind, MessageLimits};
use eventring::{Hub, Server, ServerConfig};

fn echo(kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>) {
    replies.message(kind, data);
}

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = match std::env::args().nth(1) {
        Some(port) => port.parse()?,
        None => 9001,
    };
    let limits = SocketLimits::default()
        .frames(
            MessageLimits::default()
                .frame_bytes(16 << 20)
                .message_bytes(16 << 20)
                .fragments(1 << 17),
        )
        .controls_per_second(10_000)
        .ping_after(Duration::from_secs(60));
    let options = SocketOptions::default()
        .limits(limits)
        .deflate(Some(DeflatePolicy::default()));
    let config = ServerConfig::default().listen(([127, 0, 0, 1], port).into());
    let server = Server::builder(&Hub::new())
        .socket("/echo", options, |_| Ok(echo))
        .bind(config)?;
    println!("echo on ws://{}/echo", server.local_addrs()[0]);
    server.run()?;
    Ok(())
}

//! WebSockets over real sockets: the handshake, the embedder's own protocols, the subscribe protocol, and
//! streams to named clients.

pub(crate) mod client;
mod closing;
mod handlers;
mod named;
mod notify;
mod panics;
mod publishing;
mod routes;
mod slow;
mod subscribe;

use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;

fn config() -> ServerConfig {
    ServerConfig::default().listen(([127, 0, 0, 1], 0).into())
}

fn serve(hub: &Hub) -> ServerThread {
    Server::bind(hub, config()).unwrap().spawn().unwrap()
}

fn publish(hub: &Hub, topic: &str, n: u32) -> u64 {
    let event = Event::builder(topic, "number")
        .json(&n.to_string())
        .build()
        .unwrap();
    hub.publish(event).unwrap().offset
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::yield_now();
    }
}

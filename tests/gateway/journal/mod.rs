//! A server on a hub with a journal: answers by outcome, room, durability, topics, and what a restart leaves.

mod checkpoints;
mod client;
mod durability;
mod faults;
mod outcomes;
mod place;
mod restart;
mod room;
mod topics;
mod truncate;

use std::time::{Duration, Instant};

use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;

const PATH: &str = "/api/v1/topics/t/events";

fn config() -> ServerConfig {
    ServerConfig::default().listen(([127, 0, 0, 1], 0).into())
}

fn serve(hub: &Hub) -> ServerThread {
    Server::bind(hub, config()).unwrap().spawn().unwrap()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::yield_now();
    }
}

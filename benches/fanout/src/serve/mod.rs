//! The servers that are this program: events that are posted go to everybody who reads.
//!
//! They have the paths of eventring, so that `eventring bench` can drive them, and one thread each.

mod actix;
mod axum;
mod embedded;
mod floor;

use std::net::SocketAddr;

use crate::servers::PORT;

/// Where events are read and posted.
const STREAM: &str = "/api/v1/events/stream";
const SOCKET: &str = "/api/v1/ws";
const EVENTS: &str = "/api/v1/topics/{topic}/events";
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Serves until the process is ended, and says where.
pub fn run(name: &str) {
    let port = std::env::var(PORT).map_or(0, |port| port.parse().expect("a port"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    match name {
        "floor" => floor::serve(address),
        "embedded" => embedded::serve(address),
        "axum" => axum::serve(address),
        "actix" => actix::serve(address),
        _ => panic!("{name}: floor, embedded, axum or actix"),
    }
}

fn listening(address: SocketAddr) {
    println!("listening on {address}");
}

//! A service with live updates: one thread publishes, every browser that asks receives.
//!
//! Run it with `cargo run --release --example embed`, then
//! `curl -N 'http://127.0.0.1:8080/api/v1/events/stream?topic=ticks'`,
//! or give that address to an `EventSource` in a page.

use eventring::{Event, Hub, Server, ServerConfig};
use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let hub = Hub::new();
    let _server = Server::bind(&hub, ServerConfig::default())?.spawn()?;
    for n in 0.. {
        let tick = format!(r#"{{"n":{n}}}"#);
        hub.publish(Event::builder("ticks", "message").json(&tick).build()?)?;
        sleep(Duration::from_secs(1));
    }
    Ok(())
}

//! A program with a loop of its own: the server is one more descriptor in its poll, and no thread is
//! started. Whatever comes in by UDP goes out to everybody who reads.
//!
//! ```text
//! cargo run --example own_loop
//! ```

#![expect(clippy::print_stdout, reason = "it tells who runs it what to do next")]

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use eventring::{Event, Hub, Server, ServerConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let mut server = Server::bind(&hub, config)?;
    let inbound = UdpSocket::bind("127.0.0.1:0")?;
    inbound.set_nonblocking(true)?;
    println!(
        "curl -N http://{}/api/v1/events/stream",
        server.local_addrs()[0]
    );
    let to = inbound.local_addr()?;
    println!(
        "echo hello > /dev/udp/{}/{}   (stop ends it)",
        to.ip(),
        to.port()
    );
    loop {
        // Sleep until the socket or the server has something to do, or a deadline of the server passes.
        let timeout = match server.next_deadline() {
            Some(at) => at.saturating_duration_since(Instant::now()),
            None => Duration::ZERO,
        };
        let timeout = Timespec::try_from(timeout)?;
        let mut ready = [
            PollFd::new(&inbound, PollFlags::IN),
            PollFd::new(&server, PollFlags::IN),
        ];
        poll(&mut ready, Some(&timeout))?;
        // The host's own work first, then a turn of the server that does not wait.
        let mut datagram = [0; 1500];
        loop {
            match inbound.recv(&mut datagram) {
                Ok(n) if datagram[..n].trim_ascii() == b"stop" => server.handle().stop(),
                Ok(n) => {
                    let text = String::from_utf8_lossy(&datagram[..n]);
                    hub.publish(
                        Event::builder("udp", "datagram")
                            .text(text.trim_end())
                            .build()?,
                    )?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(report) = server.turn(Some(Duration::ZERO))? {
            println!("stopped, {} cut short", report.connections_left);
            return Ok(());
        }
    }
}

//! A network that cuts each connection after some bytes, until it is told to be calm.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The fewest and the most bytes that a connection lives for; an answer's head has about 250.
const LIVES: std::ops::Range<u64> = 1..3000;

pub(crate) struct Proxy;

impl Proxy {
    /// Starts one in front of a server; counts its cuts in `done`.
    pub(crate) fn start(
        server: SocketAddr,
        seed: u64,
        calm: Arc<AtomicBool>,
        done: Arc<AtomicU64>,
    ) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut random = seed;
            for client in listener.incoming().flatten() {
                random = step(random);
                let lives = LIVES.start + random % (LIVES.end - LIVES.start);
                if relay(&client, server, lives, &calm) {
                    done.fetch_add(1, Ordering::Relaxed);
                }
                // A reset now and then: what the client had not read yet is lost, too.
                if random & 1024 != 0 {
                    let socket = socket2::SockRef::from(&client);
                    let _ = socket.set_linger(Some(Duration::ZERO));
                }
            }
        });
        address
    }
}

/// splitmix64.
fn step(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Passes a request on, and so many bytes of its answer; false: one side closed before.
fn relay(mut client: &TcpStream, server: SocketAddr, lives: u64, calm: &AtomicBool) -> bool {
    let Ok(mut upstream) = TcpStream::connect(server) else {
        return false;
    };
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut buffer) {
            Ok(n) if n > 0 => head.extend_from_slice(&buffer[..n]),
            _ => return false,
        }
    }
    if upstream.write_all(&head).is_err() {
        return false;
    }
    let mut left = lives;
    loop {
        let most = match calm.load(Ordering::Relaxed) {
            true => buffer.len(),
            false if left == 0 => return true,
            false => buffer.len().min(left as usize),
        };
        match upstream.read(&mut buffer[..most]) {
            Ok(n) if n > 0 && client.write_all(&buffer[..n]).is_ok() => {
                left = left.saturating_sub(n as u64);
            }
            _ => return false,
        }
    }
}

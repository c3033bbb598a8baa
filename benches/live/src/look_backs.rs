//! Clients that read a topic from its beginning, again and again.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::Result;

/// A thread reads a socket and nothing else.
const STACK_BYTES: usize = 256 << 10;
/// Time after which a reader looks whether it is to end.
const TURN: Duration = Duration::from_millis(500);

/// Clients that look back until they are ended.
pub struct LookBacks {
    is_over: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Result<()>>>,
}

/// What they did.
pub struct LookedBack {
    /// Look-backs that came to their end.
    pub done: u64,
    pub bytes: u64,
}

impl LookBacks {
    /// Starts so many clients, each of which reads a topic up to the event that holds `last`, and begins anew.
    pub fn start(address: SocketAddr, clients: usize, topic: &str, last: &str) -> Result<Self> {
        let mut all = Self {
            is_over: Arc::default(),
            done: Arc::default(),
            bytes: Arc::default(),
            clients: Vec::new(),
        };
        let request = format!(
            "GET /api/v1/events/stream?topic={topic}&from=beginning HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        for _ in 0..clients {
            let (is_over, done, bytes) = (all.is_over.clone(), all.done.clone(), all.bytes.clone());
            let (request, last) = (request.clone(), last.to_owned());
            let client = Builder::new().stack_size(STACK_BYTES).spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    if look_back(address, &request, &last, &is_over, &bytes)? {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Ok(())
            })?;
            all.clients.push(client);
        }
        Ok(all)
    }

    pub fn end(self) -> Result<LookedBack> {
        self.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        Ok(LookedBack {
            done: self.done.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        })
    }
}

/// Reads to the last event; `false`: it was ended before.
fn look_back(
    address: SocketAddr,
    request: &str,
    last: &str,
    is_over: &AtomicBool,
    bytes: &AtomicU64,
) -> Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TURN))?;
    stream.write_all(request.as_bytes())?;
    let mut buffer = vec![0; 64 << 10];
    // The end of what was read before stands in front, so that the words may be cut.
    let mut kept = 0;
    while !is_over.load(Ordering::Relaxed) {
        match stream.read(&mut buffer[kept..]) {
            Ok(0) => return Err("the server ended a stream".into()),
            Ok(read) => {
                bytes.fetch_add(read as u64, Ordering::Relaxed);
                let end = kept + read;
                let text = &buffer[..end];
                let from = end.saturating_sub(1_024 + read);
                if text[from..]
                    .windows(last.len())
                    .any(|part| part == last.as_bytes())
                {
                    let _ = stream.shutdown(Shutdown::Both);
                    return Ok(true);
                }
                kept = last.len().min(end);
                buffer.copy_within(end - kept..end, 0);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

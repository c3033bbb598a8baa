//! A server that the test turns itself, on a clock of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eventring::event::EventBuilder;
use eventring::gateway::{CompressionFor, Server, ServerConfig, ServerStats};
use eventring::hub::Hub;

use super::client::Client;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Stage {
    pub(crate) hub: Hub,
    server: Server,
    millis: Arc<AtomicU64>,
    builder: EventBuilder,
}

impl Stage {
    pub(crate) fn new(hub: Hub, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
        // Its clients are no browsers, and inflate as bytes come.
        config.compression_for = CompressionFor::All;
        change(&mut config);
        let millis = Arc::new(AtomicU64::new(0));
        let (begin, moved) = (Instant::now() + Duration::from_secs(60), millis.clone());
        let clock = move || begin + Duration::from_millis(moved.load(Ordering::Relaxed));
        let server = Server::builder(&hub).clock(clock).bind(config).unwrap();
        Self {
            hub,
            server,
            millis,
            builder: EventBuilder::new(),
        }
    }

    pub(crate) fn connect(&self, query: &str, headers: &str, rcvbuf: usize) -> Client {
        Client::open(self.address(), query, headers, rcvbuf)
    }

    /// Asks for anything.
    #[cfg(feature = "brotli")]
    pub(crate) fn ask(&self, target: &str, headers: &str) -> Client {
        Client::ask(self.address(), target, headers, 1 << 16)
    }

    #[cfg(feature = "brotli")]
    pub(crate) fn create_endpoint(
        &self,
        path: &str,
        filter: eventring::event::Filter,
        options: eventring::gateway::StreamOptions,
    ) {
        let handle = self.server.handle();
        handle.create_endpoint(path, filter, options).unwrap();
    }

    /// A client that accepts gzip, when the server knows it.
    pub(crate) fn join(&mut self, query: &str) -> Client {
        let mut client = self.connect(query, "Accept-Encoding: gzip\r\n", 1 << 20);
        self.until(&mut [&mut client], |clients| !clients[0].plain.is_empty());
        assert!(client.is_gzip());
        client
    }

    /// A WebSocket that takes compressed messages, when the server knows it.
    pub(crate) fn join_socket(&mut self, query: &str, apart: bool) -> Client {
        let mut client = Client::open_socket(self.address(), query, apart, 1 << 20);
        self.until(&mut [&mut client], |c| !c[0].last_id().is_empty());
        client
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.server.local_addrs()[0]
    }

    pub(crate) fn publish(&mut self, topic: &str, text: &str) -> u64 {
        self.builder.clear().topic(topic).ty("t").text(text);
        let event = self.builder.build_ref().unwrap();
        self.hub.publish(event).unwrap().offset
    }

    pub(crate) fn turn(&mut self) {
        self.server.turn(Some(Duration::ZERO)).unwrap();
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        self.millis.fetch_add(millis, Ordering::Relaxed);
        self.turn();
    }

    /// How far the clock has been moved.
    pub(crate) fn millis(&self) -> u64 {
        self.millis.load(Ordering::Relaxed)
    }

    pub(crate) fn stats(&self) -> ServerStats {
        self.server.handle().stats()
    }

    /// Turns, and has all clients read, until they have what `done` looks for.
    pub(crate) fn until(
        &mut self,
        clients: &mut [&mut Client],
        done: impl Fn(&[&mut Client]) -> bool,
    ) {
        let deadline = Instant::now() + PATIENCE;
        while !done(clients) {
            if Instant::now() >= deadline {
                let open = clients.iter().filter(|client| !client.closed).count();
                panic!("never happened: {open} open, {:?}", self.stats());
            }
            self.turn();
            for client in clients.iter_mut() {
                client.read(64 << 10);
            }
        }
    }

    /// Stops the server: each stream gets what is left, its last words and its trailer.
    pub(crate) fn stop(&mut self, clients: &mut [&mut Client]) {
        self.server.handle().stop_within(Duration::from_secs(3600));
        self.until(clients, |clients| clients.iter().all(|c| c.closed));
    }
}

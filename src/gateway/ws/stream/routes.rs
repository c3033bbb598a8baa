//! The WebSocket streams of a server, by path.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::super::super::counter::Counter;
use super::{WebSocketStream, WebSocketStreamStats};

/// Shared by all reactors. Written when a stream is made.
#[derive(Clone, Default)]
pub(in crate::gateway) struct ClientRoutes(Arc<RwLock<HashMap<String, WebSocketStream>>>);

impl ClientRoutes {
    /// Adds a stream; `false`: the path is taken.
    pub(in crate::gateway) fn insert(&self, path: &str, stream: WebSocketStream) -> bool {
        let mut routes = self.0.write();
        let free = !routes.contains_key(path);
        if free {
            routes.insert(path.to_owned(), stream);
        }
        free
    }

    pub(in crate::gateway) fn find(&self, path: &str) -> Option<WebSocketStream> {
        let routes = self.0.read();
        // Most servers have none, and every request asks.
        if routes.is_empty() {
            return None;
        }
        routes.get(path).cloned()
    }

    /// The counters of all streams together, for `/metrics`. None after the first stream: they are there.
    pub(in crate::gateway) fn first_counters(&self) -> Vec<Counter> {
        if self.0.read().len() > 1 {
            return Vec::new();
        }
        let sent = self.counter(
            "eventring_client_messages_total",
            "Messages that clients of WebSocket streams get.",
            |stats| stats.sent,
        );
        let full = self.counter(
            "eventring_client_messages_refused_total",
            "Messages that clients of WebSocket streams do not get because too much waits for them.",
            |stats| stats.full,
        );
        [sent, full].into_iter().flatten().collect()
    }

    fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        of: impl Fn(WebSocketStreamStats) -> u64 + Send + Sync + 'static,
    ) -> Option<Counter> {
        let routes = self.clone();
        let read = move || {
            routes
                .0
                .read()
                .values()
                .map(|stream| of(stream.stats()))
                .sum()
        };
        Counter::new(name, help, Box::new(read)).ok()
    }
}

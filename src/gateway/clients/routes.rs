//! The WebSocket streams of a server, by path.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::gateway::clients::WebSocketStream;
use crate::gateway::telemetry::user_counters::UserCounter;

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
        self.0.read().get(path).cloned()
    }

    /// The counters of all streams together, for `/metrics`. None after the first stream: they are there.
    pub(in crate::gateway) fn first_counters(&self) -> Vec<UserCounter> {
        if self.0.read().len() > 1 {
            return Vec::new();
        }
        let sent = self.counter(
            "eventring_client_messages_total",
            "Messages that clients of WebSocket streams get.",
            |stream| &stream.0.sent,
        );
        let full = self.counter(
            "eventring_client_messages_refused_total",
            "Messages that clients of WebSocket streams do not get because too much waits for them.",
            |stream| &stream.0.full,
        );
        [sent, full].into_iter().flatten().collect()
    }

    fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        of: impl Fn(&WebSocketStream) -> &AtomicU64 + Send + Sync + 'static,
    ) -> Option<UserCounter> {
        let routes = self.clone();
        let read = move || {
            routes
                .0
                .read()
                .values()
                .map(|stream| of(stream).load(Ordering::Relaxed))
                .sum()
        };
        UserCounter::new(name, help, Box::new(read)).ok()
    }
}

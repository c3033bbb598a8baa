//! The counters of all WebSocket streams of a server together, for `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::gateway::clients::WebSocketStream;
use crate::gateway::telemetry::user_counters::UserCounter;

/// Makes them; none where there is no stream.
pub(in crate::gateway) fn counters(
    streams: impl Iterator<Item = WebSocketStream>,
) -> Vec<UserCounter> {
    let mut all: Vec<WebSocketStream> = Vec::new();
    for stream in streams {
        // One that is served at two paths counts once.
        if !all.iter().any(|known| Arc::ptr_eq(&known.0, &stream.0)) {
            all.push(stream);
        }
    }
    if all.is_empty() {
        return Vec::new();
    }
    let all = Arc::new(all);
    vec![
        counter(
            "eventring_client_messages_total",
            "Messages that clients of WebSocket streams get.",
            all.clone(),
            |stream| &stream.0.sent,
        ),
        counter(
            "eventring_client_messages_refused_total",
            "Messages that clients of WebSocket streams do not get because too much waits for them.",
            all,
            |stream| &stream.0.full,
        ),
    ]
}

fn counter(
    name: &'static str,
    help: &'static str,
    streams: Arc<Vec<WebSocketStream>>,
    of: fn(&WebSocketStream) -> &AtomicU64,
) -> UserCounter {
    let read = move || {
        // Relaxed: figures that order nothing.
        let figures = streams
            .iter()
            .map(|stream| of(stream).load(Ordering::Relaxed));
        figures.sum()
    };
    UserCounter::new(name, help, Box::new(read))
}

//! The program's own routes, by path: there before the port is, and the same until the end.

use std::collections::HashMap;
use std::sync::Arc;

use crate::gateway::clients::{self, WebSocketStream};
use crate::gateway::telemetry::user_counters::UserCounter;
use crate::gateway::ws::SocketRoute;

/// A route of the program: a protocol of its own, or named clients.
pub(in crate::gateway) enum UserRoute {
    /// A handler for each connection.
    Socket(SocketRoute),
    /// Clients that are sent to by name.
    Clients(WebSocketStream),
}

/// Shared by all reactors. Nothing is added once there are any, so none takes a lock to look.
#[derive(Clone, Default)]
pub(in crate::gateway) struct UserRoutes(Arc<HashMap<String, UserRoute>>);

impl UserRoutes {
    pub(in crate::gateway) fn new(routes: impl IntoIterator<Item = (String, UserRoute)>) -> Self {
        Self(Arc::new(routes.into_iter().collect()))
    }

    pub(in crate::gateway) fn find(&self, path: &str) -> Option<&UserRoute> {
        self.0.get(path)
    }

    /// The counters of all streams together, for `/metrics`; none where there is no stream.
    pub(in crate::gateway) fn counters(&self) -> Vec<UserCounter> {
        let streams = self.0.values().filter_map(|route| match route {
            UserRoute::Clients(stream) => Some(stream.clone()),
            UserRoute::Socket(_) => None,
        });
        clients::counters(streams)
    }
}

//! Why a server could not be made: a setting, a route, an address.

use thiserror::Error;

use crate::gateway::admin::endpoint_path::EndpointError;
use crate::net::BindError;

/// Why a server could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A setting makes no sense.
    #[error("{field} {reason}")]
    Config {
        /// The setting.
        field: &'static str,
        /// The reason.
        reason: String,
    },
    /// A setting asks for what this build is without.
    #[error("{field} needs the feature `{feature}`, which this build is without")]
    Feature {
        /// The setting.
        field: &'static str,
        /// The feature of the crate.
        feature: &'static str,
    },
    /// Routes or counters of a [`ServerBuilder`](crate::gateway::ServerBuilder) are wrong: all that are, sockets and clients
    /// first, then endpoints, then counters.
    #[error("{}", listed(.0))]
    Routes(Vec<RouteError>),
    /// An address could not be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A row of what the hub's journal keeps of the server, endpoints and made connections, cannot be had or is none.
    #[error("{table}{}: {reason}", row(.key))]
    State {
        /// The table: `endpoints` or `connections`.
        table: &'static str,
        /// The key of the row, a path or an id; `None`: the table cannot be read.
        key: Option<String>,
        /// The reason.
        reason: String,
    },
    /// The hub has no place for another reader.
    #[error("the hub refuses a reader: {0}")]
    Hub(#[from] crate::hub::SubscriptionError),
}

impl ServerError {
    pub(super) fn fault(field: &'static str, reason: &str) -> Self {
        let reason = reason.to_owned();
        Self::Config { field, reason }
    }

    pub(super) fn value(field: &'static str, value: &str, why: &str) -> Self {
        Self::fault(field, &format!("{why}; got {value:?}"))
    }
}

fn row(key: &Option<String>) -> String {
    let key = key.as_ref();
    key.map_or_else(String::new, |key| format!(", row {key:?}"))
}

fn listed(errors: &[RouteError]) -> String {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("; ")
}

/// One route or counter of a [`ServerBuilder`](crate::gateway::ServerBuilder) that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The path is none.
    #[error("path {path:?} {reason}")]
    Path {
        /// The path as it was given, at most 256 characters of it.
        path: String,
        /// The reason.
        reason: &'static str,
    },
    /// The path is one of the server's own.
    #[error("path {path:?} is one of the server's own")]
    BuiltIn {
        /// The path.
        path: String,
    },
    /// An earlier route of this builder has the path.
    #[error("path {path:?} is taken by another route")]
    Taken {
        /// The path.
        path: String,
    },
    /// An option of the route is out of its range.
    #[error("path {path:?}: {field} {reason}")]
    Option {
        /// The path.
        path: String,
        /// The option.
        field: &'static str,
        /// Its range.
        reason: &'static str,
    },
    /// There is no such endpoint to be had.
    #[error("path {path:?}: {source}")]
    Endpoint {
        /// The path.
        path: String,
        /// The reason.
        source: EndpointError,
    },
    /// A counter's name is none that Prometheus takes, or another counter of this builder has it.
    #[error("counter {name:?} {reason}")]
    Counter {
        /// The name.
        name: &'static str,
        /// The reason.
        reason: &'static str,
    },
}

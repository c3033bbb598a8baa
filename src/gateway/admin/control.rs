//! `/api/v1/connections`, `/api/v1/endpoints` and `/api/v1/broadcast`: what a request asks for.

use std::borrow::Cow;

use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::{self, Query, Table};
use crate::wire::http::{Head, percent_decode};

/// Connections told in one answer where nothing else is asked for.
const PAGE: u64 = 100;

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Control<'a> {
    /// `GET /api/v1/connections`.
    List,
    /// `POST /api/v1/connections`.
    Make,
    /// `GET /api/v1/connections/{id}/status`.
    Status(Cow<'a, str>),
    /// `GET /api/v1/connections/{id}/stream`.
    Stream(Cow<'a, str>),
    /// `DELETE /api/v1/connections/{id}`.
    Disconnect(Cow<'a, str>),
    /// `GET /api/v1/endpoints`.
    Endpoints,
    /// `POST /api/v1/endpoints`.
    CreateEndpoint,
    /// `DELETE /api/v1/endpoints?path=`.
    RemoveEndpoint,
    /// `POST /api/v1/broadcast`.
    Broadcast,
}

impl Control<'_> {
    pub(in crate::gateway) fn parameters(&self) -> Table {
        match self {
            Self::List => query::CONNECTIONS,
            Self::Stream(_) => query::STREAM,
            Self::RemoveEndpoint => query::REMOVE_ENDPOINT,
            Self::Make
            | Self::Status(_)
            | Self::Disconnect(_)
            | Self::Endpoints
            | Self::CreateEndpoint
            | Self::Broadcast => query::NONE,
        }
    }
}

/// Finds the route of a request; `None`: its path is none of these.
pub(in crate::gateway) fn find(head: &Head) -> Option<Result<Control<'_>, Problem>> {
    let rest = head.path().strip_prefix("/api/v1/")?;
    let parts: Vec<&str> = rest.split('/').collect();
    let method = match head.method() {
        "HEAD" => "GET",
        method => method,
    };
    let found = match (parts.as_slice(), method) {
        (["connections"], "GET") => Control::List,
        (["connections"], "POST") => Control::Make,
        (["connections", id, "status"], "GET") => match decoded(id) {
            Ok(id) => Control::Status(id),
            Err(problem) => return Some(Err(problem)),
        },
        (["connections", id, "stream"], "GET") => match decoded(id) {
            Ok(id) => Control::Stream(id),
            Err(problem) => return Some(Err(problem)),
        },
        (["connections", id], "DELETE") => match decoded(id) {
            Ok(id) => Control::Disconnect(id),
            Err(problem) => return Some(Err(problem)),
        },
        (["endpoints"], "GET") => Control::Endpoints,
        (["endpoints"], "POST") => Control::CreateEndpoint,
        (["endpoints"], "DELETE") => Control::RemoveEndpoint,
        (["broadcast"], "POST") => Control::Broadcast,
        _ => {
            let methods = match parts.as_slice() {
                ["connections"] => "GET, HEAD, POST",
                ["connections", _, "status" | "stream"] => "GET, HEAD",
                ["connections", _] => "DELETE",
                ["endpoints"] => "GET, HEAD, POST, DELETE",
                ["broadcast"] => "POST",
                _ => return None,
            };
            let detail = format!("{} is answered to {methods} only", head.path());
            return Some(Err(Problem::new(405, detail)
                .field("method")
                .allow(methods)));
        }
    };
    Some(Ok(found))
}

fn decoded(id: &str) -> Result<Cow<'_, str>, Problem> {
    percent_decode(id).map_err(|error| {
        Problem::new(400, format!("id: {error}"))
            .field("id")
            .at(error.at as u64)
    })
}

/// A page of a list: so many after an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Page {
    pub(in crate::gateway) limit: usize,
    pub(in crate::gateway) after: String,
}

impl Page {
    pub(in crate::gateway) fn read(query: &Query<'_>) -> Self {
        Self {
            limit: query.number(&query::LIMIT).unwrap_or(PAGE) as usize,
            after: query.text(&query::AFTER).unwrap_or_default().to_owned(),
        }
    }
}

/// The `path` that a request to remove an endpoint names.
pub(super) fn path_parameter(query: &Query<'_>) -> Result<String, Problem> {
    let path = query.text(&query::PATH).map(str::to_owned);
    let missing = || Problem::new(400, "path names the endpoint to remove").field("path");
    path.ok_or_else(missing)
}

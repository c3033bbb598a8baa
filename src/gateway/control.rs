//! `/api/v1/connections`, `/api/v1/endpoints` and `/api/v1/broadcast`: what a request asks for.

use std::borrow::Cow;

use super::problem::Problem;
use crate::wire::http::{Head, percent_decode, query};

/// Connections told in one answer where nothing else is asked for.
const PAGE: usize = 100;
/// Connections told in one answer at most.
const PAGE_MAX: usize = 1000;

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Control<'a> {
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

/// Finds the route of a request; `None`: its path is none of these.
pub(super) fn find(head: &Head) -> Option<Result<Control<'_>, Problem>> {
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
pub(super) struct Page {
    pub(super) limit: usize,
    pub(super) after: String,
}

impl Page {
    pub(super) fn read(head: &Head) -> Result<Self, Problem> {
        let mut page = Self {
            limit: PAGE,
            after: String::new(),
        };
        for pair in query(head.query().unwrap_or_default()) {
            let (name, value) = pair.map_err(|error| {
                Problem::new(400, error.to_string())
                    .field(error.name.clone())
                    .at(error.at as u64)
            })?;
            match name.as_ref() {
                "limit" => {
                    let limit = value.parse().ok();
                    let limit = limit.filter(|limit| (1..=PAGE_MAX).contains(limit));
                    page.limit = limit.ok_or_else(|| {
                        let detail = format!("limit is 1 to {PAGE_MAX}");
                        Problem::new(400, detail)
                            .field("limit")
                            .limit(PAGE_MAX as u64)
                    })?;
                }
                "after" => page.after = value.into_owned(),
                _ => {}
            }
        }
        Ok(page)
    }
}

/// The `path` that a request to remove an endpoint names.
pub(super) fn path_parameter(head: &Head) -> Result<String, Problem> {
    for pair in query(head.query().unwrap_or_default()).flatten() {
        if pair.0 == "path" {
            return Ok(pair.1.into_owned());
        }
    }
    Err(Problem::new(400, "path names the endpoint to remove").field("path"))
}

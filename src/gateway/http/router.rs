//! The router: the rows of all rooms, and which of them a request is for.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::event::topic;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::route::{CAPTURES_MAX, Captures, Route};
use crate::gateway::routes::ROWS;
use crate::wire::http::{Head, percent_decode};

/// The methods of what is only looked at.
pub(in crate::gateway) const GET: &str = "GET, HEAD";

/// All routes by path. It is made once.
#[derive(Debug)]
pub(in crate::gateway) struct Router {
    /// Paths that capture nothing, sorted: most requests are found by a few comparisons.
    exact: Vec<Path>,
    /// Paths that capture, in the order of their rows.
    patterns: Vec<Path>,
}

/// The routes of one path.
#[derive(Debug)]
struct Path {
    /// Its text before, between and behind what it captures.
    parts: Vec<&'static str>,
    /// The names of what it captures.
    names: Vec<&'static str>,
    routes: Vec<&'static Route>,
    /// The methods that it is answered to, as `Allow` lists them.
    methods: String,
}

/// A route and what its path captured.
#[derive(Debug)]
pub(in crate::gateway) struct Found<'a> {
    pub(in crate::gateway) route: &'static Route,
    pub(in crate::gateway) captures: Captures<'a>,
}

impl Router {
    /// Returns the one router there is.
    pub(in crate::gateway) fn get() -> &'static Self {
        static ROUTER: OnceLock<Router> = OnceLock::new();
        ROUTER.get_or_init(Self::new)
    }

    /// Returns all rows, in the order in which people are told of them.
    pub(in crate::gateway) fn rows() -> impl Iterator<Item = &'static Route> {
        ROWS.iter().copied().flatten()
    }

    fn new() -> Self {
        let mut paths: Vec<(&'static str, Path)> = Vec::new();
        for route in Self::rows() {
            match paths.iter_mut().find(|(path, _)| *path == route.path) {
                Some((_, path)) => path.routes.push(route),
                None => paths.push((route.path, Path::of(route))),
            }
        }
        let all = paths.into_iter().map(|(_, path)| path.finish());
        // Apart, since only few paths capture: the others are found by a binary search, and nothing is allocated for
        // either.
        let (patterns, mut exact): (Vec<_>, Vec<_>) = all.partition(|path| path.parts.len() > 1);
        exact.sort_unstable_by_key(|path| path.parts[0]);
        Self { exact, patterns }
    }

    /// Finds the route of a request; `None`: no route has its path.
    ///
    /// # Errors
    ///
    /// 405 where the path has routes of other methods only, 400 where a part that it captures is none.
    pub(in crate::gateway) fn find<'a>(
        &'static self,
        head: &'a Head,
    ) -> Result<Option<Found<'a>>, Problem> {
        let Some((path, raw)) = self.path(head.path()) else {
            return Ok(None);
        };
        let method = head.method();
        let Some(route) = path.routes.iter().find(|route| route.is_for(method)) else {
            return Err(wrong_method(head.path(), &path.methods));
        };
        let mut captures = [Cow::Borrowed(""), Cow::Borrowed("")];
        for ((name, raw), capture) in path.names.iter().zip(raw).zip(&mut captures) {
            *capture = decoded(name, raw)?;
        }
        Ok(Some(Found { route, captures }))
    }

    /// Returns the methods that a path is answered to, if it is one of ours.
    pub(in crate::gateway) fn methods(&'static self, path: &str) -> Option<&'static str> {
        self.path(path).map(|(path, _)| path.methods.as_str())
    }

    /// Tells whether a path belongs to the server, so that no endpoint can have it. What may become a route, does.
    pub(in crate::gateway) fn is_reserved(&'static self, path: &str) -> bool {
        matches!(path, "/dashboard" | "/api")
            || path.starts_with("/api/")
            || path.starts_with("/health/")
            || self.path(path).is_some()
    }

    /// The routes of a path, and the raw text of what it captures.
    fn path<'a>(&'static self, path: &'a str) -> Option<(&'static Path, [&'a str; CAPTURES_MAX])> {
        let found = self
            .exact
            .binary_search_by(|candidate| candidate.parts[0].cmp(path));
        if let Ok(at) = found {
            return Some((&self.exact[at], Default::default()));
        }
        self.patterns
            .iter()
            .find_map(|pattern| Some((pattern, pattern.capture(path)?)))
    }
}

impl Path {
    fn of(route: &'static Route) -> Self {
        let (mut parts, mut names) = (Vec::new(), Vec::new());
        let mut rest = route.path;
        while let Some((before, (name, behind))) = rest
            .split_once('{')
            .and_then(|(before, behind)| Some((before, behind.split_once('}')?)))
        {
            parts.push(before);
            names.push(name);
            rest = behind;
        }
        parts.push(rest);
        Self {
            parts,
            names,
            routes: vec![route],
            methods: String::new(),
        }
    }

    /// Writes down the methods, once all routes are there.
    fn finish(mut self) -> Self {
        self.routes.sort_by_key(|route| route.method);
        let heads = self.routes.iter().any(|route| route.has_head());
        let mut methods: Vec<&str> = self
            .routes
            .iter()
            .map(|route| route.method.name())
            .collect();
        if heads {
            methods.insert(1, "HEAD");
        }
        self.methods = methods.join(", ");
        self
    }

    /// The raw text of what a path has where this one captures; `None`: it is another path.
    fn capture<'a>(&self, path: &'a str) -> Option<[&'a str; CAPTURES_MAX]> {
        let mut captured = [""; CAPTURES_MAX];
        let mut rest = path.strip_prefix(self.parts[0])?;
        for (part, captured) in self.parts[1..].iter().zip(&mut captured) {
            // Cut before it is decoded: a slash within a name comes percent-encoded, and belongs to it.
            let end = memchr::memchr(b'/', rest.as_bytes()).unwrap_or(rest.len());
            let (segment, behind) = rest.split_at(end);
            *captured = segment;
            rest = behind.strip_prefix(part)?;
        }
        rest.is_empty().then_some(captured)
    }
}

/// Tells whether a request asks how the server is.
pub(in crate::gateway) fn is_probe(head: &Head) -> bool {
    let probes = ["/healthz", "/readyz", "/health/live", "/health/ready"];
    probes.contains(&head.path()) && matches!(head.method(), "GET" | "HEAD")
}

/// No such resource.
pub(in crate::gateway) fn not_found() -> Problem {
    Problem::new(404, "no such resource").field("path")
}

/// The path has routes, but none of this method.
pub(super) fn wrong_method(path: &str, methods: &'static str) -> Problem {
    let detail = format!("{path} is answered to {methods} only");
    Problem::new(405, detail).field("method").allow(methods)
}

/// The value of a captured part.
fn decoded<'a>(name: &'static str, raw: &'a str) -> Result<Cow<'a, str>, Problem> {
    let value = percent_decode(raw).map_err(|error| {
        Problem::new(400, format!("{name}: {error}"))
            .field(name)
            .at(error.at as u64)
    })?;
    // Here for every route, so that no handler sees a name which a topic cannot have.
    if name == "topic" {
        topic::validate(&value)
            .map_err(|error| Problem::new(400, format!("topic: {error}")).field("topic"))?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::http::route::{Delivers, Method, Resource};

    #[test]
    fn each_row_is_found_by_its_path_and_by_no_other() {
        let router = Router::get();
        for route in Router::rows() {
            let path = route
                .path
                .replace("{topic}", "orders.new")
                .replace("{id}", "7");
            let (found, _) = router.path(&path).expect(route.path);
            assert!(
                found.routes.iter().any(|other| std::ptr::eq(*other, route)),
                "{path}"
            );
            let same = Router::rows()
                .filter(|other| other.path == route.path && other.method == route.method);
            assert_eq!(same.count(), 1, "{} {}", route.method.name(), route.path);
            for other in ["/x", "x"] {
                let (longer, shorter) = (format!("{path}{other}"), &path[..path.len() - 1]);
                assert!(
                    router
                        .path(&longer)
                        .is_none_or(|(_, c)| c[0] != "orders.new")
                );
                assert!(
                    router.path(shorter).is_none_or(|(p, _)| p.parts.len() > 1),
                    "{shorter}"
                );
            }
        }
    }

    #[test]
    fn rows_say_what_they_need() {
        for route in Router::rows() {
            let name = route.path;
            assert!(!route.summary.is_empty(), "{name}");
            assert!(!route.answers.is_empty(), "{name}");
            assert!(name.starts_with('/'), "{name}");
            let captures = name.matches('{').count();
            assert!(captures <= CAPTURES_MAX, "{name}");
            for claim in route.handler.claims() {
                let topic = claim.resource == Resource::Topic;
                assert_eq!(topic, name.contains("{topic}"), "{name}");
                let looked_at = topic || claim.resource == Resource::AllTopics;
                assert_eq!(looked_at, !claim.denied.is_empty(), "{name}");
            }
            if route.delivers != Delivers::Answer {
                assert_eq!(route.method, Method::Get, "{name}");
            }
        }
    }

    #[test]
    fn methods_are_listed_as_allow_has_them() {
        let router = Router::get();
        for (path, methods) in [
            ("/", Some("GET, HEAD")),
            ("/api/v1/ws", Some("GET")),
            ("/api/v1/topics", Some("GET, HEAD")),
            ("/api/v1/topics/t", Some("GET, HEAD, PUT, DELETE")),
            ("/api/v1/topics/t/events", Some("POST, DELETE")),
            ("/api/v1/topics/t/presence", Some("GET, HEAD")),
            ("/api/v1/connections", Some("GET, HEAD, POST")),
            ("/api/v1/connections/7", Some("DELETE")),
            ("/api/v1/connections/7/status", Some("GET, HEAD")),
            ("/api/v1/endpoints", Some("GET, HEAD, POST, DELETE")),
            ("/api/v1/broadcast", Some("POST")),
            ("/api/v1/topics/a/b/events", None),
            ("/api/v1/topics/t/events/", None),
            ("/nowhere", None),
        ] {
            assert_eq!(router.methods(path), methods, "{path}");
        }
    }
}

//! The request target of a client: its own path and query, and from the second time on the id to resume after.

use super::super::client_builder::sendable;
use super::super::url::escape;
use crate::wire::http::query;

/// The parameter that a stream resumes by.
const LAST_EVENT_ID: &str = "last-event-id";

/// Path and query without an id, and whether there is a subscription in it that could have one.
#[derive(Clone, Debug)]
pub(super) struct Target {
    text: String,
    subscribes: bool,
}

impl Target {
    /// Takes the id out of a path and query, and returns it, if there is one.
    pub(super) fn split(path_and_query: &str) -> (Self, Option<String>) {
        let (path, parameters) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let (mut text, mut joint) = (path.to_owned(), '?');
        let (mut id, mut subscribes) = (None, false);
        for parameter in parameters.split('&').filter(|p| !p.is_empty()) {
            // What cannot be decoded is the server's to refuse.
            if let Some(Ok((name, value))) = query(parameter).next() {
                subscribes |= name == "topic";
                if name == LAST_EVENT_ID {
                    id = Some(value.into_owned());
                    continue;
                }
            }
            text.push(joint);
            text.push_str(parameter);
            joint = '&';
        }
        (Self { text, subscribes }, id)
    }

    /// Path and query to resume after `id`; an empty one: none.
    pub(super) fn after(&self, id: &str) -> String {
        match sendable(id) {
            Some(id) if self.subscribes => format!("{}&{LAST_EVENT_ID}={}", self.text, escape(id)),
            // What subscribes by requests, later, has nothing to resume now: the server would refuse it.
            _ => self.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_takes_the_place_of_another() {
        let (target, id) = Target::split("/ws?last-event-id=e%2D1&topic=a.%3E&&from=now&bad=%zz");
        assert_eq!(id.as_deref(), Some("e-1"));
        assert_eq!(target.after(""), "/ws?topic=a.%3E&from=now&bad=%zz");
        let resumed = "/ws?topic=a.%3E&from=now&bad=%zz&last-event-id=e-2%261";
        assert_eq!(target.after("e-2&1"), resumed);
        assert_eq!(target.after("e\u{1}"), target.after(""));
    }

    #[test]
    fn what_subscribes_to_nothing_resumes_nothing() {
        for text in ["/ws", "/ws?heartbeat=5"] {
            let (target, id) = Target::split(text);
            assert_eq!((target.after("e-2").as_str(), id), (text, None));
        }
    }
}

//! The registry of a stream: the ids of clients that are connected or expected, each once.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::gateway::clients::options::{OnDuplicate, WebSocketStreamOptions};
use crate::gateway::clients::queue::SendQueue;

/// Most bytes of a client's id.
const CLIENT_BYTES: usize = 64;

/// Names one connection of one client, from the time that it is expected until it ends. A stream gives
/// each number once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub(in crate::gateway) u64);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why an id could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClientIdError {
    /// Not an id.
    #[error("client {reason}")]
    Client {
        /// The reason.
        reason: &'static str,
    },
    /// Somebody has it, and a second one is [refused](OnDuplicate::Refuse).
    #[error("client {client:?} is there already")]
    Taken {
        /// The id.
        client: String,
    },
    /// As many ids are known as [may be](WebSocketStreamOptions::clients_max).
    #[error("there are {limit} clients already, which is the limit")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

/// Says why a text is no id of a client.
pub(super) fn check_client(client: &str) -> Result<(), ClientIdError> {
    let reason = match client.len() {
        0 => "is empty",
        1..=CLIENT_BYTES if client.bytes().all(|b| b.is_ascii_graphic()) => return Ok(()),
        1..=CLIENT_BYTES => "holds something else than printable ASCII without spaces",
        _ => "is longer than 64 bytes",
    };
    Err(ClientIdError::Client { reason })
}

/// The state of an id.
pub(in crate::gateway) enum Entry {
    /// Its client has not come yet.
    Expected(SubscriptionId),
    /// Its client is here.
    Connected(Arc<SendQueue>),
}

impl Entry {
    fn queue(self) -> Option<Arc<SendQueue>> {
        match self {
            Self::Expected(_) => None,
            Self::Connected(queue) => Some(queue),
        }
    }
}

/// The ids of a stream, at most [`clients_max`](WebSocketStreamOptions::clients_max).
#[derive(Default)]
pub(in crate::gateway) struct Registry {
    clients: HashMap<Arc<str>, Entry>,
    last: u64,
}

impl Registry {
    /// Expects a client; the one that it replaces is to be closed.
    pub(super) fn expect(
        &mut self,
        client: &str,
        options: &WebSocketStreamOptions,
    ) -> Result<(SubscriptionId, Option<Arc<SendQueue>>), ClientIdError> {
        check_client(client)?;
        if options.on_duplicate == OnDuplicate::Refuse && self.clients.contains_key(client) {
            let client = client.to_owned();
            return Err(ClientIdError::Taken { client });
        }
        self.check_room(client, options)?;
        let id = self.next();
        let old = self.clients.insert(client.into(), Entry::Expected(id));
        Ok((id, old.and_then(Entry::queue)))
    }

    /// Gives a client that has come its send queue; the one that it replaces is to be closed.
    pub(in crate::gateway) fn connect(
        &mut self,
        client: &str,
        options: &WebSocketStreamOptions,
    ) -> Result<(Arc<SendQueue>, Option<Arc<SendQueue>>), ClientIdError> {
        check_client(client)?;
        let id = match self.clients.get(client) {
            // It keeps the number that whoever expects it was told, and has its room already.
            Some(Entry::Expected(id)) => *id,
            Some(Entry::Connected(_)) if options.on_duplicate == OnDuplicate::Refuse => {
                let client = client.to_owned();
                return Err(ClientIdError::Taken { client });
            }
            _ => {
                self.check_room(client, options)?;
                self.next()
            }
        };
        let client: Arc<str> = client.into();
        let queue = Arc::new(SendQueue::new(client.clone(), id));
        let old = self.clients.insert(client, Entry::Connected(queue.clone()));
        Ok((queue, old.and_then(Entry::queue)))
    }

    /// Returns whether a client is expected and has not come.
    pub(in crate::gateway) fn expects(&self, client: &str) -> bool {
        matches!(self.clients.get(client), Some(Entry::Expected(_)))
    }

    pub(in crate::gateway) fn find(&self, client: &str) -> Option<&SendQueue> {
        match self.clients.get(client) {
            Some(Entry::Connected(queue)) => Some(queue),
            _ => None,
        }
    }

    /// Forgets an id, whoever has it.
    pub(in crate::gateway) fn remove(&mut self, client: &str) -> Option<Entry> {
        self.clients.remove(client)
    }

    /// Forgets an id if it is still this connection's.
    pub(in crate::gateway) fn leave(&mut self, queue: &SendQueue) {
        // Another connection may have taken the id by now: that one stays.
        let now = self.find(&queue.client).map(|here| here.subscription);
        if now == Some(queue.subscription) {
            self.clients.remove(&queue.client);
        }
    }

    /// The clients that are here, in no order.
    pub(in crate::gateway) fn connected(&self) -> impl Iterator<Item = &SendQueue> {
        self.clients.values().filter_map(|entry| match entry {
            Entry::Connected(queue) => Some(&**queue),
            Entry::Expected(_) => None,
        })
    }

    fn check_room(
        &self,
        client: &str,
        options: &WebSocketStreamOptions,
    ) -> Result<(), ClientIdError> {
        let limit = options.clients_max;
        // Replacing somebody takes no room.
        if self.clients.len() < limit || self.clients.contains_key(client) {
            return Ok(());
        }
        Err(ClientIdError::TooMany { limit })
    }

    fn next(&mut self) -> SubscriptionId {
        self.last += 1;
        SubscriptionId(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(second: OnDuplicate) -> WebSocketStreamOptions {
        WebSocketStreamOptions {
            on_duplicate: second,
            clients_max: 2,
            ..WebSocketStreamOptions::default()
        }
    }

    #[test]
    fn ids_are_short_and_printable() {
        for (client, why) in [
            ("", "empty"),
            ("a b", "printable"),
            ("ü", "printable"),
            ("a\n", "printable"),
            ("\u{7f}", "printable"),
            (&"a".repeat(65), "64 bytes"),
        ] {
            let error = check_client(client).unwrap_err().to_string();
            assert!(error.contains(why), "{client:?}: {error}");
        }
        assert_eq!(check_client(&"~".repeat(64)), Ok(()));
    }

    #[test]
    fn a_second_one_replaces_the_first_which_then_leaves_nothing_behind() {
        let options = options(OnDuplicate::Replace);
        let mut registry = Registry::default();
        let (first, _) = registry.connect("a", &options).unwrap();
        let (second, old) = registry.connect("a", &options).unwrap();
        assert_eq!(old.unwrap().subscription, first.subscription);
        registry.leave(&first);
        assert_eq!(
            registry.find("a").unwrap().subscription,
            second.subscription
        );
        registry.leave(&second);
        assert!(registry.find("a").is_none());
    }

    #[test]
    fn a_second_one_is_refused_but_the_one_expected_is_not() {
        let options = options(OnDuplicate::Refuse);
        let mut registry = Registry::default();
        let (id, _) = registry.expect("a", &options).unwrap();
        assert!(registry.expect("a", &options).is_err());
        assert!(registry.expects("a") && registry.find("a").is_none());
        let (queue, _) = registry.connect("a", &options).unwrap();
        assert_eq!(queue.subscription, id);
        assert!(registry.connect("a", &options).is_err());
        assert!(!registry.expects("a"));
    }

    #[test]
    fn a_full_registry_takes_nobody_new() {
        let options = options(OnDuplicate::Replace);
        let mut registry = Registry::default();
        registry.expect("a", &options).unwrap();
        registry.connect("b", &options).unwrap();
        let limit = options.clients_max;
        let full = ClientIdError::TooMany { limit };
        assert_eq!(registry.connect("c", &options).err(), Some(full));
        assert!(registry.connect("a", &options).is_ok());
        assert!(registry.connect("b", &options).is_ok());
    }
}

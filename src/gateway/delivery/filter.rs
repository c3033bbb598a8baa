//! The key of a class: the events that its streams get.

use std::time::Duration;

use crate::event::Filter;
use crate::fanout::ClassSpec;
use crate::gateway::encode::WireFormat;

/// The key of a class: what the client asked for, within what it may see, and what of its
/// pace needs work once a class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct StreamFilter {
    pub(in crate::gateway) wanted: Filter,
    pub(in crate::gateway) allowed: Filter,
    /// The topics of its endpoint; `None`: it has all that is wanted, or there is no endpoint.
    pub(in crate::gateway) offered: Option<Filter>,
    /// Its members get the newest of each topic when they are slow.
    pub(in crate::gateway) latest: bool,
    /// Its members are told who joins and leaves.
    pub(in crate::gateway) presence: bool,
    /// Milliseconds for which events are collected.
    pub(in crate::gateway) hold_ms: u8,
}

impl StreamFilter {
    pub(in crate::gateway) fn matches(&self, topic: &str) -> bool {
        self.wanted.matches(topic) && self.may_see(topic)
    }

    pub(in crate::gateway) fn may_see(&self, topic: &str) -> bool {
        let is_offered = |offered: &Filter| offered.matches(topic);
        self.allowed.matches(topic) && self.offered.as_ref().is_none_or(is_offered)
    }

    /// Returns whether it may not see all that is wanted, so that each event is looked at. `>` allows no reserved topic: who wants
    /// one and is allowed `>` is limited.
    pub(in crate::gateway) fn is_limited(&self) -> bool {
        self.offered.is_some() || !self.allowed.covers(&self.wanted)
    }

    /// The filters that limit it beside what is wanted.
    pub(in crate::gateway) fn limits(&self) -> impl Iterator<Item = &Filter> {
        let allowed = Some(&self.allowed).filter(|allowed| !allowed.covers(&self.wanted));
        allowed.into_iter().chain(&self.offered)
    }

    /// Returns whether it takes every topic that is not reserved.
    pub(in crate::gateway) fn is_all(&self) -> bool {
        self.wanted.is_all() && !self.is_limited()
    }

    /// The class of the streams that get these events in a wire format.
    pub(in crate::gateway) fn class(self, form: WireFormat) -> ClassSpec<Self> {
        ClassSpec {
            everything: self.is_all(),
            form: form.id(),
            hold: Duration::from_millis(self.hold_ms.into()),
            key: self,
        }
    }
}

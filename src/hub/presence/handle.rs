//! A handle on a presence set: for those who get events another way, as a server's connections do, and are present as
//! subscriptions are.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::event::{EventFilter, Filter};
use crate::ring::Notify;
use crate::settings::setters;

use super::PresenceSet;
use crate::hub::shared::Shared;
use crate::hub::{EndReason, SubscriptionError};

/// The settings of a set of members that want the same; see [`Hub::open_presence`](crate::hub::Hub::open_presence).
#[derive(Clone)]
#[non_exhaustive]
pub struct PresenceConfig {
    /// The text that their ids begin with: 1 to 200 bytes of printable text. The rest is the number of each, in
    /// hexadecimal digits. Whoever gives the same name twice sees to it that the numbers differ.
    pub name: String,
    /// The events that they want.
    pub filter: EventFilter,
    /// The topics within which they get that; one that takes everything says nothing. Default none.
    pub within: Vec<Filter>,
    /// Called when there is something to [take](PresenceHandle::take). It runs on any thread, without a lock; a panic
    /// in it is caught.
    pub notify: Arc<dyn Notify>,
}

setters! {
    PresenceConfig {
        name: String,
        filter: EventFilter,
        within: Vec<Filter>,
        notify: Arc<dyn Notify>,
    }
}

/// An end that was decided elsewhere, for whoever serves the members.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent {
    /// [`Hub::unsubscribe`](crate::hub::Hub::unsubscribe) ended one of them.
    Ended {
        /// Its number.
        number: u64,
    },
    /// All of them have ended. Comes last; whoever comes later needs another set.
    Closed {
        /// Why.
        reason: EndReason,
    },
}

/// A handle on a set of members that are present at topics; dropping it lets them leave. A member costs some 16 bytes.
pub struct PresenceHandle {
    shared: Arc<Shared>,
    set: Arc<PresenceSet>,
}

impl PresenceConfig {
    /// Makes the settings of a set whose ids begin with `name`.
    pub fn new(
        name: impl Into<String>,
        filter: impl Into<EventFilter>,
        notify: Arc<dyn Notify>,
    ) -> Self {
        Self {
            name: name.into(),
            filter: filter.into(),
            within: Vec::new(),
            notify,
        }
    }
}

impl PresenceHandle {
    pub(in crate::hub) fn open(
        shared: &Arc<Shared>,
        config: PresenceConfig,
    ) -> Result<Self, SubscriptionError> {
        let class = shared.classes.get(&config.filter);
        let set = PresenceSet::new(class, config);
        let set = shared.registry.open(set)?;
        Ok(Self {
            shared: shared.clone(),
            set,
        })
    }

    /// Enters one more member; `false`: it is present already, or all have ended.
    pub fn enter(&self, number: u64) -> bool {
        let entered = self.shared.registry.enter_member(&self.set, number);
        entered
            .inspect(|wakeups| self.shared.wake(wakeups))
            .is_some()
    }

    /// Removes a member; `false`: it is not present, or has ended.
    pub fn leave(&self, number: u64) -> bool {
        let left = self.shared.registry.leave_member(&self.set, number);
        left.inspect(|wakeups| self.shared.wake(wakeups)).is_some()
    }

    /// Returns the id of a number, whether it is present or not.
    pub fn id_of(&self, number: u64) -> String {
        self.set.id_of(number)
    }

    /// Returns the number of an id, whether it is present or not; `None`: it can be none of these.
    pub fn number_of(&self, id: &str) -> Option<u64> {
        self.set.number_of(id)
    }

    /// Returns the numbers of all who are present, in no order.
    pub fn members(&self) -> Vec<u64> {
        self.set.members()
    }

    /// Returns whether nobody is present, and whoever was ended has been [taken](Self::take). After
    /// [`PresenceEvent::Closed`] it never is.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Takes the next end that was decided elsewhere.
    pub fn take(&self) -> Option<PresenceEvent> {
        self.set.take()
    }
}

/// Its notification is called without a lock, and what it panics with is caught.
impl UnwindSafe for PresenceHandle {}
/// As above.
impl RefUnwindSafe for PresenceHandle {}

impl Drop for PresenceHandle {
    fn drop(&mut self) {
        // First it is off the list, so that nobody ends members that are leaving anyway.
        self.shared.registry.close(&self.set);
        for number in self.set.members() {
            self.leave(number);
        }
    }
}

impl fmt::Debug for PresenceHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresenceHandle")
            .field("name", &self.set.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PresenceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresenceConfig")
            .field("name", &self.name)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}

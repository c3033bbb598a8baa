//! Being present at topics without a receiver: for who gets the events another way, as connections do.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::event::{EventFilter, Filter};
use crate::ring::Notify;

use super::PresenceSet;
use crate::hub::Hub;
use crate::hub::shared::Shared;
use crate::hub::{EndReason, SubscribeError};

/// How some attend, who want the same; see [`Hub::open_presence`].
#[derive(Clone)]
pub struct PresenceConfig {
    /// What their ids begin with: 1 to 200 bytes of printable text. The rest is the number of each, in hexadecimal
    /// digits. Whoever gives the same name twice sees to it that the numbers differ.
    pub name: String,
    /// What they want.
    pub filter: EventFilter,
    /// Within which topics they get that; one that takes everything says nothing.
    pub within: Vec<Filter>,
    /// Told when there is something to [take](PresenceHandle::take). It runs on any thread, without a lock; a panic in it is
    /// caught.
    pub notify: Arc<dyn Notify>,
}

/// What those who attend are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresenceEvent {
    /// [`Hub::unsubscribe`] ended one of them.
    Ended {
        /// Its number.
        number: u64,
    },
    /// All of them have ended. Told last; who comes later attends anew.
    Closed {
        /// Why.
        reason: EndReason,
    },
}

/// A place in the presence of topics, for any number of members; dropping it leaves. A member costs some 16 bytes.
pub struct PresenceHandle {
    shared: Arc<Shared>,
    set: Arc<PresenceSet>,
}

impl Hub {
    /// Makes a place for those who are present at topics until they leave, as subscriptions are: they are listed by
    /// [`presence`](Self::presence), others are told that they join and leave, they end with their topic, and
    /// [`unsubscribe`](Self::unsubscribe) ends one. They receive nothing, and are not among
    /// [`subscriptions`](Self::subscriptions).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use eventring::event::Filter;
    /// use eventring::hub::{PresenceConfig, Hub, PresenceEvent};
    /// use eventring::ring::Notify;
    ///
    /// struct Ignore;
    /// impl Notify for Ignore {
    ///     fn notify(&self) {}
    /// }
    ///
    /// let hub = Hub::new();
    /// let attendance = hub.open_presence(PresenceConfig {
    ///     name: "connection-".into(),
    ///     filter: Filter::parse(["orders.*"]).unwrap().into(),
    ///     within: Vec::new(),
    ///     notify: Arc::new(Ignore),
    /// })?;
    /// attendance.enter(7);
    /// attendance.enter(31);
    /// assert_eq!(hub.presence("orders.eu"), ["connection-1f", "connection-7"]);
    /// hub.unsubscribe("connection-7");
    /// assert_eq!(attendance.take(), Some(PresenceEvent::Ended { number: 7 }));
    /// attendance.leave(31);
    /// assert!(hub.presence("orders.eu").is_empty());
    /// # Ok::<(), eventring::hub::SubscribeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubscribeError::Id`] for the name.
    pub fn open_presence(&self, config: PresenceConfig) -> Result<PresenceHandle, SubscribeError> {
        let class = self.shared.classes.get(&config.filter);
        let set = PresenceSet::new((config.name.into(), class), config.within, config.notify);
        let set = self.shared.registry.open(set)?;
        Ok(PresenceHandle {
            shared: self.shared.clone(),
            set,
        })
    }
}

impl PresenceHandle {
    /// Lets one more be present; `false`: it is already, or all have ended.
    pub fn enter(&self, number: u64) -> bool {
        let entered = self.shared.registry.enter_member(&self.set, number);
        entered
            .inspect(|wakeups| self.shared.wake(wakeups))
            .is_some()
    }

    /// Lets one leave; `false`: it is not there, or has ended.
    pub fn leave(&self, number: u64) -> bool {
        let left = self.shared.registry.leave_member(&self.set, number);
        left.inspect(|wakeups| self.shared.wake(wakeups)).is_some()
    }

    /// The id of a number, whether it is present or not.
    pub fn id_of(&self, number: u64) -> String {
        self.set.id_of(number)
    }

    /// The number of an id, whether it is present or not; `None`: it can be none of these.
    pub fn number_of(&self, id: &str) -> Option<u64> {
        self.set.number_of(id)
    }

    /// The numbers of all who are present, in no order.
    pub fn members(&self) -> Vec<u64> {
        self.set.members()
    }

    /// Whether nobody is present, and whoever was ended has been [taken](Self::take). After [`PresenceEvent::Closed`] it never is.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Takes the next thing that they were told.
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

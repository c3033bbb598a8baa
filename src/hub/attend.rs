//! Being present at topics without a receiver: for who gets the events another way, as a connection does.

use std::fmt;
use std::sync::Arc;

use crate::event::{EventFilter, Filter};
use crate::ring::Notify;

use super::control::Control;
use super::core::Hub;
use super::error::{EndReason, SubscribeError};
use super::inner::Inner;
use super::registry::{Entrance, Ticket};

/// How somebody attends; see [`Hub::attend`].
#[derive(Clone)]
pub struct Attend {
    /// The id under which it is listed and can be [ended](Hub::unsubscribe): 1 to 255 bytes of printable text.
    pub id: String,
    /// What it wants.
    pub filter: EventFilter,
    /// Within which topics it gets that; one that takes everything says nothing.
    pub within: Vec<Filter>,
    /// Whether it wants to be told who joins and leaves.
    pub watches: bool,
    /// Told when it has ended or has something to [take](Attendance::take_control). It runs on any thread, without a
    /// lock.
    pub notify: Arc<dyn Notify>,
}

/// A place in the presence of topics; dropping it leaves.
pub struct Attendance {
    inner: Arc<Inner>,
    ticket: Arc<Ticket>,
}

impl Hub {
    /// Is present at topics until the attendance is dropped, as a subscription is: it is listed by
    /// [`presence`](Self::presence), others are told that it joins and leaves, it ends with its topic, and
    /// [`unsubscribe`](Self::unsubscribe) ends it. It receives nothing, and is not among
    /// [`subscriptions`](Self::subscriptions).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use eventring::event::Filter;
    /// use eventring::hub::{Attend, EndReason, Hub};
    /// use eventring::ring::Notify;
    ///
    /// struct Ignore;
    /// impl Notify for Ignore {
    ///     fn notify(&self) {}
    /// }
    ///
    /// let hub = Hub::new();
    /// let attend = Attend {
    ///     id: "connection-7".into(),
    ///     filter: Filter::parse(["orders.*"]).unwrap().into(),
    ///     within: Vec::new(),
    ///     watches: false,
    ///     notify: Arc::new(Ignore),
    /// };
    /// let attendance = hub.attend(attend)?;
    /// assert_eq!(hub.presence("orders.eu"), ["connection-7"]);
    /// hub.unsubscribe("connection-7");
    /// assert_eq!(attendance.ended(), Some(EndReason::Unsubscribed));
    /// # Ok::<(), eventring::hub::SubscribeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubscribeError::Id`] and [`SubscribeError::DuplicateId`].
    pub fn attend(&self, attend: Attend) -> Result<Attendance, SubscribeError> {
        let entrance = Entrance {
            id: Some(attend.id.into()),
            class: self.inner.classes.get(&attend.filter),
            watches: attend.watches,
            within: attend.within,
            notify: Some(attend.notify),
        };
        let ticket = self.inner.registry.enter(entrance)?;
        self.inner.announce(&ticket, |id| Control::Joined { id });
        Ok(Attendance {
            inner: self.inner.clone(),
            ticket,
        })
    }
}

impl Attendance {
    /// Returns its id.
    pub fn id(&self) -> &str {
        &self.ticket.id
    }

    /// Returns why it ended, if it did.
    pub fn ended(&self) -> Option<EndReason> {
        self.ticket.ended()
    }

    /// Takes the next thing that it was told: who joined, who left. At most 64 wait; beyond that the oldest goes.
    pub fn take_control(&self) -> Option<Control> {
        self.ticket.take_control()
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if self.inner.registry.forget(&self.ticket) {
            self.inner.announce(&self.ticket, |id| Control::Left { id });
        }
    }
}

impl fmt::Debug for Attendance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attendance")
            .field("id", &self.id())
            .field("ended", &self.ended())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Attend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attend")
            .field("id", &self.id)
            .field("filter", &self.filter)
            .field("watches", &self.watches)
            .finish_non_exhaustive()
    }
}

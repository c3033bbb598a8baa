//! Items: events, and what there is to tell beside them.

use std::time::Duration;

use crate::event::Position;
use crate::settings::setters;

use super::{Delivery, Reset};
use crate::hub::{EndReason, Gap};

/// One thing received by [`Receiver::next_item`](crate::hub::Receiver::next_item).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// An event.
    Event(Delivery),
    /// Some events went before they were read.
    Gap(Gap),
    /// The id that the subscription was to resume after means nothing here: what is published from now on follows. Comes
    /// before all events, and once.
    Reset(Reset),
    /// Everything that had been published when the subscription was made was received or passed; from here on it is
    /// live. Comes once.
    CaughtUp(Position),
    /// Something that is no event.
    Control(Control),
}

/// An item beside events: it has no position, and nobody stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// The subscription lives. Comes first.
    Connected {
        /// Its id.
        id: String,
    },
    /// Nothing more will come. Comes last.
    Disconnected {
        /// Why.
        reason: EndReason,
    },
    /// Nothing else came for a while.
    Heartbeat,
    /// A subscription began that shares topics with this one.
    Joined {
        /// Its id.
        id: String,
        /// The number of the change, as in [`Present::at`](crate::hub::Present::at).
        at: u64,
    },
    /// A subscription ended that shares topics with this one.
    Left {
        /// Its id.
        id: String,
        /// The number of the change.
        at: u64,
    },
    /// So many joined and left that they are not told one by one: a list ([`Hub::present`](crate::hub::Hub::present))
    /// that is true up to this change, or later, has them all.
    PresenceReset {
        /// The number of the last one that is not told.
        at: u64,
    },
}

/// The controls that a receiver is given. Plain receives ([`recv`](crate::hub::Receiver::recv) and its like) never give
/// any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Controls {
    /// [`Control::Heartbeat`] after so long without anything else. Default 30 s; `None` for none.
    pub heartbeat: Option<Duration>,
    /// [`Control::Connected`] and [`Control::Disconnected`]. Default true.
    pub connection: bool,
    /// [`Control::Joined`] and [`Control::Left`]. Default false. At most 64 wait for a receiver; beyond that it is told
    /// [`Control::PresenceReset`] instead.
    pub presence: bool,
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            heartbeat: Some(Duration::from_secs(30)),
            connection: true,
            presence: false,
        }
    }
}

setters! {
    Controls {
        heartbeat: Option<Duration>,
        connection: bool,
        presence: bool,
    }
}

impl Controls {
    /// Returns none.
    pub fn none() -> Self {
        Self {
            heartbeat: None,
            connection: false,
            presence: false,
        }
    }
}

/// Most controls that wait for one receiver.
pub(in crate::hub) const WAITING_MAX: usize = 64;

//! How a publish is to be done, and what may come of it.

use std::time::Duration;

use super::ExpectedVersion;
use crate::journal::Durability;
use crate::settings::setters;

/// Settings of one publish.
///
/// # Examples
///
/// ```
/// use eventring::hub::{Durability, HubPublishError, PublishOptions};
/// use eventring::{Event, Hub};
///
/// let hub = Hub::new();
/// let event = Event::builder("a", "t").build().unwrap();
/// let durable = PublishOptions::default().durability(Some(Durability::Durable));
/// assert_eq!(hub.publisher().publish(&event, &durable), Err(HubPublishError::DurabilityUnavailable));
/// assert_eq!(hub.publisher().publish(&event, &PublishOptions::default()).unwrap().offset, 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishOptions {
    /// The least safety of the events. Default `None`: what their topics ask for. More than a topic asks for is given, less
    /// is refused. A batch has one: the greatest that any of its events has.
    pub durability: Option<Durability>,
    /// The version that the stream of the event must have; of a batch, that of its first event. Default: any.
    pub expected: ExpectedVersion,
    /// The longest wait for room and outcome together. Default `None`: the hub's
    /// [`publish_timeout`](crate::hub::HubBuilder::publish_timeout) for room, and for the outcome until the journal counts as
    /// stalled. Means nothing where nothing waits.
    ///
    /// With `None` a publish that finds the journal free commits on its own thread, with what others have published, and is
    /// back when the disk is: where that hangs, it hangs as long, and
    /// [`commit_timeout`](crate::hub::HubBuilder::commit_timeout) is for everybody else. With a timeout another thread
    /// commits. Not counted is one read of the disk, where the event has a stream that was not published on in this run.
    pub timeout: Option<Duration>,
}

setters! {
    PublishOptions {
        durability: Option<Durability>,
        expected: ExpectedVersion,
        timeout: Option<Duration>,
    }
}

/// The end of a publish whose events have offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Readers see the events, and they are as safe as was asked for.
    Visible,
    /// The events were not committed, and never will be there.
    Aborted,
    /// As [`Aborted`](Self::Aborted), since the disk is full.
    NoSpace,
    /// The events were not committed as far as is known, and may be there after a restart. Published again
    /// they may be there twice, with the same ids: nothing but these tells doubles.
    Indeterminate,
    /// Not known yet, and who waited waits no longer.
    Timeout,
}

//! Publishing: what happens under the hub's one lock, and who is woken after it.

mod batch;
mod hub_publisher;
mod in_flight;
mod options;
#[cfg(feature = "async")]
mod publish_future;
mod publisher;
mod room;
mod single;
mod stage;
mod stream_versions;
mod submit;

pub use hub_publisher::HubPublisher;
pub use options::{Outcome, PublishOptions};
pub use room::RoomTicket;
pub use stream_versions::ExpectedVersion;

pub(in crate::hub) use batch::many_from;
pub(in crate::hub) use in_flight::{Condition, InFlight};
pub(in crate::hub) use publisher::Publisher;
pub(in crate::hub) use room::RoomQueue;
pub(in crate::hub) use single::{one, one_at};
pub(in crate::hub) use stream_versions::StreamVersions;
pub(in crate::hub) use submit::Publish;
#[cfg(any(feature = "async", feature = "gateway"))]
pub(in crate::hub) use submit::{load_stream, unknown_streams};

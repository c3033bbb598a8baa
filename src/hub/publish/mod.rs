//! Publishing: what happens under the hub's one lock, and who is woken after it.

mod batch;
mod publisher;
mod single;
mod stream_versions;

pub use stream_versions::ExpectedVersion;

pub(in crate::hub) use batch::{many, many_from};
pub(in crate::hub) use publisher::Publisher;
pub(in crate::hub) use single::{one, one_at};
pub(in crate::hub) use stream_versions::StreamVersions;

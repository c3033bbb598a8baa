//! The one publisher of a ring, and the future of a value that waits for room.

#[cfg(feature = "async")]
mod publish_async;
mod publisher;
mod write_batch;

#[cfg(feature = "async")]
pub use publish_async::PublishAsync;
pub use publisher::Publisher;

//! The ring: one writer, any number of cursors, values read in place.
mod builder;
mod error;
mod group;
mod handle;
mod memory;
mod publisher;
mod reader;
mod shared;
mod slot;
mod subscriber;
mod wait;
mod waiter;

pub use builder::{Builder, Overflow, Start, channel};
pub use error::{
    BatchError, Lagged, PublishError, RecvError, RecvTimeoutError, RingError, SeekError,
    SubscribeError, TryRecvError,
};
pub use group::{CursorId, Group, Round};
pub use handle::Ring;
pub use publisher::Publisher;
pub use slot::{Filled, Reused, Slot, Vacant};
pub use subscriber::{Ref, Subscriber, Waited};
pub use wait::Notify;
pub use waiter::Waiter;

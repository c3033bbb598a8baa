//! Reading a ring: by one cursor, by a group of cursors, one by one or in runs.

mod batch;
mod iter;
mod reader;
mod reader_group;
#[cfg(feature = "async")]
mod recv_async;
mod subscriber;
mod value_ref;

pub use batch::Batch;
pub use iter::{Iter, TryIter};
pub(in crate::ring) use reader::Reader;
pub use reader_group::{CursorId, ReaderGroup, Round};
#[cfg(feature = "async")]
pub use recv_async::RecvAsync;
pub use subscriber::{Subscriber, Waited};
pub use value_ref::Ref;

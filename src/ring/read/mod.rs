//! Reading a ring: by one cursor, by a group of cursors, one by one or in runs.

mod batch;
mod iter;
mod reader;
mod reader_group;
#[cfg(feature = "async")]
mod recv_async;
mod subscriber;

pub use batch::Batch;
pub use iter::{Iter, TryIter};
pub(in crate::ring) use reader::Reader;
pub use reader_group::{CursorId, ReaderGroup, Round};
#[cfg(feature = "async")]
pub use recv_async::RecvAsync;
#[cfg(feature = "async")]
pub(crate) use recv_async::TaskWaker;
pub use subscriber::{Ref, Subscriber, Waited};

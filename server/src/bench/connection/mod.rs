//! Sockets to the server: its address and requests, the poller, and a server of the bench's own.

mod child_server;
mod poller;
mod stream;
mod target;
mod timer;

pub(super) use child_server::ChildServer;
pub(super) use poller::Poller;
pub(super) use stream::Stream;
pub(super) use target::{ACCEPT, Target, check_room};

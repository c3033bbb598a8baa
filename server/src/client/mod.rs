//! The parts that `publish` and `tail` share: a URL, one HTTP/1.1 connection, and the server's complaints.

mod problem;

pub(crate) use eventring::client::{ConnectError, Connection as Conn, ReadError, Url, escape};
pub(crate) use problem::Problem;

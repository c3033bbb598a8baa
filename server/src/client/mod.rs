//! What `publish` and `tail` share: a URL, one HTTP/1.1 connection, and the server's complaints.

mod conn;
mod error;
mod problem;
mod url;

pub(crate) use conn::Conn;
pub(crate) use error::{ConnectError, ReadError};
pub(crate) use problem::Problem;
pub(crate) use url::{Url, escape};

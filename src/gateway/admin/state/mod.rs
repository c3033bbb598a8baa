//! Endpoints and made connections in the hub's journal, so that they are there again after a restart.

mod pending;
mod rows;
mod store;

pub(in crate::gateway) use self::pending::{PendingCommit, of_transact};
pub(in crate::gateway) use self::rows::{BadRow, Row, Table, load};
pub(in crate::gateway) use self::store::{Change, StateStore};

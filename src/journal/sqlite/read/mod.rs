//! Reading: connections of their own, a few chunks a call, events handed out when the transaction is over.

mod batch;
mod reader;
mod repair;
mod walk;
mod wanted;

pub(super) use reader::SqliteReader;

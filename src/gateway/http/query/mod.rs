//! Queries: what parameters each route has, and the one reader of them.

mod foreign;
mod parameter;
mod read;
mod suggest;
mod tables;

pub(in crate::gateway) use foreign::Foreign;
pub(in crate::gateway) use parameter::{Parameter, Takes, Times};
pub(in crate::gateway) use read::Query;
pub(in crate::gateway) use suggest::did_you_mean;
pub use suggest::suggest;
pub(in crate::gateway) use tables::*;

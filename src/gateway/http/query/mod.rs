//! Queries: what parameters each route has, and the one reader of them.

mod foreign;
mod nearest;
mod parameter;
mod read;
mod tables;

pub(in crate::gateway) use foreign::Foreign;
pub(in crate::gateway) use nearest::did_you_mean;
pub use nearest::nearest;
pub(in crate::gateway) use read::Query;
pub(in crate::gateway) use tables::*;

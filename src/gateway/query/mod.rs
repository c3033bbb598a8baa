//! Queries: what parameters each route has, and the one reader of them.

mod foreign;
mod nearest;
mod parameter;
mod read;
mod tables;

pub(super) use foreign::Foreign;
pub(super) use nearest::did_you_mean;
pub use nearest::nearest;
pub(super) use read::Query;
pub(super) use tables::*;

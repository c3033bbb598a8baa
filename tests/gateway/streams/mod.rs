//! Streams as their clients ask for them: where they begin, what they get when they are slow, where
//! they live, and how they end.

mod begin;
mod broadcast;
pub(crate) mod client;
mod framing;
mod hold;
mod kills;
mod look_back;
mod places;
mod presence;
mod presence_order;
mod reserved;
mod slow;

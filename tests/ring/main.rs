//! The ring: what it promises to publishers and to subscribers, judged by dumber rings and by real threads.

#[cfg(feature = "async")]
#[path = "../common/hooks.rs"]
mod hooks;

mod group;
mod lanes;
mod oracle;
mod publishing;
mod random;
mod reading;
#[cfg(feature = "async")]
mod reentry;
mod retain;
mod shared;
mod staged;
mod stress;
#[cfg(feature = "async")]
mod tasks;
mod unfinished;
mod waiting;

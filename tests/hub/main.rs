//! The hub: publishing, subscribing, topics, waiting and being woken.
#![cfg(feature = "hub")]

#[path = "../common/hub.rs"]
mod common;
#[path = "../common/counting.rs"]
mod counting;
#[cfg(feature = "async")]
#[path = "../common/hooks.rs"]
mod hooks;

mod alloc;
mod catch_up;
mod journal;
mod leaks;
mod look_back;
mod past;
mod publish;
#[cfg(feature = "async")]
mod reentry;
mod resume;
mod sleep;
mod subscribe;
#[cfg(feature = "async")]
mod tasks;
mod topics;
mod unsubscribe;

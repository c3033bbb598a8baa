//! What each stream gets, seen from outside: every event once and in order, compressed or not, however slow its client is.
#![cfg(feature = "gateway")]

#[path = "../common/body.rs"]
mod body;
#[path = "../common/counting.rs"]
mod counting;

mod alloc;
mod delivery;
mod delivery_joins;
mod full_logs;
mod gzip;
mod joining;

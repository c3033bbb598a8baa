//! What drives sockets and delivers: deadlines, several reactors, compression, and what connections hold.
#![cfg(feature = "gateway")]

#[cfg(target_os = "linux")]
#[path = "../common/alone.rs"]
mod alone;
#[path = "../common/body.rs"]
mod body;
#[path = "../common/counting.rs"]
mod counting;

mod alloc;
mod deadlines;
mod delivery;
mod delivery_joins;
#[cfg(target_os = "linux")]
mod descriptors;
mod gzip;
mod idle_bytes;
mod joining;
mod leaks;
#[cfg(target_os = "linux")]
mod own_loop;
mod reactors;
#[cfg(unix)]
mod unix_socket;

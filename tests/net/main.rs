//! What drives sockets, seen from outside: deadlines, several reactors, listeners, and what connections hold.
#![cfg(feature = "gateway")]

#[cfg(target_os = "linux")]
#[path = "../common/alone.rs"]
mod alone;
#[path = "../common/body.rs"]
mod body;
#[path = "../common/counting.rs"]
mod counting;

mod deadlines;
#[cfg(target_os = "linux")]
mod descriptors;
mod idle_bytes;
mod leaks;
#[cfg(target_os = "linux")]
mod own_loop;
mod reactors;
#[cfg(unix)]
mod unix_socket;

//! The server as a process: its routes, its clients, its signals.

#[path = "../common/mod.rs"]
mod common;

mod absences;
mod clients;
mod dashboard;
mod hostile;
mod idle;
mod listeners;
mod live_file;
mod resume;
mod routes;
mod signals;
mod stalled;

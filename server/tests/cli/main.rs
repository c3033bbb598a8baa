//! The commands as a shell runs them: flags, files, and servers that behave strangely.

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod config;
mod history;
mod servers;
mod snippets;
mod stderr;
mod tail_ws;

//! Faults of the disk, and what becomes of what was acknowledged.

#![allow(clippy::print_stdout, reason = "how much was judged is said")]

mod beside;
mod copies;
mod damage;
mod directory;
mod errors;
mod flush;
mod judge;
mod page;
mod power;
mod script;
mod space;
mod sqlite;
mod stall;

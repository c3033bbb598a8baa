//! Stands between SQLite and the disk, for tests and benches.
//!
//! A [`Shim`] is a VFS of SQLite in front of `unix`. It forwards everything, locks and shared memory too, and can
//! *record* what is written and flushed, *fail* any call, let it take longer or hang, and move the clock. [`Disk`] replays
//! a record and tells what a disk may hold when the power fails: everything that was flushed, and of the rest any part.

mod fault;
mod file;
mod power;
mod random;
mod state;
mod vfs;

pub use fault::{Call, Fault, Part};
pub use power::{Disk, Loss};
pub use random::Random;
pub use state::{Entry, Shim};

//! Where processes run: servers on one core, the load on another.

use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of all servers, which take turns.
pub const SERVERS: usize = 0;
/// The core of the load.
pub const LOAD: usize = 1;

/// Keeps this thread, and the processes that it starts from here on, on a core. Where that core is not
/// there, it runs where it may.
pub fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    let _ = sched_setaffinity(None, &cores);
}

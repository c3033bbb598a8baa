//! CPU time of processes, and where they run.

use std::path::Path;
use std::time::Duration;

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

/// What the threads of a process have used. Those that have ended do not count.
pub fn of_process(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the server runs");
    tasks
        .filter_map(|task| of(&task.ok()?.path().join("schedstat")))
        .sum()
}

/// What this thread has used.
pub fn of_this_thread() -> Duration {
    of(Path::new("/proc/thread-self/schedstat")).unwrap_or_default()
}

/// The first number is nanoseconds on a core.
fn of(schedstat: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(schedstat).ok()?;
    let ns = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(ns))
}

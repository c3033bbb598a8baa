//! A server that a bench has made ends with it, however that ends.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::io::{self, ErrorKind};

/// Names the process that a server ends with. No setting: it has another prefix than those.
pub(crate) const VARIABLE: &str = "_EVENTRING_ENDS_WITH";

/// Has this process end with the one that made it, if that is what it wants.
pub(crate) fn end_with() -> io::Result<()> {
    let Some(parent) = std::env::var_os(VARIABLE) else {
        return Ok(());
    };
    // There is nothing to let out: who would read it has gone.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have gone before the line above.
    let alive = getppid().map(|pid| Pid::as_raw(Some(pid)).to_string());
    if alive.is_none_or(|pid| parent != *pid) {
        return Err(ErrorKind::NotFound.into());
    }
    Ok(())
}

//! CPU and memory of the server's process, as the kernel counts them.

use super::error::BenchError;
use std::fs;
use std::io;
use std::path::PathBuf;

/// A process that is watched.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    root: PathBuf,
}

impl Process {
    /// Fails when there is none, or when its memory is not ours to see.
    pub(super) fn new(pid: u32) -> Result<Process, BenchError> {
        let root = PathBuf::from(format!("/proc/{pid}"));
        let process = Process { pid, root };
        match process.try_pss_kib() {
            Ok(_) => Ok(process),
            Err(source) => Err(BenchError::Process { pid, source }),
        }
    }

    /// Nanoseconds on a CPU, all threads that live together.
    pub(super) fn cpu_ns(&self) -> u64 {
        let Ok(threads) = fs::read_dir(self.root.join("task")) else {
            return 0;
        };
        let on_cpu = threads.flatten().filter_map(|thread| {
            let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            stat.split_whitespace().next()?.parse::<u64>().ok()
        });
        on_cpu.sum()
    }

    /// Its share of the memory that it maps, KiB; 0 once it is gone.
    pub(super) fn pss_kib(&self) -> u64 {
        self.try_pss_kib().unwrap_or(0)
    }

    fn try_pss_kib(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.root.join("smaps_rollup"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_another_is_not() {
        let own = Process::new(std::process::id()).expect("this process");
        assert!(own.pss_kib() > 0);
        let error = Process::new(u32::MAX).expect_err("no such process");
        assert!(
            error.to_string().starts_with("--pid 4294967295: "),
            "{error}"
        );
    }
}

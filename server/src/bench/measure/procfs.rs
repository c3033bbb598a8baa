//! CPU and memory of the server's process, as the kernel counts them.

use crate::bench::error::BenchError;
use std::fs;
use std::io;
use std::path::PathBuf;

/// A process that is watched.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    root: PathBuf,
}

/// Memory of a process, KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Its share of all that it maps.
    pub(crate) pss_kib: u64,
    /// Memory that is in no file and nobody else's: heap and stacks.
    pub(crate) anonymous_kib: u64,
}

impl Process {
    /// Fails when there is none, or when its memory is not ours to see.
    pub(crate) fn new(pid: u32) -> Result<Process, BenchError> {
        let root = PathBuf::from(format!("/proc/{pid}"));
        let process = Process { pid, root };
        // Read once now: a process that may not be looked at is refused in words, and not shown as 0.
        match process.try_memory() {
            Ok(_) => Ok(process),
            Err(source) => Err(BenchError::Process { pid, source }),
        }
    }

    /// The bench itself.
    pub(crate) fn own() -> Process {
        Process {
            pid: std::process::id(),
            root: PathBuf::from("/proc/self"),
        }
    }

    /// Nanoseconds on a CPU, all threads that live together.
    pub(crate) fn cpu_ns(&self) -> u64 {
        self.cpu_ns_of(|_| true)
    }

    /// Nanoseconds that the reactors of one of our servers were on a CPU: the first has the name of the program, the others
    /// it and a number.
    pub(crate) fn reactors_ns(&self) -> u64 {
        self.cpu_ns_of(|name| {
            let number = name.strip_prefix("eventring");
            number.is_some_and(|rest| {
                let digits = rest.strip_prefix('-').unwrap_or(rest);
                digits.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
    }

    fn cpu_ns_of(&self, is_meant: impl Fn(&str) -> bool) -> u64 {
        // `stat` counts in ticks of 10 ms; `schedstat` in nanoseconds, but of each thread alone.
        let Ok(threads) = fs::read_dir(self.root.join("task")) else {
            return 0;
        };
        let on_cpu = threads.flatten().filter_map(|thread| {
            // A thread that has ended since is no failure.
            let name = fs::read_to_string(thread.path().join("comm")).ok()?;
            let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let on_cpu = stat.split_whitespace().next()?.parse::<u64>().ok()?;
            is_meant(name.trim_end()).then_some(on_cpu)
        });
        on_cpu.sum()
    }

    /// Returns the memory it takes up; none once it is gone.
    pub(crate) fn memory(&self) -> Memory {
        self.try_memory().unwrap_or_default()
    }

    fn try_memory(&self) -> io::Result<Memory> {
        let text = fs::read_to_string(self.root.join("smaps_rollup"))?;
        let kib = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
        };
        Ok(Memory {
            pss_kib: kib("Pss:")?,
            anonymous_kib: kib("Anonymous:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_another_is_not() {
        let own = Process::new(std::process::id()).expect("this process");
        assert_eq!(own.pid, Process::own().pid);
        let memory = Process::own().memory();
        assert!(memory.pss_kib > 0 && memory.anonymous_kib > 0, "{memory:?}");
        let error = Process::new(u32::MAX).expect_err("no such process");
        assert!(
            error.to_string().starts_with("--pid 4294967295: "),
            "{error}"
        );
    }
}

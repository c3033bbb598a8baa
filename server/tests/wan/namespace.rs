//! Network namespaces without a name: with the last descriptor, thread and process in it, one is gone,
//! whatever ends the test.

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

/// A namespace that holds nothing but what the test puts there.
pub(crate) struct Namespace(OwnedFd);

impl Namespace {
    /// Makes one with loopback.
    pub(crate) fn make() -> Result<Namespace, String> {
        let made: io::Result<File> = thread::spawn(|| {
            // SAFETY: NEWNET moves this thread, which ends here, to another network; memory and
            // descriptors stay shared.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
            File::open("/proc/thread-self/ns/net")
        })
        .join()
        .expect("no panic");
        let made = made.map_err(|error| format!("no network namespace: {error}"))?;
        let namespace = Namespace(made.into());
        namespace.run("ip", "link set lo up")?;
        Ok(namespace)
    }

    /// Does `work` on a thread in there; sockets and processes that it makes stay there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(self.0.as_fd(), network).expect("we made it");
                work()
            });
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Runs a command with these words in there.
    pub(crate) fn run(&self, program: &str, words: &str) -> Result<(), String> {
        let mut command = Command::new(program);
        command.args(words.split(' '));
        let output = self.inside(|| command.output());
        let output = output.map_err(|error| format!("{program}: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program} {words}: {}", why.trim()))
    }

    /// Writes a setting of the kernel that counts in there.
    pub(crate) fn set(&self, name: &str, value: &str) -> Result<(), String> {
        let path = format!("/proc/sys/net/ipv4/{name}");
        self.inside(|| std::fs::write(&path, value))
            .map_err(|error| format!("{path}: {error}"))
    }

    /// How many segments of TCP were sent again in there.
    pub(crate) fn sent_again(&self) -> u64 {
        let all = self.inside(|| std::fs::read_to_string("/proc/thread-self/net/snmp"));
        let all = all.expect("counters of the kernel");
        let mut lines = all.lines().filter(|line| line.starts_with("Tcp:"));
        let mut words = || lines.next().expect("two lines").split(' ');
        let mut pairs = words().zip(words());
        let (_, count) = pairs
            .find(|(name, _)| *name == "RetransSegs")
            .expect("a counter");
        count.parse().expect("a number")
    }

    /// A path by which other namespaces may name it.
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

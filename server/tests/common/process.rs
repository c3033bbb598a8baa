//! A child process: what it prints is collected, and it never outlives the test.

use super::{DEADLINE, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

type Collected = Arc<Mutex<Vec<u8>>>;

/// A running command; dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
}

impl Process {
    /// The binary under test with these arguments.
    pub(crate) fn eventring(args: &[&str]) -> Process {
        Process::spawn(&mut Process::command(args))
    }

    /// The command line of the binary under test, without settings from outside.
    pub(crate) fn command(args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eventring"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("EVENTRING_") {
                command.env_remove(name);
            }
        }
        command.args(args);
        command
    }

    pub(crate) fn spawn(command: &mut Command) -> Process {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Process::spawn_as_is(command)
    }

    /// Spawns with the streams as the command has them; piped ones are collected.
    pub(crate) fn spawn_as_is(command: &mut Command) -> Process {
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let stdout = child.stdout.take().map(collect).unwrap_or_default();
        let stderr = child.stderr.take().map(collect).unwrap_or_default();
        Process {
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
        }
    }

    /// Writes to standard input and leaves it open.
    pub(crate) fn write(&mut self, text: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("a piped standard input");
        stdin.write_all(text.as_ref()).expect("the child reads");
        stdin.flush().expect("the child reads");
    }

    pub(crate) fn stdout(&self) -> String {
        text(&self.stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Waits until standard output has `count` lines.
    pub(crate) fn wait_for_lines(&self, count: usize) {
        wait_until(&format!("{count} lines of output"), || {
            let out = self.stdout.lock().expect("no panic in the collector");
            out.iter().filter(|&&b| b == b'\n').count() >= count
        });
    }

    /// Waits until standard error holds `text`.
    pub(crate) fn wait_for_stderr(&self, text: &str) {
        wait_until(&format!("{text:?} on stderr"), || {
            self.stderr().contains(text)
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process is there");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32).expect("a process id")
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("waited for").is_some()
    }

    /// Closes standard input and waits for the end and for all output.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.stdin = None;
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("waited for") {
                // The collectors hold the other ends until they have read everything.
                wait_until("the end of the output", || {
                    Arc::strong_count(&self.stdout) == 1 && Arc::strong_count(&self.stderr) == 1
                });
                return status;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "does not end; stderr: {}",
                self.stderr()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Waits for the end and answers the exit code.
    pub(crate) fn code(&mut self) -> i32 {
        let status = self.wait();
        status
            .code()
            .unwrap_or_else(|| panic!("{status}; stderr: {}", self.stderr()))
    }
}

impl Drop for Process {
    #[allow(clippy::print_stderr)]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "--- stderr of process {}:\n{}",
                self.child.id(),
                self.stderr()
            );
        }
    }
}

fn collect(mut from: impl Read + Send + 'static) -> Collected {
    let all = Collected::default();
    let shared = Arc::clone(&all);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            shared
                .lock()
                .expect("no panic in the test")
                .extend_from_slice(&buffer[..n]);
        }
    });
    all
}

fn text(collected: &Collected) -> String {
    String::from_utf8_lossy(&collected.lock().expect("no panic in the collector")).into_owned()
}

//! A server of the bench's own, on a free port, that ends with it.

use super::error::BenchError;
use crate::client::Url;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// How a server says where it is.
const LISTENING: &str = "listening on ";
/// Most of its standard error that is kept to be shown.
const STDERR_MAX: usize = 64 << 10;

/// The running server.
#[derive(Debug)]
pub(super) struct Spawned {
    child: Child,
    pub(super) url: Url,
}

impl Spawned {
    /// Starts it and waits until it listens.
    pub(super) fn start() -> Result<Spawned, BenchError> {
        let failed = |error: &dyn std::fmt::Display| BenchError::Spawn(error.to_string());
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let errors = child.stderr.take().map(collect);
        let Some(stdout) = child.stdout.take() else {
            unreachable!("it was asked for above")
        };
        let mut lines = BufReader::new(stdout).lines();
        let listening =
            lines.find_map(|line| Some(line.ok()?.strip_prefix(LISTENING)?.to_string()));
        let Some(url) = listening.and_then(|url| Url::parse(&url).ok()) else {
            let _ = child.wait();
            let said = errors
                .and_then(|errors| errors.join().ok())
                .unwrap_or_default();
            return Err(BenchError::Spawn(format!(
                "it did not start: {}",
                said.trim_end()
            )));
        };
        // It prints two more lines; somebody has to take them.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Spawned { child, url })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // Everything was judged: there is nothing to let out any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, so that nothing blocks, and keeps the beginning.
fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let (mut kept, mut buffer) = (String::new(), [0; 4096]);
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if kept.len() < STDERR_MAX {
                kept.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        }
        kept
    })
}

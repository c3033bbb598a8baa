//! A server of the bench's own, on a free port, that ends with it.

use crate::bench::error::BenchError;
use crate::client::Url;
use crate::parent;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Beginning of the line in which a server names its address.
const LISTENING: &str = "listening on ";
/// Longest that it may take to say so.
const START: Duration = Duration::from_secs(30);
/// Most of its standard error that is kept to be shown.
const STDERR_MAX: usize = 64 << 10;

/// The running server.
#[derive(Debug)]
pub(crate) struct ChildServer {
    child: KillOnDrop,
    pub(crate) url: Url,
}

/// A child that is ended when it is dropped.
#[derive(Debug)]
struct KillOnDrop(Child);

impl ChildServer {
    /// Starts it and waits until it listens.
    pub(crate) fn start() -> Result<ChildServer, BenchError> {
        let failed = |error: &dyn std::fmt::Display| BenchError::Spawn(error.to_string());
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut command = Command::new(program);
        // Port 0: the kernel picks a free one, so two benches never meet.
        // Nothing is kept of a bench, whatever the settings say of a journal.
        command.args(["serve", "--memory", "--listen", "127.0.0.1:0"]);
        // A bench that is killed would leave it running otherwise.
        command.env(parent::VARIABLE, std::process::id().to_string());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = KillOnDrop(command.spawn().map_err(|error| failed(&error))?);
        let errors = child.0.stderr.take().map(collect);
        let Some(stdout) = child.0.stdout.take() else {
            unreachable!("it was asked for above")
        };
        let because = match listening(stdout).recv_timeout(START) {
            Ok(address) => match Url::parse(&address) {
                Ok(url) => return Ok(ChildServer { child, url }),
                Err(_) if address.starts_with("https:") => {
                    return Err(failed(
                        &"its server has a certificate, by EVENTRING_TLS_CERT or the settings file, and a \
                          bench speaks no TLS: measure without",
                    ));
                }
                Err(error) => format!("it listens on {address}: {error}"),
            },
            Err(RecvTimeoutError::Timeout) => {
                format!("it did not start within {} s", START.as_secs())
            }
            Err(RecvTimeoutError::Disconnected) => "it did not start".to_owned(),
        };
        // Its standard error ends with it.
        drop(child);
        let said = errors
            .and_then(|errors| errors.join().ok())
            .unwrap_or_default();
        Err(failed(&format_args!("{because}: {}", said.trim_end())))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Everything was judged: there is nothing to let out any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first address that it says; from then on its output is taken and dropped, so that nothing blocks.
fn listening(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, first) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix(LISTENING) {
                // Only the first one is waited for.
                let _ = sender.send(address.to_owned());
            }
        }
    });
    first
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

//! Why there is no report.

use crate::exit;
use std::io;
use std::net::SocketAddr;

/// A run that did not begin or broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum BenchError {
    #[error("--url: cannot find {host}: {source}")]
    Lookup { host: String, source: io::Error },
    #[error(
        "--url: {address} is not on loopback; a bench there is an attack unless the server and the \
         network are yours: say --i-own-this-server"
    )]
    NotLoopback { address: SocketAddr },
    #[error(
        "--connections {wanted}: the open-file limit (RLIMIT_NOFILE) of {limit} leaves {room}; raise \
         it with `ulimit -n {needed}`"
    )]
    OpenFiles {
        wanted: usize,
        limit: u64,
        room: usize,
        needed: usize,
    },
    #[error(
        "--connections {wanted}: the local ports (net.ipv4.ip_local_port_range) are {ports} to one \
         address"
    )]
    Ports { wanted: usize, ports: usize },
    #[error("--pid {pid}: {source}")]
    Process { pid: u32, source: io::Error },
    #[error("--spawn: {0}")]
    Spawn(String),
    #[error("{open} of {wanted} clients connected, then: {reason}")]
    Connect {
        open: usize,
        wanted: usize,
        reason: String,
    },
    #[error("--rate max: with --first-byte it is a number of events a second")]
    TokenRate,
    #[error("cannot publish: {0}")]
    Publish(String),
    #[error("ended by a signal before there was anything to judge")]
    Interrupted,
    #[error("the system's poller broke: {0}")]
    Poll(#[from] io::Error),
}

impl BenchError {
    /// The exit code: whether the wish was wrong or the world.
    pub(super) fn code(&self) -> u8 {
        match self {
            BenchError::Lookup { .. }
            | BenchError::NotLoopback { .. }
            | BenchError::OpenFiles { .. }
            | BenchError::Ports { .. }
            | BenchError::Process { .. }
            | BenchError::TokenRate => exit::USAGE,
            _ => exit::FAILED,
        }
    }
}

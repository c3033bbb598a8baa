//! The servers as processes: started on free ports, ended with this program.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The one that the others are compared with.
pub const OURS: &str = "ours";
/// All there are.
pub const NAMES: [&str; 4] = [OURS, "axum", "axum-batched", WS];
const WS: &str = "ws";
/// What npm is asked for. The second one is what the first one's README advises for speed.
const PACKAGES: [&str; 2] = ["ws@8", "bufferutil@4"];

/// A running server; dropped, it is killed.
pub struct Server {
    pub name: &'static str,
    pub address: SocketAddr,
    child: Child,
    /// Where npm's packages are.
    _folder: Option<TempDir>,
}

impl Server {
    /// Starts it and waits until it listens; `None`, and a word why: a program is not there.
    pub fn start(name: &'static str) -> Option<Self> {
        let (mut command, folder) = match name {
            WS => node()?,
            _ => (this_program(name), None),
        };
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ")?.parse().ok());
        Some(Self {
            name,
            address: address.unwrap_or_else(|| panic!("{name} does not listen")),
            child,
            _folder: folder,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn this_program(name: &str) -> Command {
    let program = std::env::current_exe().expect("the path of this program");
    let mut command = Command::new(program);
    command.args(["serve", name]);
    command
}

/// Node with packages that npm puts into a folder of their own.
fn node() -> Option<(Command, Option<TempDir>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
    npm.arg(folder.path()).args(PACKAGES).stdout(Stdio::null());
    if !npm.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: npm does not give {}", PACKAGES.join(" and "));
        return None;
    }
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: node is not installed");
        return None;
    }
    let script = folder.path().join("ws.mjs");
    std::fs::write(&script, include_str!("ws.mjs")).expect("a file in a folder of ours");
    let mut node = Command::new("node");
    node.arg(script);
    Some((node, Some(folder)))
}

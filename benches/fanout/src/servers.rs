//! The servers that are compared, and how each is started.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cpu;
use crate::programs::Programs;

/// How long one may take until it accepts connections.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where Debian puts nginx, which is not in everybody's search path, and Nchan.
const NGINX: &str = "/usr/sbin/nginx";
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// One of them.
pub struct Server {
    pub name: &'static str,
    /// What it is, in the table.
    pub title: &'static str,
    kind: Kind,
    /// Its clients are WebSockets.
    pub ws: bool,
    pub by_default: bool,
    /// It takes part in all workloads.
    pub closely: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    /// The binary of the repository.
    Eventring,
    /// A server of this program.
    Peer(&'static str),
    Nchan,
    Node,
}

/// The one that the others are compared with.
pub const OURS: &str = "eventring";

/// All there are, in the order of the table.
pub const SERVERS: [Server; 9] = [
    server(
        "floor",
        "a bare epoll loop with one log and nothing else",
        Kind::Peer("floor"),
    )
    .closely(),
    server(OURS, "**eventring**", Kind::Eventring).closely(),
    server("eventring-ws", "eventring, WebSocket", Kind::Eventring)
        .ws()
        .closely(),
    server("embedded", "eventring in a program", Kind::Peer("embedded")).optional(),
    server("actix", "actix-web 4", Kind::Peer("actix")),
    server("axum", "axum 0.8", Kind::Peer("axum")),
    server("axum-ws", "axum 0.8, WebSocket", Kind::Peer("axum"))
        .ws()
        .optional(),
    server("nchan", "nginx + Nchan", Kind::Nchan),
    server("node", "node `http`", Kind::Node),
];

const fn server(name: &'static str, title: &'static str, kind: Kind) -> Server {
    Server {
        name,
        title,
        kind,
        ws: false,
        by_default: true,
        closely: false,
    }
}

/// How a server is started, again and again.
pub enum Start {
    Eventring(PathBuf),
    Peer(PathBuf, &'static str),
    /// The folder of its files.
    Nchan(PathBuf),
    /// Its script.
    Node(PathBuf),
}

impl Server {
    const fn ws(self) -> Self {
        Self { ws: true, ..self }
    }

    const fn optional(self) -> Self {
        Self {
            by_default: false,
            ..self
        }
    }

    const fn closely(self) -> Self {
        Self {
            closely: true,
            ..self
        }
    }

    /// Looks for what it needs; `None`, and a word why: it is not there.
    pub fn prepare(&self, programs: &Programs) -> Option<Start> {
        match self.kind {
            Kind::Eventring => Some(Start::Eventring(programs.server.clone())),
            Kind::Peer(name) => Some(Start::Peer(programs.peers.clone(), name)),
            Kind::Nchan => {
                if ![NGINX, NCHAN].iter().all(|file| Path::new(file).exists()) {
                    eprintln!("skipped: nginx-light and libnginx-mod-nchan are not installed");
                    return None;
                }
                Some(Start::Nchan(programs.folder(self.name)))
            }
            Kind::Node => {
                if Command::new("node").arg("--version").output().is_err() {
                    eprintln!("skipped: node is not installed");
                    return None;
                }
                let script = programs.folder(self.name).join("server.mjs");
                std::fs::write(&script, include_str!("server.mjs")).expect("a file of ours");
                Some(Start::Node(script))
            }
        }
    }
}

impl Start {
    fn command(&self, port: u16) -> Command {
        let address = format!("127.0.0.1:{port}");
        let with = |program: &PathBuf, args: &[&str]| {
            let mut command = Command::new(program);
            command.args(args);
            command
        };
        match self {
            Self::Eventring(program) => {
                let mut command = with(program, &["serve", "--memory", "--listen", &address]);
                // What is measured, and an open-file limit of 20,000, have room in this.
                command.args(["--reactors", "1", "--max-connections", "12000"]);
                // No other server logs its connections.
                command.args(["--log-level", "warn"]);
                command
            }
            Self::Peer(program, name) => {
                let mut command = with(program, &["serve", name]);
                command.env(PORT, port.to_string());
                command
            }
            Self::Nchan(folder) => {
                let text = include_str!("nginx.conf").replace("@ADDRESS@", &address);
                let text = text.replace("@FOLDER@", &folder.display().to_string());
                let file = folder.join("nginx.conf");
                std::fs::write(&file, text).expect("a file of ours");
                let mut command = Command::new(NGINX);
                command.arg("-c").arg(file).arg("-p").arg(folder);
                command
            }
            Self::Node(script) => {
                let mut command = Command::new("node");
                command.arg(script).arg(port.to_string());
                command
            }
        }
    }
}

/// The variable that a server of this program finds its port in.
pub const PORT: &str = "FANOUT_PORT";

/// A running server; dropped, it is killed.
pub struct Running {
    child: Child,
    pub address: SocketAddr,
}

impl Running {
    /// Starts it on the servers' core and waits until it accepts connections.
    pub fn start(name: &str, start: &Start) -> Self {
        // Free now, and nobody else here takes ports.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = port.expect("a free port");
        cpu::pin(cpu::SERVERS);
        let mut command = start.command(address.port());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        cpu::pin(cpu::LOAD);
        let child = child.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut running = Self { child, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = running.child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "{name} has ended: {ended:?}");
            assert!(begun.elapsed() < PATIENCE, "{name} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

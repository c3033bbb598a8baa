//! Reverse proxies on a free port and in a folder of their own, with their defaults or as the guide
//! has it.

use crate::common::{DEADLINE, Http, Process, wait_until};
use crate::guide::{block, replaced};
use crate::programs::program;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    _process: Process,
    _folder: tempfile::TempDir,
}

/// Whose settings it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settings {
    /// What the program does when it is only told where the server is.
    Default,
    /// Those of the deploy guide.
    Guide,
}

/// How to start one, and what to do with what it is given.
type Start = fn(SocketAddr, SocketAddr, Settings, &Path) -> Option<Command>;

impl Proxy {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn nginx(server: SocketAddr, settings: Settings) -> Option<Proxy> {
        Proxy::start(nginx, server, settings)
    }

    pub(crate) fn haproxy(server: SocketAddr, settings: Settings) -> Option<Proxy> {
        Proxy::start(haproxy, server, settings)
    }

    pub(crate) fn caddy(server: SocketAddr, settings: Settings) -> Option<Proxy> {
        Proxy::start(caddy, server, settings)
    }

    /// nginx with a `server` block that this makes for the address it listens on.
    pub(crate) fn nginx_with(block: impl FnOnce(SocketAddr) -> String) -> Option<Proxy> {
        Proxy::run(|address, folder| nginx_command(&block(address), folder))
    }

    /// HAProxy with sections that this makes for the address it listens on.
    pub(crate) fn haproxy_with(sections: impl FnOnce(SocketAddr) -> String) -> Option<Proxy> {
        Proxy::run(|address, folder| haproxy_command(&sections(address), folder))
    }

    fn start(command: Start, server: SocketAddr, settings: Settings) -> Option<Proxy> {
        Proxy::run(|address, folder| command(address, server, settings, folder))
    }

    fn run(command: impl FnOnce(SocketAddr, &Path) -> Option<Command>) -> Option<Proxy> {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let mut command = command(address, folder.path())?;
        let mut process = Process::spawn(command.env("HOME", folder.path()));
        wait_until("the proxy to pass something on", || {
            assert!(!process.has_ended(), "{command:?}: {}", process.stderr());
            TcpStream::connect_timeout(&address, DEADLINE).is_ok()
                && Http::connect(address)
                    .get("/healthz")
                    .response()
                    .text()
                    .contains("ok")
        });
        Some(Proxy {
            address,
            _process: process,
            _folder: folder,
        })
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("a file in a folder of ours");
    file
}

fn nginx(
    address: SocketAddr,
    server: SocketAddr,
    settings: Settings,
    folder: &Path,
) -> Option<Command> {
    let http = match settings {
        Settings::Default => {
            format!("server {{ listen {address}; location / {{ proxy_pass http://{server}; }} }}")
        }
        Settings::Guide => {
            let text = replaced(&block("nginx"), "127.0.0.1:8080", &server.to_string());
            replaced(&text, "listen 80;", &format!("listen {address};"))
        }
    };
    nginx_command(&http, folder)
}

fn nginx_command(http: &str, folder: &Path) -> Option<Command> {
    let nginx = program(&["nginx"])?;
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
        .concat();
    // gzip on: Debian's file has it.
    let text = format!(
        "daemon off;\nmaster_process off;\npid {}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\ngzip on;\n{temporary}{http}\n}}\n",
        folder.display()
    );
    let mut command = Command::new(nginx);
    command.arg("-p").arg(folder);
    command.args(["-e", "stderr", "-c"]);
    command.arg(write(folder, "nginx.conf", &text));
    Some(command)
}

fn haproxy(
    address: SocketAddr,
    server: SocketAddr,
    settings: Settings,
    folder: &Path,
) -> Option<Command> {
    let sections = match settings {
        Settings::Default => format!(
            "frontend web\n  bind {address}\n  default_backend eventring\n\
             backend eventring\n  server one {server}\n"
        ),
        Settings::Guide => {
            let text = replaced(&block("haproxy"), "127.0.0.1:8080", &server.to_string());
            replaced(&text, "bind :80", &format!("bind {address}"))
        }
    };
    haproxy_command(&sections, folder)
}

fn haproxy_command(sections: &str, folder: &Path) -> Option<Command> {
    // The section that Debian's file has.
    const DEFAULTS: &str = "defaults\n  mode http\n  option dontlognull\n  \
        timeout connect 5000\n  timeout client 50000\n  timeout server 50000\n";
    let haproxy = program(&["haproxy"])?;
    let mut command = Command::new(haproxy);
    command.args(["-db", "-f"]);
    command.arg(write(
        folder,
        "haproxy.cfg",
        &format!("{DEFAULTS}{sections}\n"),
    ));
    Some(command)
}

fn caddy(
    address: SocketAddr,
    server: SocketAddr,
    settings: Settings,
    folder: &Path,
) -> Option<Command> {
    let caddy = program(&["caddy"])?;
    // Without a name: it would answer nothing to requests that come with another one.
    let site = format!("http://:{}", address.port());
    let bind = format!("\tbind {}", address.ip());
    let site = match settings {
        Settings::Default => format!("{site} {{\n{bind}\n\treverse_proxy {server}\n}}\n"),
        Settings::Guide => {
            let text = replaced(&block("caddy"), "127.0.0.1:8080", &server.to_string());
            replaced(&text, "events.example {", &format!("{site} {{\n{bind}"))
        }
    };
    let mut command = Command::new(caddy);
    let file = write(folder, "Caddyfile", &format!("{{\n\tadmin off\n}}\n{site}"));
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file);
    command
        .env("XDG_DATA_HOME", folder)
        .env("XDG_CONFIG_HOME", folder);
    Some(command)
}

//! Reverse proxies on a free port and in a folder of their own, with their defaults or as the guide
//! has it.

use crate::certificate::Certificate;
use crate::common::{DEADLINE, Http, Process, wait_until};
use crate::guide::{block, replaced};
use crate::programs::program;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
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

/// What to start.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    server: SocketAddr,
    settings: Settings,
    /// Clients come over TLS.
    certificate: Option<&'a Certificate>,
    /// The server is under `/ring/`.
    under_path: bool,
}

/// How to start one, and what to do with what it is given.
type Start = fn(SocketAddr, Asked<'_>, &Path) -> Option<Command>;

impl<'a> Asked<'a> {
    /// The guide's settings in front of a server.
    pub(crate) fn guide(server: SocketAddr) -> Self {
        Asked {
            server,
            settings: Settings::Guide,
            certificate: None,
            under_path: false,
        }
    }

    pub(crate) fn with_tls(self, certificate: Option<&'a Certificate>) -> Self {
        Asked {
            certificate,
            ..self
        }
    }

    pub(crate) fn under_path(self) -> Self {
        Asked {
            under_path: true,
            ..self
        }
    }

    /// The guide's block of this kind, with the server's address in it.
    fn block(&self, kind: &str) -> String {
        replaced(&block(kind), "127.0.0.1:8080", &self.server.to_string())
    }
}

impl Proxy {
    pub(crate) fn url(&self) -> String {
        match self.scheme {
            "http" => format!("http://{}", self.address),
            scheme => format!("{scheme}://localhost:{}", self.address.port()),
        }
    }

    pub(crate) fn nginx(server: SocketAddr, settings: Settings) -> Option<Proxy> {
        Proxy::start(
            nginx,
            Asked {
                settings,
                ..Asked::guide(server)
            },
        )
    }

    pub(crate) fn haproxy(server: SocketAddr, settings: Settings) -> Option<Proxy> {
        Proxy::start(
            haproxy,
            Asked {
                settings,
                ..Asked::guide(server)
            },
        )
    }

    pub(crate) fn caddy(server: SocketAddr, settings: Settings) -> Option<Proxy> {
        Proxy::start(
            caddy,
            Asked {
                settings,
                ..Asked::guide(server)
            },
        )
    }

    pub(crate) fn nginx_as(asked: Asked<'_>) -> Option<Proxy> {
        Proxy::start(nginx, asked)
    }

    pub(crate) fn haproxy_as(asked: Asked<'_>) -> Option<Proxy> {
        Proxy::start(haproxy, asked)
    }

    pub(crate) fn caddy_as(asked: Asked<'_>) -> Option<Proxy> {
        Proxy::start(caddy, asked)
    }

    /// nginx with a `server` block that this makes for the address it listens on.
    pub(crate) fn nginx_with(block: impl FnOnce(SocketAddr) -> String) -> Option<Proxy> {
        Proxy::run(false, |address, folder| {
            nginx_command(&block(address), folder)
        })
    }

    /// HAProxy with sections that this makes for the address it listens on.
    pub(crate) fn haproxy_with(sections: impl FnOnce(SocketAddr) -> String) -> Option<Proxy> {
        Proxy::run(false, |address, folder| {
            haproxy_command(&sections(address), folder)
        })
    }

    fn start(command: Start, asked: Asked<'_>) -> Option<Proxy> {
        let secured = asked.certificate.is_some();
        Proxy::run(secured, |address, folder| command(address, asked, folder))
    }

    fn run(
        secured: bool,
        command: impl FnOnce(SocketAddr, &Path) -> Option<Command>,
    ) -> Option<Proxy> {
        if secured {
            program(&["curl"])?;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let mut command = command(address, folder.path())?;
        let mut process = Process::spawn(command.env("HOME", folder.path()));
        wait_until("the proxy to pass something on", || {
            assert!(!process.has_ended(), "{command:?}: {}", process.stderr());
            TcpStream::connect_timeout(&address, DEADLINE).is_ok()
                && health(secured, address).contains("ok")
        });
        Some(Proxy {
            address,
            scheme: if secured { "https" } else { "http" },
            _process: process,
            _folder: folder,
        })
    }
}

/// What the server says of its health through the proxy.
fn health(secured: bool, address: SocketAddr) -> String {
    if !secured {
        return Http::connect(address).get("/healthz").response().text();
    }
    let mut curl = Command::new("curl");
    curl.args(["-sSk", "--noproxy", "*", "--max-time", "5"]);
    curl.arg(format!("https://localhost:{}/healthz", address.port()));
    let output = curl.output().expect("curl runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
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

fn nginx(address: SocketAddr, asked: Asked<'_>, folder: &Path) -> Option<Command> {
    let server = asked.server;
    if asked.settings == Settings::Default {
        let text =
            format!("server {{ listen {address}; location / {{ proxy_pass http://{server}; }} }}");
        return nginx_command(&text, folder);
    }
    let mut listen = match asked.certificate {
        None => format!("listen {address};"),
        Some(certificate) => {
            let text = replaced(
                &block("nginx-tls"),
                "listen 443 ",
                &format!("listen {address} "),
            );
            let text = replaced(&text, "/etc/ssl/events.pem", &shown(certificate, "cert"));
            replaced(&text, "/etc/ssl/events.key", &shown(certificate, "key"))
        }
    };
    let mut server_block = asked.block("nginx");
    if asked.under_path {
        listen.push_str(&block("nginx-path"));
        // Nothing but what tells that it is there is to be had beside the path.
        server_block = replaced(&server_block, "location / {", "location = /healthz {");
    }
    nginx_command(&replaced(&server_block, "listen 80;", &listen), folder)
}

fn shown(certificate: &Certificate, file: &str) -> String {
    certificate.path(file).display().to_string()
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

fn haproxy(address: SocketAddr, asked: Asked<'_>, folder: &Path) -> Option<Command> {
    let server = asked.server;
    if asked.settings == Settings::Default {
        let text = format!(
            "frontend web\n  bind {address}\n  default_backend eventring\n\
             backend eventring\n  server one {server}\n"
        );
        return haproxy_command(&text, folder);
    }
    let bind = match asked.certificate {
        None => format!("bind {address}"),
        Some(certificate) => {
            let text = replaced(
                &block("haproxy-tls"),
                "bind :443",
                &format!("bind {address}"),
            );
            replaced(&text, "/etc/ssl/events.pem", &shown(certificate, "both"))
        }
    };
    haproxy_command(
        &replaced(&asked.block("haproxy"), "bind :80", &bind),
        folder,
    )
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

fn caddy(address: SocketAddr, asked: Asked<'_>, folder: &Path) -> Option<Command> {
    let caddy = program(&["caddy"])?;
    // Without a name: it would answer nothing to requests that come with another one.
    let site = match asked.certificate {
        None => format!("http://:{}", address.port()),
        Some(_) => format!("https://localhost:{}", address.port()),
    };
    let tls = asked.certificate.map_or_else(String::new, |certificate| {
        let files = ["cert", "key"].map(|file| shown(certificate, file));
        format!("\n\ttls {}", files.join(" "))
    });
    let bind = format!("\tbind {}{tls}", address.ip());
    let server = asked.server;
    let site = match asked.settings {
        Settings::Default => format!("{site} {{\n{bind}\n\treverse_proxy {server}\n}}\n"),
        Settings::Guide => {
            let text = asked.block("caddy");
            replaced(&text, "events.example {", &format!("{site} {{\n{bind}"))
        }
    };
    let mut command = Command::new(caddy);
    let options = "{\n\tadmin off\n\tauto_https disable_redirects\n}";
    let file = write(folder, "Caddyfile", &format!("{options}\n{site}"));
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file);
    command
        .env("XDG_DATA_HOME", folder)
        .env("XDG_CONFIG_HOME", folder);
    Some(command)
}

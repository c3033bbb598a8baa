//! A process that serves, for as long as this value lives.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

const START: Duration = Duration::from_secs(10);
/// Of the clock in `/proc/PID/stat`.
const TICKS: f64 = 100.0;

pub struct Server {
    child: Child,
    pub port: u16,
    begun: Duration,
}

/// A port that nobody listens on now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Whom a program that refuses root runs as: `nobody`, on all systems that we know of.
const NOBODY: u32 = 65_534;

/// Lets a command run with a directory of its own, as somebody else where this process is root.
pub fn unprivileged(mut command: Command, dir: &Path) -> Result<Command> {
    command.current_dir(dir);
    if rustix::process::geteuid().is_root() {
        chown(dir, Some(NOBODY), Some(NOBODY))?;
        command.uid(NOBODY).gid(NOBODY);
    }
    Ok(command)
}

impl Server {
    /// `dir`: for what it says, of which the last line is told if it ends.
    pub fn start(command: &mut Command, port: u16, dir: &Path) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let said = dir.join("said");
        let out = File::create(&said)?;
        let child = command.stdout(out.try_clone()?).stderr(out).spawn();
        let child = child.map_err(|error| format!("{name}: {error}"))?;
        let mut server = Self {
            child,
            port,
            begun: Duration::ZERO,
        };
        let until = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                let said = fs::read_to_string(&said)?;
                let said = said.trim_end().lines().last().unwrap_or_default();
                return Err(format!("{name} ended ({status}): {said}").into());
            }
            if Instant::now() > until {
                return Err(format!("{name} does not listen").into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    pub fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The CPU time from here on is asked for.
    pub fn begin(&mut self) -> Result<()> {
        self.begun = self.total()?;
        Ok(())
    }

    pub fn cpu(&self) -> Result<Duration> {
        Ok(self.total()?.saturating_sub(self.begun))
    }

    /// User and system time of the process.
    fn total(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = stat.rsplit(") ").next().ok_or("no fields")?;
        let mut fields = fields.split(' ').skip(11);
        let ticks = fields.next().zip(fields.next()).ok_or("no times")?;
        let ticks = ticks.0.parse::<f64>()? + ticks.1.parse::<f64>()?;
        Ok(Duration::from_secs_f64(ticks / TICKS))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

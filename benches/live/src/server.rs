//! A server of its own, and what it says of its journal.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::Result;
use crate::args::Args;

const START: Duration = Duration::from_secs(10);
/// Lines of a request that fills a topic.
const LINES: u64 = 500;

/// A running server; dropped, it is killed, and its journal goes.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    _dir: TempDir,
}

/// The figures of a journal since the server began.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    /// The upper bounds of the buckets, microseconds; the last one is endless.
    bounds_us: Vec<u64>,
    counts: Vec<u64>,
    sum_us: u64,
    pub wal_bytes: u64,
    /// The longest that streams had to wait for other work of their reactor, so far.
    pub stall_max_us: u64,
}

impl Server {
    /// Starts it, with a journal or without.
    pub fn start(args: &Args, keeps: bool) -> Result<Self> {
        let dir = tempfile::tempdir_in(&args.dir)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(&args.eventring);
        command.args([
            "serve",
            "--log-level",
            "error",
            "--listen",
            &address.to_string(),
        ]);
        match keeps {
            true => command.arg("--data").arg(dir.path().join("data")),
            false => command.arg("--memory"),
        };
        let child = command.stdout(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("{}: {error}", args.eventring.display()))?;
        let mut server = Self {
            child,
            address,
            _dir: dir,
        };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server has ended: {status}").into());
            }
            if begun.elapsed() > START {
                return Err("the server does not listen".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Publishes events of 256 bytes; the last one is `last`.
    pub fn fill(&self, topic: &str, events: u64, last: &str) -> Result<()> {
        let line = format!("\"{}\"\n", "x".repeat(254));
        let mut body = line.repeat(LINES as usize);
        let mut stream = TcpStream::connect(self.address)?;
        for number in 0..events / LINES {
            if number + 1 == events / LINES {
                body.truncate(body.len() - line.len());
                body.push_str(&format!("\"{last}\"\n"));
            }
            let head = format!(
                "POST /api/v1/topics/{topic}/events HTTP/1.1\r\nHost: localhost\r\n\
                 Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(body.as_bytes())?;
            let mut answer = [0; 1024];
            let read = stream.read(&mut answer)?;
            if !answer[..read].starts_with(b"HTTP/1.1 200") {
                return Err(String::from_utf8_lossy(&answer[..read]).into_owned().into());
            }
        }
        Ok(())
    }

    /// Asks for the figures of the journal.
    pub fn commits(&self) -> Result<Commits> {
        let mut stream = TcpStream::connect(self.address)?;
        let request = "GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let body = text.split_once("\r\n\r\n").ok_or("no answer")?.1;
        let stats: Value = serde_json::from_str(body)?;
        let journal = &stats["journal"];
        let numbers = |name: &str| -> Vec<u64> {
            let all = journal["commit_latency"][name].as_array();
            let all = all.into_iter().flatten();
            all.filter_map(Value::as_u64).collect()
        };
        Ok(Commits {
            bounds_us: numbers("bounds_us"),
            counts: numbers("counts"),
            sum_us: journal["commit_latency"]["sum_us"].as_u64().unwrap_or(0),
            wal_bytes: journal["wal_bytes"].as_u64().unwrap_or(0),
            stall_max_us: stats["stall_max_us"].as_u64().unwrap_or(u64::MAX),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Commits {
    /// Returns those that came since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let earlier_counts = earlier.counts.iter().chain(std::iter::repeat(&0));
        let counts = self.counts.iter().zip(earlier_counts);
        Self {
            counts: counts.map(|(now, then)| now - then).collect(),
            sum_us: self.sum_us - earlier.sum_us,
            ..self.clone()
        }
    }

    pub fn mean_ms(&self) -> f64 {
        let count: u64 = self.counts.iter().sum();
        self.sum_us as f64 / 1e3 / count.max(1) as f64
    }

    /// The upper bound of the bucket in which so many of a hundred lie.
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        let count: u64 = self.counts.iter().sum();
        let wanted = (count as f64 * percent / 100.0).ceil() as u64;
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        let bound = place.and_then(|place| self.bounds_us.get(place));
        bound.map_or(f64::INFINITY, |us| *us as f64 / 1e3)
    }
}

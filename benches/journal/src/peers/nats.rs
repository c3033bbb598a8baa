//! NATS JetStream, by its text protocol: each publish is acknowledged in an inbox.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use super::server::{Server, free_port};
use crate::Result;
use crate::events::Events;

#[derive(Clone, Copy)]
pub enum Store {
    /// Flushed every two minutes.
    Default,
    /// Flushed before each acknowledgement: from nats-server 2.10 on; one before it refuses its configuration.
    Always,
}

pub struct Nats {
    pub server: Server,
    _dir: tempfile::TempDir,
}

pub struct Client {
    reader: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Nats {
    pub fn start(program: &Path, dir: &Path, store: Store) -> Result<Self> {
        let port = free_port()?;
        let dir = tempfile::tempdir_in(dir)?;
        let sync = match store {
            Store::Default => "",
            Store::Always => "sync_interval: always",
        };
        let config = dir.path().join("nats.conf");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\"\n {sync} }}\n",
            dir.path().display()
        );
        std::fs::write(&config, text)?;
        let nats = Self {
            server: Server::start(
                Command::new(program).arg("-c").arg(config),
                port,
                dir.path(),
            )?,
            _dir: dir,
        };
        let mut client = nats.client()?;
        client.request(
            "$JS.API.STREAM.CREATE.EV",
            br#"{"name":"EV","subjects":["ev.>"],"storage":"file"}"#,
        )?;
        Ok(nats)
    }

    pub fn client(&self) -> Result<Client> {
        let mut client = Client {
            reader: BufReader::with_capacity(1 << 16, self.server.connect()?),
            out: Vec::new(),
        };
        client.out.extend_from_slice(
            b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB in.1 1\r\nPING\r\n",
        );
        client.flush()?;
        while client.line()? != "PONG" {}
        Ok(client)
    }
}

impl Client {
    /// Publishes events at once, and waits for all acknowledgements.
    pub fn add(&mut self, events: &Events, first: u64, count: u64) -> Result<()> {
        for number in first..first + count {
            self.publish("ev.a", events.record(number));
        }
        self.flush()?;
        for _ in 0..count {
            self.message()?;
        }
        Ok(())
    }

    fn request(&mut self, subject: &str, body: &[u8]) -> Result<()> {
        self.publish(subject, body);
        self.flush()?;
        self.message()
    }

    fn publish(&mut self, subject: &str, body: &[u8]) {
        let _ = write!(self.out, "PUB {subject} in.1 {}\r\n", body.len());
        self.out.extend_from_slice(body);
        self.out.extend_from_slice(b"\r\n");
    }

    fn flush(&mut self) -> Result<()> {
        self.reader.get_mut().write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err("nats hung up".into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Reads the next message of the inbox.
    fn message(&mut self) -> Result<()> {
        loop {
            let line = self.line()?;
            if line == "PING" {
                self.out.extend_from_slice(b"PONG\r\n");
                self.flush()?;
            } else if line.starts_with("-ERR") {
                return Err(line.into());
            } else if line.starts_with("MSG") {
                let length: usize = line.rsplit(' ').next().ok_or("no length")?.parse()?;
                let mut body = vec![0; length + 2];
                self.reader.read_exact(&mut body)?;
                let body = String::from_utf8_lossy(&body);
                return match body.contains("\"error\"") {
                    true => Err(body.into_owned().into()),
                    false => Ok(()),
                };
            }
        }
    }
}

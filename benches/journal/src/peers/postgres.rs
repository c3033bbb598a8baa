//! PostgreSQL by its own protocol: binary, prepared, several rows a statement.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::server::{Server, free_port, unprivileged};
use crate::Result;
use crate::events::Events;

/// Rows that one look takes.
const PAGE: i64 = 1000;
const READY: Duration = Duration::from_secs(10);

pub struct Postgres {
    pub server: Server,
    _dir: tempfile::TempDir,
}

pub struct Client {
    reader: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Postgres {
    /// `folder`: of `initdb` and `postgres`, which run as `nobody` where this process is root.
    pub fn start(folder: &Path, dir: &Path) -> Result<Self> {
        let port = free_port()?;
        let dir = tempfile::tempdir_in(dir)?;
        let data = dir.path().join("data");
        let made = unprivileged(Command::new(folder.join("initdb")), dir.path())?
            .args(["-U", "bench", "-A", "trust", "-D"])
            .arg(&data)
            .output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into());
        }
        let mut command = unprivileged(Command::new(folder.join("postgres")), dir.path())?;
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k", ""]);
        let postgres = Self {
            server: Server::start(&mut command, port, dir.path())?,
            _dir: dir,
        };
        // It listens before it is ready to answer.
        let until = Instant::now() + READY;
        while let Err(error) = postgres.client() {
            if Instant::now() > until {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(postgres)
    }

    pub fn client(&self) -> Result<Client> {
        let mut client = Client {
            reader: BufReader::with_capacity(1 << 16, self.server.connect()?),
            out: Vec::new(),
        };
        let start = b"\x00\x03\x00\x00user\0bench\0database\0postgres\0\0";
        client
            .out
            .extend_from_slice(&(start.len() as u32 + 4).to_be_bytes());
        client.out.extend_from_slice(start);
        client.flush()?;
        client.until_ready(&mut |_| {})?;
        Ok(client)
    }
}

impl Client {
    pub fn prepare(&mut self) -> Result<()> {
        self.query("DROP TABLE IF EXISTS ev; CREATE TABLE ev(pos BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data BYTEA NOT NULL)")?;
        self.parse("add", "INSERT INTO ev(data) SELECT unnest($1::bytea[])")?;
        self.parse(
            "page",
            &format!("SELECT pos, data FROM ev WHERE pos > $1::bigint ORDER BY pos LIMIT {PAGE}"),
        )
    }

    /// Adds events in one statement, which commits.
    pub fn add(&mut self, events: &Events, first: u64, count: u64) -> Result<()> {
        // One dimension, no nulls, of bytea.
        let mut array = Vec::new();
        for word in [1_u32, 0, 17, count as u32, 1] {
            array.extend_from_slice(&word.to_be_bytes());
        }
        for number in first..first + count {
            let record = events.record(number);
            array.extend_from_slice(&(record.len() as u32).to_be_bytes());
            array.extend_from_slice(record);
        }
        self.execute("add", &array, &mut |_| {})
    }

    pub fn replay(&mut self) -> Result<u64> {
        let (mut last, mut count) = (0_i64, 0);
        loop {
            let before = count;
            let from = last.to_be_bytes();
            self.execute("page", &from, &mut |row| {
                // Columns, then the first one: its length, and the position.
                if let Some(position) = row.get(6..14).and_then(|bytes| bytes.first_chunk()) {
                    last = i64::from_be_bytes(*position);
                }
                count += 1;
            })?;
            if count == before {
                return Ok(count);
            }
        }
    }

    fn query(&mut self, sql: &str) -> Result<()> {
        self.message(b'Q', &[sql.as_bytes(), b"\0"]);
        self.flush()?;
        self.until_ready(&mut |_| {})
    }

    fn parse(&mut self, name: &str, sql: &str) -> Result<()> {
        self.message(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"]);
        self.message(b'S', &[]);
        self.flush()?;
        self.until_ready(&mut |_| {})
    }

    /// Runs a prepared statement with one argument; everything is binary.
    fn execute(&mut self, name: &str, argument: &[u8], row: &mut dyn FnMut(&[u8])) -> Result<()> {
        let length = (argument.len() as u32).to_be_bytes();
        let binary = b"\0\x01\0\x01";
        self.message(
            b'B',
            &[
                b"\0",
                name.as_bytes(),
                b"\0",
                binary,
                b"\0\x01",
                &length,
                argument,
                binary,
            ],
        );
        self.message(b'E', &[b"\0\0\0\0\0"]);
        self.message(b'S', &[]);
        self.flush()?;
        self.until_ready(row)
    }

    fn message(&mut self, kind: u8, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.out.push(kind);
        self.out
            .extend_from_slice(&(length as u32 + 4).to_be_bytes());
        parts
            .iter()
            .for_each(|part| self.out.extend_from_slice(part));
    }

    fn flush(&mut self) -> Result<()> {
        self.reader.get_mut().write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Reads to the end of an answer, and hands out its rows.
    fn until_ready(&mut self, row: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut body = Vec::new();
        let mut failed = None;
        loop {
            let mut head = [0; 5];
            self.reader.read_exact(&mut head)?;
            let [kind, length @ ..] = head;
            body.resize(u32::from_be_bytes(length) as usize - 4, 0);
            self.reader.read_exact(&mut body)?;
            match kind {
                b'D' => row(&body),
                b'E' => failed = Some(String::from_utf8_lossy(&body).into_owned()),
                b'Z' => return failed.map_or(Ok(()), |error| Err(error.into())),
                _ => {}
            }
            if kind == b'E'
                && failed
                    .as_deref()
                    .is_some_and(|error| error.contains("FATAL"))
            {
                return Err(failed.unwrap_or_default().into());
            }
        }
    }
}

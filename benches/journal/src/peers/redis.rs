//! Redis streams: `XADD` with an append-only file.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use super::server::{Server, free_port};
use crate::Result;
use crate::events::Events;

#[derive(Clone, Copy)]
pub enum Fsync {
    Always,
    EverySecond,
}

pub struct Redis {
    pub server: Server,
    _dir: tempfile::TempDir,
}

pub struct Client {
    reader: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Redis {
    pub fn start(program: &Path, dir: &Path, fsync: Fsync) -> Result<Self> {
        let port = free_port()?;
        let dir = tempfile::tempdir_in(dir)?;
        let fsync = match fsync {
            Fsync::Always => "always",
            Fsync::EverySecond => "everysec",
        };
        let mut command = Command::new(program);
        command.args([
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--appendonly",
            "yes",
        ]);
        command
            .args(["--appendfsync", fsync, "--bind", "127.0.0.1", "--dir"])
            .arg(dir.path());
        Ok(Self {
            server: Server::start(&mut command, port, dir.path())?,
            _dir: dir,
        })
    }

    pub fn client(&self) -> Result<Client> {
        Ok(Client {
            reader: BufReader::with_capacity(1 << 16, self.server.connect()?),
            out: Vec::new(),
        })
    }
}

impl Client {
    /// Adds events in one pipeline, and waits for all answers.
    pub fn add(&mut self, events: &Events, first: u64, count: u64) -> Result<()> {
        for number in first..first + count {
            self.command(&[b"XADD", b"ev", b"*", b"d", events.record(number)]);
        }
        self.flush()?;
        for _ in 0..count {
            self.answer(&mut 0)?;
        }
        Ok(())
    }

    /// Reads the whole stream, a thousand entries at a time.
    pub fn replay(&mut self) -> Result<u64> {
        let (mut from, mut count) = (b"-".to_vec(), 0);
        loop {
            self.command(&[b"XRANGE", b"ev", &from, b"+", b"COUNT", b"1000"]);
            self.flush()?;
            let mut last = Vec::new();
            let entries = self.entries(&mut last)?;
            if entries == 0 {
                return Ok(count);
            }
            count += entries;
            from = [b"(", last.as_slice()].concat();
        }
    }

    fn command(&mut self, parts: &[&[u8]]) {
        let _ = write!(self.out, "*{}\r\n", parts.len());
        for part in parts {
            let _ = write!(self.out, "${}\r\n", part.len());
            self.out.extend_from_slice(part);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.reader.get_mut().write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// The type of an answer and its number.
    fn head(&mut self) -> Result<(u8, i64)> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        let (kind, rest) = line.split_first().ok_or("redis hung up")?;
        if *kind == b'-' {
            return Err(String::from_utf8_lossy(rest).into_owned().into());
        }
        let number = str::from_utf8(rest)?.trim_end().parse().unwrap_or(0);
        Ok((*kind, number))
    }

    /// Reads one answer away; counts the bytes of its texts.
    fn answer(&mut self, bytes: &mut usize) -> Result<()> {
        match self.head()? {
            (b'$', length) if length >= 0 => *bytes += self.text(length)?.len(),
            (b'*', length) => {
                for _ in 0..length {
                    self.answer(bytes)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, length: i64) -> Result<Vec<u8>> {
        let mut text = vec![0; length as usize + 2];
        self.reader.read_exact(&mut text)?;
        text.truncate(length as usize);
        Ok(text)
    }

    /// Reads the answer to `XRANGE`; returns how many entries it has, and leaves the id of the last one.
    fn entries(&mut self, last: &mut Vec<u8>) -> Result<u64> {
        let (_, entries) = self.head()?;
        for _ in 0..entries {
            self.head()?;
            let (_, length) = self.head()?;
            *last = self.text(length)?;
            self.answer(&mut 0)?;
        }
        Ok(entries as u64)
    }
}

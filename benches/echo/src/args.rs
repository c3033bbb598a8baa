//! What to measure, from the command line.

use std::str::FromStr;
use std::time::Duration;

use crate::conn::Kind;

pub const USAGE: &str = "\
echo [--only NAME,...] [--kinds text,binary] [--windows N,...] [--connections N] [--bytes N]
     [--rounds N] [--ms N] [--json FILE]

  --only NAME,...    servers: ours, axum, axum-batched, ws; all of them by default
  --kinds KIND,...   text (checked to be UTF-8), binary; both by default
  --windows N,...    messages under way on a connection: 1,16 by default
  --connections N    100 by default
  --bytes N          bytes a message, 126 to 65535: 1024 by default
  --rounds N         5 by default; the median counts
  --ms N             milliseconds a server and round, at least 100, after a quarter of that to get warm: 1000
  --json FILE        every row

echo serve NAME   is a server alone, for a profiler";

pub struct Args {
    only: Vec<String>,
    pub kinds: Vec<Kind>,
    pub windows: Vec<u64>,
    pub connections: usize,
    pub bytes: usize,
    pub rounds: usize,
    pub time: Duration,
    pub json: Option<String>,
}

impl Args {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut out = Self {
            only: Vec::new(),
            kinds: vec![Kind::Text, Kind::Binary],
            windows: vec![1, 16],
            connections: 100,
            bytes: 1024,
            rounds: 5,
            time: Duration::from_millis(1000),
            json: None,
        };
        while let Some(arg) = args.next() {
            let value = args.next().ok_or(format!("{arg} needs a value"))?;
            match arg.as_str() {
                "--only" => out.only = list(&arg, &value)?,
                "--kinds" => out.kinds = list(&arg, &value)?,
                "--windows" => out.windows = list(&arg, &value)?,
                "--connections" => out.connections = one(&arg, &value)?,
                "--bytes" => out.bytes = one(&arg, &value)?,
                "--rounds" => out.rounds = one(&arg, &value)?,
                "--ms" => out.time = Duration::from_millis(one(&arg, &value)?),
                "--json" => out.json = Some(value),
                _ => return Err(format!("unknown: {arg}")),
            }
        }
        let wrong = [
            (!(126..=65535).contains(&out.bytes), "--bytes: 126 to 65535"),
            (out.connections == 0, "--connections: at least 1"),
            (out.rounds == 0, "--rounds: at least 1"),
            (out.windows.contains(&0), "--windows: at least 1"),
            (out.time.as_millis() < 100, "--ms: at least 100"),
        ];
        match wrong.iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err((*what).to_owned()),
            None => Ok(out),
        }
    }

    pub fn server(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn one<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name}: {text}?"))
}

fn list<T: FromStr>(name: &str, text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(|part| one(name, part)).collect()
}

//! What to measure, from the command line.

use crate::servers::{SERVERS, Server};

pub const USAGE: &str = "\
fanout table [--quick] [--rounds N] [--only NAME,...] [--eventring FILE] [--json FILE]

  --quick            one round of a second each: whether everything works, not how fast
  --rounds N         3 by default; the median counts
  --only NAME,...    servers: floor, eventring, eventring-ws, embedded, axum, axum-ws, actix, nchan, node;
                     by default all but embedded and axum-ws
  --eventring FILE   a built `eventring` instead of the one of this repository
  --json FILE        every row

fanout serve NAME    is a server alone, for a profiler: floor, embedded, axum or actix";

/// What the table is made of.
pub struct Args {
    quick: bool,
    rounds: usize,
    only: Vec<String>,
    eventring: Option<String>,
    json: Option<String>,
}

impl Args {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut out = Self {
            quick: false,
            rounds: 3,
            only: Vec::new(),
            eventring: None,
            json: None,
        };
        while let Some(arg) = args.next() {
            if arg == "--quick" {
                out.quick = true;
                continue;
            }
            let value = args.next().ok_or(format!("{arg} needs a value"))?;
            match arg.as_str() {
                "--rounds" => out.rounds = value.parse().map_err(|_| format!("{arg}: {value}?"))?,
                "--only" => out.only = value.split(',').map(str::to_owned).collect(),
                "--eventring" => out.eventring = Some(value),
                "--json" => out.json = Some(value),
                _ => return Err(format!("unknown: {arg}")),
            }
        }
        let known = |name: &&String| SERVERS.iter().any(|server| server.name == **name);
        match out.only.iter().find(|name| !known(name)) {
            Some(name) => Err(format!("--only: {name}?")),
            None if out.rounds == 0 => Err("--rounds: at least 1".to_owned()),
            None => Ok(out),
        }
    }

    pub fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds }
    }

    /// Seconds that a workload lasts.
    pub fn seconds(&self, usual: u32) -> u32 {
        if self.quick { 1 } else { usual }
    }

    pub fn wants(&self, server: &Server) -> bool {
        match self.only[..] {
            [] => server.by_default,
            _ => self.only.iter().any(|name| name == server.name),
        }
    }

    pub fn eventring(&self) -> Option<&str> {
        self.eventring.as_deref()
    }

    pub fn json(&self) -> Option<&str> {
        self.json.as_deref()
    }
}

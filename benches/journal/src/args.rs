//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::cases::Case;

const USAGE: &str = "journal [--rounds N] [--seconds S] [--only WORD,WORD] [--delay-ms 0,1] [--dir DIR] \
                     [--redis PROGRAM] [--nats PROGRAM] [--postgres FOLDER OF PROGRAMS]";

pub struct Args {
    pub rounds: usize,
    pub seconds: f64,
    pub dir: PathBuf,
    pub redis: PathBuf,
    pub nats: Option<PathBuf>,
    pub postgres: Option<PathBuf>,
    only: Vec<String>,
    delays_ms: Vec<u64>,
}

impl Args {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            rounds: 3,
            seconds: 1.0,
            dir: std::env::temp_dir(),
            redis: "redis-server".into(),
            nats: None,
            postgres: None,
            only: Vec::new(),
            delays_ms: vec![0, 1],
        };
        while let Some(name) = args.next() {
            let value = args.next().ok_or(USAGE)?;
            match name.as_str() {
                "--rounds" => parsed.rounds = value.parse()?,
                "--seconds" => parsed.seconds = value.parse()?,
                "--dir" => parsed.dir = value.into(),
                "--redis" => parsed.redis = value.into(),
                "--nats" => parsed.nats = Some(value.into()),
                "--postgres" => parsed.postgres = Some(value.into()),
                "--only" => parsed.only = value.split(',').map(str::to_owned).collect(),
                "--delay-ms" => {
                    let delays: std::result::Result<_, _> =
                        value.split(',').map(str::parse).collect();
                    parsed.delays_ms = delays?;
                }
                _ => return Err(USAGE.into()),
            }
        }
        Ok(parsed)
    }

    pub fn delays(&self) -> Vec<Duration> {
        self.delays_ms
            .iter()
            .map(|ms| Duration::from_millis(*ms))
            .collect()
    }

    /// Whether one of the words is in a case's name.
    pub fn wants(&self, case: &Case) -> bool {
        let name = format!("{} {}", case.row, case.engine);
        self.only.is_empty() || self.only.iter().any(|word| name.contains(word.as_str()))
    }

    /// Nobody asked for a program that is not there.
    pub fn is_quiet_about(&self, case: &Case) -> bool {
        case.engine.starts_with("nats") && self.nats.is_none()
            || case.engine.starts_with("postgres") && self.postgres.is_none()
    }
}

//! The command line.

use std::path::PathBuf;

use crate::Result;

const USAGE: &str = "live [--quick] [--rounds N] [--seconds S] [--only durable|\"look back\"] [--eventring FILE] [--dir DIR]";

pub struct Args {
    pub rounds: usize,
    /// Seconds of one load.
    pub seconds: u64,
    pub eventring: PathBuf,
    /// The folder in which journals are made.
    pub dir: PathBuf,
    only: Option<String>,
}

impl Args {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let root = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../target/release/eventring"
        );
        let mut parsed = Self {
            rounds: 3,
            seconds: 60,
            eventring: root.into(),
            dir: std::env::temp_dir(),
            only: None,
        };
        while let Some(name) = args.next() {
            if name == "--quick" {
                (parsed.rounds, parsed.seconds) = (1, 10);
                continue;
            }
            let value = args.next().ok_or(USAGE)?;
            match name.as_str() {
                "--rounds" => parsed.rounds = value.parse()?,
                "--seconds" => parsed.seconds = value.parse()?,
                "--only" => parsed.only = Some(value),
                "--eventring" => parsed.eventring = value.into(),
                "--dir" => parsed.dir = value.into(),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(parsed)
    }

    pub fn wants(&self, row: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| row.contains(only.as_str()))
    }
}

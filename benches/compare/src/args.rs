//! What to measure, from the command line.
use std::str::FromStr;

pub const USAGE: &str = "\
compare [WORD...] [--payload u64,inline64,bytes64] [--only NAME,...] [--rounds N] [--ms N]
        [--json FILE] [--markdown FILE] [--from FILE,...]

  WORD             rows: lat latpark fan1 batch fan64 fan1000 mp2 mp4 burst1 burst64 burst1000,
                   or a group of rows: mp burst reactor; all of them without one
  --only NAME,...  contenders whose name contains one of these; the peers of the goals stay unless --alone
  --alone          no peers but those named
  --rounds N       5 by default; the median counts
  --ms N           milliseconds a contender and round, 30 by default
  --json FILE      every row, written after each table
  --markdown FILE  the table for the README; - is standard output
  --from FILE,...  takes the rows from such JSON files, and measures nothing
  --msgs N, --cursors N, --exactly NAME   one run of N messages: for instruction counts";

pub struct Args {
    words: Vec<String>,
    payloads: Vec<String>,
    only: Vec<String>,
    alone: bool,
    exactly: Option<String>,
    cursors: Option<usize>,
    /// One round of so many messages, without calibration.
    pub messages: Option<u64>,
    pub rounds: usize,
    pub seconds: f64,
    pub json: Option<String>,
    pub markdown: Option<String>,
    pub from: Vec<String>,
}

/// The rows there are, with the group that they belong to.
pub const ROWS: [(&str, &str); 11] = [
    ("lat", ""),
    ("latpark", ""),
    ("fan1", "reactor"),
    ("batch", "reactor"),
    ("fan64", "reactor"),
    ("fan1000", "reactor"),
    ("mp2", "mp"),
    ("mp4", "mp"),
    ("burst1", "burst"),
    ("burst64", "burst"),
    ("burst1000", "burst"),
];

impl Args {
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut out = Self {
            words: Vec::new(),
            payloads: Vec::new(),
            only: Vec::new(),
            alone: false,
            exactly: None,
            cursors: None,
            messages: None,
            rounds: 5,
            seconds: 0.030,
            json: None,
            markdown: None,
            from: Vec::new(),
        };
        let mut args = args;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--rounds" => out.rounds = number(&arg, &value()?)?,
                "--ms" => out.seconds = number::<f64>(&arg, &value()?)? / 1e3,
                "--msgs" => out.messages = Some(number(&arg, &value()?)?),
                "--cursors" => out.cursors = Some(number(&arg, &value()?)?),
                "--exactly" => out.exactly = Some(value()?),
                "--only" => out.only = list(&value()?),
                "--alone" => out.alone = true,
                "--payload" => out.payloads = list(&value()?),
                "--json" => out.json = Some(value()?),
                "--markdown" => out.markdown = Some(value()?),
                "--from" => out.from = list(&value()?),
                word if ROWS
                    .iter()
                    .any(|(row, group)| word == *row || word == *group) =>
                {
                    out.words.push(arg);
                }
                _ => return Err(format!("unknown: {arg}")),
            }
        }
        if out.messages.is_some() {
            out.rounds = 1;
        }
        match out.rounds {
            0 => Err("--rounds must be at least 1".into()),
            _ => Ok(out),
        }
    }

    pub fn row(&self, key: &str, cursors: usize) -> bool {
        let group = ROWS
            .iter()
            .find(|(row, _)| *row == key)
            .map_or("", |(_, group)| group);
        let named = |word: &String| word == key || word == group;
        (self.words.is_empty() || self.words.iter().any(named))
            && self.cursors.is_none_or(|n| n == cursors)
    }

    pub fn payload(&self, name: &str) -> bool {
        self.payloads.is_empty() || self.payloads.iter().any(|p| p == name)
    }

    /// Whether a contender takes part: it is named, or needed for the ratios.
    pub fn contender(&self, name: &str) -> bool {
        if let Some(exactly) = &self.exactly {
            return exactly == name;
        }
        let needed = !self.alone && crate::goals::PEERS.contains(&name);
        self.only.is_empty() || needed || self.only.iter().any(|only| name.contains(only.as_str()))
    }
}

fn number<N: FromStr>(name: &str, text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| format!("{name} {text}: not a number"))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

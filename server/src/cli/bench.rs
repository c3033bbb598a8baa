//! `eventring bench`: what is driven, how hard, and for how long.

use super::{LOCAL, names};
use crate::client::Url;
use crate::units;
use clap::{Args, ValueHint};
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The server: http://HOST:PORT, or unix:PATH; only on loopback without --i-own-this-server
    #[arg(long, env = "EVENTRING_URL", default_value = LOCAL, value_parser = Url::parse)]
    #[arg(value_hint = ValueHint::Url)]
    pub(crate) url: Url,

    /// Start a server of its own on a free port, with the settings of the environment
    #[arg(long)]
    pub(crate) spawn: bool,

    /// Allow a server that is not on loopback
    ///
    /// The load of a bench is that of an attack: whoever sends it must answer for the server and
    /// for the network in between.
    #[arg(long)]
    pub(crate) i_own_this_server: bool,

    #[command(flatten)]
    pub(crate) load: Load,
    #[command(flatten)]
    pub(crate) faults: FaultArgs,
    #[command(flatten)]
    mode: ModeArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

impl BenchArgs {
    /// Returns the measurement that was asked for.
    pub(crate) fn measured(&self) -> Measured {
        match (self.mode.storm, self.mode.first_byte) {
            (true, _) => Measured::Storm,
            (_, true) => Measured::FirstByte,
            _ => Measured::Load,
        }
    }
}

/// The load that a healthy server has to carry.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct Load {
    /// Clients that read the stream; with --storm, as many at a time
    #[arg(long, value_name = "N", default_value = "100", value_parser = connections)]
    pub(crate) connections: usize,

    /// Events published a second, or `max`: as fast as the clients get them
    #[arg(long, value_name = "N|max", default_value = "100", value_parser = rate)]
    pub(crate) rate: Rate,

    /// With --rate max: events that an average client may be behind
    #[arg(long, value_name = "EVENTS", default_value = "32", value_parser = window)]
    pub(crate) window: usize,

    /// Bytes of a payload
    #[arg(long, value_name = "BYTES", default_value = "256", value_parser = size)]
    pub(crate) size: usize,

    /// Seconds that events are published for, or that the storm lasts
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = units::seconds)]
    pub(crate) seconds: Duration,

    /// Topic that is used; others may use the server at the same time
    #[arg(long, value_name = "TOPIC", default_value = "bench", value_parser = names::topic)]
    pub(crate) topic: String,

    /// Clients are WebSockets instead of event streams
    #[arg(long, conflicts_with = "gzip")]
    ws: bool,

    /// Clients ask for gzip and inflate what comes: a window of 32 KiB for each, in the bench
    #[arg(long)]
    gzip: bool,
}

impl Load {
    /// Returns the way that clients get their events.
    pub(crate) fn format(&self) -> WireFormat {
        match (self.ws, self.gzip) {
            (true, _) => WireFormat::Ws,
            (_, true) => WireFormat::Gzip,
            _ => WireFormat::Sse,
        }
    }
}

/// Faults on purpose.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trouble")]
pub(crate) struct FaultArgs {
    /// Share of the clients that stall: from half of --seconds on they read nothing
    ///
    /// Once the last event is published and the others have it, they read again. Until they stall they
    /// read like everybody, so that the others' latency is measured without and with them.
    #[arg(long, value_name = "0..1", default_value = "0", value_parser = share)]
    pub(crate) slow_share: f64,

    /// Share of the clients that are cut each second; they come back with the id they had last
    #[arg(long, value_name = "0..10", default_value = "0", value_parser = cut_share)]
    pub(crate) cut_share: f64,
}

/// Measurements other than that of a load.
#[derive(Debug, Args)]
#[command(next_help_heading = "Instead of a load")]
struct ModeArgs {
    /// Connect, wait for the head of the answer, reset, again: --connections at a time
    #[arg(long)]
    #[arg(conflicts_with_all = ["first_byte", "rate", "window", "size", "slow_share", "cut_share"])]
    storm: bool,

    /// One client: how long after a publish its first byte comes, alone and --rate times a second
    ///
    /// Half of --seconds, an event is published when the one before has come and 20 ms have passed; the
    /// other half they come like the tokens of a text, --rate a second. The bench publishes over HTTP, and
    /// the time is from when it writes the request: the server's reading and parsing of it are in it.
    #[arg(long, conflicts_with_all = ["connections", "window", "slow_share", "cut_share"])]
    first_byte: bool,
}

/// The form of the report, and the process that it is about.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub(crate) struct ReportArgs {
    /// Process id of the server, for its CPU and memory
    #[arg(long, value_name = "PID", value_parser = pid)]
    pub(crate) pid: Option<u32>,

    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// The way that clients get their events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireFormat {
    /// Server-Sent Events.
    Sse,
    /// The same, compressed.
    Gzip,
    /// WebSocket.
    Ws,
}

impl WireFormat {
    /// Returns its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            WireFormat::Sse => "sse",
            WireFormat::Gzip => "sse+gzip",
            WireFormat::Ws => "ws",
        }
    }
}

/// The measurement of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measured {
    /// Events to many clients.
    Load,
    /// Connections that come and go.
    Storm,
    /// The way of one event to one client.
    FirstByte,
}

/// The rate of publishing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    /// Events a second.
    Fixed(f64),
    /// As fast as the clients get them.
    Max,
}

/// The most clients: more than one process gets in file descriptors or ports almost anywhere.
const CONNECTIONS_MAX: usize = 1_000_000;
const RATE_MAX: f64 = 1e6;
const WINDOW_MAX: usize = 1 << 20;
/// The least payload: run, sequence and time stand in it.
const SIZE_MIN: usize = 64;
const SIZE_MAX: usize = 64 << 20;

fn connections(text: &str) -> Result<usize, String> {
    units::within(text, 1..=CONNECTIONS_MAX)
}

fn window(text: &str) -> Result<usize, String> {
    units::within(text, 1..=WINDOW_MAX)
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= RATE_MAX => Ok(Rate::Fixed(rate)),
        _ => Err(format!(
            "expected max, or more than 0 and at most {RATE_MAX} events a second"
        )),
    }
}

fn size(text: &str) -> Result<usize, String> {
    match units::bytes(text)? {
        size if (SIZE_MIN..=SIZE_MAX).contains(&size) => Ok(size),
        _ => Err(format!("must be between {SIZE_MIN} bytes and 64M")),
    }
}

fn share(text: &str) -> Result<f64, String> {
    between(text, 1.0)
}

fn cut_share(text: &str) -> Result<f64, String> {
    between(text, 10.0)
}

fn between(text: &str, max: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=max).contains(&share) => Ok(share),
        _ => Err(format!("expected a share between 0 and {max}, such as 0.1")),
    }
}

fn pid(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(pid) if pid > 0 => Ok(pid),
        _ => Err("expected a process id".into()),
    }
}

//! `eventring publish`, `eventring tail` and `eventring history`.

use super::{Durability, LOCAL, names};
use crate::client::Url;
use crate::units;
use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// File to read; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// The server: http://HOST:PORT, or unix:PATH
    #[arg(long, env = "EVENTRING_URL", default_value = LOCAL, value_parser = Url::parse)]
    #[arg(value_hint = ValueHint::Url)]
    pub(crate) url: Url,

    /// Topic to publish to
    #[arg(long, value_name = "TOPIC", value_parser = names::topic)]
    pub(crate) topic: String,

    /// Type of the events; browsers get `message` without a listener of their own
    #[arg(long = "type", value_name = "TYPE", default_value = "message")]
    #[arg(value_parser = names::event_type)]
    pub(crate) kind: String,

    /// Format of a line
    #[arg(long, value_enum, default_value_t = LineFormat::Auto)]
    pub(crate) format: LineFormat,

    /// Remedy for a line that is not in the --format
    #[arg(long, value_enum, default_value_t = OnError::Stop)]
    pub(crate) on_error: OnError,

    /// Least safety that the events have when they are answered; a topic that asks for more has more
    #[arg(long, value_enum)]
    pub(crate) durability: Option<Durability>,

    /// Most lines in one request; a request is published whole or not at all
    #[arg(long, value_name = "LINES", default_value_t = 500, value_parser = batch)]
    pub(crate) batch: usize,

    /// Most requests sent without an answer yet
    #[arg(long, value_name = "REQUESTS", default_value_t = 4, value_parser = in_flight)]
    pub(crate) in_flight: usize,

    /// Seconds without any sign of the server before giving up
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = units::seconds)]
    pub(crate) timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineFormat {
    /// ndjson for *.ndjson, *.jsonl and input that starts with a JSON object or array, else lines
    Auto,
    /// each line is one JSON value: the event's data, unchanged; blank lines are skipped
    Ndjson,
    /// each line is text: the event's data, unchanged; a blank line is an empty event
    Lines,
    /// each line is a whole event in CloudEvents JSON
    Cloudevents,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnError {
    /// publish what stands before it, then stop
    Stop,
    /// leave it out and go on
    Skip,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// The server: http://HOST:PORT, or unix:PATH
    #[arg(long, env = "EVENTRING_URL", default_value = LOCAL, value_parser = Url::parse)]
    #[arg(value_hint = ValueHint::Url)]
    pub(crate) url: Url,

    /// Topic or pattern (`orders.*`, `orders.>`, `>`); repeatable
    #[arg(long, value_name = "PATTERN", required = true, value_parser = names::topic)]
    pub(crate) topic: Vec<String>,

    /// First event: now, beginning, or a position as in an event's id
    #[arg(long, value_name = "WHERE", default_value = "now", value_parser = start)]
    pub(crate) from: String,

    /// Part of each event that is printed
    #[arg(long, value_enum, default_value_t = TailFormat::Data)]
    pub(crate) format: TailFormat,

    /// Read over a WebSocket instead of Server-Sent Events
    #[arg(long)]
    pub(crate) ws: bool,

    /// Stop after this many events
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub(crate) count: Option<usize>,

    /// End when the stream ends instead of reconnecting
    #[arg(long)]
    pub(crate) no_reconnect: bool,

    /// Seconds without a byte (heartbeats count) before reconnecting
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = units::seconds)]
    pub(crate) timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TailFormat {
    /// the payload and a newline
    Data,
    /// the whole event as one line of CloudEvents JSON; not with tail --ws
    Cloudevents,
    /// id, event and data, as they came over the wire
    Sse,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The server: http://HOST:PORT, or unix:PATH
    #[arg(long, env = "EVENTRING_URL", default_value = LOCAL, value_parser = Url::parse)]
    #[arg(value_hint = ValueHint::Url)]
    pub(crate) url: Url,

    /// Topic or pattern (`orders.*`, `orders.>`, `>`); repeatable; all topics without any
    #[arg(long, value_name = "PATTERN", value_parser = names::topic)]
    pub(crate) topic: Vec<String>,

    /// Events that the server took at this time or later, such as 2026-11-30T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<String>,

    /// Events that the server took before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<String>,

    /// Order: the oldest first, or the newest
    #[arg(long, value_enum, default_value_t = Order::Asc)]
    pub(crate) order: Order,

    /// Most events that are printed
    #[arg(long, value_name = "N", value_parser = units::count, default_value = "100")]
    pub(crate) limit: usize,

    /// Print all there are
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,

    /// Part of each event that is printed
    #[arg(long, value_enum, default_value_t = TailFormat::Data)]
    pub(crate) format: TailFormat,

    /// Seconds without any sign of the server before giving up
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = units::seconds)]
    pub(crate) timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    Asc,
    Desc,
}

impl Order {
    /// Its name in an address.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Order::Asc => "asc",
            Order::Desc => "desc",
        }
    }
}

fn batch(text: &str) -> Result<usize, String> {
    units::within(text, 1..=1000)
}

fn in_flight(text: &str) -> Result<usize, String> {
    units::within(text, 1..=64)
}

fn start(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    if text.is_empty() || !printable {
        return Err("expected now, beginning, or a position such as an event's id".into());
    }
    Ok(text.to_string())
}

/// A time as the server reads it, which is told here before anything is asked.
fn time(text: &str) -> Result<String, String> {
    match eventring::event::parse_time(text) {
        Some(_) => Ok(text.to_string()),
        None => Err("expected a time with its zone, such as 2026-11-30T09:00:00Z".into()),
    }
}

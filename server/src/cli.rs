//! The command line: every command, flag and environment variable, in one place.

use crate::units;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "\
Exit codes:
  0    done; serve: stopped and everything went out
  1    publish: a bad line or a refusal; tail: the server refused for good
  2    wrong usage, a setting out of range, an address that cannot be used
  3    serve: stopped at the deadline with bytes left
  130  serve: ended at once by a second SIGINT (143: SIGTERM)";

/// Publishes events once and delivers them to many: Server-Sent Events from one small process.
#[derive(Debug, Parser)]
#[command(name = "eventring", version, after_help = EXIT_CODES, propagate_version = true)]
#[command(arg_required_else_help = false, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server (the default command)
    Serve(Box<ServeArgs>),
    /// Publishes each line of a file or of standard input as one event
    Publish(PublishArgs),
    /// Prints events as they arrive; reconnects and resumes by itself
    Tail(TailArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on; repeatable; port 0 picks a free one
    #[arg(
        long,
        env = "EVENTRING_LISTEN",
        value_name = "ADDR:PORT",
        value_delimiter = ','
    )]
    #[arg(default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: Vec<SocketAddr>,

    /// Keep events in memory only (the one mode there is so far)
    #[arg(long, env = "EVENTRING_MEMORY")]
    pub(crate) memory: bool,

    #[command(flatten)]
    pub(crate) kept: Kept,
    #[command(flatten)]
    pub(crate) timeouts: Timeouts,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
}

/// What is kept for those who come late or fall behind.
#[derive(Debug, Args)]
#[command(next_help_heading = "Events kept")]
pub(crate) struct Kept {
    /// Events kept; the oldest go first
    #[arg(long, env = "EVENTRING_CAPACITY", value_name = "EVENTS", value_parser = units::count)]
    #[arg(default_value = "65536")]
    pub(crate) capacity: usize,

    /// Bytes kept; the oldest events go first
    #[arg(long, env = "EVENTRING_RING_BYTES", value_name = "BYTES", value_parser = units::bytes)]
    #[arg(default_value = "64M")]
    pub(crate) ring_bytes: usize,

    /// Largest payload of one event; a larger one is refused with 413
    #[arg(long, env = "EVENTRING_PAYLOAD_BYTES", value_name = "BYTES")]
    #[arg(default_value = "1M", value_parser = units::bytes)]
    pub(crate) payload_bytes: usize,

    /// Encoded frames shared by all connections; a frame is at most a quarter of it
    #[arg(long, env = "EVENTRING_FRAME_LOG_BYTES", value_name = "BYTES")]
    #[arg(default_value = "4M", value_parser = units::bytes)]
    pub(crate) frame_log_bytes: usize,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Timeouts, in seconds")]
pub(crate) struct Timeouts {
    /// A request's head must be complete within this
    #[arg(long, env = "EVENTRING_HEAD_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "10", value_parser = units::seconds)]
    pub(crate) head_timeout: Duration,

    /// A request's body must be complete within this
    #[arg(long, env = "EVENTRING_BODY_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "30", value_parser = units::seconds)]
    pub(crate) body_timeout: Duration,

    /// A kept-alive connection without a request is closed after this
    #[arg(long, env = "EVENTRING_IDLE_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "60", value_parser = units::seconds)]
    pub(crate) idle_timeout: Duration,

    /// A client that takes no bytes for this long is cut
    #[arg(long, env = "EVENTRING_WRITE_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "30", value_parser = units::seconds)]
    pub(crate) write_timeout: Duration,

    /// A stream that was quiet for this long gets a comment; 0 is off
    #[arg(long, env = "EVENTRING_HEARTBEAT", value_name = "SECONDS")]
    #[arg(default_value = "15", value_parser = units::heartbeat)]
    pub(crate) heartbeat: Duration,

    /// What browsers are told to wait before they reconnect
    #[arg(long, env = "EVENTRING_RETRY", value_name = "SECONDS")]
    #[arg(default_value = "2", value_parser = units::seconds)]
    pub(crate) retry: Duration,

    /// How long a stop may take to let everything out
    #[arg(long, env = "EVENTRING_STOP_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "5", value_parser = units::seconds_or_zero)]
    pub(crate) stop_timeout: Duration,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Bounds")]
pub(crate) struct Bounds {
    /// Connections at a time; more get 503 with Retry-After
    #[arg(long, env = "EVENTRING_MAX_CONNECTIONS", value_name = "N", value_parser = units::count)]
    #[arg(default_value = "65536")]
    pub(crate) max_connections: usize,

    /// Largest request body; a larger one is refused with 413
    #[arg(long, env = "EVENTRING_BODY_BYTES", value_name = "BYTES", value_parser = units::bytes)]
    #[arg(default_value = "8M")]
    pub(crate) body_bytes: usize,

    /// Request bodies being received, all together; more get 503 with Retry-After
    #[arg(long, env = "EVENTRING_BODIES_IN_FLIGHT", value_name = "BYTES")]
    #[arg(default_value = "64M", value_parser = units::bytes)]
    pub(crate) bodies_in_flight: usize,

    /// Events in one atomic request
    #[arg(long, env = "EVENTRING_BATCH_EVENTS", value_name = "N", value_parser = units::count)]
    #[arg(default_value = "1000")]
    pub(crate) batch_events: usize,

    /// Buffer of a connection for what is meant for it alone
    #[arg(long, env = "EVENTRING_PRIVATE_BYTES", value_name = "BYTES")]
    #[arg(default_value = "64K", value_parser = units::bytes)]
    pub(crate) private_bytes: usize,

    /// Frames saved for clients stuck in the middle of one, all together
    #[arg(long, env = "EVENTRING_HALF_SENT_BYTES", value_name = "BYTES")]
    #[arg(default_value = "16M", value_parser = units::bytes)]
    pub(crate) half_sent_bytes: usize,

    /// Answers of one connection that may wait for their events
    #[arg(long, env = "EVENTRING_MAX_PENDING_PUBLISHES", value_name = "N")]
    #[arg(default_value = "256", value_parser = units::count)]
    pub(crate) max_pending_publishes: usize,

    /// Unsent bytes that the kernel may hold for one connection
    #[arg(long, env = "EVENTRING_NOTSENT_LOWAT", value_name = "BYTES")]
    #[arg(default_value = "16K", value_parser = units::bytes_u32)]
    pub(crate) notsent_lowat: u32,

    /// Fixed kernel send buffer of a connection [default: the kernel's own tuning]
    #[arg(long, env = "EVENTRING_SEND_BUFFER", value_name = "BYTES", value_parser = units::bytes)]
    pub(crate) send_buffer: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// File to read; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,

    /// The server
    #[arg(long, env = "EVENTRING_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,

    /// Topic to publish to
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: String,

    /// Type of the events; browsers get `message` without a listener of their own
    #[arg(long = "type", value_name = "TYPE", default_value = "message")]
    pub(crate) kind: String,

    /// What a line is
    #[arg(long, value_enum, default_value_t = LineFormat::Auto)]
    pub(crate) format: LineFormat,

    /// What to do about a line that is not what --format says
    #[arg(long, value_enum, default_value_t = OnError::Stop)]
    pub(crate) on_error: OnError,

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
    /// The server
    #[arg(long, env = "EVENTRING_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,

    /// Topic or pattern (`orders.*`, `orders.>`, `>`); repeatable
    #[arg(long, value_name = "PATTERN", required = true)]
    pub(crate) topic: Vec<String>,

    /// Where to start: now, beginning, or a position as in an event's id
    #[arg(long, value_name = "WHERE", default_value = "now", value_parser = start)]
    pub(crate) from: String,

    /// What to print
    #[arg(long, value_enum, default_value_t = TailFormat::Data)]
    pub(crate) format: TailFormat,

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
    /// the whole event as one line of CloudEvents JSON
    Cloudevents,
    /// id, event and data, as they came over the wire
    Sse,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    const EXPECTED: &str = "expected ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080";
    text.parse().map_err(|_| EXPECTED.to_string())
}

fn batch(text: &str) -> Result<usize, String> {
    within(text, 1000)
}

fn in_flight(text: &str) -> Result<usize, String> {
    within(text, 64)
}

fn within(text: &str, max: usize) -> Result<usize, String> {
    match units::count(text)? {
        n if n <= max => Ok(n),
        _ => Err(format!("must be between 1 and {max}")),
    }
}

fn start(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    if text.is_empty() || !printable {
        return Err("expected now, beginning, or a position such as an event's id".into());
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn addresses_say_what_they_expect() {
        assert!(address("[::1]:0").is_ok());
        assert!(address("127.0.0.1").unwrap_err().contains("ADDRESS:PORT"));
    }
}

//! `eventring serve`: its settings, which the environment and a file can give, too.

use super::journal::Journal;
use super::names;
use super::network::{self, Listen, Network};
use crate::units;
use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// Names the settings file where no flag does.
pub(crate) const CONFIG_ENV: &str = "EVENTRING_CONFIG";

/// Settings of the server. Each is a flag, an environment variable and a key of the file, all of one
/// name: `config/` reads that off this definition.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// TOML file with settings; a flag or a variable beats what it says
    ///
    /// Its keys are the names of the flags: `capacity = 1000`, `ring-bytes = "64M"`,
    /// `listen = ["127.0.0.1:8080"]`. See `eventring check-config`.
    #[arg(long, env = CONFIG_ENV, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Address or Unix socket to listen on; repeatable; port 0 picks a free one
    ///
    /// [::]:8080 takes IPv4 as well; 0.0.0.0:8080 is IPv4 alone, and --ipv6-only makes [::]:8080 IPv6 alone.
    /// The file of a Unix socket that nobody listens on any more is replaced, and goes with the server.
    /// A link-local address has a zone: `[fe80::1%eth0]:8080`.
    #[arg(
        long,
        env = "EVENTRING_LISTEN",
        value_name = "ADDR:PORT|unix:PATH",
        value_delimiter = ','
    )]
    #[arg(default_value = "127.0.0.1:8080", value_parser = network::listen)]
    pub(crate) listen: Vec<Listen>,

    #[command(flatten)]
    pub(crate) journal: Journal,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Compression of streams, for clients that accept it
    ///
    /// With gzip, an event is compressed once for all readers with the same filter. Turn it off where readers
    /// must not learn from lengths whether others' events repeat what they can publish themselves. With
    /// brotli, clients that value it higher than gzip get that, each from a compressor of its own.
    #[arg(long, env = "EVENTRING_COMPRESSION", value_enum, default_value_t = Compression::Gzip)]
    #[arg(hide_possible_values = true, value_name = "off|gzip|brotli")]
    pub(crate) compression: Compression,

    /// Streams that are compressed, of those whose clients accept it
    ///
    /// Browsers, and who asks with `?compression=gzip`, unless it is `all`. Other clients say that they
    /// accept gzip, and many of them inflate it in blocks, so that events come late.
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_COMPRESSION_FOR", value_enum, default_value_t = CompressionFor::Browsers)]
    #[arg(hide_possible_values = true, value_name = "browsers|all")]
    pub(crate) compression_for: CompressionFor,

    /// With --compression brotli: streams that have it at a time, 0.7 MiB each; more get gzip
    #[cfg(feature = "brotli")]
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_BROTLI_STREAMS", value_name = "N", value_parser = brotli_streams)]
    #[arg(default_value = "64")]
    pub(crate) brotli_streams: usize,

    #[command(flatten)]
    pub(crate) pages: Pages,
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(flatten)]
    pub(crate) retention: Retention,
    #[command(flatten)]
    pub(crate) streams: Streams,
    #[command(flatten)]
    pub(crate) timeouts: Timeouts,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
}

/// Settings for pages in browsers: who may come, and under which names.
#[derive(Debug, Args)]
#[command(next_help_heading = "Web pages")]
pub(crate) struct Pages {
    /// Origin whose pages may read and publish; `*` is all; repeatable
    ///
    /// Pages of other origins than the server's own get 403, and nothing happens.
    #[arg(
        long,
        env = "EVENTRING_CORS_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    #[arg(value_parser = names::origin)]
    pub(crate) cors_origin: Vec<String>,

    /// Request field that those pages may set, beside those that are known; `*` is all; repeatable
    ///
    /// Known are those that the server reads, and those that libraries set for tracing and requests.
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_CORS_HEADER", value_name = "NAME")]
    #[arg(value_delimiter = ',', value_parser = names::field)]
    pub(crate) cors_header: Vec<String>,

    /// Those pages may come from the public Internet to a server in a private network
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_CORS_PRIVATE_NETWORK")]
    pub(crate) cors_private_network: bool,

    /// Query parameter that passes though no route knows it; `x-*` is all that begin so; repeatable
    ///
    /// Others get 400, since a misspelt filter would subscribe to everything. What caches and
    /// trackers add (_, t, cb, nocache, utm_*, ...) passes anyway.
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_ALLOWED_PARAMETER", value_name = "NAME")]
    #[arg(value_delimiter = ',', value_parser = names::parameter)]
    pub(crate) allowed_parameter: Vec<String>,

    /// Name that requests may be for, beside those of loopback; `*` is any; repeatable
    ///
    /// Requests for other names get 421, so that no page reaches the server by a name of its own
    /// that points here. Without any, a server that listens beyond loopback answers to addresses and
    /// to names that the public DNS cannot have: without dots, or under .local, .internal or .svc. A
    /// reverse proxy that passes the public name on needs that name here. GET /healthz and
    /// /readyz answer to every name.
    #[arg(long, env = "EVENTRING_ALLOWED_HOST", value_name = "HOST[:PORT]")]
    #[arg(value_delimiter = ',', value_parser = names::host)]
    pub(crate) allowed_host: Vec<String>,

    /// The server's address as clients know it, such as https://events.example/ring
    ///
    /// What the server tells of itself begins with it; its host may be asked for, and its pages are
    /// the server's own. Without it, the X-Forwarded-Prefix of a trusted proxy is told.
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_PUBLIC_URL", value_name = "URL", value_parser = names::public_url)]
    pub(crate) public_url: Option<String>,
}

/// Settings of the log on standard error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct Log {
    /// Least important lines that are logged
    ///
    /// `info` has a line for each stream at its end; there is none for an event at any level.
    #[arg(long, env = "EVENTRING_LOG_LEVEL", value_enum, default_value_t = LogLevel::Info)]
    #[arg(hide_possible_values = true, value_name = "off|error|warn|info|debug")]
    pub(crate) log_level: LogLevel,

    /// Format of the lines of the log
    #[arg(long, env = "EVENTRING_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    #[arg(hide_possible_values = true, value_name = "text|json")]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    Off,
    Gzip,
    #[cfg(feature = "brotli")]
    Brotli,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompressionFor {
    Browsers,
    All,
}

#[cfg(feature = "brotli")]
fn brotli_streams(text: &str) -> Result<usize, String> {
    units::within(text, 0..=4096)
}

/// Bounds on the events that are kept in memory for those who come late or fall behind.
#[derive(Debug, Args)]
#[command(next_help_heading = "Events kept in memory")]
pub(crate) struct Retention {
    /// Events kept; the oldest go first
    #[arg(long, env = "EVENTRING_CAPACITY", value_name = "EVENTS", value_parser = units::count)]
    #[arg(default_value = "65536")]
    pub(crate) capacity: usize,

    /// Bytes kept; the oldest events go first
    #[arg(long, env = "EVENTRING_RING_BYTES", value_name = "BYTES", value_parser = units::ring_bytes)]
    #[arg(default_value = "64M")]
    pub(crate) ring_bytes: usize,

    /// Largest payload of one event; a larger one is refused with 413
    #[arg(long, env = "EVENTRING_PAYLOAD_BYTES", value_name = "BYTES")]
    #[arg(default_value = "1M", value_parser = units::bytes)]
    pub(crate) payload_bytes: usize,

    /// Encoded frames shared by all connections; a frame is at most a quarter of it
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_FRAME_LOG_BYTES", value_name = "BYTES")]
    #[arg(default_value = "4M", value_parser = units::frame_log)]
    pub(crate) frame_log_bytes: usize,
}

/// Defaults of streams that do not ask for anything else.
#[derive(Debug, Args)]
#[command(next_help_heading = "Streams")]
pub(crate) struct Streams {
    /// Treatment of a client that is too slow
    #[arg(long, env = "EVENTRING_SLOW", value_enum, default_value_t = Slow::CatchUp)]
    pub(crate) slow: Slow,

    /// Bytes that a stream may be behind before --slow is applied; 0 is all of the frame log
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_BUFFER", value_name = "BYTES", value_parser = units::buffer)]
    #[arg(default_value = "0")]
    pub(crate) buffer: usize,

    /// Time that events are collected for before they are sent: 0 to 20ms
    ///
    /// At 0, what is published while the server is busy leaves together all the same.
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_HOLD", value_name = "SECONDS", value_parser = units::hold)]
    #[arg(default_value = "0")]
    pub(crate) hold: Duration,

    /// Age at which a connection ends, a tenth more or less; 0 is off
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_MAX_AGE", value_name = "SECONDS", value_parser = units::age)]
    #[arg(default_value = "0")]
    pub(crate) max_age: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Slow {
    /// everything that is kept, however late
    CatchUp,
    /// a gap event, then what is new
    Gap,
    /// the newest event of each topic, then what is new
    Latest,
    /// a disconnect event and the end of the connection
    Disconnect,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Timeouts, in seconds or as 500ms, 10s, 2m")]
pub(crate) struct Timeouts {
    /// A request's head must be complete within this
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_HEAD_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "10", value_parser = units::seconds)]
    pub(crate) head_timeout: Duration,

    /// A request's body must be complete within this
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_BODY_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "30", value_parser = units::seconds)]
    pub(crate) body_timeout: Duration,

    /// A kept-alive connection without a request is closed after this
    ///
    /// Give it more than a proxy in front keeps an idle connection for, which is 60s with most: a request
    /// that meets a closing connection is a 502 there.
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_IDLE_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "75", value_parser = units::seconds)]
    pub(crate) idle_timeout: Duration,

    /// A client that takes no bytes for this long is cut
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_WRITE_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "30", value_parser = units::seconds)]
    pub(crate) write_timeout: Duration,

    /// A publish that finds no room waits so long, then gets 503
    ///
    /// There is room again when the journal has committed what was published before. Meanwhile the connection is not
    /// read. The 503 has a Retry-After, and nothing was published.
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_PUBLISH_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "5", value_parser = units::seconds)]
    pub(crate) publish_timeout: Duration,

    /// A stream that was quiet for this long gets a comment; 0 is off
    #[arg(long, env = "EVENTRING_HEARTBEAT", value_name = "SECONDS")]
    #[arg(default_value = "15", value_parser = units::heartbeat)]
    pub(crate) heartbeat: Duration,

    /// Wait that browsers are told before they reconnect
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_RETRY", value_name = "SECONDS")]
    #[arg(default_value = "2", value_parser = units::seconds)]
    pub(crate) retry: Duration,

    /// Longest that a stop may take to let everything out
    #[arg(long, env = "EVENTRING_STOP_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "5", value_parser = units::seconds_or_zero)]
    pub(crate) stop_timeout: Duration,

    /// Time before a signal to stop is obeyed, in which /readyz says 503
    ///
    /// Meanwhile everything is served as before, so that a load balancer can send new clients
    /// elsewhere. A second signal cuts it short.
    #[arg(long, env = "EVENTRING_DRAIN_DELAY", value_name = "SECONDS")]
    #[arg(default_value = "0", value_parser = units::seconds_or_zero)]
    pub(crate) drain_delay: Duration,
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

    /// Bytes of bodies, lines and messages that have begun and not ended, all together; more get 503 or 1013
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_BODIES_IN_FLIGHT", value_name = "BYTES")]
    #[arg(default_value = "64M", value_parser = units::bytes)]
    pub(crate) bodies_in_flight: usize,

    /// Events in one atomic request
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_BATCH_EVENTS", value_name = "N", value_parser = units::count)]
    #[arg(default_value = "1000")]
    pub(crate) batch_events: usize,

    /// Buffer of a connection for what is meant for it alone
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_PRIVATE_BYTES", value_name = "BYTES")]
    #[arg(default_value = "64K", value_parser = units::bytes)]
    pub(crate) private_bytes: usize,

    /// Frames saved for clients stuck in the middle of one, all together
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_HALF_SENT_BYTES", value_name = "BYTES")]
    #[arg(default_value = "16M", value_parser = units::bytes)]
    pub(crate) half_sent_bytes: usize,

    /// Answers of one connection that may wait for their events
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_MAX_PENDING_PUBLISHES", value_name = "N")]
    #[arg(default_value = "256", value_parser = units::count)]
    pub(crate) max_pending_publishes: usize,

    /// Unsent bytes that the kernel may hold for one connection
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_NOTSENT_LOWAT", value_name = "BYTES")]
    #[arg(default_value = "16K", value_parser = units::bytes_u32)]
    pub(crate) notsent_lowat: u32,

    /// Fixed kernel send buffer of a connection [default: the kernel's own tuning]
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_SEND_BUFFER", value_name = "BYTES", value_parser = units::bytes)]
    pub(crate) send_buffer: Option<usize>,
}

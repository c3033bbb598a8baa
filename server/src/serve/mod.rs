//! `eventring serve`: a hub with its journal, the gateway on it, and an orderly end.

mod journal;
mod log;
mod log_writer;
mod settings;
mod signals;

use crate::cli::ServeArgs;
use crate::config::{self, Layers};
use crate::{console, exit, fd_limit};
use clap::ArgMatches;
use eventring::gateway::{Server, ServerError, StopReport};
use eventring::hub::{Hub, HubError};
use eventring::journal::JournalError;
use journal::Closed;
use log_writer::LogWriter;
use signals::{Serving, Signals};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Runs the server until a signal stops it.
pub(crate) fn run(given: &ArgMatches) -> ExitCode {
    // The log first: signals are answered in it.
    let log = match LogWriter::start() {
        Ok(log) => log,
        Err(error) => {
            console::err(error);
            return ExitCode::from(exit::FAILED);
        }
    };
    // Before anything else: whatever the start waits for, signals are obeyed.
    let signals = match Signals::obey(log.clone()) {
        Ok(signals) => signals,
        Err(error) => {
            console::err(format_args!("cannot handle signals: {error}"));
            return ExitCode::from(exit::FAILED);
        }
    };
    let layers = Layers {
        flags: given,
        file: None,
        env: std::env::vars_os().collect(),
    };
    let loaded = match config::load(&layers) {
        Ok(loaded) => loaded,
        Err(faults) => {
            console::faults(&faults);
            return ExitCode::from(exit::USAGE);
        }
    };
    for warning in &loaded.warnings {
        console::err(format_args!("warning: {warning}"));
    }
    let code = match start(&loaded.args, &signals, &log) {
        Ok((server, hub)) => {
            let stopped = server.run();
            let closed = journal::close(hub, signals.deadline());
            ended(stopped, closed, &log)
        }
        Err(error) => {
            log.print(error);
            // What keeps a server from starting is nearly always a setting, or what it names: an address, a file.
            ExitCode::from(exit::USAGE)
        }
    };
    // The thread behind the log ends with the process, and what is queued with it.
    log.drain();
    code
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("--capacity: {0}")]
    Capacity(HubError),
    #[error("--data: {reason}")]
    HubJournal { reason: String },
    #[error("--ring-bytes: {given} is below the least of {least}")]
    RingBytes { given: usize, least: usize },
    #[error("--data: {0}")]
    Journal(#[from] JournalError),
    #[error("--{} {reason}", flag(field))]
    Setting { field: &'static str, reason: String },
    #[error("{0}")]
    Server(ServerError),
    #[cfg(feature = "tls")]
    #[error("--tls-cert, --tls-key: {0}")]
    Tls(#[from] eventring::gateway::TlsError),
}

impl From<HubError> for StartError {
    fn from(error: HubError) -> StartError {
        match error {
            HubError::RingBytes { given, least } => StartError::RingBytes { given, least },
            HubError::Journal { reason } => StartError::HubJournal { reason },
            other => StartError::Capacity(other),
        }
    }
}

impl From<ServerError> for StartError {
    fn from(error: ServerError) -> StartError {
        match error {
            // The library names its field; people typed a flag.
            ServerError::Config { field, reason } => StartError::Setting { field, reason },
            other => StartError::Server(other),
        }
    }
}

/// Says why the hub that the settings describe cannot be.
pub(crate) fn try_hub(args: &ServeArgs) -> Result<(), String> {
    let made = settings::hub(args, None).map_err(StartError::from);
    made.map(drop).map_err(|error| error.to_string())
}

fn start(
    args: &ServeArgs,
    signals: &Signals,
    log: &LogWriter,
) -> Result<(Server, Hub), StartError> {
    // Before the hub and the sockets are made: what they say is logged as the settings want it.
    log::start(&args.log, log);
    // The limit is raised before the server is described, whose bound is what it leaves.
    let connections = room_for(args.bounds.max_connections);
    let config = settings::server(args, connections);
    #[cfg(feature = "tls")]
    let config = config.tls(settings::tls(args)?);
    #[cfg(feature = "tls")]
    let reload = config.tls.clone().map(settings::reload);
    #[cfg(not(feature = "tls"))]
    let reload = None;
    let secured = reload.is_some();
    // Settings that cannot be are told before there is a folder of theirs.
    settings::hub(args, None)?;
    let journal = journal::open(args, log)?;
    let (path, journal) = journal.map(|open| (open.path, open.journal)).unzip();
    let hub = settings::hub(args, journal)?;
    let kept = journal::kept(path.as_deref(), &hub, args);
    let lines = log.clone();
    let server = Server::builder(&hub)
        .counter(
            "eventring_log_lines_dropped_total",
            "Lines for stderr that it did not take.",
            move || lines.dropped(),
        )
        .bind(config)?;
    warn_of_strangers(&server, secured, log);
    // From here on a signal stops this server in good order; before, it ends the process.
    signals.serve(Serving {
        server: server.handle(),
        drain_delay: args.timeouts.drain_delay,
        stop_timeout: args.timeouts.stop_timeout,
        reload,
    });
    // Serving does not depend on it.
    if let Err(error) = announce(&kept, &server, secured) {
        log.print(format_args!(
            "warning: cannot write to standard output: {error}"
        ));
    }
    Ok((server, hub))
}

/// Raises the open-file limit; returns how many of `wanted` connections it leaves, with a warning where that is not all.
fn room_for(wanted: usize) -> usize {
    let (room, limit) = fd_limit::room_for(wanted);
    if let Some(limit) = limit.filter(|_| room < wanted) {
        console::err(format_args!(
            "warning: the open-file limit is {limit}, so --max-connections is {room} instead of \
             {wanted}; raise it with `ulimit -n {}`",
            fd_limit::needed(wanted)
        ));
    }
    room
}

/// Says what it means to listen where other machines come in.
fn warn_of_strangers(server: &Server, secured: bool, log: &LogWriter) {
    let how = if secured { "" } else { ", unencrypted" };
    // An IPv4 address that is mapped into IPv6 is judged as what it is.
    let open = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
    if let Some(address) = server.local_addrs().iter().find(open) {
        log.print(format_args!(
            "warning: whoever reaches {address} may publish and read everything{how}: \
             keep it in a network that you trust, or behind a proxy with TLS and a login"
        ));
    }
}

/// Tells on stdout where events are kept and where the server is: one line each, in a form that programs can read.
fn announce(kept: &str, server: &Server, secured: bool) -> io::Result<()> {
    console::out(kept)?;
    let scheme = if secured { "https" } else { "http" };
    for address in server.local_addrs() {
        console::out(format_args!("listening on {scheme}://{address}"))?;
    }
    for address in server.unix_addrs() {
        console::out(format_args!("listening on unix:{}", address.path.display()))?;
    }
    // None for Unix sockets: a browser cannot open one.
    if let Some(address) = server.local_addrs().first() {
        console::out(format_args!("dashboard {scheme}://{address}/"))?;
    }
    Ok(())
}

/// The flag for a field of the library; what is a list there can be repeated here.
fn flag(field: &str) -> String {
    match field {
        "allowed_hosts" => "allowed-host".into(),
        "allowed_parameters" => "allowed-parameter".into(),
        "cors_origins" => "cors-origin".into(),
        "cors_headers" => "cors-header".into(),
        "trusted_proxies" => "trusted-proxy".into(),
        field => field.replace('_', "-"),
    }
}

fn ended(stopped: io::Result<StopReport>, closed: Closed, log: &LogWriter) -> ExitCode {
    // The last lines are those that must not find a full queue.
    log.drain();
    let (said, code) = match stopped {
        Ok(report) if report.clean => ("stopped; everything went out".to_owned(), exit::OK),
        Ok(report) => (
            format!(
                "stopped at the deadline; not everything was sent to {} connections",
                report.connections_left
            ),
            // A code of its own: a supervisor can tell readers that were cut off from a server that broke.
            ExitCode::from(exit::LEFT_OVER),
        ),
        Err(error) => (
            format!("the server broke: {error}"),
            ExitCode::from(exit::FAILED),
        ),
    };
    match closed {
        Closed::Nothing => log.print(said),
        Closed::Whole => log.print(format_args!("{said}; the journal is closed")),
        Closed::Left(what) => {
            log.print(format_args!("{said}; {what}"));
            return match code == exit::OK {
                true => ExitCode::from(exit::LEFT_OVER),
                false => code,
            };
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Once a journal's error was one of `--capacity`.
    #[test]
    fn an_error_of_the_journal_names_its_flag() {
        let reason = "no thread".to_owned();
        let error = StartError::from(HubError::Journal { reason });
        assert_eq!(error.to_string(), "--data: no thread");
    }
}

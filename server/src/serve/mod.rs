//! `eventring serve`: a hub in memory, the gateway on it, and an orderly end.

mod nofile;
mod settings;
mod signals;

use crate::cli::ServeArgs;
use crate::{exit, say};
use eventring::gateway::{Server, ServerError, StopReport};
use eventring::hub::HubError;
use std::io;
use std::process::ExitCode;

/// Runs the server until a signal stops it.
pub(crate) fn run(args: Box<ServeArgs>) -> ExitCode {
    match start(&args) {
        Ok(server) => ended(server.run()),
        Err(error) => {
            say::err(error);
            ExitCode::from(exit::USAGE)
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("--capacity: {0}")]
    Capacity(HubError),
    #[error("--ring-bytes: {given} is below the least of {least}")]
    RingBytes { given: usize, least: usize },
    #[error("--{} {reason}", field.replace('_', "-"))]
    Setting { field: &'static str, reason: String },
    #[error("{0}")]
    Server(ServerError),
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
}

impl From<HubError> for StartError {
    fn from(error: HubError) -> StartError {
        match error {
            HubError::RingBytes { given, least } => StartError::RingBytes { given, least },
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

fn start(args: &ServeArgs) -> Result<Server, StartError> {
    // First of all, so that a signal that comes while we start is not lost.
    let signals = signals::Signals::install().map_err(StartError::Signals)?;
    let connections = nofile::make_room_for(args.bounds.max_connections);
    let hub = settings::hub(args)?;
    let server = Server::bind(&hub, settings::server(args, connections))?;
    signals.stop_on_signal(server.handle(), args.timeouts.stop_timeout);
    announce(&server);
    Ok(server)
}

/// Tells on stdout where the server is: one line each, in a form that programs can read.
fn announce(server: &Server) {
    for address in server.local_addrs() {
        say::out(format_args!("listening on http://{address}"));
    }
    if let Some(address) = server.local_addrs().first() {
        say::out(format_args!("dashboard http://{address}/"));
    }
    say::out("memory only: events are gone when this process ends");
}

fn ended(stopped: io::Result<StopReport>) -> ExitCode {
    match stopped {
        Ok(report) if report.clean => {
            say::err("stopped; everything went out");
            exit::OK
        }
        Ok(report) => {
            say::err(format_args!(
                "stopped at the deadline; not everything was sent to {} connections",
                report.connections_left
            ));
            ExitCode::from(exit::LEFT_OVER)
        }
        Err(error) => {
            say::err(format_args!("the server broke: {error}"));
            ExitCode::from(exit::FAILED)
        }
    }
}

//! The log: what the library tells through `tracing`, as text or JSON lines on standard error.

use super::log_writer::LogWriter;
use crate::cli::{Log, LogFormat, LogLevel};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

/// Starts it; a second start in one process has no effect.
pub(super) fn start(log: &Log, to: &LogWriter) {
    let level = match log.log_level {
        LogLevel::Off => return,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let lines = fmt().with_max_level(level).with_writer(to.clone());
    let _ = match log.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

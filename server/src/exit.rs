//! Exit codes: what a script can rely on.

use std::process::ExitCode;

/// Everything asked for was done.
pub(crate) const OK: ExitCode = ExitCode::SUCCESS;

/// `publish`: a line was bad or the server refused; `tail` and `history`: the server refused for
/// good; `serve`: the system took the poller away.
pub(crate) const FAILED: u8 = 1;

/// Wrong usage, a setting out of range, an address that cannot be listened on, a journal that cannot be opened. clap uses it too.
pub(crate) const USAGE: u8 = 2;

/// `serve`: the stop deadline passed with bytes or connections left, or events that are not in the journal.
pub(crate) const LEFT_OVER: u8 = 3;

/// `serve`: ended at once by a second signal; the signal's number is added (130 for SIGINT, 143
/// for SIGTERM), as shells do.
pub(crate) const SIGNAL_BASE: i32 = 128;

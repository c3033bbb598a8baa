//! Lines to the person at the terminal: results on stdout, everything else on stderr.

use crate::exit;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Writes a line to stdout at once.
pub(crate) fn out(line: impl Display) -> io::Result<()> {
    // One write: whoever reads along never has half a line.
    bytes(format!("{line}\n").as_bytes())
}

/// Writes to stdout at once: what is left for the end of the process is lost without a word if it cannot be
/// written then.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

/// Returns the exit code of a command that has printed its result and would end with `code`. A reader that has gone has seen
/// enough; any other failure is told.
pub(crate) fn printed(written: io::Result<()>, code: ExitCode) -> ExitCode {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            err(format_args!("cannot write to standard output: {error}"));
            ExitCode::from(exit::FAILED)
        }
        _ => code,
    }
}

/// Writes a line to stderr, with the program's name in front. Nobody listening is not an error.
pub(crate) fn err(line: impl Display) {
    // One write per line: lines of several processes on one terminal do not mix.
    let _ = io::stderr().write_all(format!("eventring: {line}\n").as_bytes());
}

/// Writes everything that is wrong, a line each.
pub(crate) fn faults<T: Display>(faults: &[T]) {
    match faults {
        [one] => err(one),
        many => {
            err(format_args!("{} mistakes in the settings:", many.len()));
            for fault in many {
                err(format_args!("  {fault}"));
            }
        }
    }
}

/// Writes a line to stderr as it stands.
pub(crate) fn note(line: impl Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Makes the one line on the terminal that is rewritten while something goes on, cut at the terminal's edge. It is hidden
/// where stderr is no terminal, or one that cannot rewrite a line (`TERM=dumb`).
pub(crate) fn status_line() -> ProgressBar {
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_msg}");
    line.set_style(style.unwrap_or_else(|_| unreachable!("a template without parameters")));
    line
}

//! Lines to the person at the terminal: results on stdout, everything else on stderr.

use std::fmt::Display;
use std::io::Write;

/// Writes a line to stdout at once. Nobody listening is not an error.
pub(crate) fn out(line: impl Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Writes a line to stderr, with the program's name in front. Nobody listening is not an error.
pub(crate) fn err(line: impl Display) {
    // One write per line: lines of several processes on one terminal do not mix.
    let _ = std::io::stderr().write_all(format!("eventring: {line}\n").as_bytes());
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

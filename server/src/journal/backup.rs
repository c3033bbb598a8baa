//! `eventring journal backup`: a copy in a new folder.

use super::progress::Line;
use super::unusable;
use crate::cli::BackupArgs;
use crate::{console, exit};
use bytesize::ByteSize;
use eventring::journal::{JournalError, SqliteFiles};
use std::process::ExitCode;

/// Makes the copy and says what is in it.
pub(super) fn run(args: &BackupArgs) -> ExitCode {
    let mut files = match SqliteFiles::open(&args.journal.data) {
        Ok(files) => files,
        Err(error) => return unusable(&error),
    };
    let mut line = Line::new("backup");
    let done = files.backup(&args.to, &mut |at| line.show(at));
    line.finish();
    match done {
        Ok(done) => {
            let said = format_args!(
                "{}: {} up to event {}; opened, it is a log of its own; \"eventring journal verify\" checks it",
                args.to.display(),
                ByteSize(done.bytes),
                done.last
            )
            .to_string();
            console::printed(console::out(said), exit::OK)
        }
        Err(error @ JournalError::Damaged { .. }) => {
            console::err(format_args!(
                "{error}: nothing is copied; \"eventring journal verify\" says what is lost, \"export\" takes what can be read"
            ));
            ExitCode::from(exit::FAILED)
        }
        Err(error) => {
            console::err(error);
            ExitCode::from(exit::FAILED)
        }
    }
}

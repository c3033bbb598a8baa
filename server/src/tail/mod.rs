//! `eventring tail`: events to standard output as they arrive, across reconnects.

mod backoff;
mod notice;
mod output;
mod session;

use crate::cli::TailArgs;
use crate::{exit, say};
use backoff::Backoff;
use output::Output;
use session::{End, Session};
use std::process::ExitCode;

/// Prints events until the count is reached, nobody reads, or the server refuses for good.
pub(crate) fn run(args: TailArgs) -> ExitCode {
    output::end_when_nobody_reads();
    let mut output = Output::new(args.format, args.count);
    let mut session = Session::new(args.url.clone(), &args);
    let mut backoff = Backoff::new();
    loop {
        let (reason, wait) = match session.run(&mut output, &mut backoff) {
            End::Done => return exit::OK,
            End::Ended if args.no_reconnect => return exit::OK,
            End::Ended => ("the server ended the stream".to_string(), None),
            End::Lost { reason, wait } if !args.no_reconnect => (reason, wait),
            End::Lost { reason, .. } | End::Fatal(reason) => {
                say::err(reason);
                return ExitCode::from(exit::FAILED);
            }
        };
        let pause = wait.unwrap_or_default().max(backoff.pause());
        say::err(format_args!(
            "{reason}; again in {:.1} s",
            pause.as_secs_f64()
        ));
        std::thread::sleep(pause);
    }
}

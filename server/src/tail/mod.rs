//! `eventring tail`: events to standard output as they arrive, across reconnects.

mod notice;
mod output;
mod source;

pub(crate) use output::{Output, end_when_nobody_reads};

use crate::cli::TailArgs;
use crate::client::Problem;
use crate::{console, exit};
use eventring::client::{Cause, ClientError, SseItem};
use source::Source;
use std::process::ExitCode;

/// Prints events until the count is reached, nobody reads, or the server refuses for good.
pub(crate) fn run(args: TailArgs) -> ExitCode {
    if let Err(impossible) = source::possible(&args) {
        console::err(impossible);
        return ExitCode::from(exit::USAGE);
    }
    // Before the first wait for the server, which may be a long one.
    end_when_nobody_reads();
    let mut output = Output::new(args.format, args.count);
    let mut client = Source::new(&args);
    let mut next = client.next_item();
    loop {
        match next {
            Ok(SseItem::Connected) => {}
            Ok(SseItem::Event(event)) => output.event(&event),
            Ok(SseItem::Gap(event) | SseItem::Reset(event)) => {
                match notice::words(&event.event, &event.data) {
                    Some(words) => {
                        console::err(words);
                        output.notice(&event);
                    }
                    // An event of somebody who uses the same name.
                    None => output.event(&event),
                }
            }
            Ok(SseItem::Disconnected(disconnected)) => {
                let ended = source::is_end(&disconnected.cause);
                // An end that the server had announced is a good one; any other is a failure.
                if args.no_reconnect && ended {
                    return exit::OK;
                }
                let reason = reason(&disconnected.cause);
                if args.no_reconnect {
                    console::err(reason);
                    return ExitCode::from(exit::FAILED);
                }
                let seconds = disconnected.again_in.as_secs_f64();
                console::err(format_args!("{reason}; again in {seconds:.1} s"));
            }
            // Of a later version, which nobody asked for here.
            Ok(_) => {}
            Err(ClientError::Over) => return exit::OK, // as for a browser: do not come back
            Err(error) => {
                // What came before the refusal is shown first.
                if let Some(code) = write(&mut output) {
                    return code;
                }
                console::err(refusal(&error));
                return ExitCode::from(exit::FAILED);
            }
        }
        // One write for all that came together.
        next = match client.try_next_item() {
            Ok(Some(item)) if !output.is_full() => Ok(item),
            Ok(_) => match write(&mut output) {
                Some(code) => return code,
                None => client.next_item(),
            },
            Err(error) => Err(error),
        };
    }
}

/// Writes what was taken; `Some`: that was all.
fn write(output: &mut Output) -> Option<ExitCode> {
    match output.flush() {
        Ok(true) if !output.is_full() => None,
        Ok(_) => Some(exit::OK),
        Err(error) => {
            console::err(format_args!("cannot write: {error}"));
            Some(ExitCode::from(exit::FAILED))
        }
    }
}

fn reason(cause: &Cause) -> String {
    match cause {
        Cause::Busy { status, body } => Problem::read(*status, body).to_string(),
        cause => cause.to_string(),
    }
}

fn refusal(error: &ClientError) -> String {
    match error {
        ClientError::Refused { status, body } => Problem::read(*status, body).to_string(),
        ClientError::Redirect { to } => {
            format!("the server redirects to {to}; use that as --url")
        }
        error => error.to_string(),
    }
}

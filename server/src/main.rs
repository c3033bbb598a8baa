//! The `eventring` command: the library's server with flags in front of it, and three small clients.
#![forbid(unsafe_code)]

mod bench;
mod cli;
mod client;
mod config;
mod console;
mod exit;
mod fd_limit;
mod history;
mod journal;
mod manpages;
mod parent;
mod publish;
mod serve;
mod tail;
mod units;

use clap::FromArgMatches;
use cli::{Cli, Command};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all, so that there is no time in which the bench could go and this server stay.
    if let Err(error) = parent::end_with() {
        console::err(format_args!("cannot end with the bench: {error}"));
        return ExitCode::from(exit::FAILED);
    }
    let args = with_default_command(std::env::args_os());
    let lenient = config::lenient(cli::definition()).try_get_matches_from(&args);
    // Only the full definition knows the defaults that help shows.
    let matches = match lenient.or_else(|_| cli::definition().try_get_matches_from(args)) {
        Ok(matches) => matches,
        Err(error) => return print_usage(&error),
    };
    match matches.subcommand() {
        // Their settings have layers, which are read in one go.
        Some(("serve", given)) => return serve::run(given),
        Some(("check-config", given)) => return config::check(given),
        _ => {}
    }
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return print_usage(&error),
    };
    match cli.command {
        Command::Publish(args) => publish::run(args),
        Command::Tail(args) => tail::run(args),
        Command::History(args) => history::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Journal(args) => journal::run(&args),
        Command::Completions(args) => manpages::completions(&args),
        Command::Man(args) => manpages::man(&args),
        Command::Serve(_) | Command::CheckConfig(_) => unreachable!("they returned above"),
    }
}

/// Prints help, the version or what is wrong with the usage, which ends with 2, as `exit::USAGE` says.
fn print_usage(error: &clap::Error) -> ExitCode {
    let code = match error.exit_code() {
        0 => exit::OK,
        _ => ExitCode::from(exit::USAGE),
    };
    let written = error.print().and_then(|()| std::io::stdout().flush());
    // A usage mistake stays one, whether or not standard error took its text.
    if error.use_stderr() {
        return code;
    }
    console::printed(written, code)
}

/// `eventring` and `eventring --flag` mean `eventring serve` and `eventring serve --flag`.
fn with_default_command(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    // A caller of `execve` may give no name at all, and clap takes the first argument for one.
    if args.is_empty() {
        args.push("eventring".into());
    }
    // Help and version are those of the whole command, not of `serve`.
    let own = ["-h", "--help", "-V", "--version"];
    let missing = match args.get(1).and_then(|a| a.to_str()) {
        None => args.len() == 1,
        Some(first) => first.starts_with('-') && !own.contains(&first),
    };
    if missing {
        args.insert(1, "serve".into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(args: &[&str]) -> Vec<String> {
        with_default_command(args.iter().map(OsString::from))
            .into_iter()
            .map(|a| a.into_string().expect("the test's own text"))
            .collect()
    }

    #[test]
    fn serve_is_the_default_command() {
        assert_eq!(completed(&["eventring"]), ["eventring", "serve"]);
        assert_eq!(completed(&["e", "--memory"]), ["e", "serve", "--memory"]);
        assert_eq!(completed(&["e", "--help"]), ["e", "--help"]);
        assert_eq!(completed(&["e", "tail"]), ["e", "tail"]);
    }
}

//! What is made from the definition of the command line: completions and manual pages.

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::{exit, say};
use clap::{Command, CommandFactory};
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints the completion script for a shell.
pub(crate) fn completions(args: &CompletionsArgs) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "eventring", &mut script);
    print(&script)
}

/// Prints the manual page of all commands or of one.
pub(crate) fn man(args: &ManArgs) -> ExitCode {
    let mut cli = Cli::command();
    // Gives the commands their full names.
    cli.build();
    let Some(command) = find(cli, args.command.as_deref()) else {
        say::err(format_args!(
            "COMMAND {:?}: expected one of {}",
            args.command.as_deref().unwrap_or_default(),
            names().join(", ")
        ));
        return ExitCode::from(exit::USAGE);
    };
    let mut page = Vec::new();
    match clap_mangen::Man::new(command).render(&mut page) {
        Ok(()) => print(&page),
        Err(error) => failed(&error),
    }
}

fn find(cli: Command, name: Option<&str>) -> Option<Command> {
    match name {
        None => Some(cli),
        Some(name) => cli.find_subcommand(name).cloned(),
    }
}

fn names() -> Vec<String> {
    let cli = Cli::command();
    cli.get_subcommands()
        .map(|command| command.get_name().to_string())
        .collect()
}

fn print(bytes: &[u8]) -> ExitCode {
    match io::stdout().lock().write_all(bytes) {
        Ok(()) => exit::OK,
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
        Err(error) => failed(&error),
    }
}

fn failed(error: &io::Error) -> ExitCode {
    say::err(format_args!("cannot write: {error}"));
    ExitCode::from(exit::FAILED)
}

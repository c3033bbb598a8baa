//! Completions and manual pages, made from the definition of the command line.

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::{console, exit};
use clap::{Command, CommandFactory};
use std::process::ExitCode;

/// Prints the completion script for a shell.
pub(crate) fn completions(args: &CompletionsArgs) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "eventring", &mut script);
    console::printed(console::bytes(&script), exit::OK)
}

/// Prints the manual page of all commands or of one.
pub(crate) fn man(args: &ManArgs) -> ExitCode {
    let mut cli = Cli::command();
    // Gives the commands their full names.
    cli.build();
    let Some(command) = find(cli, args.command.as_deref()) else {
        console::err(format_args!(
            "COMMAND {:?}: expected one of {}",
            args.command.as_deref().unwrap_or_default(),
            names().join(", ")
        ));
        return ExitCode::from(exit::USAGE);
    };
    let mut page = Vec::new();
    match clap_mangen::Man::new(command).render(&mut page) {
        Ok(()) => console::printed(console::bytes(&page), exit::OK),
        Err(error) => console::printed(Err(error), exit::OK),
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

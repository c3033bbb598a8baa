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
        Some(name) => {
            // The commands of a command are asked for as their pages are called: `journal-info`.
            let inner = name.split_once('-').and_then(|(outer, inner)| {
                let outer = cli.find_subcommand(outer)?;
                outer.find_subcommand(inner)
            });
            cli.find_subcommand(name).or(inner).cloned()
        }
    }
}

fn names() -> Vec<String> {
    let cli = Cli::command();
    let mut names = Vec::new();
    for command in cli.get_subcommands() {
        let name = command.get_name();
        names.push(name.to_owned());
        let inner = command.get_subcommands();
        names.extend(inner.map(|inner| format!("{name}-{}", inner.get_name())));
    }
    names
}

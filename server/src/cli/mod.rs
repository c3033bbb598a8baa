//! The command line: every command, flag and environment variable, in one place.

mod bench;
mod clients;
mod help;
mod journal;
mod journal_tools;
mod names;
mod network;
mod serve;

pub(crate) use bench::{BenchArgs, Measured, Rate, WireFormat};
pub(crate) use clients::{HistoryArgs, LineFormat, OnError, PublishArgs, TailArgs, TailFormat};
pub(crate) use journal::{Durability, JournalCompression};
pub(crate) use journal_tools::{
    BackupArgs, ExportArgs, ImportArgs, InfoArgs, JournalArgs, JournalCommand, RepairArgs,
    ScavengeArgs, VerifyArgs,
};
pub(crate) use network::{Field, Listen};
pub(crate) use serve::{
    CONFIG_ENV, Compression, CompressionFor, Log, LogFormat, LogLevel, ServeArgs, Slow,
};

use clap::builder::Resettable;
use clap::{Arg, Args, CommandFactory, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

/// URL of a server that was started without settings.
const LOCAL: &str = "http://127.0.0.1:8080";

/// Publishes events once and delivers them to many: Server-Sent Events from one small process.
#[derive(Debug, Parser)]
#[command(name = "eventring", version, propagate_version = true)]
#[command(after_help = help::MORE, after_long_help = help::MAIN)]
#[command(arg_required_else_help = false, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server (the default command)
    #[command(after_help = help::MORE, after_long_help = help::SERVE)]
    Serve(Box<ServeArgs>),
    /// Publishes each line of a file or of standard input as one event
    #[command(after_long_help = help::PUBLISH)]
    Publish(PublishArgs),
    /// Prints events as they arrive; reconnects and resumes by itself
    #[command(after_long_help = help::TAIL)]
    Tail(TailArgs),
    /// Prints events of the past, of a server that keeps them; then it ends
    #[command(after_long_help = help::HISTORY)]
    History(HistoryArgs),
    /// Measures a running server over real sockets: latency, losses, CPU, memory
    #[command(after_help = help::MORE, after_long_help = help::BENCH)]
    Bench(BenchArgs),
    /// Looks at the files of a journal: info, verify, export, import, backup, scavenge, repair
    #[command(after_long_help = help::JOURNAL)]
    Journal(JournalArgs),
    /// Prints every setting of the server and where it comes from; starts nothing
    #[command(after_help = help::MORE, after_long_help = help::CHECK_CONFIG)]
    CheckConfig(Box<CheckConfigArgs>),
    /// Prints a completion script for a shell
    #[command(after_long_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Prints a manual page
    #[command(after_long_help = help::MAN)]
    Man(ManArgs),
}

/// The definition, but for variables that are set and empty: files of variables have lines such as
/// `EVENTRING_URL=` for what is not given.
pub(crate) fn definition() -> clap::Command {
    let is_empty = |arg: &Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    let without = move |command: clap::Command| {
        command.mut_args(|arg| match is_empty(&arg) {
            true => arg.env(Resettable::Reset),
            false => arg,
        })
    };
    Cli::command().mut_subcommands(|command| without(command).mut_subcommands(without))
}

#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {
    /// The file to check; the same as --config
    #[arg(value_name = "FILE", conflicts_with = "config", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: ServeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command that the page is about; without it, the page of all
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }
}

//! The settings that there are: read off the definition of the command line, so that a flag, its variable
//! and its key in the file cannot differ.

use crate::cli::{Cli, ServeArgs};
use clap::builder::{OsStringValueParser, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, Error, FromArgMatches};

/// Commands whose settings have layers.
const LAYERED: [&str; 2] = ["serve", "check-config"];
/// Flags that are no settings: where settings are, and what clap adds.
const NO_SETTINGS: [&str; 4] = ["config", "file", "help", "version"];

/// The number of values that a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arity {
    /// None: it is there or not.
    Switch,
    One,
    Many,
}

/// One setting of `serve`.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// Name of the flag, and of the key in the file.
    pub(super) name: String,
    /// Name that clap knows it by.
    pub(super) id: String,
    pub(super) env: String,
    pub(super) arity: Arity,
    pub(super) default: Vec<String>,
}

/// The settings in the order of the definition.
pub(super) struct Definition {
    pub(super) settings: Vec<Setting>,
    /// `serve` without its variables, to judge values one by one.
    bare: Command,
}

impl Definition {
    pub(super) fn new() -> Definition {
        let cli = Cli::command();
        // The definition has it: without `serve` there would be no default command.
        let serve = cli.find_subcommand("serve").cloned().unwrap_or(cli);
        let settings = serve.get_arguments().filter_map(setting).collect();
        // Judged is the value alone: a variable that is set would add its own.
        let bare = serve.mut_args(|arg| arg.env(Resettable::Reset));
        Definition { settings, bare }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().map(|setting| setting.name.as_str())
    }

    /// Says what would be allowed if `value` is not.
    pub(super) fn judge(&self, setting: &Setting, value: &str) -> Result<(), String> {
        // On a command line a switch has no value, so clap cannot judge one.
        if setting.arity == Arity::Switch {
            return match value {
                "true" | "false" => Ok(()),
                _ => Err("expected true or false".into()),
            };
        }
        match self.parse([flag(setting, value)]) {
            Ok(_) => Ok(()),
            Err(error) => Err(allowed(&error)),
        }
    }

    /// Makes the settings of values that were judged.
    pub(super) fn parse(
        &self,
        flags: impl IntoIterator<Item = String>,
    ) -> Result<ServeArgs, Error> {
        let args = std::iter::once("serve".to_string()).chain(flags);
        let matches = self.bare.clone().try_get_matches_from(args)?;
        ServeArgs::from_arg_matches(&matches)
    }
}

/// The flag that says the same.
pub(super) fn flag(setting: &Setting, value: &str) -> String {
    match setting.arity {
        Arity::Switch => format!("--{}", setting.name),
        _ => format!("--{}={value}", setting.name),
    }
}

/// The definition for a first look at the arguments: unknown flags are refused, but every value is
/// taken as it is, so that those that are wrong can be told together.
pub(crate) fn lenient(cli: Command) -> Command {
    LAYERED.iter().fold(cli, |cli, name| {
        cli.mut_subcommand(name, |command| {
            command.mut_args(|arg| {
                let arg = arg.env(Resettable::Reset);
                match arity(&arg) {
                    // Any value passes here: all layers are judged together, so that every mistake is told at once.
                    Some(Arity::One | Arity::Many) => arg
                        .value_parser(OsStringValueParser::new())
                        .default_value(Resettable::Reset),
                    _ => arg,
                }
            })
        })
    })
}

fn setting(arg: &Arg) -> Option<Setting> {
    let name = arg.get_long().filter(|name| !NO_SETTINGS.contains(name))?;
    let default = arg.get_default_values().iter();
    Some(Setting {
        name: name.to_string(),
        id: arg.get_id().to_string(),
        env: arg.get_env()?.to_string_lossy().into_owned(),
        arity: arity(arg)?,
        default: default
            .map(|value| value.to_string_lossy().into_owned())
            .collect(),
    })
}

fn arity(arg: &Arg) -> Option<Arity> {
    match arg.get_action() {
        ArgAction::SetTrue => Some(Arity::Switch),
        ArgAction::Set => Some(Arity::One),
        ArgAction::Append => Some(Arity::Many),
        _ => None,
    }
}

/// The part of clap's error that says what would have been right.
fn allowed(error: &Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        // The words of the value's own parser, which say what it expected.
        return source.to_string();
    }
    match (error.kind(), error.get(ContextKind::ValidValue)) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(values))) if !values.is_empty() => {
            format!("expected one of {}", values.join(", "))
        }
        _ => "a value is required".into(),
    }
}

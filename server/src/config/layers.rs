//! From the four places that a setting can come from to the values that hold.

use super::definition::{Arity, Definition, Setting, flag};
use super::fault::{BadValue, Fault, Origin};
use super::{cross_checks, file};
use crate::cli::{CONFIG_ENV, Cli, ServeArgs};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};
use eventring::gateway::suggest;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The layers that settings are read from, but for their defaults.
pub(crate) struct Layers<'a> {
    /// Flags as they were typed, judged by nobody yet.
    pub(crate) flags: &'a ArgMatches,
    /// A file that the command was given by other means than `--config`.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) env: BTreeMap<OsString, OsString>,
}

/// One setting, the values that hold, and why they do.
#[derive(Debug)]
pub(super) struct Effective {
    pub(super) setting: Setting,
    pub(super) values: Vec<String>,
    pub(super) origin: Origin,
}

/// Settings that can be used.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) args: Box<ServeArgs>,
    pub(super) rows: Vec<Effective>,
    pub(super) file: Option<PathBuf>,
    /// Settings that work but are hardly meant, a line each.
    pub(crate) warnings: Vec<String>,
}

/// Reads all layers.
///
/// # Errors
///
/// Everything that is wrong in any of them.
pub(crate) fn load(layers: &Layers<'_>) -> Result<Loaded, Vec<Fault>> {
    let definition = Definition::new();
    let mut faults = Vec::new();
    let path = layers.path();
    let entries = match &path {
        Some((path, said)) => file::read(path, said, &definition, &mut faults),
        None => Vec::new(),
    };
    let path = path.map(|(path, _)| path);
    let mut rows = Vec::new();
    for setting in &definition.settings {
        let mut given = vec![(Origin::Default, setting.default.clone())];
        if let (Some(entry), Some(path)) = (
            entries.iter().find(|entry| entry.name == setting.name),
            &path,
        ) {
            let origin = Origin::File {
                path: path.display().to_string(),
                line: entry.line,
            };
            given.push((origin, entry.values.clone()));
        }
        given.extend(
            layers
                .env(setting)
                .map(|values| (Origin::Environment, values)),
        );
        given.extend(layers.flag(setting).map(|values| (Origin::Flag, values)));
        // A value that is overridden is judged, too: a mistake there waits for the day it counts.
        for (origin, values) in &given {
            judge(&definition, setting, origin, values, &mut faults);
        }
        // The last layer is the strongest.
        if let Some((origin, values)) = given.pop() {
            rows.push(Effective {
                setting: setting.clone(),
                values,
                origin,
            });
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    // Each value is good by itself; clap still refuses flags that exclude each other.
    let mut args = definition
        .parse(flags(&rows))
        .map_err(|error| vec![Fault::Together(error.to_string())])?;
    args.config.clone_from(&path);
    let mut warnings = layers.strange_variables();
    warnings.extend(cross_checks::check(&args, &rows)?);
    Ok(Loaded {
        args: Box::new(args),
        rows,
        file: path,
        warnings,
    })
}

impl Layers<'_> {
    /// The settings file, and what named it.
    fn path(&self) -> Option<(PathBuf, &'static str)> {
        let flag = self.flags.get_one::<OsString>("config");
        let env = self.variable(CONFIG_ENV);
        let given = [(flag, "--config"), (env, CONFIG_ENV)];
        // The flag stands first: it beats the variable.
        let named = given
            .into_iter()
            .find_map(|(path, said)| Some((PathBuf::from(path?), said)));
        self.file.clone().map(|path| (path, "FILE")).or(named)
    }

    fn env(&self, setting: &Setting) -> Option<Vec<String>> {
        let value = self.variable(&setting.env)?;
        let value = value.to_string_lossy().into_owned();
        Some(match setting.arity {
            Arity::Many => value.split(',').map(str::to_string).collect(),
            _ => vec![value],
        })
    }

    /// A variable; one that is set but empty is as good as not set.
    fn variable(&self, name: &str) -> Option<&OsString> {
        let value = self.env.get(&OsString::from(name));
        value.filter(|value| !value.is_empty())
    }

    fn flag(&self, setting: &Setting) -> Option<Vec<String>> {
        // clap reports defaults as values, too; those are the weakest layer, not the strongest.
        if self.flags.value_source(&setting.id) != Some(ValueSource::CommandLine) {
            return None;
        }
        if setting.arity == Arity::Switch {
            return Some(vec!["true".into()]);
        }
        let values = self.flags.get_many::<OsString>(&setting.id)?;
        Some(
            values
                .map(|value| value.to_string_lossy().into_owned())
                .collect(),
        )
    }

    /// Variables with our prefix that no command knows: likely typos, but not ours to refuse.
    fn strange_variables(&self) -> Vec<String> {
        let cli = Cli::command();
        let args = cli
            .get_subcommands()
            .flat_map(|command| command.get_arguments());
        let known: Vec<String> = args
            .filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned()))
            .collect();
        let given = self.env.iter().filter(|(_, value)| !value.is_empty());
        let names = given.map(|(name, _)| name.to_string_lossy());
        // A misspelt variable would otherwise be ignored without a word.
        let strange = names.filter(|name| {
            name.starts_with("EVENTRING_") && !known.iter().any(|known| known == name)
        });
        strange
            .map(
                |name| match suggest(&name, known.iter().map(String::as_str)) {
                    Some(near) => format!("{name} is no setting; did you mean {near}?"),
                    None => format!("{name} is no setting"),
                },
            )
            .collect()
    }
}

fn judge(
    definition: &Definition,
    setting: &Setting,
    origin: &Origin,
    values: &[String],
    faults: &mut Vec<Fault>,
) {
    for value in values {
        if let Err(allowed) = definition.judge(setting, value) {
            faults.push(Fault::Value(Box::new(BadValue {
                origin: origin.clone(),
                setting: setting.name.clone(),
                env: setting.env.clone(),
                value: value.clone(),
                allowed,
            })));
        }
    }
}

/// The command line that says the same as all layers together.
fn flags(rows: &[Effective]) -> Vec<String> {
    let mut flags = Vec::new();
    for row in rows {
        for value in &row.values {
            if row.setting.arity != Arity::Switch || value == "true" {
                flags.push(flag(&row.setting, value));
            }
        }
    }
    flags
}

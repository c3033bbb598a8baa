//! Reads a query by the table of its route: what is not in it is refused, not left out.

use std::borrow::Cow;

use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::foreign::Foreign;
use crate::gateway::http::query::parameter::{Parameter, Times, number, switch};
use crate::gateway::http::query::suggest::suggest;
use crate::gateway::http::query::tables::Table;
use crate::wire::http::{Head, query};

/// Characters of an unknown name that are told back.
const TOLD_CHARS: usize = 64;

/// The parameters of a request, each known to its route and of the type that it takes.
#[derive(Debug)]
pub(in crate::gateway) struct Query<'a>(Vec<(&'static Parameter, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// That of a route that has no parameters and leaves them all alone.
    pub(in crate::gateway) fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads the query of `head`.
    ///
    /// # Errors
    ///
    /// 400 with the parameter: it is unknown, there twice, or its value is none.
    pub(in crate::gateway) fn read(
        head: &'a Head,
        table: Table,
        foreign: &Foreign,
    ) -> Result<Self, Problem> {
        let mut given: Vec<(&'static Parameter, Cow<'a, str>)> = Vec::new();
        for pair in query(head.query().unwrap_or_default()) {
            let (name, value) = pair.map_err(|error| {
                let problem = Problem::new(400, error.to_string());
                problem.field(error.name.clone()).at(error.at as u64)
            })?;
            let known = table.iter().copied().find(|known| known.is_called(&name));
            let Some(parameter) = known else {
                if foreign.passes(&name) {
                    continue;
                }
                return Err(unknown(&name, table));
            };
            let again = given.iter().any(|(other, _)| other.name == parameter.name);
            // Libraries and proxies do not agree which of two counts.
            if again && parameter.times == Times::Once {
                let detail = format!("{name} is there twice");
                return Err(Problem::new(400, detail).field(parameter.name));
            }
            parameter.check(&value)?;
            given.push((parameter, value));
        }
        Ok(Self(given))
    }

    /// All values of a parameter, as they came.
    pub(in crate::gateway) fn all(
        &self,
        parameter: &'static Parameter,
    ) -> impl DoubleEndedIterator<Item = &str> {
        let own = self
            .0
            .iter()
            .filter(move |(of, _)| of.name == parameter.name);
        own.map(|(_, value)| value.as_ref())
    }

    pub(in crate::gateway) fn text(&self, parameter: &'static Parameter) -> Option<&str> {
        self.all(parameter).next_back()
    }

    pub(in crate::gateway) fn number(&self, parameter: &'static Parameter) -> Option<u64> {
        self.text(parameter).and_then(number)
    }

    pub(in crate::gateway) fn switch(&self, parameter: &'static Parameter) -> Option<bool> {
        self.text(parameter).and_then(switch)
    }
}

/// Returns the problem of a parameter that its route does not know.
fn unknown(name: &str, table: Table) -> Problem {
    let known = || table.iter().map(|parameter| parameter.name);
    let told: String = name.chars().take(TOLD_CHARS).collect();
    let also =
        |parameter: &&'static Parameter| suggest(name, parameter.aliases.iter().copied()).is_some();
    let near = suggest(name, known()).or_else(|| Some(table.iter().find(|p| also(p))?.name));
    let hint = match (near, table) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, []) => "this address takes none".to_owned(),
        (None, _) => {
            let names: Vec<&str> = known().collect();
            format!("this address takes {}", names.join(", "))
        }
    };
    Problem::new(400, format!("unknown parameter {told}: {hint}")).field(told)
}

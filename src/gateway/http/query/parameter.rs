//! What a parameter is: its name, what it takes, how often, and who else spells it how.

use std::fmt::Write as _;

use crate::gateway::http::problem::Problem;

/// A parameter that a route knows.
///
/// What is told of it (in answers 400 and in `GET /`) comes from here, and so can a schema.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Parameter {
    pub(in crate::gateway) name: &'static str,
    /// Other spellings, in any case.
    pub(in crate::gateway) aliases: &'static [&'static str],
    pub(in crate::gateway) takes: Takes,
    pub(in crate::gateway) times: Times,
    /// Its values in words, after "NAME is".
    pub(in crate::gateway) expects: &'static str,
}

/// The type of a parameter's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Takes {
    /// Any text; the route says what is wrong with it.
    Text,
    /// A whole number of these.
    Number { min: u64, max: u64 },
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
}

/// The number of times that a parameter may stand in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Times {
    Once,
    /// Each counts.
    Many,
    /// The last one counts: libraries append theirs to an address that has one already.
    Last,
}

/// Makes a parameter without aliases that stands once.
pub(in crate::gateway) const fn once(
    name: &'static str,
    takes: Takes,
    expects: &'static str,
) -> Parameter {
    Parameter {
        name,
        aliases: &[],
        takes,
        times: Times::Once,
        expects,
    }
}

impl Parameter {
    /// Returns whether it goes by this name.
    pub(in crate::gateway) fn is_called(&self, name: &str) -> bool {
        self.name == name
            || self
                .aliases
                .iter()
                .any(|alias| alias.eq_ignore_ascii_case(name))
    }

    /// Says what is wrong with a value.
    pub(in crate::gateway) fn check(&self, value: &str) -> Result<(), Problem> {
        let good = match self.takes {
            Takes::Text => true,
            Takes::Number { min, max } => {
                number(value).is_some_and(|number| (min..=max).contains(&number))
            }
            Takes::Word(words) => words.contains(&value),
            Takes::Switch => switch(value).is_some(),
        };
        if good { Ok(()) } else { Err(self.wrong()) }
    }

    /// Returns the problem of a value that is none.
    pub(in crate::gateway) fn wrong(&self) -> Problem {
        let problem = Problem::new(400, format!("{} is {}", self.name, self.expects));
        let problem = problem.field(self.name);
        match self.takes {
            Takes::Number { max, .. } if max < u64::MAX => problem.limit(max),
            _ => problem,
        }
    }

    /// Appends a line of documentation.
    pub(in crate::gateway) fn write_line(&self, out: &mut String) {
        let times = match self.times {
            Times::Many => ", several times if need be",
            Times::Once | Times::Last => "",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {:<15} {}{times}", self.name, self.expects);
    }
}

/// Digits and nothing else: `parse` alone takes a sign.
pub(in crate::gateway) fn number(value: &str) -> Option<u64> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().ok()).flatten()
}

pub(in crate::gateway) fn switch(value: &str) -> Option<bool> {
    match value {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits() {
        for (value, read) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("+5", None),
            ("-5", None),
            (" 5", None),
            ("5s", None),
            ("0x5", None),
            ("5.0", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(number(value), read, "{value:?}");
        }
    }
}

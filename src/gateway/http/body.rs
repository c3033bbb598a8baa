//! JSON bodies: what members each has, and the one reader of them, which tells all faults at once.

use std::borrow::Cow;
use std::time::Duration;

use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::did_you_mean;
use crate::json::{Members, Value};

/// A member that a body may have, as a parameter is one that a query may have. Its schema comes from here.
#[derive(Debug)]
pub(in crate::gateway) struct Member {
    pub(in crate::gateway) name: &'static str,
    pub(in crate::gateway) takes: Takes,
    /// The text for a value that is none, after the name and a colon.
    pub(in crate::gateway) wrong: &'static str,
    /// Its values, for people.
    pub(in crate::gateway) expects: &'static str,
}

/// The values that a member takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) enum Takes {
    Text,
    /// A text that its route judges.
    Name,
    Texts,
    /// Patterns, which their route reads.
    Patterns,
    Seconds,
    /// A whole number.
    Whole,
    Words(&'static [&'static str]),
    /// True or false.
    Switch,
    Any,
}

/// A body whose members are known to its route and of the types that they take. What is not is noted.
pub(in crate::gateway) struct Body<'t> {
    members: Members<'t>,
    errors: FieldErrors,
}

/// The faults of all fields of a body, so that a client learns of them at once.
#[derive(Default)]
struct FieldErrors(Vec<FieldError>);

struct FieldError {
    /// The byte of the body at which the field's value begins: faults are told in this order.
    at: usize,
    field: String,
    why: String,
}

impl<'t> Body<'t> {
    /// Reads a body by the table of its members; an empty one has none.
    ///
    /// # Errors
    ///
    /// 400 where it is no JSON object: nothing more can be said of it then.
    pub(in crate::gateway) fn read(body: &'t [u8], table: &[Member]) -> Result<Self, Problem> {
        let members = match body {
            [] => Members::default(),
            body => Members::read(body).map_err(|error| Problem::of_json(error, "body"))?,
        };
        let mut errors = FieldErrors::default();
        for (name, value) in members.iter() {
            match table.iter().find(|member| member.name == name) {
                Some(member) if member.takes(&value) => {}
                Some(member) => errors.note(value.at(), name, member.wrong),
                None => {
                    let known = table.iter().map(|member| member.name);
                    let hint = format!("is not known{}", did_you_mean(name, known));
                    errors.note(value.at(), name, hint);
                }
            }
        }
        Ok(Self { members, errors })
    }

    /// Returns the value of a member, whatever it is.
    pub(in crate::gateway) fn member(&self, name: &str) -> Option<Value<'t>> {
        self.members.get(name)
    }

    /// Returns the text of a member that is one.
    pub(in crate::gateway) fn text(&self, name: &str) -> Option<Cow<'t, str>> {
        self.member(name)?.string()
    }

    /// Returns the texts of a member that is an array of them.
    pub(in crate::gateway) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let texts = self.member(name)?.strings()?;
        Some(texts.into_iter().map(Cow::into_owned).collect())
    }

    /// Returns the time of a member that is one in seconds.
    pub(in crate::gateway) fn seconds(&self, name: &str) -> Option<Duration> {
        seconds(&self.member(name)?)
    }

    /// Returns the number of a member that is a whole one.
    pub(in crate::gateway) fn whole(&self, name: &str) -> Option<u64> {
        self.member(name)?.whole()
    }

    /// Returns a member that is true or false.
    pub(in crate::gateway) fn switch(&self, name: &str) -> Option<bool> {
        switch(&self.member(name)?)
    }

    /// Notes what is wrong with a field. One that is not there is told of last.
    pub(in crate::gateway) fn note(&mut self, field: &str, why: impl Into<String>) {
        let at = self.member(field).map_or(usize::MAX, |value| value.at());
        self.errors.note(at, field, why);
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// 400 with everything that was noted.
    pub(in crate::gateway) fn finish(self) -> Result<(), Problem> {
        self.errors.into_problem().map_or(Ok(()), Err)
    }
}

impl Member {
    fn takes(&self, value: &Value<'_>) -> bool {
        match self.takes {
            Takes::Text => value.string().is_some(),
            Takes::Texts => value.strings().is_some(),
            Takes::Seconds => seconds(value).is_some(),
            Takes::Whole => value.whole().is_some(),
            Takes::Switch => switch(value).is_some(),
            Takes::Words(words) => value.string().is_some_and(|text| words.contains(&&*text)),
            Takes::Name | Takes::Patterns | Takes::Any => true,
        }
    }
}

impl FieldErrors {
    fn note(&mut self, at: usize, field: &str, why: impl Into<String>) {
        self.0.push(FieldError {
            at,
            field: field.to_owned(),
            why: why.into(),
        });
    }

    fn into_problem(mut self) -> Option<Problem> {
        self.0.sort_by_key(|error| error.at);
        let field = self.0.first()?.field.clone();
        let all: Vec<String> = self
            .0
            .iter()
            .map(|FieldError { field, why, .. }| format!("{field}: {why}"))
            .collect();
        Some(Problem::new(400, all.join("; ")).field(field))
    }
}

fn switch(value: &Value<'_>) -> Option<bool> {
    match value.raw() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn seconds(value: &Value<'_>) -> Option<Duration> {
    // What is out of the range of f64 is infinite.
    // Bounded, since `from_secs_f64` panics at what is negative or too large.
    let number = value.number().filter(|s| (0.0..=1e9).contains(s))?;
    Some(Duration::from_secs_f64(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Member] = &[
        Member {
            name: "name",
            takes: Takes::Text,
            wrong: "is a string",
            expects: "",
        },
        Member {
            name: "after",
            takes: Takes::Seconds,
            wrong: "is a number of seconds",
            expects: "",
        },
    ];

    #[test]
    fn all_faults_are_told_in_the_order_of_the_body() {
        let text = br#"{"nmae":"a","after":-1,"name":"b"}"#;
        let mut body = Body::read(text, TABLE).unwrap();
        body.note("name", "is taken");
        body.note("other", "is missing");
        let told = body.finish().unwrap_err();
        assert_eq!(
            told.detail(),
            "nmae: is not known: did you mean name?; after: is a number of seconds; name: is taken; \
             other: is missing"
        );
    }

    #[test]
    fn what_is_right_is_there() {
        let body = Body::read(br#"{"after":1.5}"#, TABLE).unwrap();
        assert_eq!(body.seconds("after"), Some(Duration::from_millis(1500)));
        assert_eq!(body.text("name"), None);
        assert!(body.finish().is_ok());
        assert!(Body::read(b"", TABLE).unwrap().finish().is_ok());
        assert!(Body::read(b"[]", TABLE).is_err());
    }
}

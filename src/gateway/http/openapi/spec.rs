//! What rows say of their answers and bodies, and how schemas of types are named there.

use std::borrow::Cow;
use std::fmt::Display;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// Makes a schema, or a reference to one that it adds to the components.
pub(in crate::gateway) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Makes the schema of a type that is answered.
pub(in crate::gateway) fn of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

/// An answer of a route where nothing is wrong. What is wrong is told by a problem, everywhere.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct AnswerSpec {
    pub(in crate::gateway) status: u16,
    pub(in crate::gateway) description: &'static str,
    /// Its forms; none: it has no body.
    pub(in crate::gateway) contents: &'static [Content],
}

/// A form of an answer.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) enum Content {
    Json(SchemaOf),
    /// A JSON value a line.
    Lines(SchemaOf),
    /// Server-Sent Events. OpenAPI has no word for their notices: the schemas of those stand beside.
    Events(&'static [(&'static str, SchemaOf)]),
    /// Text of this type.
    Text(&'static str),
}

/// A form of a body that a route takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct BodySpec {
    pub(in crate::gateway) content_type: &'static str,
    pub(in crate::gateway) schema: SchemaOf,
}

impl AnswerSpec {
    pub(in crate::gateway) const fn new(
        status: u16,
        description: &'static str,
        contents: &'static [Content],
    ) -> Self {
        Self {
            status,
            description,
            contents,
        }
    }
}

/// A value that answers have as the text which it displays.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct Text<T>(pub(in crate::gateway) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<T> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

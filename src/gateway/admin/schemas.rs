//! The schemas of bodies that are read member by member.

use schemars::Schema;
use serde_json::{Map, Value, json};

use crate::gateway::admin::request::{Member, Takes};
use crate::gateway::http::openapi::object;

/// The schema of a body of these members, none of which need be there.
pub(super) fn members_schema(members: &[Member]) -> Schema {
    let mut properties = Map::new();
    for member in members {
        let mut schema = match member.takes {
            Takes::Text => json!({ "type": "string" }),
            Takes::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            Takes::Seconds => json!({ "type": "number", "minimum": 0 }),
            Takes::Whole => json!({ "type": "integer", "minimum": 0 }),
            Takes::Words(words) => json!({ "type": "string", "enum": words }),
            Takes::Any => json!({}),
        };
        schema["description"] = member.expects.into();
        properties.insert(member.name.to_owned(), schema);
    }
    let mut schema = object(Value::Object(properties), &[]);
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

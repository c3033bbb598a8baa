//! Schemas that no type has: bodies that are read member by member, and answers that are written by hand.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::gateway::http::body::{Member, Takes};

/// The schema of problems (RFC 9457).
pub(in crate::gateway) fn problem(schemas: &mut SchemaGenerator) -> Schema {
    let properties = json!({
        "type": { "const": "about:blank" },
        "title": { "type": "string" },
        "status": { "type": "integer", "minimum": 400, "maximum": 599 },
        "detail": { "type": "string", "description": "One sentence; it may change from version to version." },
        "field": { "type": "string", "description": "The parameter, header or member that is to blame." },
        "line": { "type": "integer", "minimum": 1, "description": "The line of the body." },
        "at": { "type": "integer", "minimum": 0, "description": "The byte, or the character of a pattern." },
        "limit": { "type": "integer", "minimum": 0, "description": "The bound that is exceeded." },
    });
    let required = ["type", "title", "status", "detail"];
    named(schemas, "Problem", object(properties, &required))
}

/// The schema of the result of one line.
pub(in crate::gateway) fn one_line(schemas: &mut SchemaGenerator) -> Schema {
    let properties = json!({
        "line": { "type": "integer", "minimum": 1 },
        "position": { "type": "string", "description": "Where its event stands." },
        "error": { "type": "string", "description": "Why it has none." },
        "field": { "type": "string" },
        "at": { "type": "integer", "minimum": 0 },
        "limit": { "type": "integer", "minimum": 0 },
    });
    named(schemas, "LineResult", object(properties, &["line"]))
}

/// The schema of an event in CloudEvents' JSON format.
pub(in crate::gateway) fn cloudevent(schemas: &mut SchemaGenerator) -> Schema {
    let schema = json_schema!({
        "type": "object",
        "description": "An event as CloudEvents 1.0 writes it in JSON; extensions are members beside.",
        "required": ["specversion", "type"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string" },
            "source": { "type": "string" },
            "type": { "type": "string" },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "type": "string" },
            "data": {},
            "data_base64": { "type": "string" },
        },
    });
    named(schemas, "CloudEvent", schema)
}

/// The schema of several.
pub(in crate::gateway) fn cloudevents(schemas: &mut SchemaGenerator) -> Schema {
    let one = cloudevent(schemas);
    json_schema!({ "type": "array", "items": one })
}

/// The schema of a body of these members, none of which need be there.
pub(in crate::gateway) fn members_schema(members: &[Member]) -> Schema {
    let mut properties = Map::new();
    for member in members {
        let mut schema = match member.takes {
            Takes::Text | Takes::Name => json!({ "type": "string" }),
            Takes::Texts | Takes::Patterns => {
                json!({ "type": "array", "items": { "type": "string" } })
            }
            Takes::Seconds => json!({ "type": "number", "minimum": 0 }),
            Takes::Whole => json!({ "type": "integer", "minimum": 0 }),
            Takes::Words(words) => json!({ "type": "string", "enum": words }),
            Takes::Switch => json!({ "type": "boolean" }),
            Takes::Any => json!({}),
        };
        schema["description"] = member.expects.into();
        properties.insert(member.name.to_owned(), schema);
    }
    let mut schema = object(Value::Object(properties), &[]);
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

/// Returns the schema of an object.
pub(in crate::gateway) fn object(properties: Value, required: &[&str]) -> Schema {
    let mut schema = json_schema!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

/// Puts a schema among the components, and returns a reference to it.
pub(in crate::gateway) fn named(
    schemas: &mut SchemaGenerator,
    name: &str,
    schema: Schema,
) -> Schema {
    schemas
        .definitions_mut()
        .insert(name.to_owned(), schema.to_value());
    Schema::new_ref(format!("#/components/schemas/{name}"))
}

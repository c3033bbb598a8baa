//! Schemas that no type has: bodies that are read member by member, and answers that are written by hand.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::gateway::admin::request::{Member, Takes};
use crate::gateway::encode::notices::{GapReason, ResetReason};
use crate::gateway::telemetry::stats;

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

/// The schema of the data of a `gap`.
pub(in crate::gateway) fn gap(schemas: &mut SchemaGenerator) -> Schema {
    let properties = json!({
        "reason": { "enum": GapReason::ALL.map(GapReason::name) },
        "asked": { "type": "string", "description": "The last position before it." },
        "earliest": { "type": "string", "description": "The first position behind it." },
        "missing": { "type": "integer", "minimum": 0 },
        "exact": { "type": "boolean", "description": "Whether so many are missing, or at most so many." },
        "from": { "type": "string", "description": "The first position that is missing." },
        "to": { "type": "string", "description": "The last one." },
        "missing_at_most": { "type": "integer", "minimum": 0 },
    });
    named(
        schemas,
        "Gap",
        object(
            properties,
            &["reason", "asked", "earliest", "missing", "exact"],
        ),
    )
}

/// The schema of the data of a `reset`.
pub(in crate::gateway) fn reset(schemas: &mut SchemaGenerator) -> Schema {
    let properties = json!({
        "reason": { "enum": ResetReason::ALL.map(ResetReason::name) },
        "asked": { "type": "string", "description": "The id that the client came with." },
        "head": { "type": "string", "description": "The position after which it goes on." },
        "detail": { "type": "string" },
    });
    named(
        schemas,
        "Reset",
        object(properties, &["reason", "asked", "head"]),
    )
}

/// The schema of the data of a `disconnect`.
pub(in crate::gateway) fn disconnect(schemas: &mut SchemaGenerator) -> Schema {
    let reasons = [
        "too_slow",
        "disconnected",
        "removed",
        "topic_deleted",
        "hub_closed",
    ];
    let schema = object(json!({ "reason": { "enum": reasons } }), &["reason"]);
    named(schemas, "Disconnect", schema)
}

/// The schema of the data of a `join` or a `leave`.
pub(in crate::gateway) fn presence_change(schemas: &mut SchemaGenerator) -> Schema {
    let properties = json!({
        "id": { "type": "string" },
        "at": { "type": "integer", "minimum": 0, "description": "The number of the change." },
    });
    named(schemas, "PresenceChange", object(properties, &["id", "at"]))
}

/// The schema of `GET /api/v1/stats`.
pub(in crate::gateway) fn stats_schema(schemas: &mut SchemaGenerator) -> Schema {
    let count = json!({ "type": "integer", "minimum": 0 });
    let counts = |names: Vec<&'static str>| {
        let properties: Map<String, Value> = names
            .iter()
            .map(|name| ((*name).to_owned(), count.clone()))
            .collect();
        object(Value::Object(properties), &names)
    };
    let numbers = json!({ "type": "array", "items": count });
    let topic = json!({ "topic": { "type": "string" }, "events": count, "bytes": count });
    let others = json!({ "watched": { "type": "boolean" }, "events": count, "bytes": count });
    let latency = json!({ "bounds_us": numbers, "counts": numbers, "sum_us": count });
    let mut properties = json!({
        "version": { "type": "string" },
        "uptime_ms": count,
        "epoch": { "type": "string" },
        "position": { "type": "string" },
        "latency": object(latency, &["bounds_us", "counts", "sum_us"]),
        "topics": { "type": "array", "items": object(topic, &["topic", "events", "bytes"]) },
        "other_topics": object(others, &["watched", "events", "bytes"]),
    });
    for (name, _) in stats::NUMBERS {
        properties[name] = count.clone();
    }
    for (name, names) in stats::groups() {
        properties[name] = counts(names).to_value();
    }
    let names: Vec<String> = properties
        .as_object()
        .map(|all| all.keys().cloned().collect())
        .unwrap_or_default();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    named(schemas, "Stats", object(properties, &names))
}

fn object(properties: Value, required: &[&str]) -> Schema {
    let mut schema = json_schema!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

/// Puts a schema among the components, and returns a reference to it.
fn named(schemas: &mut SchemaGenerator, name: &str, schema: Schema) -> Schema {
    schemas
        .definitions_mut()
        .insert(name.to_owned(), schema.to_value());
    Schema::new_ref(format!("#/components/schemas/{name}"))
}

//! The schema of the figures as JSON.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::gateway::http::openapi::{named, object};
use crate::gateway::telemetry::journal::{self, JournalCondition};
use crate::gateway::telemetry::stats;

/// The schema of `GET /api/v1/stats`.
pub(super) fn stats_schema(schemas: &mut SchemaGenerator) -> Schema {
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
    let mut journal = json!({
        "state": { "enum": JournalCondition::ALL.map(JournalCondition::name) },
        "reason": { "type": "string", "description": "What there is to say of it; empty: nothing." },
        "commit_latency": object(latency.clone(), &["bounds_us", "counts", "sum_us"]),
    });
    let mut required = vec!["state", "reason", "commit_latency"];
    for (name, _) in journal::NUMBERS {
        journal[name] = count.clone();
        required.push(name);
    }
    let mut properties = json!({
        "journal": {
            "oneOf": [object(journal, &required), { "type": "null" }],
            "description": "Null: events are in memory only.",
        },
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

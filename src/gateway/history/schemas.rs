//! The schema of a page of history.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::gateway::encode::GapReason;
use crate::gateway::http::openapi::{cloudevent, named, object};

/// The schema of a page.
pub(super) fn page(schemas: &mut SchemaGenerator) -> Schema {
    let event: Value = cloudevent(schemas).to_value();
    let position = json!({
        "required": ["position"],
        "properties": {
            "position": { "type": "string", "description": "Where it stands: an id for Last-Event-ID." },
        },
    });
    let gap = json!({
        "type": "object",
        "required": ["reason", "from", "to"],
        "properties": {
            "reason": { "enum": GapReason::ALL.map(GapReason::name) },
            "from": { "type": "string", "description": "The first position that is missing." },
            "to": { "type": "string", "description": "The last one." },
        },
    });
    let count = json!({ "type": "integer", "minimum": 0 });
    let properties = json!({
        "events": { "type": "array", "items": { "allOf": [event, position] } },
        "next": {
            "type": ["string", "null"],
            "description": "The `cursor` of the next page; null: there are no more.",
        },
        "has_more": { "type": "boolean" },
        "as_of": { "type": "string", "description": "The newest position that the page knows of." },
        "total": count,
        "total_at_least": count,
        "gaps": { "type": "array", "items": gap, "description": "What is missing among these events. `memory` comes first and is a bound: between its ends there may have been events of topics that ask for no durability, which no page has once they have left memory." },
    });
    let required = ["events", "next", "has_more", "as_of"];
    named(schemas, "EventPage", object(properties, &required))
}

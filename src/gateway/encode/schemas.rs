//! The schemas of notices to event streams.

use schemars::{Schema, SchemaGenerator};
use serde_json::json;

use crate::gateway::encode::notices::{GapReason, ResetReason};
use crate::gateway::http::openapi::{named, object};

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

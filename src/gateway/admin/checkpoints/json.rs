//! Checkpoints as they are answered.

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::Position;
use crate::gateway::http::openapi::Text;
use crate::gateway::http::response::write_json;
use crate::hub::{Checkpoint, NamedCheckpoint};

/// A checkpoint.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Checkpoint")]
pub(super) struct CheckpointAnswer<'a> {
    name: &'a str,
    /// The last position that its reader is done with: an id for Last-Event-ID.
    position: Text<Position>,
    /// The time at which it was saved, milliseconds since 1970.
    saved_ms: i64,
}

/// A page of the list of checkpoints.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Checkpoints")]
pub(super) struct CheckpointsAnswer<'a> {
    /// By name.
    checkpoints: Vec<CheckpointRowAnswer<'a>>,
    /// The parameter after of the next page; null: this is the last one.
    next: Option<&'a str>,
    has_more: bool,
}

/// A checkpoint in a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CheckpointRow")]
struct CheckpointRowAnswer<'a> {
    name: &'a str,
    /// The last position that its reader is done with; null: it cannot be read, and asking for it says why.
    position: Option<Text<Position>>,
    saved_ms: Option<i64>,
}

/// Writes a checkpoint.
pub(super) fn one(name: &str, checkpoint: Checkpoint) -> Vec<u8> {
    body(&CheckpointAnswer {
        name,
        position: Text(checkpoint.position),
        saved_ms: checkpoint.saved,
    })
}

/// Writes a page of at most `limit`, of which one more was read to see whether there are.
pub(super) fn page(read: &[NamedCheckpoint], limit: usize) -> Vec<u8> {
    let has_more = read.len() > limit;
    let told = &read[..limit.min(read.len())];
    let rows = told.iter().map(|one| CheckpointRowAnswer {
        name: &one.name,
        position: one.checkpoint.map(|checkpoint| Text(checkpoint.position)),
        saved_ms: one.checkpoint.map(|checkpoint| checkpoint.saved),
    });
    body(&CheckpointsAnswer {
        checkpoints: rows.collect(),
        next: told.last().filter(|_| has_more).map(|one| &*one.name),
        has_more,
    })
}

fn body(answer: &impl Serialize) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    write_json(&mut body, answer);
    body.push(b'\n');
    body
}

//! The document itself, made once.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::OnceLock;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::gateway::http::openapi::schemas;
use crate::gateway::http::openapi::spec::{AnswerSpec, Content};
use crate::gateway::http::query::{LAST_EVENT_ID, Parameter, Takes, Times};
use crate::gateway::http::response::response;
use crate::gateway::http::route::{Delivers, Request, Route};
use crate::gateway::http::router::Router;
use crate::net::Answer;
use crate::wire::http::ResponseHead;

/// The text, and the tag by which a client knows whether it has it already.
struct Document {
    text: String,
    etag: String,
}

/// The answer to a request for it.
pub(in crate::gateway) fn answer(request: &Request<'_>) -> Answer {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    let Document { text, etag } = DOCUMENT.get_or_init(Document::new);
    let reply = request.reply;
    let known = request
        .head
        .header_values("if-none-match")
        .any(|tags| is_among(etag, tags));
    if !known {
        return reply.whole(200, text.as_bytes(), |head| {
            fields(head, etag).header("Content-Type", "application/json")
        });
    }
    // RFC 9110, 15.4.5: it has no body, and no length but that of the document.
    let mut bytes = Vec::new();
    reply.finish(fields(response(&mut bytes, 304), etag));
    Answer {
        bytes,
        close: !reply.keep_alive,
    }
}

fn fields<'a>(head: ResponseHead<'a>, etag: &str) -> ResponseHead<'a> {
    head.header("ETag", etag)
        // Another version of the program, another document.
        .header("Cache-Control", "no-cache")
}

// RFC 9110, 13.1.2: "A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match".
fn is_among(etag: &str, tags: &[u8]) -> bool {
    let tags = std::str::from_utf8(tags).unwrap_or_default();
    tags.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag == etag
    })
}

impl Document {
    fn new() -> Self {
        let mut text = write().to_string();
        text.push('\n');
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        Self { text, etag }
    }
}

/// The document as JSON.
fn write() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.for_serialize().into_generator();
    let problem = schemas::problem(&mut schemas);
    let mut paths = Map::new();
    for route in Router::rows() {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.name().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "eventring",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
            "description": "Events over HTTP. HEAD is answered wherever GET is, but for WebSockets. Addresses of \
                            endpoints are whoever's who made them, and take what /api/v1/events/stream takes. \
                            x-eventring-action names the right that a route takes where the server asks for one, \
                            x-eventring-resource what a grant of it must cover.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "responses": {
                "Problem": {
                    "description": "What is wrong (RFC 9457).",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.kind.name()],
    });
    let claims = route.handler.claims();
    if !claims.is_empty() {
        let actions: Vec<&str> = claims.iter().map(|claim| claim.action.name()).collect();
        let resources: Vec<&str> = claims.iter().map(|claim| claim.resource.name()).collect();
        operation["x-eventring-action"] = actions.into();
        operation["x-eventring-resource"] = resources.into();
    }
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if !route.bodies.is_empty() {
        let mut content = Map::new();
        for body in route.bodies {
            let schema = (body.schema)(schemas);
            content.insert(body.content_type.to_owned(), json!({ "schema": schema }));
        }
        operation["requestBody"] = json!({ "content": content });
        if let Some(bytes) = route.body_bytes {
            operation["requestBody"]["x-eventring-limit-bytes"] = bytes.into();
        }
    }
    let mut responses = Map::new();
    for answer in route.answers {
        let value = answer_value(answer, schemas);
        responses.insert(answer.status.to_string(), value);
    }
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    responses.insert("default".to_owned(), problem);
    operation["responses"] = responses.into();
    match route.delivers {
        Delivers::Answer => {}
        Delivers::Stream => operation["x-eventring-stream"] = true.into(),
        Delivers::Socket => operation["x-eventring-socket"] = true.into(),
    }
    operation
}

fn answer_value(answer: &AnswerSpec, schemas: &mut SchemaGenerator) -> Value {
    let mut value = json!({ "description": answer.description });
    let mut contents = Map::new();
    for content in answer.contents {
        let (name, media) = match content {
            Content::Json(schema) => ("application/json", json!({ "schema": schema(schemas) })),
            Content::Lines(schema) => {
                let line = schema(schemas);
                let media = json!({ "schema": { "type": "string" }, "x-eventring-line": line });
                ("application/x-ndjson", media)
            }
            Content::Events(events) => {
                let mut named = Map::new();
                for (event, schema) in *events {
                    named.insert((*event).to_owned(), schema(schemas).to_value());
                }
                let media = json!({ "schema": { "type": "string" }, "x-eventring-events": named });
                ("text/event-stream", media)
            }
            Content::Text(name) => (*name, json!({ "schema": { "type": "string" } })),
        };
        contents.insert(name.to_owned(), media);
    }
    if !contents.is_empty() {
        value["content"] = contents.into();
    }
    value
}

/// The parameters of a route: those in its path, those behind it, and the header that is one of them.
fn parameters(route: &Route) -> Vec<Value> {
    let captured = route.path.split('{').skip(1);
    let names = captured.filter_map(|rest| rest.split_once('}'));
    let mut all: Vec<Value> = names
        .map(|(name, _)| {
            let schema = json!({ "type": "string", "minLength": 1 });
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    for parameter in route.parameters.unwrap_or_default() {
        all.push(query_parameter(parameter));
        if std::ptr::eq(*parameter, &LAST_EVENT_ID) {
            all.push(json!({
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The id of the last event seen.",
                "schema": { "type": "string" },
            }));
        }
    }
    all
}

fn query_parameter(parameter: &Parameter) -> Value {
    let one = match parameter.takes {
        Takes::Text => json!({ "type": "string" }),
        Takes::Number { min, max: u64::MAX } => json!({ "type": "integer", "minimum": min }),
        Takes::Number { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Takes::Word(words) => json!({ "type": "string", "enum": words }),
        Takes::Switch => json!({ "type": "boolean" }),
    };
    let mut value = json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.expects,
    });
    value["schema"] = match parameter.times {
        Times::Many => json!({ "type": "array", "items": one }),
        Times::Once | Times::Last => one,
    };
    if !parameter.aliases.is_empty() {
        value["x-eventring-aliases"] = parameter.aliases.into();
    }
    value
}

/// A name for the function that a generated client has for a route: `getEventsStream`.
fn operation_id(route: &Route) -> String {
    let mut name = route.method.name().to_ascii_lowercase();
    let path = route.path.strip_prefix("/api/v1").unwrap_or(route.path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let (first, rest) = word.split_at(1);
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_row_is_in_the_document_and_nothing_else() {
        let document = write();
        let paths = document["paths"].as_object().unwrap();
        let documented: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| (path.clone(), method.to_ascii_uppercase()))
            })
            .collect();
        let rows = Router::rows().map(|row| (row.path.to_owned(), row.method.name().to_owned()));
        assert_eq!(documented, rows.collect());
        for route in Router::rows() {
            let operation = &paths[route.path][route.method.name().to_ascii_lowercase()];
            let named = operation["parameters"].as_array();
            let query: Vec<&str> = named
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            let table = route.parameters.unwrap_or_default().iter();
            let own: Vec<&str> = table.map(|parameter| parameter.name).collect();
            assert_eq!(query, own, "{}", route.path);
            let responses = operation["responses"].as_object().unwrap();
            assert_eq!(responses.len(), route.answers.len() + 1, "{}", route.path);
            let claimed = !route.handler.claims().is_empty();
            assert_eq!(
                operation["x-eventring-action"].is_array(),
                claimed,
                "{}",
                route.path
            );
        }
    }

    #[test]
    fn functions_have_names_of_their_own_and_references_lead_somewhere() {
        let document = write();
        let names: BTreeSet<String> = Router::rows().map(operation_id).collect();
        assert_eq!(names.len(), Router::rows().count());
        assert!(names.contains("getEventsStream"), "{names:?}");
        let text = document.to_string();
        for rest in text.split("\"$ref\":\"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn a_tag_is_found_among_others() {
        for (tags, found) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(is_among("\"a\"", tags.as_bytes()), found, "{tags}");
        }
    }
}

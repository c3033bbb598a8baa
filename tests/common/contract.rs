//! Checks answers against the OpenAPI document that the server itself serves: a route whose answer drifts from its
//! schema fails whichever test asked for it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;
use jsonschema::Validator;
use serde_json::{Value, json};

/// The document, and what was compiled of it.
struct Contract {
    document: Value,
    validators: Mutex<HashMap<String, &'static Validator>>,
}

/// Checks the answer to a request. Only answers in JSON to routes of the document can be wrong.
pub(crate) fn check(method: &str, target: &str, status: u16, content_type: &str, body: &[u8]) {
    let is_json = matches!(
        content_type,
        "application/json" | "application/problem+json"
    );
    if !is_json || method == "HEAD" || body.is_empty() {
        return;
    }
    let contract = contract();
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let media = content_type.replace('~', "~0").replace('/', "~1");
    let pointer = if content_type == "application/problem+json" {
        // Refused before there was a route, or by one: it is the same everywhere.
        format!("/components/responses/Problem/content/{media}/schema")
    } else {
        let Some((pattern, operation)) = contract.operation(method, path) else {
            return;
        };
        let known = operation["responses"].get(status.to_string());
        assert!(
            known.is_some(),
            "{method} {pattern} is not documented to answer {status}"
        );
        let pattern = pattern.replace('~', "~0").replace('/', "~1");
        let method = method.to_ascii_lowercase();
        format!("/paths/{pattern}/{method}/responses/{status}/content/{media}/schema")
    };
    let value: Value = serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("{method} {target}: {error}: {body:?}"));
    let validator = contract.validator(&pointer);
    let faults: Vec<String> = validator
        .iter_errors(&value)
        .map(|fault| format!("{fault} at {}", fault.instance_path()))
        .collect();
    assert!(
        faults.is_empty(),
        "{method} {target} {status} is not as documented: {faults:?}: {value}"
    );
}

/// The same for a request and a whole answer as they stand on the wire. What is not whole is not looked at.
pub(crate) fn check_exchange(request: &str, answer: &[u8]) {
    let mut words = request.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return;
    };
    let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n") else {
        return;
    };
    let Ok(head) = std::str::from_utf8(&answer[..end]) else {
        return;
    };
    let field = |wanted: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        values.next().map(|(_, value)| value.trim())
    };
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let length = field("content-length").and_then(|length| length.parse::<usize>().ok());
    let (Some(status), Some(length)) = (status, length) else {
        return;
    };
    let Some(body) = answer.get(end + 4..end + 4 + length) else {
        return;
    };
    let content_type = field("content-type").unwrap_or_default();
    check(method, target, status, content_type, body);
}

/// Returns the document.
pub(crate) fn document() -> &'static Value {
    &contract().document
}

fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        // A server of its own: the one under test counts who asks it what.
        let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
        let server = Server::bind(&Hub::new(), config).expect("a server");
        let server = server.spawn().expect("a thread");
        let mut document = fetch(server.addr());
        close_objects(&mut document["components"]["schemas"]);
        Contract {
            document,
            validators: Mutex::default(),
        }
    })
}

fn fetch(address: SocketAddr) -> Value {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).expect("a deadline");
    let request =
        "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).expect("JSON")
}

/// Members that a schema does not name are faults here, though clients must put up with them.
fn close_objects(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let open = members.contains_key("properties")
                && members.get("type") == Some(&json!("object"))
                // An event may have any extension.
                && !members["properties"]["specversion"].is_object();
            if open && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
            members.values_mut().for_each(close_objects);
        }
        Value::Array(all) => all.iter_mut().for_each(close_objects),
        _ => {}
    }
}

impl Contract {
    /// The operation of a path, if it has one, and the pattern that it stands under.
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let method = method.to_ascii_lowercase();
        let paths = self.document["paths"].as_object()?;
        let mut found = paths.iter().filter(|(pattern, _)| is_of(pattern, path));
        found.find_map(|(pattern, item)| Some((pattern.as_str(), item.get(&method)?)))
    }

    fn validator(&self, pointer: &str) -> &'static Validator {
        let mut validators = self
            .validators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        validators.entry(pointer.to_owned()).or_insert_with(|| {
            let schema = self.document.pointer(pointer);
            let schema = schema.unwrap_or_else(|| panic!("no schema at {pointer}"));
            let whole = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "components": self.document["components"],
                "allOf": [schema],
            });
            let made = jsonschema::validator_for(&whole);
            Box::leak(Box::new(
                made.unwrap_or_else(|error| panic!("{pointer}: {error}")),
            ))
        })
    }
}

fn is_of(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern
            .zip(path)
            .all(|(one, other)| one.starts_with('{') || one == other)
}

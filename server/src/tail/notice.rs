//! What the server itself says in a stream: `gap` and `reset`, told in words.

use serde_json::{Map, Value};

/// The words for a notice of the server; `None` when the event is somebody's own.
pub(super) fn words(event: &str, data: &str) -> Option<String> {
    if !matches!(event, "gap" | "reset") {
        return None;
    }
    let Ok(Value::Object(map)) = serde_json::from_str(data) else {
        return None;
    };
    let reason = map.get("reason")?.as_str()?;
    match event {
        "gap" => gap(reason, &map),
        _ => Some(reset(reason, &map)),
    }
}

fn gap(reason: &str, map: &Map<String, Value>) -> Option<String> {
    let missing = map.get("missing")?.as_u64()?;
    let bound = if map.get("exact") == Some(&Value::Bool(false)) {
        "at most "
    } else {
        ""
    };
    let earliest = text(map, "earliest");
    Some(format!(
        "gap: {bound}{missing} events are missing ({reason}); going on from {earliest}"
    ))
}

fn reset(reason: &str, map: &Map<String, Value>) -> String {
    let why = match reason {
        "epoch" => "the server was started anew since",
        "future" => "the server is not there yet",
        "junk" => "it is not a position",
        other => other,
    };
    format!(
        "reset: cannot resume after {}: {why}; going on from now",
        text(map, "asked")
    )
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> &'a str {
    map.get(name).and_then(Value::as_str).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_resets_are_told() {
        let gap = r#"{"reason":"retention","asked":"e-5","earliest":"e-100","missing":94}"#;
        let told = words("gap", gap).expect("a notice");
        assert_eq!(
            told,
            "gap: 94 events are missing (retention); going on from e-100"
        );
        let reset = r#"{"reason":"epoch","asked":"x-5","head":"e-12"}"#;
        let told = words("reset", reset).expect("a notice");
        assert!(told.starts_with("reset: cannot resume after x-5: the server was started anew"));
    }

    #[test]
    fn events_of_the_same_type_are_events() {
        assert_eq!(words("gap", "{}"), None);
        assert_eq!(words("reset", "please"), None);
        assert_eq!(
            words("message", r#"{"reason":"retention","missing":1}"#),
            None
        );
    }
}

//! Notices of the server in a stream, `gap` and `reset`, in words.

use eventring::json::Members;
use std::borrow::Cow;

/// The words for a notice of the server; `None` when the event is somebody's own.
pub(super) fn words(event: &str, data: &str) -> Option<String> {
    if !matches!(event, "gap" | "reset") {
        return None;
    }
    // Publishers may use these names as well: only a body like the server's makes it a notice.
    let members = Members::read(data.as_bytes()).ok()?;
    let reason = members.get("reason")?.string()?;
    match event {
        "gap" => gap(&reason, &members),
        _ => Some(reset(&reason, &members)),
    }
}

fn gap(reason: &str, members: &Members<'_>) -> Option<String> {
    let missing = members.get("missing")?.whole()?;
    let is_bound = members
        .get("exact")
        .is_some_and(|exact| exact.raw() == "false");
    let bound = if is_bound { "at most " } else { "" };
    let earliest = text(members, "earliest");
    Some(format!(
        "gap: {bound}{missing} events are missing ({reason}); going on from {earliest}"
    ))
}

fn reset(reason: &str, members: &Members<'_>) -> String {
    let why = match reason {
        "epoch" => "the server was started anew since",
        "future" => "the server is not there yet",
        "junk" => "it is not a position",
        other => other,
    };
    format!(
        "reset: cannot resume after {}: {why}; going on from now",
        text(members, "asked")
    )
}

fn text<'t>(members: &Members<'t>, name: &str) -> Cow<'t, str> {
    let value = members.get(name).and_then(|value| value.string());
    value.unwrap_or("?".into())
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

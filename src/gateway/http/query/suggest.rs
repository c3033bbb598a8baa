//! "Did you mean": the known name that is nearest to one that is not.

/// Most edits between the two.
const EDITS_MAX: usize = 4;
/// Longest name that is compared, bytes: comparing costs the product of both lengths.
const NAME_BYTES_MAX: usize = 64;

/// Returns the one of `known` that is nearest to `name`, if any is near.
///
/// Case, dashes for underscores and an index (`topic[0]`) make no difference; beyond that at most four edits do,
/// and at most one for each two characters.
///
/// # Examples
///
/// ```
/// use eventring::gateway::suggest;
///
/// assert_eq!(suggest("Topics", ["topic", "from"]), Some("topic"));
/// assert_eq!(suggest("topic[]", ["topic", "from"]), Some("topic"));
/// assert_eq!(suggest("colour", ["topic", "from"]), None);
/// ```
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = match name.split_once('[') {
        Some((before, index)) if index.ends_with(']') => before,
        _ => name,
    };
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let name = plain(name);
    let distances = known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&name, &plain(known)), known));
    let (edits, best) = distances.min_by_key(|(edits, _)| *edits)?;
    let near = edits <= EDITS_MAX && edits * 2 <= name.chars().count();
    near.then_some(best)
}

/// The question after an unknown name, or nothing.
pub(in crate::gateway) fn did_you_mean<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    suggest(name, known).map_or_else(String::new, |near| format!(": did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_name_and_nonsense_finds_none() {
        let found = |name| suggest(name, ["capacity", "ring-bytes", "payload-bytes"]);
        assert_eq!(found("capcity"), Some("capacity"));
        assert_eq!(found("payload_bytes"), Some("payload-bytes"));
        assert_eq!(found("Ring-Byte"), Some("ring-bytes"));
        assert_eq!(found("ring_bytes[10]"), Some("ring-bytes"));
        assert_eq!(found("colour"), None);
        assert_eq!(found(""), None);
        assert_eq!(found("[]"), None);
        assert_eq!(found(&"capacity".repeat(1000)), None);
    }
}

//! "Did you mean": the known name that is nearest to one that is not.

/// Most edits between the two.
const EDITS_MAX: usize = 4;

/// The nearest of `known`, if any is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let distance = |known: &str| {
        strsim::damerau_levenshtein(&name, &known.to_ascii_lowercase().replace('_', "-"))
    };
    let (edits, best) = known
        .map(|known| (distance(known), known))
        .min_by_key(|(edits, _)| *edits)?;
    let near = edits <= EDITS_MAX && edits * 2 <= name.chars().count();
    near.then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_name_and_nonsense_finds_none() {
        let known = ["capacity", "ring-bytes", "payload-bytes"];
        let found = |name| nearest(name, known.into_iter());
        assert_eq!(found("capcity"), Some("capacity"));
        assert_eq!(found("payload_bytes"), Some("payload-bytes"));
        assert_eq!(found("Ring-Byte"), Some("ring-bytes"));
        assert_eq!(found("colour"), None);
        assert_eq!(found(""), None);
    }
}

//! Parameters that others add to an address: they pass every route, and mean nothing.

use crate::gateway::access::BadValue;

/// Names that are added to get past caches, and by what long polling and old polyfills of EventSource add.
const ADDED: &[&str] = &[
    "_",
    "_dc",
    "_t",
    "_ts",
    "cachebust",
    "cachebuster",
    "cache_buster",
    "cb",
    "evs_preamble",
    "no-cache",
    "no_cache",
    "nocache",
    "r",
    "rand",
    "random",
    "rnd",
    "t",
    "timestamp",
    "ts",
    "v",
];
/// Names that links and trackers add.
const TRACKERS: &[&str] = &[
    "_ga", "_gl", "dclid", "fbclid", "gbraid", "gclid", "igshid", "mc_cid", "mc_eid", "msclkid",
    "ttclid", "twclid", "wbraid", "yclid",
];
/// Beginnings of names that links and trackers make up.
const BEGINNINGS: &[&str] = &["utm_"];
/// Names that whoever authorizes reads (RFC 6750, 2.3).
const CREDENTIALS: &[&str] = &["access_token"];

/// The parameters that pass though no route knows them.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Foreign {
    any: bool,
    /// Those that the configuration adds.
    names: Vec<String>,
}

impl Foreign {
    /// For routes of the embedder's own, whose handlers read the rest of the query.
    pub(in crate::gateway) const ALL: Self = Self {
        any: true,
        names: Vec::new(),
    };

    /// Lets these names pass, too; a `*` at the end of one stands for any rest.
    ///
    /// # Errors
    ///
    /// The name that is none, and why.
    pub(in crate::gateway) fn new(names: &[String]) -> Result<Self, BadValue> {
        let bad = |name: &&String| {
            let stem = name.strip_suffix('*').unwrap_or(name);
            name.is_empty() || stem.contains(['*', '&', '=', '#', '?'])
        };
        match names.iter().find(bad) {
            Some(name) => {
                let why = "must be the name of a query parameter, or its beginning and *";
                Err(BadValue::new(name, why))
            }
            None => Ok(Self {
                any: false,
                names: names.to_vec(),
            }),
        }
    }

    pub(in crate::gateway) fn passes(&self, name: &str) -> bool {
        let added = |own: &String| match own.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => own == name,
        };
        self.any
            || [ADDED, TRACKERS, CREDENTIALS]
                .iter()
                .any(|list| list.contains(&name))
            || BEGINNINGS.iter().any(|start| name.starts_with(start))
            || self.names.iter().any(added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_caches_and_trackers_add_passes_and_a_typing_error_does_not() {
        let own = Foreign::new(&["tenant".to_owned(), "x-*".to_owned()]).unwrap();
        for name in [
            "_",
            "t",
            "nocache",
            "utm_source",
            "fbclid",
            "tenant",
            "x-",
            "x-a",
            "access_token",
        ] {
            assert!(own.passes(name), "{name}");
        }
        for name in ["topics", "", "T", "tenants", "xa", "utm", "access_tokens"] {
            assert!(!own.passes(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "a=b", "a&b", "*a", "a**", "?a"] {
            assert!(Foreign::new(&[name.to_owned()]).is_err(), "{name}");
        }
    }
}

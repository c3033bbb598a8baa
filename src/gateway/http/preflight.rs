//! Preflights (Fetch, 4.8): what pages of origins that were let in may send.

use crate::gateway::access::{BadValue, Cors};
use crate::gateway::http::problem::ReplyTo;
use crate::gateway::http::response::response;
use crate::net::Answer;
use crate::wire::http::Head;

/// The time for which a browser may remember what a preflight allowed, seconds.
const MAX_AGE_S: u64 = 600;
/// Methods told of a path that is none: the page is to see the 404 itself.
const ANY_METHOD: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// Request fields that a page may set: those that the server reads, and those that libraries set by themselves,
/// for tracing (W3C, Zipkin, Sentry, Datadog, clouds) or to be recognized.
const FIELDS: &[&str] = &[
    "accept",
    "accept-language",
    "authorization",
    "b3",
    "baggage",
    "cache-control",
    "content-language",
    "content-type",
    "correlation-id",
    "dnt",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "last-event-id",
    "pragma",
    "prefer",
    "priority",
    "range",
    "request-id",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-request-id",
    "x-requested-with",
];
/// The beginnings of fields that are allowed as well: attributes of events, and trace contexts of several fields.
const BEGINNINGS: &[&str] = &["ce-", "x-b3-", "x-datadog-"];

/// The policy of what a page of another origin may send.
#[derive(Debug)]
pub(in crate::gateway) struct Preflight {
    any: bool,
    /// Fields that the configuration adds, in lower case.
    names: Vec<String>,
    private_network: bool,
}

impl Preflight {
    /// Adds these fields, `*` being all; `private_network`: pages of the public Internet may come in.
    ///
    /// # Errors
    ///
    /// The value that is no field name, and why.
    pub(in crate::gateway) fn new(
        fields: &[String],
        private_network: bool,
    ) -> Result<Self, BadValue> {
        // RFC 9110, 5.6.2: what a token is made of.
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&b);
        let names = fields.iter().filter(|name| *name != "*");
        for name in names.clone() {
            if name.is_empty() || !name.bytes().all(token) {
                let why = "must be the name of a request field, or *";
                return Err(BadValue::new(name, why));
            }
        }
        Ok(Self {
            any: fields.iter().any(|name| name == "*"),
            names: names.map(|name| name.to_ascii_lowercase()).collect(),
            private_network,
        })
    }

    /// Returns whether a request of an origin that was let in asks what it may send.
    pub(in crate::gateway) fn is_one(head: &Head, cors: &Cors) -> bool {
        head.method() == "OPTIONS"
            && head.header("access-control-request-method").is_some()
            && !matches!(cors, Cors::Silent)
    }

    /// The answer; `methods` are those of the path, if it has any.
    pub(in crate::gateway) fn answer(
        &self,
        head: &Head,
        reply: ReplyTo,
        methods: Option<&'static str>,
    ) -> Answer {
        let mut bytes = Vec::with_capacity(512);
        let mut fields = response(&mut bytes, 204)
            .header(
                "Access-Control-Allow-Methods",
                methods.unwrap_or(ANY_METHOD),
            )
            .header("Access-Control-Allow-Headers", self.allowed(head))
            .header_number("Access-Control-Max-Age", MAX_AGE_S)
            // The answer repeats what was asked, so a cache must not give it to who asks for something else.
            .header(
                "Vary",
                "Access-Control-Request-Headers, Access-Control-Request-Private-Network",
            );
        let asks = head.header("access-control-request-private-network");
        // Private Network Access: without it Chrome lets no public page reach an address in a private network.
        if self.private_network && asks == Some(b"true") {
            fields = fields.header("Access-Control-Allow-Private-Network", "true");
        }
        reply.finish(fields);
        Answer {
            bytes,
            close: !reply.keep_alive,
        }
    }

    /// Those of the fields asked for that a page may set.
    fn allowed(&self, head: &Head) -> String {
        let asked = head
            .header_values("access-control-request-headers")
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(|name| name.trim().to_ascii_lowercase());
        let allowed: Vec<String> = asked.filter(|name| self.allows(name)).collect();
        // None of them, or none asked for: the list tells whoever looks into the console what there is.
        if allowed.is_empty() {
            return FIELDS.join(", ");
        }
        allowed.join(", ")
    }

    fn allows(&self, name: &str) -> bool {
        self.any
            || FIELDS.contains(&name)
            || BEGINNINGS.iter().any(|start| name.starts_with(start))
            || self.names.iter().any(|own| own == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_field_name_is_refused() {
        for bad in ["", "a b", "a,b", "a:", "é", "x-*"] {
            assert!(Preflight::new(&[bad.to_owned()], false).is_err(), "{bad}");
        }
        assert!(Preflight::new(&["X-Tenant".to_owned(), "*".to_owned()], true).is_ok());
    }
}

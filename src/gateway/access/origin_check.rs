//! Who a request may come from: the Host that it names and the web page that sent it.
//!
//! A developer's server listens on loopback without authentication, and every web page in that
//! developer's browser can send requests there. Two checks keep pages out, before anything else is
//! looked at:
//!
//! * **Host.** A page of a name that an attacker makes point at 127.0.0.1 (DNS rebinding) is of the
//!   same origin as the server, as far as the browser knows. Its name in `Host` gives it away.
//! * **Origin.** Any other page says where it comes from in `Origin` or `Sec-Fetch-Site`, which
//!   scripts cannot change.
//!
//! The server's own pages are those of the same host and port, as the browser sees them, by the same
//! scheme: a handshake of a WebSocket has no other sign of them than `Origin`. Where TLS may have ended at a
//! proxy that nobody told us of, both schemes will do.
//!
//! What is not a browser sends neither header and is not hindered; it needs authentication instead.

use std::sync::Arc;

use crate::gateway::access::hosts::{Authority, HostPolicy};
use crate::gateway::access::origins::{Origin, Origins, Scheme};
use crate::gateway::access::proxies::Proxies;
use crate::gateway::access::public_url::PublicUrl;
use crate::net::Peer;
use crate::wire::http::{Forwarded, Head};

/// Characters of a strange name that are told back.
const TOLD_CHARS: usize = 100;
/// The beginning of the line of a page's origin.
const ORIGIN: &[u8] = b"origin:";

/// The two checks, and the CORS fields of answers.
pub(in crate::gateway) struct OriginCheck {
    hosts: HostPolicy,
    origins: Origins,
    proxies: Arc<Proxies>,
    public: Option<Arc<PublicUrl>>,
}

/// The reason for which a request is not let in; names are shortened, to be told back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum OriginFault {
    /// The request names a host that is not ours.
    Host(String),
    /// A page of this origin sent it.
    Origin(String),
}

/// The CORS fields of the answers to one request: what they tell the browser about its page's origin.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) enum Cors {
    /// No page asks, or it is one of ours.
    #[default]
    Silent,
    /// Every origin may read the answer.
    Any,
    /// This origin may.
    Origin(Arc<str>),
}

impl OriginCheck {
    pub(in crate::gateway) fn new(
        hosts: HostPolicy,
        origins: Origins,
        proxies: Arc<Proxies>,
        public: Option<Arc<PublicUrl>>,
    ) -> Self {
        Self {
            hosts,
            origins,
            proxies,
            public,
        }
    }

    /// Lets a request in, or says why not.
    pub(in crate::gateway) fn check(&self, head: &Head, peer: &Peer) -> Result<Cors, OriginFault> {
        // HTTP/1.0 without Host, or an empty one: no browser sends that.
        let authority = head.authority().filter(|host| !host.is_empty());
        if let Some(host) = authority
            // Not by the client's address: a page may name whom it likes, and would go unchecked.
            && !self.hosts.allows(&Authority::of(host), peer.socket.ip())
        {
            return Err(OriginFault::Host(shortened(host)));
        }
        let site = head.header("sec-fetch-site");
        let Some(origin) = head.header("origin") else {
            // A page of elsewhere that does not ask to read the answer. Following a link is fine.
            let foreign = matches!(site, Some(b"cross-site" | b"same-site"));
            return if foreign && !is_navigation(head) {
                Err(OriginFault::Origin("another site".to_owned()))
            } else {
                Ok(Cors::Silent)
            };
        };
        let origin = std::str::from_utf8(origin).unwrap_or_default();
        if let Some(cors) = self.origins.find(origin) {
            return Ok(cors);
        }
        // Behind a proxy the scheme and the Host may be others than the browser's: its own word counts.
        let own = site == Some(b"same-origin")
            || Origin::parse(origin).is_some_and(|page| self.is_own(&page, head, peer));
        // With two of them the one that was looked at need not be that of the page.
        let several = head.header_values("origin").nth(1).is_some();
        if own && !several {
            return Ok(Cors::Silent);
        }
        Err(OriginFault::Origin(shortened(origin)))
    }

    /// Returns whether a page is one of the server's own, as its browser sees the server.
    fn is_own(&self, page: &Origin<'_>, head: &Head, peer: &Peer) -> bool {
        if self
            .public
            .as_ref()
            .is_some_and(|public| public.is_of(page))
        {
            return true;
        }
        let told = self.proxies.forwarded(head, peer.socket);
        let own = if peer.secured {
            Some(Scheme::Https)
        } else {
            None
        };
        // Without TLS of our own it may have ended at a proxy that says nothing: both schemes will do.
        let scheme = told.proto.and_then(Scheme::of).or(own);
        self.authority(&told, head, peer)
            .is_some_and(|authority| page.is_at(scheme, &authority))
    }

    /// The host and port that the browser asked.
    fn authority<'a>(
        &self,
        told: &Forwarded<'a>,
        head: &'a Head,
        peer: &Peer,
    ) -> Option<Authority<'a>> {
        // A name that is not ours may have been made to point at the proxy.
        let is_ours = |host: &Authority<'_>| self.hosts.allows(host, peer.socket.ip());
        let forwarded = told.host.map(Authority::of).filter(is_ours);
        let asked = || head.authority().map(Authority::of);
        let Authority { host, port } = forwarded.or_else(asked)?;
        // Proxies that pass on a host without its port say it beside.
        let port = port.or(told.port);
        Some(Authority { host, port })
    }

    /// Returns what the answer to a request that was let in, and is refused now, tells the page that sent it.
    pub(in crate::gateway) fn cors_of_refused(&self, head: &Head) -> Cors {
        let origin = head.header("origin");
        let origin = origin.and_then(|origin| std::str::from_utf8(origin).ok());
        origin
            .and_then(|origin| self.origins.find(origin))
            .unwrap_or_default()
    }

    /// Returns what the answer to a head that could not be read tells the page that sent it, if one did: a
    /// script learns what was wrong instead of "network error".
    pub(in crate::gateway) fn cors_of_broken(&self, head: &[u8]) -> Cors {
        // By hand: the parser has refused this head, and says nothing of its fields.
        let fields = head.split(|byte| *byte == b'\n').skip(1);
        let lines = fields.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let origin = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_at_checked(ORIGIN.len()))
            .find(|(name, _)| name.eq_ignore_ascii_case(ORIGIN))
            .and_then(|(_, value)| std::str::from_utf8(value).ok());
        self.origins.of_broken(origin.map(str::trim))
    }
}

impl Cors {
    /// Adds the CORS fields to the response whose head starts at byte `start`.
    pub(in crate::gateway) fn stamp(&self, bytes: &mut Vec<u8>, start: usize) {
        let mut fields = Vec::new();
        match self {
            Self::Silent => return,
            Self::Any => fields.extend_from_slice(b"Access-Control-Allow-Origin: *\r\n"),
            Self::Origin(origin) => {
                fields.extend_from_slice(b"Access-Control-Allow-Origin: ");
                fields.extend_from_slice(origin.as_bytes());
                fields.extend_from_slice(b"\r\nVary: Origin\r\n");
            }
        }
        // Beside few that every script may read, it sees what is named here: this one says when to come
        // back.
        fields.extend_from_slice(b"Access-Control-Expose-Headers: Retry-After\r\n");
        // Behind the status line: what is written already needs no second look, whatever its fields are.
        let line_end = memchr::memmem::find(&bytes[start..], b"\r\n");
        if let Some(end) = line_end {
            let at = start + end + 2;
            bytes.splice(at..at, fields);
        }
    }
}

/// Returns whether somebody opens the address in a browser's window: a link may lead here from anywhere.
fn is_navigation(head: &Head) -> bool {
    // `document` and not `iframe`: a frame belongs to the page around it.
    matches!(head.method(), "GET" | "HEAD")
        && head.header("sec-fetch-mode") == Some(b"navigate")
        && head.header("sec-fetch-dest") == Some(b"document")
}

fn shortened(text: &str) -> String {
    text.chars().take(TOLD_CHARS).collect()
}

//! The dashboard: a page, its style, its script and its icon, all from the binary.
//!
//! The page loads nothing from elsewhere, and its policy forbids it to: whatever an event holds is shown
//! as text and can neither run nor call home.

use crate::gateway::http::problem::ReplyTo;
use crate::net::Answer;
use crate::wire::http::Head;

const PAGE: &str = include_str!("index.html");
const STYLE: &str = include_str!("dashboard.css");
const ICON: &str = include_str!("icon.svg");
/// One module in the browser, one idea a file here.
const SCRIPT: &str = concat!(
    include_str!("format.js"),
    include_str!("chart.js"),
    include_str!("figures.js"),
    include_str!("json.js"),
    include_str!("binary.js"),
    include_str!("socket.js"),
    include_str!("tail.js"),
    include_str!("history.js"),
    include_str!("transport.js"),
    include_str!("publish.js"),
);

/// The rights of the page: run its own script and style, and speak to its own server. `'self'` covers
/// WebSockets to it: since CSP 3, `ws` and `wss` match the page's own `http` and `https`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// A file of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum File {
    Page,
    Style,
    Script,
    Icon,
}

impl File {
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Page => ("text/html; charset=utf-8", PAGE),
            Self::Style => ("text/css; charset=utf-8", STYLE),
            Self::Script => ("text/javascript; charset=utf-8", SCRIPT),
            Self::Icon => ("image/svg+xml", ICON),
        }
    }

    /// The file as an answer.
    pub(in crate::gateway) fn answer(self, reply: ReplyTo) -> Answer {
        let (content_type, body) = self.parts();
        reply.whole(200, body.as_bytes(), |head| {
            head.header("Content-Type", content_type)
                // Small files of a program that may be another one after a restart.
                .header("Cache-Control", "no-cache")
                .header("Content-Security-Policy", POLICY)
                .header("X-Content-Type-Options", "nosniff")
                .header("X-Frame-Options", "DENY")
                .header("Referrer-Policy", "no-referrer")
                .header("Cross-Origin-Opener-Policy", "same-origin")
                .header("Cross-Origin-Resource-Policy", "same-origin")
                .header("Vary", "Accept")
        })
    }
}

/// Returns whether whoever asks names HTML as something that it takes: browsers do, curl does not.
pub(in crate::gateway) fn wants_page(head: &Head) -> bool {
    let names_html = |value: &[u8]| memchr::memmem::find(value, b"text/html").is_some();
    head.header_values("accept").any(names_html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_no_other_server_and_writes_no_markup() {
        for (name, text) in [("page", PAGE), ("style", STYLE), ("script", SCRIPT)] {
            for scheme in ["http:", "https:", "//cdn", "@import", "url("] {
                let allowed = "http://www.w3.org/2000/svg";
                let rest = text.replace(allowed, "");
                assert!(!rest.contains(scheme), "{name} holds {scheme}");
            }
        }
        for markup in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!SCRIPT.contains(markup), "the script holds {markup}");
        }
        for inline in [" style=", " onclick=", "<script>", "<style"] {
            assert!(!PAGE.contains(inline), "the page holds {inline}");
        }
    }
}

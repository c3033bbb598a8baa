//! `/` is a page for browsers and a list of routes for everybody else; the page may do next to nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

fn serve() -> ServerThread {
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    Server::bind(&Hub::new(), config).unwrap().spawn().unwrap()
}

/// The head and the body of an answer.
fn ask(server: &ServerThread, line: &str, fields: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    let request =
        format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn a_browser_gets_the_page_and_curl_the_routes() {
    let server = serve();
    let (head, page) = ask(&server, "GET /", BROWSER);
    assert!(
        head.contains("Content-Type: text/html; charset=utf-8"),
        "{head}"
    );
    assert!(head.contains("Vary: Accept"), "{head}");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for fields in ["", "Accept: */*\r\n", "Accept: application/json\r\n"] {
        let (head, text) = ask(&server, "GET /", fields);
        assert!(head.contains("Content-Type: text/plain"), "{head}");
        assert!(head.contains("Vary: Accept"), "{head}");
        for path in [
            "/api/v1/events/stream",
            "/api/v1/stats",
            "/metrics",
            "/healthz",
        ] {
            assert!(text.contains(path), "{text}");
        }
    }
}

#[test]
fn the_page_may_load_its_own_files_only_and_be_framed_by_nobody() {
    let server = serve();
    for (path, content_type) in [
        ("/", "text/html"),
        ("/dashboard.css", "text/css"),
        ("/dashboard.js", "text/javascript"),
        ("/favicon.svg", "image/svg+xml"),
    ] {
        let (head, body) = ask(&server, &format!("GET {path}"), BROWSER);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let length = format!("Content-Length: {}\r\n", body.len());
        for field in [
            format!("Content-Type: {content_type}").as_str(),
            length.as_str(),
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
        ] {
            assert!(head.contains(field), "{path}: {field} in {head}");
        }
        assert!(!head.contains("unsafe-"), "{head}");
        let (same, nothing) = ask(&server, &format!("HEAD {path}"), BROWSER);
        assert!(same.contains(length.trim()) && nothing.is_empty(), "{same}");
    }
    let (head, _) = ask(&server, "POST /dashboard.js", "Content-Length: 0\r\n");
    assert!(
        head.starts_with("HTTP/1.1 405") && head.contains("Allow: GET, HEAD"),
        "{head}"
    );
}

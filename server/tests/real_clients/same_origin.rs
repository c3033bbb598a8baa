//! A page of the server's own in Chromium: it reads over SSE and over a WebSocket, and publishes,
//! whether TLS ends at the server, at a proxy in front of it, or nowhere. The proxies have the settings
//! of the deploy guide.

use crate::certificate::Certificate;
use crate::client::{self, Client};
use crate::common::{Http, Server};
use crate::proxy::{Asked, Proxy, Settings};
use std::net::SocketAddr;

type Start = fn(Asked<'_>) -> Option<Proxy>;

/// Reads over both, and tells when both are open.
const SCRIPT: &str = "
    const socket = new WebSocket('BASE/api/v1/ws?topic=t'.replace('http', 'ws'));
    const source = new EventSource('BASE/api/v1/events/stream?topic=t');
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'event') console.log(message.id, 'event', JSON.stringify(message.data));
    };
    socket.onclose = ({ code }) => console.log('', 'lost', code);
    source.onmessage = (e) => console.log(e.lastEventId, 'message', e.data);
    const opened = (it) => new Promise((resolve) => { it.onopen = resolve; });
    Promise.all([opened(socket), opened(source)]).then(() => console.log('', 'ready', ''));";

/// A page of `base`, which reads from there and publishes there.
fn reads_over_both_and_publishes(base: &str) -> Option<Client> {
    let mut page = client::page(&format!("{base}/healthz"), &SCRIPT.replace("BASE", base))?;
    assert_eq!(page.line().name, "ready");
    for n in 0..3 {
        page.run(&format!(
            "fetch('{base}/api/v1/topics/t/events', {{ method: 'POST', body: '{n}', \
             headers: {{ 'content-type': 'application/json' }} }})"
        ));
        let mut names = [page.line(), page.line()].map(|line| {
            assert_eq!(line.data, n.to_string(), "{line:?}");
            line.name
        });
        names.sort();
        assert_eq!(names, ["event", "message"]);
    }
    Some(page)
}

/// No trusted proxy is named, so the scheme that clients use is not known.
fn a_page_behind_a_proxy(start: Start, secured: bool) {
    let certificate = match secured {
        true => Some(Certificate::new()),
        false => None,
    };
    if matches!(certificate, Some(None)) {
        return;
    }
    let certificate = certificate.flatten();
    for flags in [&[][..], &["--trusted-proxy", "127.0.0.1"]] {
        let server = Server::start(flags);
        let asked = Asked::guide(server.address).with_tls(certificate.as_ref());
        let Some(proxy) = start(asked) else { return };
        if reads_over_both_and_publishes(&proxy.url()).is_none() {
            return;
        }
    }
}

/// Once: the origin check knew the scheme `http` only, and no page of `https` got its own WebSocket.
#[cfg(feature = "tls")]
#[test]
fn a_page_opens_its_own_websocket_over_the_servers_tls() {
    let Some(certificate) = Certificate::new() else {
        return;
    };
    let hub = eventring::hub::Hub::new();
    let server = certificate.serve(&hub, ([127, 0, 0, 1], 0).into());
    reads_over_both_and_publishes(&format!("https://localhost:{}", server.addr().port()));
}

#[test]
fn a_page_behind_nginx_with_tls_opens_its_own_websocket() {
    a_page_behind_a_proxy(Proxy::nginx_as, true);
}

#[test]
fn a_page_behind_caddy_with_tls_opens_its_own_websocket() {
    a_page_behind_a_proxy(Proxy::caddy_as, true);
}

#[test]
fn a_page_behind_haproxy_with_tls_opens_its_own_websocket() {
    a_page_behind_a_proxy(Proxy::haproxy_as, true);
}

#[test]
fn a_page_behind_nginx_opens_its_own_websocket() {
    a_page_behind_a_proxy(Proxy::nginx_as, false);
}

#[test]
fn a_page_behind_caddy_opens_its_own_websocket() {
    a_page_behind_a_proxy(Proxy::caddy_as, false);
}

#[test]
fn a_page_behind_haproxy_opens_its_own_websocket() {
    a_page_behind_a_proxy(Proxy::haproxy_as, false);
}

/// What a program that is no browser sends: the guide's settings have to pass its upgrade on.
fn a_websocket_passes(start: Start) {
    let server = Server::start(&[]);
    let Some(proxy) = start(Asked::guide(server.address)) else {
        return;
    };
    assert_eq!(handshake(&proxy), 101);
}

/// The status of a handshake through a proxy.
fn handshake(proxy: &Proxy) -> u16 {
    let address: SocketAddr = proxy.address;
    let mut http = Http::connect(address);
    http.send(format!(
        "GET /api/v1/ws?topic=t HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    http.head().status
}

#[test]
fn a_websocket_passes_haproxy_and_caddy_with_their_defaults_and_not_nginx() {
    let server = Server::start(&[]);
    for (start, status) in [
        (
            Proxy::nginx as fn(SocketAddr, Settings) -> Option<Proxy>,
            400,
        ),
        (Proxy::haproxy, 101),
        (Proxy::caddy, 101),
    ] {
        if let Some(proxy) = start(server.address, Settings::Default) {
            assert_eq!(handshake(&proxy), status);
        }
    }
}

#[test]
fn a_websocket_passes_nginx_with_the_guides_settings() {
    a_websocket_passes(Proxy::nginx_as);
}

#[test]
fn a_websocket_passes_caddy_with_the_guides_settings() {
    a_websocket_passes(Proxy::caddy_as);
}

#[test]
fn a_websocket_passes_haproxy_with_the_guides_settings() {
    a_websocket_passes(Proxy::haproxy_as);
}

/// The dashboard and what it loads, and the address of a connection that was made.
#[test]
fn the_server_under_a_path_behind_nginx_shows_its_dashboard_and_tells_addresses_that_lead_there() {
    let server = Server::start(&["--trusted-proxy", "127.0.0.1"]);
    let asked = Asked::guide(server.address).under_path();
    let Some(proxy) = Proxy::nginx_as(asked) else {
        return;
    };
    let base = format!("{}/ring", proxy.url());
    let told = "
        const published = async () => {
          const made = await fetch('api/v1/connections', { method: 'POST', body: '{\"topics\":[\"t\"]}' });
          const { url } = await made.json();
          console.log('', 'url', url);
          console.log('', 'location', made.headers.get('location'));
          const source = new EventSource(url);
          source.onmessage = (e) => console.log('', 'message', e.data);
          source.onopen = () => console.log('', 'ready', '');
        };
        const shown = () => document.getElementById('tail-state-text').textContent;
        const wait = () => {
          if (shown() !== 'live') return setTimeout(wait, 20);
          console.log('', 'dashboard', document.styleSheets.length);
          return published();
        };
        wait();";
    let Some(mut page) = client::page(&format!("{base}/?transport=websocket"), told) else {
        return;
    };
    let line = page.line();
    assert_eq!((&line.name[..], &line.data[..]), ("dashboard", "1"));
    let url = page.line();
    assert!(url.data.starts_with("/ring/api/v1/connections/"), "{url:?}");
    let location = page.line();
    assert_eq!(location.data, url.data);
    assert_eq!(page.line().name, "ready");
    server.publish("t", "7");
    assert_eq!(page.line().data, "7");
    assert!(reads_over_both_and_publishes(&base).is_some());
}

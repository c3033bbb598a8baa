//! The server behind a proxy: events come one by one, publishing and resuming work, who goes away
//! is noticed. What a default breaks is written down here as well as in the guide.

use crate::client;
use crate::common::server::published;
use crate::common::{Http, Response, Server, offset, wait_until};
use crate::direct::{takes, url};
use crate::proxy::{Proxy, Settings};
use eventring::gateway::ServerConfig;
use eventring::hub::Hub;
use std::net::SocketAddr;

const FLAGS: &[&str] = &["--retry", "0.2", "--heartbeat", "1"];
const BOTH: [Settings; 2] = [Settings::Default, Settings::Guide];

type Start = fn(SocketAddr, Settings) -> Option<Proxy>;

fn post(address: SocketAddr, body: &str) -> Response {
    let headers = ["Content-Type: application/json"];
    Http::connect(address)
        .post("/api/v1/topics/t/events", &headers, body.as_bytes())
        .response()
}

/// Publishes `{"n":n}` through the proxy and gives its position.
fn publish(proxy: &Proxy, n: u64) -> String {
    let json = published(&post(proxy.address, &format!("{{\"n\":{n}}}")), 1);
    json["first"].as_str().expect("a position").to_string()
}

/// Events one by one through the proxy, then a client that comes back with an id.
fn passes_events_on_at_once(start: Start) {
    for settings in BOTH {
        let server = Server::start(FLAGS);
        let Some(proxy) = start(server.address, settings) else {
            return;
        };
        let Some(mut client) = client::curl(&url(&proxy.url())) else {
            return;
        };
        server.wait_for_streams(1);
        let mut ids = Vec::new();
        for n in 0..20 {
            // A proxy that collects would never deliver this one: nothing else is published.
            ids.push(publish(&proxy, n));
            assert_eq!(takes(&mut client, n, 1), ids[n as usize], "{settings:?}");
        }
        let mut resumed = client::curl_after(&url(&proxy.url()), &ids[9]).expect("curl is there");
        let last = takes(&mut resumed, 10, 10);
        assert_eq!(offset(&last), 20);
        publish(&proxy, 20);
        takes(&mut resumed, 20, 1);
    }
}

/// A client that is gone must not stay open behind the proxy.
fn notices_who_goes_away(start: Start, heartbeat: &str) {
    for settings in BOTH {
        let server = Server::start(&["--heartbeat", heartbeat]);
        let Some(proxy) = start(server.address, settings) else {
            return;
        };
        for reset in [false, true] {
            let mut http = Http::connect(proxy.address);
            assert_eq!(http.get("/api/v1/events/stream?topic=t").head().status, 200);
            server.wait_for_streams(1);
            if reset {
                http.reset();
            } else {
                drop(http);
            }
            server.wait_for_streams(0);
        }
    }
}

/// With the guide's settings a browser goes on by itself when the server comes back.
fn an_eventsource_outlives_the_server(start: Start) {
    let server = Server::start(FLAGS);
    let Some(proxy) = start(server.address, Settings::Guide) else {
        return;
    };
    let Some(mut client) = client::eventsource(&url(&proxy.url())) else {
        return;
    };
    server.wait_for_streams(1);
    publish(&proxy, 0);
    let last = takes(&mut client, 0, 1);
    let address = server.address.to_string();
    drop(server);
    // It has tried while nobody was there, and was not turned away for good.
    for _ in 0..3 {
        client.wait_for("retrying");
    }
    let server = Server::start_at(&address, FLAGS);
    let reset = client.event();
    assert_eq!(
        (&reset.name[..], &reset.json()["asked"]),
        ("reset", &last.into())
    );
    server.wait_for_streams(1);
    publish(&proxy, 1);
    takes(&mut client, 1, 1);
}

/// The guide's settings pass the public name on: the server answers to it once it is told.
fn the_public_name_is_allowed_by_the_server(start: Start) {
    for (names, status) in [(vec![], 421), (vec!["events.example".to_owned()], 200)] {
        let config = ServerConfig::default()
            .listen(([127, 0, 0, 1], 0).into())
            .allowed_hosts(names);
        let server = eventring::gateway::Server::bind(&Hub::new(), config).expect("a server");
        let server = server.spawn().expect("a thread");
        let Some(proxy) = start(server.addr(), Settings::Guide) else {
            return;
        };
        let mut http = Http::connect(proxy.address);
        http.send("GET /metrics HTTP/1.1\r\nHost: events.example\r\n\r\n");
        assert_eq!(http.response().status, status);
    }
}

/// Only streams get an empty 200 when nobody is there: a publish must fail.
fn a_publish_without_a_server_fails(start: Start) {
    for settings in BOTH {
        let server = Server::start(FLAGS);
        let Some(proxy) = start(server.address, settings) else {
            return;
        };
        publish(&proxy, 0);
        drop(server);
        let status = post(proxy.address, "1").status;
        assert!([502, 503].contains(&status), "{settings:?}: {status}");
    }
}

/// A server without room says 503, for which a browser would give up just as well.
fn an_eventsource_outlives_a_full_server(start: Start) {
    let flags = [FLAGS, &["--max-connections", "20"]].concat();
    let server = Server::start(&flags);
    let Some(proxy) = start(server.address, Settings::Guide) else {
        return;
    };
    let open = |address| {
        let mut http = Http::connect(address);
        http.get("/api/v1/events/stream?topic=t").head();
        http
    };
    // The first one takes the connection that the proxy may have kept; of the others some are refused.
    let mut streams = vec![open(proxy.address)];
    streams.extend((0..20).map(|_| open(server.address)));
    let Some(mut client) = client::eventsource(&url(&proxy.url())) else {
        return;
    };
    for _ in 0..2 {
        client.wait_for("retrying");
    }
    drop(streams);
    // When it is back cannot be seen from outside: an answer of the proxy's own opens it, too.
    wait_until("an event", || {
        post(proxy.address, "0").status == 200 && client.has_printed("\tmessage\t0\n")
    });
}

/// With the proxy's own settings a browser gives up for good: any answer but 200 has that effect.
fn an_eventsource_gives_up_by_default(start: Start) {
    let server = Server::start(FLAGS);
    let Some(proxy) = start(server.address, Settings::Default) else {
        return;
    };
    let Some(mut client) = client::eventsource(&url(&proxy.url())) else {
        return;
    };
    server.wait_for_streams(1);
    drop(server);
    client.wait_for("closed");
}

#[test]
fn nginx_passes_events_on_at_once() {
    passes_events_on_at_once(Proxy::nginx);
}

#[test]
fn haproxy_passes_events_on_at_once() {
    passes_events_on_at_once(Proxy::haproxy);
}

#[test]
fn caddy_passes_events_on_at_once() {
    passes_events_on_at_once(Proxy::caddy);
}

#[test]
fn who_goes_away_behind_nginx_is_noticed() {
    notices_who_goes_away(Proxy::nginx, "0");
}

#[test]
fn who_goes_away_behind_haproxy_is_noticed() {
    // It looks after its client only when there is something to send: without heartbeats a quiet
    // stream stays open until its timeout.
    notices_who_goes_away(Proxy::haproxy, "1");
}

#[test]
fn who_goes_away_behind_caddy_is_noticed() {
    notices_who_goes_away(Proxy::caddy, "0");
}

#[test]
fn an_eventsource_outlives_the_server_behind_nginx() {
    an_eventsource_outlives_the_server(Proxy::nginx);
}

#[test]
fn an_eventsource_outlives_the_server_behind_haproxy() {
    an_eventsource_outlives_the_server(Proxy::haproxy);
}

#[test]
fn an_eventsource_outlives_the_server_behind_caddy() {
    an_eventsource_outlives_the_server(Proxy::caddy);
}

#[test]
fn an_eventsource_gives_up_behind_nginx_by_default() {
    an_eventsource_gives_up_by_default(Proxy::nginx);
}

#[test]
fn an_eventsource_gives_up_behind_haproxy_by_default() {
    an_eventsource_gives_up_by_default(Proxy::haproxy);
}

#[test]
fn an_eventsource_gives_up_behind_caddy_by_default() {
    an_eventsource_gives_up_by_default(Proxy::caddy);
}

#[test]
fn nginx_takes_large_bodies_only_when_told_to() {
    let server = Server::start(&["--payload-bytes", "4M"]);
    let body = format!("{:?}", "x".repeat(2 << 20));
    for (settings, status) in [(Settings::Default, 413), (Settings::Guide, 200)] {
        let Some(proxy) = Proxy::nginx(server.address, settings) else {
            return;
        };
        let mut http = Http::connect(proxy.address);
        // Only the head: nginx refuses it by its length, and a body in flight would be in the way.
        let head = format!(
            "POST /api/v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        http.send(head);
        if status == 200 {
            http.send(&body);
        }
        assert_eq!(http.head().status, status);
    }
}

#[test]
fn an_eventsource_outlives_a_full_server_behind_nginx() {
    an_eventsource_outlives_a_full_server(Proxy::nginx);
}

#[test]
fn an_eventsource_outlives_a_full_server_behind_haproxy() {
    an_eventsource_outlives_a_full_server(Proxy::haproxy);
}

#[test]
fn an_eventsource_outlives_a_full_server_behind_caddy() {
    an_eventsource_outlives_a_full_server(Proxy::caddy);
}

#[test]
fn a_publish_without_a_server_fails_behind_nginx() {
    a_publish_without_a_server_fails(Proxy::nginx);
}

#[test]
fn a_publish_without_a_server_fails_behind_haproxy() {
    a_publish_without_a_server_fails(Proxy::haproxy);
}

#[test]
fn a_publish_without_a_server_fails_behind_caddy() {
    a_publish_without_a_server_fails(Proxy::caddy);
}

#[test]
fn the_public_name_is_allowed_behind_nginx() {
    the_public_name_is_allowed_by_the_server(Proxy::nginx);
}

#[test]
fn the_public_name_is_allowed_behind_haproxy() {
    the_public_name_is_allowed_by_the_server(Proxy::haproxy);
}

#[test]
fn the_public_name_is_allowed_behind_caddy() {
    the_public_name_is_allowed_by_the_server(Proxy::caddy);
}

//! Whom the server takes for its client behind real proxies: by a PROXY header that HAProxy sends, and by
//! the field that nginx writes in front of a Unix socket.

use crate::common::Http;
use crate::common::server::published;
use crate::proxy::Proxy;
use eventring::gateway::{
    AccessRequest, Authorizer, Decision, Principal, Server, ServerConfig, ServerThread, UnixAddress,
};
use eventring::hub::Hub;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// Notes who publishes.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<SocketAddr>>>);

impl Authorizer for Seen {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        self.0
            .lock()
            .expect("no panic in here")
            .push(request.peer());
        Decision::Now(Ok(Principal::all()))
    }
}

fn serve(config: ServerConfig) -> (ServerThread, Seen) {
    let seen = Seen::default();
    let server = Server::builder(&Hub::new())
        .authorizer(seen.clone())
        .bind(config);
    let server = server.expect("a server").spawn().expect("a thread");
    (server, seen)
}

/// Publishes through the proxy, and gives the address that it was asked from.
fn publish(proxy: &Proxy) -> SocketAddr {
    let mut http = Http::connect(proxy.address);
    let own = http.stream.local_addr().expect("an address");
    // What a client writes itself is not believed.
    let headers = ["Content-Type: application/json", "X-Forwarded-For: 6.6.6.6"];
    let answer = http
        .post("/api/v1/topics/t/events", &headers, b"1")
        .response();
    published(&answer, 1);
    own
}

#[test]
fn haproxy_says_who_connected_by_a_proxy_header() {
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .trusted_proxies(vec!["127.0.0.0/8".into()])
        .proxy_protocol(true);
    let (server, seen) = serve(config);
    let address = server.addr();
    let started = Proxy::haproxy_with(|at| {
        format!(
            "frontend web\n  bind {at}\n  default_backend eventring\nbackend eventring\n  \
             http-request del-header x-forwarded-for\n  \
             server one {address} send-proxy-v2 check inter 100ms\n"
        )
    });
    let Some(proxy) = started else {
        return;
    };
    for _ in 0..3 {
        let own = publish(&proxy);
        assert_eq!(seen.0.lock().expect("no panic").last(), Some(&own));
    }
}

#[test]
fn nginx_says_who_asks_in_front_of_a_unix_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("eventring.sock");
    let config = ServerConfig::default()
        .listen_on(Vec::new())
        .unix(vec![UnixAddress::new(path.clone()).mode(0o666)])
        .trusted_proxies(vec!["unix".into()]);
    let (_server, seen) = serve(config);
    let started = Proxy::nginx_with(|at| {
        format!(
            "server {{ listen {at}; location / {{ proxy_pass http://unix:{}:/; \
             proxy_set_header Host $http_host; \
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}",
            path.display()
        )
    });
    let Some(proxy) = started else {
        return;
    };
    let own = publish(&proxy);
    let last = seen.0.lock().expect("no panic").last().copied();
    assert_eq!(last, Some(SocketAddr::new(own.ip(), 0)));
}

//! The same over TLS: events one by one, a hundred in order, a server that is another one, and compression.

use crate::certificate::Certificate;
use crate::client::{self, Client};
use crate::common::{epoch, offset, wait_until};
use crate::direct::{takes, url};
use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig, ServerThread, Tls};
use eventring::hub::Hub;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

impl Certificate {
    /// A server with it, on an address that an earlier one may just have left.
    pub(crate) fn serve(&self, hub: &Hub, address: SocketAddr) -> ServerThread {
        let tls = Tls::from_pem_files(self.path("cert"), self.path("key"));
        let config = ServerConfig::default()
            .listen(address)
            .tls(Some(tls.expect("a certificate")))
            .retry(Duration::from_millis(200));
        let start = Instant::now();
        loop {
            match Server::bind(hub, config.clone()) {
                Ok(server) => return server.spawn().expect("a thread"),
                Err(error) => assert!(start.elapsed() < Duration::from_secs(10), "{error}"),
            }
        }
    }
}

fn publish(hub: &Hub, n: u64) {
    let event = Event::builder("t", "message")
        .json(&format!("{{\"n\":{n}}}"))
        .build();
    hub.publish(event.expect("an event")).expect("published");
}

fn lives_through_a_restart(start: impl Fn(&str) -> Option<Client>) {
    let Some(certificate) = Certificate::new() else {
        return;
    };
    let hub = Hub::new();
    let server = certificate.serve(&hub, ([127, 0, 0, 1], 0).into());
    let address = server.addr();
    let Some(mut client) = start(&url(&format!("https://{address}"))) else {
        return;
    };
    wait_until("the stream", || server.handle().stats().streams == 1);
    // One by one, each before the next is published: nothing on the way waits for more.
    for n in 0..10 {
        publish(&hub, n);
        takes(&mut client, n, 1);
    }
    (10..100).for_each(|n| publish(&hub, n));
    let last = takes(&mut client, 10, 90);
    assert_eq!(offset(&last), 100);

    drop(server);
    let hub = Hub::new();
    let server = certificate.serve(&hub, address);
    let reset = client.event();
    assert_eq!(
        (&reset.name[..], &reset.json()["asked"]),
        ("reset", &last.clone().into())
    );
    assert_ne!(epoch(&reset.id), epoch(&last));
    (0..10).for_each(|n| publish(&hub, n));
    takes(&mut client, 0, 10);
    assert!(server.stop().expect("a report").clean);
}

#[test]
fn curl_lives_through_a_restart_over_tls() {
    lives_through_a_restart(client::curl);
}

#[test]
fn curl_inflates_events_as_they_come_over_tls() {
    lives_through_a_restart(client::curl_compressed);
}

#[test]
fn chromium_lives_through_a_restart_over_tls() {
    lives_through_a_restart(client::chromium);
}

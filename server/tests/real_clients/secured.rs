//! A browser over TLS.

use crate::client;
use crate::common::wait_until;
use crate::direct::url;
use crate::programs::program;
use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig, Tls};
use eventring::hub::Hub;
use std::process::Command;

#[test]
fn chromium_gets_events_over_tls() {
    let Some(openssl) = program(&["openssl"]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("cert"), folder.path().join("key"));
    let mut command = Command::new(openssl);
    command.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
    ]);
    command.arg("-keyout").arg(&key).arg("-out").arg(&cert);
    assert!(command.output().expect("openssl runs").status.success());

    let hub = Hub::new();
    let config = ServerConfig {
        tls: Some(Tls::from_pem_files(&cert, &key).expect("a certificate")),
        ..ServerConfig::default().listen(([127, 0, 0, 1], 0).into())
    };
    let server = Server::bind(&hub, config).expect("a server");
    let server = server.spawn().expect("a thread");
    let address = format!("https://{}", server.addr());
    let Some(mut client) = client::chromium(&url(&address)) else {
        return;
    };
    wait_until("the stream", || server.handle().stats().streams == 1);
    for n in 0..10 {
        let event = Event::new("t", "message").json(&n.to_string()).to_event();
        hub.publish(&event.expect("an event")).expect("published");
        let shown = client.event();
        assert_eq!(
            (&shown.name[..], &shown.data[..]),
            ("message", &*n.to_string())
        );
    }
}

//! Endpoints and made connections come back after a restart, or the server says which of them it cannot read.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};

use eventring::event::Filter;
use eventring::gateway::{EndpointError, Server, ServerError, StreamOptions};
use eventring::hub::Hub;
use eventring::journal::{CommitFailure, MemoryJournal};

use super::client::ask;
use super::place::Place;
use super::{config, serve};
use crate::faulty_journal::FaultyJournal;
use crate::sockets::client as http;

/// The status with which a stream begins.
fn stream(address: SocketAddr, target: &str) -> (TcpStream, u16) {
    let stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (stream, head) = http::ask(stream, &request);
    (stream, head.status)
}

#[test]
fn endpoints_and_connections_come_back() {
    for place in Place::all() {
        let hub = place.hub();
        let server = serve(&hub);
        let at = server.addr();
        let endpoint = r#"{"path":"/live","topics":["a.>"],"heartbeat":7,"slow":"latest"}"#;
        assert_eq!(ask(at, "POST", "/api/v1/endpoints", endpoint).status, 201);
        assert_eq!(
            ask(at, "POST", "/api/v1/endpoints", r#"{"path":"/gone"}"#).status,
            201
        );
        let gone = ask(at, "DELETE", "/api/v1/endpoints?path=/gone", "");
        assert_eq!(gone.status, 204, "{gone:?}");
        let made = ask(at, "POST", "/api/v1/connections", r#"{"topics":["b"]}"#);
        assert_eq!(made.status, 201, "{made:?}");
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let other = ask(at, "POST", "/api/v1/connections", "{}").json();
        let other = format!("/api/v1/connections/{}", other["id"].as_str().unwrap());
        assert_eq!(ask(at, "DELETE", &other, "").status, 204);
        let filter = Filter::parse(["c"]).unwrap();
        let handle = server.handle().clone();
        handle
            .create_endpoint("/own", filter.clone(), StreamOptions::default())
            .unwrap();
        let own = handle
            .create_connection(filter, StreamOptions::default())
            .unwrap();
        server.stop().unwrap();
        drop(hub);

        let hub = place.hub();
        let server = serve(&hub);
        let at = server.addr();
        let endpoints = server.handle().endpoints();
        let paths: Vec<&str> = endpoints.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(paths, ["/live", "/own"]);
        assert_eq!(endpoints[0].filter, Filter::parse(["a.>"]).unwrap());
        assert_eq!(endpoints[0].options.heartbeat.as_secs(), 7);
        let listed = ask(at, "GET", "/api/v1/endpoints", "").body;
        assert!(listed.contains(r#""slow":"latest""#), "{listed}");
        for id in [&id, &own] {
            let status = ask(at, "GET", &format!("/api/v1/connections/{id}/status"), "");
            assert_eq!(status.json()["status"], "connecting", "{status:?}");
            let (mut stream, status) = stream(at, &format!("/api/v1/connections/{id}/stream"));
            assert_eq!(status, 200);
            assert!(stream.read(&mut [0; 64]).unwrap() > 0, "it goes on");
        }
        let status = ask(at, "GET", &format!("{other}/status"), "");
        assert_eq!(status.status, 404, "{status:?}");
        assert_eq!(stream(at, "/live").1, 200);
        assert_eq!(ask(at, "POST", "/api/v1/endpoints", endpoint).status, 409);
    }
}

#[test]
fn a_program_that_has_taken_the_path_keeps_it() {
    let place = Place::all().remove(0);
    let hub = place.hub();
    let server = serve(&hub);
    let endpoint = r#"{"path":"/live","topics":["a"]}"#;
    ask(server.addr(), "POST", "/api/v1/endpoints", endpoint);
    server.stop().unwrap();
    drop(hub);
    let hub = place.hub();
    let own = Filter::parse(["own"]).unwrap();
    let builder = Server::builder(&hub).endpoint("/live", own.clone(), StreamOptions::default());
    let server = builder.bind(config()).unwrap();
    assert_eq!(server.handle().endpoints()[0].filter, own);
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    for (table, key, value) in [
        ("endpoints", "/broken", "{"),
        ("endpoints", "/newer", r#"{"version":99}"#),
        ("connections", "some-id", r#"{"version":1}"#),
    ] {
        let place = Place::all().remove(0);
        let hub = place.hub();
        let put = hub
            .journal()
            .unwrap()
            .transact(move |tx| tx.put(table, key.as_bytes(), value.as_bytes()));
        put.unwrap();
        let Err(error) = Server::bind(&hub, config()) else {
            panic!("{key} was read");
        };
        assert!(
            matches!(&error, ServerError::State { table: of, key: Some(named), .. } if *of == table && named == key),
            "{error:?}"
        );
        assert!(error.to_string().contains(key), "{error}");
    }
}

/// What a journal does not take is not there, and who asked for it is told.
#[test]
fn what_cannot_be_kept_is_not_made() {
    let (journal, faults) = FaultyJournal::new(MemoryJournal::new());
    let hub = Hub::builder().journal(journal).build().unwrap();
    let server = serve(&hub);
    let at = server.addr();
    assert_eq!(
        ask(at, "POST", "/api/v1/endpoints", r#"{"path":"/old"}"#).status,
        201
    );
    faults.fail(Some(CommitFailure::Aborted));
    let told = ask(at, "POST", "/api/v1/endpoints", r#"{"path":"/new"}"#);
    assert_eq!(told.status, 503, "{told:?}");
    assert!(told.body.contains("kept"), "{told:?}");
    assert_eq!(stream(at, "/new").1, 404);
    let told = ask(at, "POST", "/api/v1/connections", "{}");
    assert_eq!(told.status, 503, "{told:?}");
    let listed = ask(at, "GET", "/api/v1/connections", "");
    assert_eq!(listed.json()["total"], 0, "{listed:?}");
    let made = server
        .handle()
        .create_endpoint("/new", Filter::all(), StreamOptions::default());
    assert!(matches!(made, Err(EndpointError::NotKept(_))), "{made:?}");
    let told = ask(at, "PUT", "/api/v1/topics/t", "{}");
    assert_eq!(told.status, 503, "{told:?}");
    // To end something must be possible: it is gone, and the answer says that it comes back.
    let told = ask(at, "DELETE", "/api/v1/endpoints?path=/old", "");
    assert_eq!(told.status, 503, "{told:?}");
    assert!(server.handle().endpoints().is_empty());

    faults.fail(None);
    let made = ask(at, "POST", "/api/v1/endpoints", r#"{"path":"/new"}"#);
    assert_eq!(made.status, 201, "{made:?}");
}

/// Once: a connection whose row could not be deleted was forgotten, and its stream went on for ever.
#[test]
fn what_is_gone_has_no_stream_however_the_journal_is() {
    let (journal, faults) = FaultyJournal::new(MemoryJournal::new());
    let hub = Hub::builder().journal(journal).build().unwrap();
    let server = serve(&hub);
    let at = server.addr();
    let made = ask(at, "POST", "/api/v1/connections", r#"{"topics":["a"]}"#).json();
    let connection = format!("/api/v1/connections/{}", made["id"].as_str().unwrap());
    let endpoint = ask(at, "POST", "/api/v1/endpoints", r#"{"path":"/live"}"#);
    assert_eq!(endpoint.status, 201, "{endpoint:?}");
    let of_connection = stream(at, &format!("{connection}/stream"));
    let of_endpoint = stream(at, "/live");
    faults.fail(Some(CommitFailure::Poisoned));
    assert_eq!(ask(at, "POST", "/api/v1/connections", "{}").status, 503);
    for (target, (mut stream, status)) in [
        (connection.as_str(), of_connection),
        ("/api/v1/endpoints?path=/live", of_endpoint),
    ] {
        assert_eq!(status, 200);
        let told = ask(at, "DELETE", target, "");
        assert_eq!(told.status, 503, "{told:?}");
        assert!(told.body.contains("takes nothing"), "{told:?}");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("its end");
        assert!(text.contains("event: disconnect"), "{text}");
    }
}

/// Once: what was made and removed by several at once could be there after a restart and not before, or the other way
/// round.
#[test]
fn what_is_kept_is_what_is_there() {
    const ROUNDS: usize = 300;
    let hub = Hub::builder()
        .journal(MemoryJournal::new())
        .build()
        .unwrap();
    let server = serve(&hub);
    let handle = server.handle();
    let mut reader = hub.journal().unwrap().view().reader().unwrap();
    for _ in 0..ROUNDS {
        std::thread::scope(|threads| {
            for makes in [true, false, true, false] {
                threads.spawn(move || {
                    // Whoever comes second is refused: that there is one, or none.
                    let _ = match makes {
                        true => {
                            handle.create_endpoint("/x", Filter::all(), StreamOptions::default())
                        }
                        false => handle.remove_endpoint("/x"),
                    };
                });
            }
        });
        let mut kept = 0;
        let look = reader.state(&mut |tx| kept = tx.scan("endpoints", b"", 8).unwrap().len());
        look.unwrap();
        assert_eq!(kept, handle.endpoints().len());
    }
}

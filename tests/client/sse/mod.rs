//! The client: whatever cuts its connections, it has every event once and in order, or is told.
//!
//! `CUTS=100000` cuts more often than the 10,000 times of a usual run.

mod ids;
mod stops;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use crate::storm::storm;
use eventring::client::{Cause, ClientError, SseClient, SseItem, SseItems, UrlError};
use eventring::event::EventBuilder;
use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;

fn serve(hub: &Hub) -> ServerThread {
    let config = ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .retry(Duration::from_millis(1));
    Server::bind(hub, config).unwrap().spawn().unwrap()
}

fn client(url: &str) -> SseClient {
    let builder = SseClient::builder(url).unwrap();
    let pauses = (Duration::from_micros(200), Duration::from_millis(2));
    builder.pauses(pauses.0, pauses.1).build()
}

#[test]
fn ten_thousand_cuts_lose_nothing_and_repeat_nothing() {
    let cuts = std::env::var("CUTS").map_or(10_000, |cuts| cuts.parse().unwrap());
    let hub = Hub::new();
    let server = serve(&hub);
    storm((&hub, server.addr()), cuts, |proxy, judge| {
        let url = format!("http://{proxy}/api/v1/events/stream?from=beginning");
        let mut client = client(&url);
        loop {
            match client.next_item().expect("a cut is no reason to stop") {
                SseItem::Event(event) if judge.event(&event.id, &event.data) => return,
                SseItem::Event(_) | SseItem::Connected => {}
                SseItem::Disconnected(_) => judge.lost(),
                told => panic!("everything is kept: {told:?}"),
            }
        }
    });
}

#[test]
fn gaps_and_resets_come_as_items() {
    let hub = Hub::builder().capacity(64).build().unwrap();
    let server = serve(&hub);
    let mut builder = EventBuilder::new();
    for number in 1..=500 {
        builder
            .clear()
            .topic("a")
            .ty("t")
            .text(&format!("event {number}"));
        hub.publish(builder.build_ref().unwrap()).unwrap();
    }
    let url = format!("http://{}/api/v1/events/stream", server.addr());
    let first = |id: String| {
        let builder = SseClient::builder(&url).unwrap();
        let mut client = builder.last_event_id(&id).build();
        assert!(matches!(client.next_item(), Ok(SseItem::Connected)));
        client.next_item().unwrap()
    };
    let SseItem::Gap(gap) = first(format!("{}-5", hub.epoch())) else {
        panic!("what comes after 5 is gone")
    };
    let gap: serde_json::Value = serde_json::from_str(&gap.data).unwrap();
    let earliest = hub.earliest();
    assert_eq!(gap["missing"], earliest - 6);
    assert!(matches!(first("1234-5".into()), SseItem::Reset(_)));
}

#[test]
fn a_refusal_is_for_good_and_a_busy_server_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answers = [
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 7\ndata: x\n\ndata: half",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 301 Moved Permanently\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
    ];
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                assert_eq!(stream.read(&mut byte).unwrap(), 1);
                head.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            asked.push(String::from_utf8(head).unwrap());
        }
        asked
    });
    let builder = SseClient::builder(&format!("http://{address}/s?a=b")).unwrap();
    let builder = builder
        .header("X-Key", "1")
        .header("Bad", "a\r\nInjected: 1");
    let mut client = builder.pauses(Duration::ZERO, Duration::ZERO).build();
    let Ok(SseItem::Disconnected(disconnected)) = client.next_item() else {
        panic!("it is busy")
    };
    assert!(matches!(
        disconnected.cause,
        Cause::Busy { status: 503, .. }
    ));
    assert!(matches!(client.next_item(), Ok(SseItem::Connected)));
    let Ok(SseItem::Event(event)) = client.next_item() else {
        panic!("an event is there")
    };
    assert_eq!((event.id.as_str(), event.data.as_str()), ("7", "x"));
    let Ok(SseItem::Disconnected(disconnected)) = client.next_item() else {
        panic!("the server ended it")
    };
    assert!(matches!(disconnected.cause, Cause::Ended));
    assert!(
        matches!(client.next_item(), Err(ClientError::Refused { status: 404, body }) if body == b"none")
    );
    assert!(matches!(client.next_item(), Err(ClientError::Over)));
    assert!(matches!(client.next_item(), Err(ClientError::Redirect { to }) if to == "/there"));
    assert!(matches!(client.next_item(), Err(ClientError::NotAStream)));
    let asked = server.join().unwrap();
    assert!(asked[0].starts_with("GET /s?a=b HTTP/1.1\r\n") && asked[0].contains("X-Key: 1\r\n"));
    assert!(!asked[0].contains("Injected") && !asked[0].contains("Last-Event-ID"));
    assert!(asked[2].contains("Last-Event-ID: 7\r\n"));
}

#[test]
fn a_client_gives_up_or_is_stopped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let builder = SseClient::builder(&url).unwrap().failures_max(2);
    let mut client = builder.pauses(Duration::ZERO, Duration::ZERO).build();
    assert!(matches!(client.next_item(), Ok(SseItem::Disconnected(_))));
    assert!(matches!(client.next_item(), Ok(SseItem::Disconnected(_))));
    assert!(matches!(
        client.next_item(),
        Err(ClientError::GivenUp { failures: 3, .. })
    ));

    let hub = Hub::new();
    let server = serve(&hub);
    let url = format!("http://{}/api/v1/events/stream", server.addr());
    let mut client = SseClient::open(&url).unwrap();
    let stopper = client.stopper();
    assert!(matches!(client.next_item(), Ok(SseItem::Connected)));
    let waiting = std::thread::spawn(move || client.next_item());
    stopper.stop();
    assert!(matches!(waiting.join().unwrap(), Err(ClientError::Stopped)));
}

#[test]
fn what_is_no_url_is_refused() {
    for wrong in ["https://h/", "http://h/a#b", "http://h/?a b", "ftp://h"] {
        assert!(SseClient::open(wrong).is_err(), "{wrong}");
    }
    assert_eq!(SseClient::open("https://h").unwrap_err(), UrlError::Https);
}

/// Once: a loop over the items of a client that goes on after an error ran hot.
#[test]
fn the_iterator_ends_after_an_error() {
    let client = SseClient::open("http://127.0.0.1:9/s").unwrap();
    client.stopper().stop();
    let items: Vec<_> = client.collect();
    assert!(
        matches!(items[..], [Err(ClientError::Stopped)]),
        "{items:?}"
    );
}

#[cfg(feature = "async")]
#[test]
fn a_task_gets_the_same_items() {
    use futures::StreamExt as _;
    let hub = Hub::new();
    let server = serve(&hub);
    let mut builder = EventBuilder::new();
    for number in 1..=1000 {
        builder
            .clear()
            .topic("a")
            .ty("t")
            .text(&format!("event {number}"));
        hub.publish(builder.build_ref().unwrap()).unwrap();
    }
    let url = format!(
        "http://{}/api/v1/events/stream?from=beginning",
        server.addr()
    );
    let mut items: SseItems = client(&url).into_stream().unwrap();
    let seen = futures::executor::block_on(async {
        let mut seen = 0;
        while seen < 1000 {
            if let Some(SseItem::Event(event)) = items.next().await.transpose().unwrap() {
                seen += 1;
                assert_eq!(event.data, format!("event {seen}"));
            }
        }
        seen
    });
    assert_eq!(seen, 1000);
    drop(items);
    assert_eq!(server.stop().unwrap().connections_left, 0);
}

//! Publishes that cannot be: each is told with its field, and changes nothing.

use eventring::hub::Hub;
use eventring::journal::MemoryJournal;

use super::client::Client;
use super::{PATH, serve};

/// It once was answered 200 with `"first":null`.
#[test]
fn a_batch_without_events_is_none() {
    let in_memory = Hub::new();
    let journalled = Hub::builder().journal(MemoryJournal::new()).build();
    for hub in [in_memory, journalled.unwrap()] {
        let server = serve(&hub);
        let mut client = Client::connect(server.addr());
        for (content_type, body) in [
            ("application/x-ndjson", ""),
            ("application/x-ndjson", "\n\r\n\n"),
            ("application/cloudevents-batch+json", "[]"),
            ("application/cloudevents-batch+json", " [ ] "),
        ] {
            let fields = format!("Content-Type: {content_type}\r\n");
            let answer = client.ask("POST", PATH, &fields, body);
            answer.is_problem(400, "body");
        }
        assert_eq!(hub.head(), 0);
        // Lines one by one are no batch: each of none has its answer.
        let fields = "Content-Type: application/x-ndjson\r\n";
        let target = format!("{PATH}?atomic=false");
        let answer = client.ask("POST", &target, fields, "");
        assert_eq!((answer.status, &*answer.body), (200, ""));
    }
}

/// It once was 503 with `Retry-After`, as if the same publish would be taken later.
#[test]
fn a_stream_that_has_moved_on_is_a_conflict() {
    let hub = Hub::builder().streams_max(10).journal(MemoryJournal::new());
    let hub = hub.build().unwrap();
    let server = serve(&hub);
    let mut client = Client::connect(server.addr());
    let mut post = |version: u64| {
        let stream = "ce-streamtype: order\r\nce-streamid: 7\r\n";
        let fields = format!("{stream}ce-streamversion: {version}\r\n");
        client.ask("POST", PATH, &fields, "1")
    };
    assert_eq!(post(1).status, 200);
    assert_eq!(post(2).status, 200);
    for version in [2, 4] {
        let answer = post(version);
        answer.is_problem(409, "streamversion");
        assert!(!answer.head.contains("retry-after"), "{answer:?}");
    }
    assert_eq!(hub.head(), 2);
    assert_eq!(hub.stream_position("order", "7"), Some(2));
}

//! Many streams that end at once: none of the others, and nobody who asks for something, waits for all of it.

use std::time::Duration;

use eventring::hub::{Hub, TopicConfig};

use super::stage::{STALL_US, Stage, calmest};

/// Streams that end.
const STREAMS: usize = 3_000;

fn open(stage: &mut Stage, target: &str) -> Vec<super::stage::Client> {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let open = (0..STREAMS)
        .map(|_| stage.ask(request.as_bytes()))
        .collect();
    stage.until("they are open", |stage| {
        stage.server.handle().stats().streams == STREAMS as u64
    });
    open
}

/// Its last words went out to all of them in one turn: these kept everybody else waiting for 201 ms, unoptimized.
#[test]
fn streams_of_a_topic_that_is_deleted_end_a_few_at_a_time() {
    let us = calmest("a topic is deleted", || {
        let hub = Hub::new();
        hub.create_topic("gone", TopicConfig::default()).unwrap();
        let mut stage = Stage::of(hub, |_| {});
        let mut open = open(&mut stage, "/api/v1/events/stream?topic=gone");
        // Each joins its topic in a turn after it began.
        stage.until("they are there", |stage| {
            stage.hub.presence("gone").len() == STREAMS
        });
        stage.hub.delete_topic("gone").unwrap();
        stage.until("all are told", |_| {
            open.iter_mut().all(|client| {
                client.read();
                String::from_utf8_lossy(&client.text).contains("topic_deleted")
            })
        });
        stage.stall_us()
    });
    assert!(us < STALL_US, "streams waited {us} us");
}

/// The same of a server that stops, whose streams are still to get what is published: 166 ms.
#[test]
fn a_server_that_stops_ends_its_streams_a_few_at_a_time() {
    let us = calmest("a server stops", || {
        let mut stage = Stage::new(|config| {
            config.presence = false;
            config.stop_timeout = Duration::from_secs(60);
        });
        let mut open = open(&mut stage, "/api/v1/events/stream?topic=a");
        stage.server.handle().stop();
        stage.until("all are told", |_| {
            open.iter_mut().all(|client| {
                client.read();
                String::from_utf8_lossy(&client.text).contains("the server stops")
            })
        });
        stage.stall_us()
    });
    assert!(us < STALL_US, "streams waited {us} us");
}

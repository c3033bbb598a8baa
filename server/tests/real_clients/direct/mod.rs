//! Each client by itself: a hundred events in order, and a server that dies under it.

mod languages;

use crate::client::{self, Client};
use crate::common::{Server, epoch, offset};

const FLAGS: &[&str] = &["--retry", "0.2"];

/// The address of topic `t`.
pub(crate) fn url(base: &str) -> String {
    format!("{base}/api/v1/events/stream?topic=t")
}

/// Takes `count` events, which must be `{"n":from}` and so on, with dense ids; gives the last id.
pub(crate) fn takes(client: &mut Client, from: u64, count: u64) -> String {
    let mut last: Option<String> = None;
    for n in from..from + count {
        let event = client.event();
        assert_eq!(
            (event.name.as_str(), &event.json()["n"]),
            ("message", &n.into())
        );
        if let Some(last) = last {
            assert_eq!(epoch(&event.id), epoch(&last));
            assert_eq!(offset(&event.id), offset(&last) + 1);
        }
        last = Some(event.id);
    }
    last.expect("events were asked for")
}

fn numbers(from: u64, to: u64) -> Vec<String> {
    (from..to).map(|n| format!("{{\"n\":{n}}}")).collect()
}

fn lives_through_a_restart(start: impl Fn(&str) -> Option<Client>) {
    let server = Server::start(FLAGS);
    let Some(mut client) = start(&url(&server.url())) else {
        return;
    };
    server.wait_for_streams(1);
    // One by one, each before the next is published: nothing on the way waits for more.
    for n in 0..10 {
        let position = server.publish("t", &format!("{{\"n\":{n}}}"));
        assert_eq!(takes(&mut client, n, 1), position);
    }
    server.publish_all("t", &numbers(10, 100), 10);
    let last = takes(&mut client, 10, 90);
    assert_eq!(offset(&last), 100);

    let server = server.killed_and_restarted(FLAGS);
    let reset = client.event();
    assert_eq!(reset.name, "reset");
    let told = reset.json();
    assert_eq!(told["reason"], "epoch");
    assert_eq!(told["asked"], last, "it came back with the last id it had");
    assert_ne!(epoch(&reset.id), epoch(&last));
    server.publish_all("t", &numbers(0, 10), 5);
    takes(&mut client, 0, 10);
}

#[test]
fn curl_lives_through_a_restart() {
    lives_through_a_restart(client::curl);
}

#[test]
fn npm_eventsource_lives_through_a_restart() {
    lives_through_a_restart(client::eventsource);
}

#[test]
fn python_httpx_sse_lives_through_a_restart() {
    lives_through_a_restart(client::httpx_sse);
}

/// It reads close-delimited bodies 512 bytes at a time, and chunked ones as they come.
#[test]
fn python_requests_gets_small_events_at_once_and_lives_through_a_restart() {
    lives_through_a_restart(client::requests);
}

/// It takes text without a charset for Latin-1.
#[test]
fn python_requests_reads_an_accent() {
    let server = Server::start(FLAGS);
    let Some(mut client) = client::requests(&url(&server.url())) else {
        return;
    };
    server.wait_for_streams(1);
    server.publish("t", r#"{"n":"déjà vu"}"#);
    assert_eq!(client.event().data, r#"{"n":"déjà vu"}"#);
}

#[test]
fn chromium_lives_through_a_restart() {
    lives_through_a_restart(client::chromium);
}

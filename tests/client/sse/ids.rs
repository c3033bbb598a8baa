//! Which id a client resumes with, and which it keeps to itself.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

use eventring::client::{SseClient, SseClientBuilder, SseItem};

/// A server that gives each connection one of `streams` and hangs up; what it is asked comes back.
fn played(streams: &'static [&'static str]) -> (SseClientBuilder, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/s", listener.local_addr().unwrap());
    let playing = std::thread::spawn(move || {
        let asked = streams.iter().map(|text| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let fields = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
            stream.write_all(fields.as_bytes()).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            let id = head
                .lines()
                .find_map(|line| line.strip_prefix("Last-Event-ID: "));
            id.unwrap_or("none").to_owned()
        });
        asked.collect()
    });
    let builder = SseClient::builder(&url).unwrap();
    let pause = Duration::from_millis(1);
    (builder.pauses(pause, pause), playing)
}

/// Reads until so many connections are gone.
fn read(mut client: SseClient, connections: usize) -> SseClient {
    let mut lost = 0;
    while lost < connections {
        if let SseItem::Disconnected(_) = client.next_item().unwrap() {
            lost += 1;
        }
    }
    client
}

/// Once: the id that the program had given came back.
#[test]
fn an_empty_id_takes_back_what_was_known() {
    // As the first thing, behind an id of the stream's own, and without any event.
    for first in [
        "id\ndata: x\n\n",
        "id: 7\ndata: x\n\nid:\ndata: y\n\n",
        "id\n\n",
    ] {
        let streams: &'static [&'static str] =
            Vec::leak(vec![first, "data: z\n\n", "id: 8\n\n", ""]);
        let (builder, asked) = played(streams);
        let client = read(builder.last_event_id("5").build(), 4);
        assert_eq!(client.last_event_id(), "8");
        assert_eq!(
            asked.join().unwrap(),
            ["5", "none", "none", "8"],
            "{first:?}"
        );
    }
}

/// An id that was given holds until the stream says another; one that is cut off says nothing.
#[test]
fn a_given_id_holds_until_the_stream_says_another() {
    let (builder, asked) = played(&["data: x\n\n", "id\ndata: cut", ": c\n\nid: 6\n\n", ""]);
    read(builder.last_event_id("5").build(), 4);
    assert_eq!(asked.join().unwrap(), ["5", "5", "5", "6"]);
}

/// Once: the id went into the request as it was, and a strict server refused it for good.
#[test]
fn an_id_that_no_field_can_hold_is_not_sent() {
    let (builder, asked) = played(&[
        "id: a\u{1}b\ndata: x\n\n",
        "id: a\tb\ndata: x\n\n",
        "id: \u{7f}\ndata: x\n\n",
        "id: h\u{e9}\ndata: x\n\n",
        "",
    ]);
    let client = read(builder.build(), 5);
    assert_eq!(client.last_event_id(), "h\u{e9}");
    let asked = asked.join().unwrap();
    assert_eq!(asked, ["none", "none", "none", "none", "h\u{e9}"]);
}

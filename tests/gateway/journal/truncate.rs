//! Events that are deleted over HTTP: who comes from then on finds them nowhere, whatever the server had ready.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use eventring::hub::Hub;
use eventring::{Event, Position};

use super::client::ask;
use super::place::Place;
use super::serve;

const EVENTS: &str = "/api/v1/topics/a/events";

fn publish(hub: &Hub, topic: &str) {
    let text = (hub.head() + 1).to_string();
    let event = Event::builder(topic, "t").text(&text).build();
    hub.publish(event.unwrap()).unwrap();
}

fn at(hub: &Hub, offset: u64) -> Position {
    let epoch = hub.epoch();
    Position { epoch, offset }
}

/// What a stream says up to the event of an offset: the offsets of events, and the names of notices.
fn read_to(stream: &mut BufReader<TcpStream>, last: u64) -> Vec<String> {
    let mut said = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        assert!(
            stream.read_line(&mut line).unwrap() > 0,
            "it ends: {said:?}"
        );
        let line = line.trim_end();
        if let Some(data) = line.strip_prefix("data:") {
            let data = data.trim_start();
            if data.bytes().all(|byte| byte.is_ascii_digit()) {
                said.push(data.to_owned());
                if data == last.to_string() {
                    return said;
                }
            }
        } else if let Some(name) = line.strip_prefix("event:")
            && matches!(name.trim(), "gap" | "reset")
        {
            said.push(name.trim().to_owned());
        }
    }
}

fn open(address: SocketAddr, query: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    let head = format!("GET /api/v1/events/stream?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    BufReader::new(stream)
}

fn said(offsets: &[u64]) -> Vec<String> {
    offsets.iter().map(u64::to_string).collect()
}

#[test]
fn what_is_deleted_comes_to_nobody_from_then_on() {
    for place in Place::all() {
        let hub = place.hub();
        let server = serve(&hub);
        let address = server.addr();
        publish(&hub, "a");
        // Its frames are in the log, for whoever comes back with an id that is in there.
        let first = at(&hub, 1);
        let resume = format!("topic=>&last-event-id={first}");
        let mut live = open(address, &resume);
        for topic in ["a", "b", "a", "a", "b"] {
            publish(&hub, topic);
        }
        assert_eq!(read_to(&mut live, 6), said(&[2, 3, 4, 5, 6]));
        let mut before = open(address, &resume);
        assert_eq!(read_to(&mut before, 6), said(&[2, 3, 4, 5, 6]));
        let below = format!("{EVENTS}?below={}", at(&hub, 5));
        let deleted = ask(address, "DELETE", &below, "");
        assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
        let mut again = open(address, &resume);
        assert_eq!(read_to(&mut again, 6), said(&[3, 5, 6]));
        let page = ask(address, "GET", "/api/v1/events/history", "").json();
        let events = page["events"].as_array().unwrap();
        let events = events.iter().map(|event| event["data"].as_str().unwrap());
        assert_eq!(events.collect::<Vec<_>>(), ["3", "5", "6"]);
        assert!(page.get("gaps").is_none(), "{page}");
        // Who was there goes on as if nothing had happened.
        publish(&hub, "a");
        for stream in [&mut live, &mut before, &mut again] {
            assert_eq!(read_to(stream, 7), said(&[7]));
        }
        drop((live, before, again, server));
        hub.close();
        drop(hub);
        let hub = place.hub();
        let server = serve(&hub);
        let mut late = open(server.addr(), &resume);
        assert_eq!(read_to(&mut late, 7), said(&[3, 5, 6, 7]));
    }
}

#[test]
fn a_topic_goes_with_its_events() {
    for place in Place::all() {
        let hub = place.hub();
        let server = serve(&hub);
        for topic in ["a", "b", "a"] {
            publish(&hub, topic);
        }
        let deleted = ask(server.addr(), "DELETE", "/api/v1/topics/a", "");
        assert_eq!(deleted.status, 204);
        publish(&hub, "b");
        let mut all = open(server.addr(), "topic=>&from=beginning");
        assert_eq!(read_to(&mut all, 4), said(&[2, 4]));
    }
}

#[test]
fn what_is_no_position_to_delete_up_to_is_told() {
    let hub = Place::all()[0].hub();
    let server = serve(&hub);
    let address = server.addr();
    publish(&hub, "a");
    let delete = |query: &str| ask(address, "DELETE", &format!("{EVENTS}{query}"), "");
    delete("").is_problem(400, "below");
    delete("?below=7").is_problem(400, "below");
    delete(&format!("?below={}", at(&hub, 3))).is_problem(409, "below");
    delete("?below=00000000004hm-1").is_problem(409, "below");
    delete(&format!("?below={}&streams=some", at(&hub, 1))).is_problem(400, "streams");
    let path = format!("/api/v1/topics/a..b/events?below={}", at(&hub, 1));
    ask(address, "DELETE", &path, "").is_problem(400, "topic");
    let memory = Hub::new();
    publish(&memory, "a");
    let server = serve(&memory);
    let path = format!("{EVENTS}?below={}", at(&memory, 1));
    assert_eq!(ask(server.addr(), "DELETE", &path, "").status, 501);
    let page = ask(address, "GET", "/api/v1/events/history", "").json();
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
}

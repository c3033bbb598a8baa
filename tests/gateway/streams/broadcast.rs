//! What a broadcast's data looks like to those who get it: as it came.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use eventring::client::{WsClient, WsData, WsItem};
use eventring::hub::Hub;

use super::client::{Client, PATIENCE, long_text, publish, serve};

/// Broadcasts a body; returns the status and the body of the answer.
fn broadcast(address: SocketAddr, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let request = format!(
        "POST /api/v1/broadcast HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// Once: numbers were rounded or refused, members sorted, blanks lost.
#[test]
fn the_data_of_a_broadcast_keeps_its_bytes() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let address = server.addr();
    let mut stream = Client::open(address, "topic=none");
    let mut socket = WsClient::builder(&format!("ws://{address}/api/v1/ws?topic=none"))
        .unwrap()
        .build();
    assert!(matches!(socket.next_item(), Ok(WsItem::Connected)));
    let members: Vec<String> = (0..40).rev().map(|n| format!("\"m{n}\" :{n}")).collect();
    let forty = format!("{{ {} }}", members.join(" ,"));
    let cases = [
        "1.10",
        "1e400",
        "-0.0",
        "123456789012345678901234567890",
        "9007199254740993",
        &forty,
        r#"{"b":1,  "a":[ 1.0 , 2E+3 ],"a":null}"#,
        r#"["\u00e9\/","é"]"#,
        r#"[ ]"#,
        "true",
        "null",
        // No text has half a surrogate pair: the string stays JSON.
        r#""\ud800""#,
    ];
    for (n, data) in cases.iter().enumerate() {
        let body = format!(r#" {{"type":"notice","data": {data} }}"#);
        let (status, told) = broadcast(address, &body);
        assert_eq!(
            (status, told.contains(r#""sent":2"#)),
            (200, true),
            "{data} {told}"
        );
        let count = |client: &Client| client.seen.iter().filter(|s| s.event == "notice").count();
        stream.read_until(|client| count(client) > n);
        assert_eq!(stream.seen.last().unwrap().data, *data);
        let item = socket.next_item();
        let Ok(WsItem::Event(event)) = item else {
            panic!("{item:?}")
        };
        assert_eq!(event.data, WsData::Json((*data).to_owned()));
    }
    // A string is text.
    assert_eq!(
        broadcast(address, r#"{"type":"notice","data":"a\u00e9\nb"}"#).0,
        200
    );
    stream.read_until(|client| client.seen.last().is_some_and(|s| s.data == "aé\nb"));
    let item = socket.next_item();
    let Ok(WsItem::Event(event)) = item else {
        panic!("{item:?}")
    };
    assert!(matches!(event.data, WsData::Text { text, .. } if text == "aé\nb"));
    // Which of two is meant, nobody can say.
    let (status, told) = broadcast(address, r#"{"data":1,"\u0064ata":2}"#);
    assert_eq!(
        (status, told.contains("data: appears twice at byte 10")),
        (400, true),
        "{told}"
    );
}

/// Once: who stood inside a frame whose rest could not be kept was sent that frame again, inside its first half.
#[test]
fn who_stands_inside_a_frame_that_cannot_be_kept_is_cut_by_a_broadcast() {
    let hub = Hub::new();
    let server = serve(&hub, |config| {
        config.send_buffer = Some(16 << 10);
        config.half_sent_bytes = 1;
    });
    let mut client = Client::get(server.addr(), "/api/v1/events/stream", "", 4096);
    client.read_until(|client| !client.decoder.last_event_id().is_empty());
    // More than lies between the two, and less than the log holds.
    for number in 1..=100 {
        publish(&hub, "topic", &long_text(number, 8000));
    }
    let deadline = Instant::now() + PATIENCE;
    while server.handle().stats().blocked == 0 {
        assert!(Instant::now() < deadline, "it is never blocked");
        thread::sleep(Duration::from_millis(10));
    }
    let (status, told) = broadcast(server.addr(), r#"{"type":"notice","data":1}"#);
    assert_eq!(
        (status, told.contains(r#""sent":0"#)),
        (200, true),
        "{told}"
    );
    while !client.ended {
        assert!(Instant::now() < deadline, "it goes on");
        client.read_some(64 << 10);
    }
    assert!(client.events().count() < 100);
    for seen in client.events() {
        assert_eq!(seen.data, long_text(seen.offset(), 8000), "a torn frame");
    }
    assert!(client.seen.iter().all(|seen| seen.event != "notice"));
    assert_eq!(server.handle().stats().cut, 1);
}

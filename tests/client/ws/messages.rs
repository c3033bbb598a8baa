//! What the messages of a server become, and where the client resumes after them.

use eventring::client::{ClientError, MessageError, WsClient, WsData, WsItem, WsRequestError};
use eventring::json::{JsonError, JsonErrorKind};
use eventring::wire::ws::{CloseCode, MessageLimits, Opcode, Violation};
use flate2::{Compress, Compression, FlushCompress};

use super::played::{Heard, Played};
use super::{connected, disconnected, quick};

/// A client and a server that has said all this to it.
fn told(messages: &[&str]) -> (WsClient, super::played::Socket, Played) {
    let server = Played::new();
    let mut client = quick(&server.url()).build();
    let playing = std::thread::spawn(move || (server.socket().0, server));
    connected(&mut client);
    let (mut socket, server) = playing.join().unwrap();
    for message in messages {
        socket.say(message);
    }
    (client, socket, server)
}

/// What the client asks for after this.
fn resumes_by(mut client: WsClient, socket: super::played::Socket, server: &Played) -> String {
    drop(socket);
    disconnected(&mut client);
    let asking = std::thread::spawn(move || client.next_item());
    let target = server.socket().1;
    asking.join().unwrap().unwrap();
    target
}

fn event(client: &mut WsClient) -> (String, WsData) {
    match client.next_item() {
        Ok(WsItem::Event(event)) => (event.id, event.data),
        other => panic!("an event: {other:?}"),
    }
}

#[test]
fn data_comes_as_it_was_published() {
    let (mut client, mut socket, _server) = told(&[
        r#"{"type":"event","id":"e-1","topic":"t","event":"n","data": {"a" : 1.0e2, "b":12345678901234567890123} }"#,
        r#"{"type":"event","id":"e-2","topic":"t","event":"n","datacontenttype":"text/csv","data":"a,\"\u00e9\"\n"}"#,
        r#"{"type":"event","topic":"t\u002f1","event":"n","later":[]}"#,
    ]);
    let json = r#"{"a" : 1.0e2, "b":12345678901234567890123}"#;
    assert_eq!(
        event(&mut client),
        ("e-1".into(), WsData::Json(json.into()))
    );
    let csv = WsData::Text {
        content_type: "text/csv".into(),
        text: "a,\"é\"\n".into(),
    };
    assert_eq!(event(&mut client), ("e-2".into(), csv));
    let Ok(WsItem::Event(bare)) = client.next_item() else {
        panic!("an event without data, for this connection alone")
    };
    assert_eq!(
        (bare.id.as_str(), bare.topic.as_str(), bare.event.as_str()),
        ("e-2", "t/1", "n")
    );
    assert_eq!(bare.data, WsData::None);
    socket.frame(
        Opcode::Binary,
        b"\x01\x00\x03e-9\x00\x01t\x00\x01n\x00\x09image/png\x00\xff",
    );
    let png = WsData::Binary {
        content_type: "image/png".into(),
        bytes: vec![0, 0xff],
    };
    assert_eq!(event(&mut client), ("e-9".into(), png));
    assert_eq!(client.last_event_id(), "e-9");
}

#[test]
fn messages_of_later_versions_are_passed_over() {
    let (mut client, mut socket, _server) = told(&[
        r#"{"type":"welcome","id":"e-1"}"#,
        r#"{"type":"weather","id":"e-7","data":1}"#,
    ]);
    socket.frame(Opcode::Binary, b"\x02\x00\x03e-8");
    socket.frame(Opcode::Binary, b"");
    socket.say(r#"{"type":"presence","event":"leave","at":9,"who":"s-3"}"#);
    let next = client.next_item();
    assert!(
        matches!(&next, Ok(WsItem::Presence { joined: false, who, at: 9 }) if who == "s-3"),
        "{next:?}"
    );
    assert_eq!(client.last_event_id(), "e-1");
}

#[test]
fn it_resumes_after_what_it_has_and_not_after_what_is_on_its_way() {
    // The first id of all is that of the welcome; heartbeats move it without a word.
    let (client, socket, server) = told(&[r#"{"type":"welcome","id":"e-1"}"#]);
    let target = resumes_by(client, socket, &server);
    assert_eq!(target, "/ws?topic=t&last-event-id=e-1");
    let (mut client, socket, server) = told(&[
        r#"{"type":"welcome","id":"e-1"}"#,
        r#"{"type":"heartbeat","id":"e-5"}"#,
        r#"{"type":"pong","request":1}"#,
    ]);
    assert!(matches!(client.next_item(), Ok(WsItem::Answer(_))));
    let target = resumes_by(client, socket, &server);
    assert_eq!(target, "/ws?topic=t&last-event-id=e-5");
    // What was published here at 9 is answered before 3 to 8 were sent.
    let (mut client, socket, server) = told(&[
        r#"{"type":"event","id":"e-2","topic":"t","event":"n","data":1}"#,
        r#"{"type":"published","request":1,"id":"e-9"}"#,
    ]);
    event(&mut client);
    let Ok(WsItem::Answer(answer)) = client.next_item() else {
        panic!("the answer")
    };
    assert_eq!(answer, r#"{"type":"published","request":1,"id":"e-9"}"#);
    let target = resumes_by(client, socket, &server);
    assert_eq!(target, "/ws?topic=t&last-event-id=e-2");
    // A cut between the welcome and the reset behind it: the old id, so that the reset comes again.
    let server = Played::new();
    let mut client = quick(&server.url()).last_event_id("old-7").build();
    let playing = std::thread::spawn(move || {
        let (mut socket, target) = server.socket();
        assert_eq!(target, "/ws?topic=t&last-event-id=old-7");
        socket.say(r#"{"type":"welcome","id":"new-3"}"#);
        drop(socket);
        let (mut socket, target) = server.socket();
        assert_eq!(target, "/ws?topic=t&last-event-id=old-7");
        socket.say(r#"{"type":"welcome","id":"new-4"}"#);
        socket.say(r#"{"type":"reset","id":"new-4","reason":"epoch","asked":"old-7"}"#);
        drop(socket);
        server.socket().1
    });
    connected(&mut client);
    disconnected(&mut client);
    connected(&mut client);
    let Ok(WsItem::Reset(reset)) = client.next_item() else {
        panic!("it is told")
    };
    assert_eq!(reset.id, "new-4");
    disconnected(&mut client);
    connected(&mut client);
    assert_eq!(playing.join().unwrap(), "/ws?topic=t&last-event-id=new-4");
}

#[test]
fn pings_are_answered_with_masks_that_differ() {
    let (mut client, mut socket, _server) = told(&[]);
    socket.frame(Opcode::Ping, b"one");
    socket.frame(Opcode::Ping, b"one");
    socket.say(r#"{"type":"pong","request":1}"#);
    assert!(matches!(client.next_item(), Ok(WsItem::Answer(_))));
    let waiting = std::thread::spawn(move || client.next_item());
    assert_eq!(socket.hear(), Heard::Pong(b"one".to_vec()));
    assert_eq!(socket.hear(), Heard::Pong(b"one".to_vec()));
    // Both frames: two bytes of header, four of mask, three of payload.
    assert_ne!(socket.raw[2..6], socket.raw[11..15]);
    socket.say(r#"{"type":"pong","request":2}"#);
    assert!(matches!(waiting.join().unwrap(), Ok(WsItem::Answer(_))));
}

#[test]
fn fragments_and_compressed_messages_come_whole() {
    let server = Played::new();
    let mut client = quick(&server.url()).build();
    let playing = std::thread::spawn(move || {
        let asked = server.accept();
        let mut socket = asked.agree("Sec-WebSocket-Extensions: permessage-deflate\r\n");
        let mut compress = Compress::new(Compression::default(), false);
        let text = r#"{"type":"event","id":"e-1","topic":"t","event":"n","data":"the same again"}"#;
        let mut sizes = Vec::new();
        for _ in 0..2 {
            let mut packed = Vec::with_capacity(1000);
            let flush = FlushCompress::Sync;
            let done = compress.compress_vec(text.as_bytes(), &mut packed, flush);
            done.unwrap();
            packed.truncate(packed.len() - 4);
            sizes.push(packed.len());
            // RSV1 and text, then the rest as a continuation.
            let (first, rest) = packed.split_at(5);
            socket.send(&[&[0x41, 5], first].concat());
            socket.frame(Opcode::Ping, b"");
            socket.send(&[&[0x80, rest.len() as u8], rest].concat());
        }
        assert!(sizes[1] * 3 < sizes[0], "it looks back: {sizes:?}");
        socket
    });
    connected(&mut client);
    for _ in 0..2 {
        let data = WsData::Json("\"the same again\"".into());
        assert_eq!(event(&mut client), ("e-1".into(), data));
    }
    playing.join().unwrap();
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_and_left() {
    let limits = MessageLimits::default().frame_bytes(1000);
    let table: [(&[u8], Violation, u16); 4] = [
        (b"\x81\x82\x00\x00\x00\x00{}", Violation::Masked, 1002),
        (b"\xc1\x02{}", Violation::ReservedBits { bits: 4 }, 1002),
        (b"\x81\x02{\xff", Violation::Utf8 { at: 1 }, 1007),
        (
            b"\x82\x7e\x03\xe9",
            Violation::FrameTooLarge {
                len: 1001,
                limit: 1000,
            },
            1009,
        ),
    ];
    for (bytes, violation, code) in table {
        let server = Played::new();
        let builder = quick(&server.url()).limits(limits).deflate(false);
        let mut client = builder.build();
        let playing = std::thread::spawn(move || {
            let asked = server.accept();
            assert_eq!(asked.extensions, "");
            let mut socket = asked.agree("");
            socket.send(bytes);
            (socket.hear(), socket.hear())
        });
        connected(&mut client);
        let failed = client.next_item();
        assert!(
            matches!(&failed, Err(ClientError::Violation(said)) if *said == violation),
            "{failed:?}"
        );
        assert_eq!(
            playing.join().unwrap(),
            (Heard::Close(Some(code)), Heard::End)
        );
    }
}

#[test]
fn what_is_no_message_of_the_protocol_is_named() {
    let member = |kind: &str, member| MessageError::Member {
        kind: kind.into(),
        member,
    };
    let no_object = |kind, at| MessageError::NotAnObject(JsonError { kind, at });
    let deep = format!(r#"{{"a":{}"#, "[".repeat(32_000));
    for (text, error) in [
        ("hello", no_object(JsonErrorKind::Syntax("a value"), 0)),
        ("[1]", no_object(JsonErrorKind::WrongType("an object"), 0)),
        // What a server says has the same bound.
        (
            deep.as_str(),
            no_object(JsonErrorKind::TooDeep { limit: 64 }, 69),
        ),
        (r#"{"id":"e-1"}"#, member("", "type")),
        (r#"{"type":"event","topic":"t"}"#, member("event", "event")),
        (
            r#"{"type":"event","topic":"t","event":"n","datacontenttype":"text/plain","data":1}"#,
            member("event", "data"),
        ),
        (r#"{"type":"heartbeat"}"#, member("heartbeat", "id")),
        (
            r#"{"type":"bye","reason":"stopping","retry_ms":-1}"#,
            member("bye", "retry_ms"),
        ),
    ] {
        let (mut client, mut socket, _server) = told(&[text]);
        let failed = client.next_item();
        assert!(
            matches!(&failed, Err(ClientError::Message(said)) if *said == error),
            "{text}: {failed:?}"
        );
        assert_eq!(socket.hear(), Heard::Close(Some(CloseCode::POLICY.0)));
    }
    let (mut client, mut socket, _server) = told(&[]);
    socket.frame(Opcode::Binary, b"\x01\x00\x09e-1");
    let failed = client.next_item();
    let header = MessageError::Header { member: "id" };
    assert!(
        matches!(&failed, Err(ClientError::Message(said)) if *said == header),
        "{failed:?}"
    );
}

#[test]
fn requests_need_a_connection() {
    let server = Played::new();
    let mut client = quick(&server.url()).build();
    let request = r#"{"type":"ping","request":1}"#;
    assert!(matches!(
        client.request(request),
        Err(WsRequestError::NotConnected)
    ));
    let playing = std::thread::spawn(move || server.socket().0);
    connected(&mut client);
    client.request(request).unwrap();
    let mut socket = playing.join().unwrap();
    assert_eq!(socket.hear(), Heard::Text(request.into()));
    drop(socket);
    disconnected(&mut client);
    assert!(matches!(
        client.request(request),
        Err(WsRequestError::NotConnected)
    ));
}

/// An explicit empty id takes back what was known.
#[test]
fn an_empty_id_takes_back_what_was_known() {
    for message in [
        r#"{"type":"event","id":"","topic":"t","event":"n","data":1}"#,
        r#"{"type":"heartbeat","id":""}"#,
        r#"{"type":"reset","reason":"junk","id":""}"#,
    ] {
        let server = Played::new();
        let mut client = quick(&server.url()).last_event_id("e-5").build();
        let playing = std::thread::spawn(move || (server.socket(), server));
        connected(&mut client);
        let ((mut socket, target), server) = playing.join().unwrap();
        assert_eq!(target, "/ws?topic=t&last-event-id=e-5");
        socket.say(message);
        socket.say(r#"{"type":"pong"}"#);
        while !matches!(client.next_item(), Ok(WsItem::Answer(_))) {}
        assert_eq!(
            resumes_by(client, socket, &server),
            "/ws?topic=t",
            "{message}"
        );
    }
}

/// The stream goes on without an id that no request can hold.
#[test]
fn an_id_with_control_characters_is_not_sent() {
    let (mut client, socket, server) =
        told(&[r#"{"type":"event","id":"e\u0001","topic":"t","event":"n","data":1}"#]);
    assert_eq!(event(&mut client).0, "e\u{1}");
    assert_eq!(resumes_by(client, socket, &server), "/ws?topic=t");
}

//! Event streams as the wire floor promises to write and read them.

use eventring::wire::sse::{
    self, DecodeError, DecodeLimits, EventDecoder, Frame, FrameError, FrameField,
};

fn encoded(frame: Frame<'_>) -> String {
    let mut out = Vec::new();
    sse::encode(&mut out, frame).expect("a valid frame");
    String::from_utf8(out).expect("text in, text out")
}

/// Id, name and data of every event in `text`.
fn events(text: &str) -> Vec<(String, String, String)> {
    let mut seen = Vec::new();
    let each = |e: sse::DecodedEvent<'_>| seen.push((e.id.into(), e.event.into(), e.data.into()));
    EventDecoder::default()
        .push(text.as_bytes(), each)
        .expect("within bounds");
    seen
}

#[test]
fn data_is_split_at_every_kind_of_line_end() {
    let table = [
        ("", "data:\n\n"),
        ("a", "data: a\n\n"),
        (" a", "data:  a\n\n"),
        ("a\n", "data: a\ndata: \n\n"),
        ("\n", "data: \ndata: \n\n"),
        ("a\nb", "data: a\ndata: b\n\n"),
        ("a\r\nb", "data: a\ndata: b\n\n"),
        ("a\rb", "data: a\ndata: b\n\n"),
        ("a\n\rb", "data: a\ndata: \ndata: b\n\n"),
        ("a\r\r\nb", "data: a\ndata: \ndata: b\n\n"),
        (
            "a\rid: 9\r\rdata: injected",
            "data: a\ndata: id: 9\ndata: \ndata: data: injected\n\n",
        ),
        (
            "\u{feff}\u{2028}\u{85}\0",
            "data: \u{feff}\u{2028}\u{85}\0\n\n",
        ),
    ];
    for (data, want) in table {
        assert_eq!(
            encoded(Frame::default().data(data.as_bytes())),
            want,
            "{data:?}"
        );
    }
}

#[test]
fn fields_are_written_when_they_say_something() {
    let all = Frame::default()
        .id(b"e-1")
        .event("tick")
        .data(b"x")
        .retry(Some(2000));
    assert_eq!(
        encoded(all),
        "retry: 2000\nid: e-1\nevent: tick\ndata: x\n\n"
    );
    let message = Frame::default().event("message").data(b"x");
    assert_eq!(encoded(message), "event: message\ndata: x\n\n");
}

#[test]
fn an_id_or_name_that_would_inject_is_refused() {
    for (byte, at, text) in [(b'\r', 1, "a\rb"), (b'\n', 0, "\nb"), (b'\0', 2, "ab\0")] {
        let mut out = b"before".to_vec();
        let id = Frame::default().id(text.as_bytes()).data(b"x");
        let want = (FrameField::Id, byte, at);
        let fault = |error: FrameError| (error.field, error.byte, error.at);
        assert_eq!(sse::encode(&mut out, id).map_err(fault), Err(want));
        assert_eq!(sse::encode_chunked(&mut out, id).map_err(fault), Err(want));
        assert_eq!(
            sse::heartbeat(&mut out, text.as_bytes()).map_err(fault),
            Err(want)
        );
        let event = Frame::default().event(text).data(b"x");
        let want = (FrameField::Event, byte, at);
        assert_eq!(sse::encode(&mut out, event).map_err(fault), Err(want));
        assert_eq!(out, b"before", "nothing is written");
    }
    let error = Frame::default().event("a\nb").check().unwrap_err();
    assert_eq!(error.to_string(), "event name holds a line feed (byte 1)");
}

#[test]
fn blocks_that_dispatch_nothing() {
    let mut out = Vec::new();
    sse::retry(&mut out, 1500);
    sse::comment(&mut out, "");
    sse::comment(&mut out, "hi\rdata: no\r\nid: no");
    sse::heartbeat(&mut out, b"e-9").expect("a valid id");
    sse::heartbeat(&mut out, b"").expect("no id is valid");
    let want = "retry: 1500\n\n:\n\n: hi\n: data: no\n: id: no\n\nid: e-9\n:\n\n:\n\n";
    assert_eq!(String::from_utf8_lossy(&out), want);
    let mut decoder = EventDecoder::default();
    decoder
        .push(&out, |event| panic!("{event:?}"))
        .expect("within bounds");
    assert_eq!(
        (decoder.last_event_id(), decoder.retry()),
        ("e-9", Some(1500))
    );
}

#[test]
fn a_chunked_frame_is_one_chunk() {
    let long = vec![b'x'; 5000];
    let lines = b"\n".repeat(300);
    for data in [&b"x"[..], b"", &long, &lines] {
        let frame = Frame::default().data(data);
        let (mut plain, mut chunked) = (Vec::new(), Vec::new());
        sse::encode(&mut plain, frame).expect("valid");
        sse::encode_chunked(&mut chunked, frame).expect("valid");
        let text = chunked.strip_suffix(b"\r\n").expect("data ends in CRLF");
        let end = text.iter().position(|&b| b == b'\r').expect("a size line");
        let size = std::str::from_utf8(&text[..end]).expect("ASCII");
        assert_eq!(usize::from_str_radix(size, 16), Ok(plain.len()));
        assert_eq!(&text[end + 2..], plain);
    }
}

#[test]
fn streams_read_as_the_standard_has_them() {
    type Want<'a> = &'a [(&'a str, &'a str, &'a str)];
    let table: [(&str, Want<'_>); 20] = [
        ("data: x\n\n", &[("", "message", "x")]),
        (
            "data: x\r\rdata: y\r\n\r\n",
            &[("", "message", "x"), ("", "message", "y")],
        ),
        ("data:x\ndata\ndata:  y\n\n", &[("", "message", "x\n\n y")]),
        (
            "data\n\ndata\ndata\n\ndata:",
            &[("", "message", ""), ("", "message", "\n")],
        ),
        (
            "event: tick\ndata: x\n\ndata: y\n\n",
            &[("", "tick", "x"), ("", "message", "y")],
        ),
        ("event: a\n\ndata: x\n\n", &[("", "message", "x")]),
        ("event: a\nevent\ndata: x\n\n", &[("", "message", "x")]),
        (
            "id: 1\ndata: x\n\ndata: y\n\n",
            &[("1", "message", "x"), ("1", "message", "y")],
        ),
        ("id: 1\n\nid\ndata: y\n\n", &[("", "message", "y")]),
        ("id: 1\n\nid: a\0b\ndata: y\n\n", &[("1", "message", "y")]),
        ("data: x\nid: 7\n\n", &[("7", "message", "x")]),
        ("\u{feff}data: x\n\n", &[("", "message", "x")]),
        (
            "\u{feff}\u{feff}data: x\n\ndata: y\n\n",
            &[("", "message", "y")],
        ),
        ("\n\u{feff}data: x\n\n", &[]),
        ("data: \u{feff}x\n\n", &[("", "message", "\u{feff}x")]),
        (": c\n:data: x\ndata: y\n\n", &[("", "message", "y")]),
        ("Data: x\n data: x\ndata : x\nx\n\n", &[]),
        ("data: x\ndata: y\n", &[]),
        ("data:\tx\nevent:\ty\n\n", &[("", "\ty", "\tx")]),
        (
            "data: a\u{b}b\u{c}c\u{85}d\u{2028}e\n\n",
            &[("", "message", "a\u{b}b\u{c}c\u{85}d\u{2028}e")],
        ),
    ];
    for (text, want) in table {
        let got = events(text);
        let got = got
            .iter()
            .map(|(id, event, data)| (&**id, &**event, &**data));
        assert!(
            got.clone().eq(want.iter().copied()),
            "{text:?}: {:?}",
            got.collect::<Vec<_>>()
        );
    }
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    let table: [(&[u8], &str); 4] = [
        (b"data: a\xe2\x82\n\n", "a\u{fffd}"),
        (b"data: \xc0\xaf\n\n", "\u{fffd}\u{fffd}"),
        (b"data: \xed\xa0\x80\n\n", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xef\xbbdata: x\n\ndata: y\xff\n\n", "y\u{fffd}"),
    ];
    for (bytes, want) in table {
        let mut seen = Vec::new();
        let each = |event: sse::DecodedEvent<'_>| seen.push(event.data.to_owned());
        EventDecoder::default()
            .push(bytes, each)
            .expect("within bounds");
        assert_eq!(seen, [want]);
    }
}

#[test]
fn retry_takes_digits_only() {
    let table = [
        ("retry: 10\n", Some(10)),
        ("retry: 10\nretry: 020\n", Some(20)),
        ("retry: 10", None),
        (
            "retry: 10\nretry:\nretry: -1\nretry: +1\nretry: 1.5\nretry: 1 \n",
            Some(10),
        ),
        ("retry: 99999999999999999999\n", Some(u64::MAX)),
    ];
    for (text, want) in table {
        let mut decoder = EventDecoder::default();
        decoder
            .push(text.as_bytes(), |_| {})
            .expect("within bounds");
        assert_eq!(decoder.retry(), want, "{text:?}");
    }
    let mut retries = Vec::new();
    let each = |event: sse::DecodedEvent<'_>| retries.push(event.retry);
    EventDecoder::default()
        .push(b"retry: 5\ndata\n\ndata\n\n", each)
        .expect("within bounds");
    assert_eq!(retries, [Some(5), None]);
}

#[test]
fn bounds_are_errors_and_stay() {
    let limits = DecodeLimits::default().line_bytes(10).event_bytes(12);
    let mut decoder = EventDecoder::new(limits);
    let mut count = 0;
    let input = b"data: 1234\n\ndata: 12345\n\n";
    let error = decoder.push(input, |_| count += 1).unwrap_err();
    assert_eq!((count, error), (1, DecodeError::LineTooLong { limit: 10 }));
    assert_eq!(decoder.push(b"\n\ndata: x\n\n", |_| {}), Err(error));

    let mut decoder = EventDecoder::new(limits);
    for _ in 0..10 {
        assert_eq!(decoder.push(b"a", |_| {}), Ok(()));
    }
    assert_eq!(decoder.push(b"a", |_| {}), Err(error), "a line without end");

    let mut decoder = EventDecoder::new(limits);
    let text = b"data: 123\ndata: 123\ndata: 123\ndata:\ndata:\n\n";
    let error = decoder.push(text, |_| {}).unwrap_err();
    assert_eq!(error, DecodeError::EventTooLong { limit: 12 });
    assert_eq!(
        error.to_string(),
        "an event of the event stream is longer than 12 bytes"
    );
}

#[test]
fn a_reconnect_keeps_id_and_retry_and_drops_what_was_cut() {
    let mut decoder = EventDecoder::default();
    let cut = b"retry: 7\nid: 1\ndata: x\n\nid: 2\nevent: e\ndata: cut\nda";
    decoder.push(cut, |_| {}).expect("within bounds");
    decoder.reconnect();
    assert_eq!((decoder.last_event_id(), decoder.retry()), ("1", Some(7)));
    let mut seen = Vec::new();
    let each = |e: sse::DecodedEvent<'_>| seen.push((e.id.to_owned(), e.event.to_owned()));
    decoder
        .push("\u{feff}data: y\n\n".as_bytes(), each)
        .expect("within bounds");
    assert_eq!(seen, [("1".to_owned(), "message".to_owned())]);
}

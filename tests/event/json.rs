//! JSON in and out: what is accepted comes through byte for byte, what is refused is named with its byte.

use eventring::event::{
    DataKind, ErrorKind, EventBatch, EventBuilder, EventError, EventLimits, Shape,
};
use proptest::prelude::*;

const HEAD: &str = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t""#;

fn read(text: &str) -> Result<Vec<u8>, EventError> {
    let mut builder = EventBuilder::new();
    builder.read_cloudevents_json(Some("t"), text.as_bytes())?;
    Ok(builder.build_ref()?.data().to_vec())
}

fn refused(text: &str) -> EventError {
    read(text).expect_err(text)
}

#[test]
fn errors_name_the_field_and_the_byte() {
    let cases: &[(&str, &str)] = &[
        (
            r#"{"id":"1","source":"/s","type":"t"}"#,
            "specversion: is missing at byte 0",
        ),
        (
            r#"{"specversion":"1.0","source":"/s","type":"t"}"#,
            "id: is missing at byte 0",
        ),
        (
            r#"{"specversion":"1.0","id":"1","type":"t"}"#,
            "source: is missing at byte 0",
        ),
        (
            r#"{"specversion":"1.0","id":"1","source":"/s"}"#,
            "type: is missing at byte 0",
        ),
        (
            r#"{"specversion":"0.3","id":"1"}"#,
            "specversion: only \"1.0\" is understood at byte 15",
        ),
        (
            r#"{"specversion":"1.0","id":"","type":"t"}"#,
            "id: must not be empty at byte 26",
        ),
        (
            r#"{"specversion":"1.0","id":"a\u000ab"}"#,
            "id: holds a control character at byte 26",
        ),
        (
            r#"{"specversion":"1.0","id":"\ud800"}"#,
            "id: holds half a surrogate pair at byte 27",
        ),
        (r#"{"id":"1","id":"2"}"#, "id: appears twice at byte 10"),
        (
            r#"{"ext":"1","\u0065xt":"2"}"#,
            "ext: appears twice at byte 22",
        ),
        (
            r#"{"time":"yesterday"}"#,
            "time: not an RFC 3339 time at byte 8",
        ),
        (
            r#"{"time":"2026-03-01T12:00:00"}"#,
            "time: not an RFC 3339 time at byte 8",
        ),
        (
            r#"{"topic":"a..b"}"#,
            "topic: not a topic name: empty segment at column 3 at byte 9",
        ),
        (r#"{"data_base64":"AA==A"}"#, "data_base64: not base 64"),
        (
            r#"{"data":1,"data_base64":"AA=="}"#,
            "data_base64: cannot stand beside \"data\" at byte 24",
        ),
        (r#"{"data":[1,}"#, "not JSON: expected a value at byte 11"),
        (
            r#"{"data":01}"#,
            "not JSON: expected \",\" or \"}\" at byte 9",
        ),
        (r#"{"data":tru}"#, "not JSON: expected a value at byte 8"),
        (
            r#"{"data":"\x"}"#,
            "not JSON: expected an escape at byte 10",
        ),
        (
            "{\"data\":\"a\nb\"}",
            "not JSON: expected no bare control character at byte 10",
        ),
        (
            r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"} x"#,
            "not JSON: expected the end of the text at byte 56",
        ),
        (r#"{"a" 1}"#, "not JSON: expected \":\" at byte 5"),
        (r#"{a:1}"#, "not JSON: expected a member name at byte 1"),
        ("", "not JSON: expected a value at byte 0"),
        ("[]", "expected an object at byte 0"),
        ("7", "expected an object at byte 0"),
    ];
    for (text, message) in cases {
        // What is missing is found last; give these the rest of an event where they lack it.
        let whole = match text.strip_suffix('}') {
            Some(text)
                if !message.contains("missing")
                    && !text.contains("specversion")
                    && text.len() > 3 =>
            {
                format!(r#"{text},"specversion":"1.0","source":"/s","type":"t","id":"0"}}"#)
            }
            _ => text.to_string(),
        };
        let error = read(text).or_else(|_| read(&whole)).err();
        let first = read(text).unwrap_err();
        let messages = [
            first.to_string(),
            error.map(|e| e.to_string()).unwrap_or_default(),
        ];
        assert!(
            messages.iter().any(|m| m.starts_with(message)),
            "{text}\n{messages:?}\n{message}"
        );
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_where_they_are() {
    let mut builder = EventBuilder::new();
    let error = builder
        .read_cloudevents_json(Some("t"), b"{\"id\":\"a\xff\"}")
        .unwrap_err();
    assert_eq!((error.kind, error.at), (ErrorKind::NotUtf8, Some(8)));
}

#[test]
fn numbers_that_no_parser_can_hold_go_through() {
    for data in [
        "123456789012345678901234567890",
        "1e999",
        "-0.0",
        "1.10",
        "[1E+400,0.1e-999]",
        r#""\ud800""#,
    ] {
        assert_eq!(
            read(&format!("{HEAD},\"data\":{data}}}")).unwrap(),
            data.as_bytes()
        );
    }
}

#[test]
fn depth_is_bounded_and_exact() {
    let nested = |n: usize| format!("{HEAD},\"data\":{}{}}}", "[".repeat(n), "]".repeat(n));
    assert!(
        read(&nested(63)).is_ok(),
        "the event itself is the first level"
    );
    let error = refused(&nested(64));
    assert_eq!(error.kind, ErrorKind::TooDeep { limit: 64 });
    assert_eq!(error.at, Some(HEAD.len() + 8 + 63));
    // A megabyte of brackets neither recurses nor takes long.
    let error = refused(&format!("{HEAD},\"data\":{}", "[".repeat(1 << 20)));
    assert_eq!(error.kind, ErrorKind::TooDeep { limit: 64 });
}

#[test]
fn limits_are_named_with_what_they_allow() {
    let limits = EventLimits::default()
        .payload_bytes(8)
        .attribute_value_bytes(40)
        .attributes(2);
    let refused = |text: String| {
        let mut builder = EventBuilder::with_limits(limits);
        builder
            .read_cloudevents_json(Some("t"), text.as_bytes())
            .unwrap_err()
    };
    let error = refused(format!("{HEAD},\"data\":[1,2,3,4,5]}}"));
    assert_eq!(
        error.kind,
        ErrorKind::TooLarge {
            limit: 8,
            actual: 11
        }
    );
    assert!(error.is_too_large());
    assert_eq!(
        (error.field.as_ref(), error.at),
        ("data", Some(HEAD.len() + 8))
    );
    // Eight bytes, whose base 64 is as long as that of nine.
    let mut builder = EventBuilder::with_limits(limits);
    let text = format!("{HEAD},\"data_base64\":\"AAAAAAAAAAA=\"}}");
    builder
        .read_cloudevents_json(Some("t"), text.as_bytes())
        .unwrap();
    let error = refused(format!("{HEAD},\"data_base64\":\"AAAAAAAAAAAA\"}}"));
    assert!(error.is_too_large());
    let error = refused(format!("{HEAD},\"subject\":\"{}\"}}", "x".repeat(41)));
    assert_eq!(
        error.to_string(),
        format!(
            "subject: 41 bytes is over the limit of 40 at byte {}",
            HEAD.len() + 11
        )
    );
    let error = refused(format!("{HEAD},\"a\":1,\"b\":2,\"c\":3}}"));
    assert_eq!(
        (error.kind, error.field.as_ref()),
        (ErrorKind::TooMany { limit: 2 }, "c")
    );
    let error = refused(format!("{HEAD},\"{}\":1}}", "n".repeat(129)));
    assert_eq!(
        error.kind,
        ErrorKind::TooLarge {
            limit: 128,
            actual: 129
        }
    );
    let mut builder = EventBuilder::with_limits(limits.text_bytes(10));
    let error = builder
        .read_cloudevents_json(None, HEAD.as_bytes())
        .unwrap_err();
    assert_eq!(
        error.kind,
        ErrorKind::TooLarge {
            limit: 10,
            actual: HEAD.len()
        }
    );
}

#[test]
fn relaxed_events_need_a_type_only() {
    let mut builder = EventBuilder::new();
    builder
        .read_json(
            Shape::Relaxed,
            Some("orders"),
            br#" {"type":"t","data":{"a":1}} "#,
        )
        .unwrap();
    let event = builder.build_ref().unwrap();
    assert_eq!(
        (event.source(), event.data()),
        ("/orders", &b"{\"a\":1}"[..])
    );
    assert_eq!(event.id().len(), 36);
    builder.clear();
    let error = builder
        .read_json(Shape::Relaxed, None, br#"{"type":"t"}"#)
        .unwrap_err();
    assert_eq!(error.to_string(), "topic: is missing at byte 0");
}

#[test]
fn a_batch_is_read_whole_or_not_at_all() {
    let mut batch = EventBatch::new();
    batch
        .push_json(Shape::Relaxed, Some("a"), br#"{"type":"kept"}"#)
        .unwrap();
    let text = format!("[{HEAD}}}, {HEAD},\"subject\":1}}]");
    let error = batch
        .read_cloudevents_batch(Some("t"), text.as_bytes())
        .unwrap_err();
    assert_eq!((error.index, error.field.as_ref()), (Some(1), "subject"));
    assert_eq!(&text[error.at.unwrap()..][..1], "1");
    assert_eq!(batch.len(), 1);
    assert_eq!(batch.iter().next().unwrap().ty(), "kept");
    let error = batch.read_cloudevents_batch(Some("t"), b"{}").unwrap_err();
    assert_eq!(error.to_string(), "expected an array of events at byte 0");
    batch.read_cloudevents_batch(Some("t"), b" [ ] ").unwrap();
    assert_eq!(batch.len(), 1);
}

/// Once: eight megabytes of `0,` were read to the end first.
#[test]
fn a_batch_is_refused_at_its_first_bad_event_and_read_no_further() {
    // What follows is not even JSON: who reads on finds that instead.
    for rest in ["0,".repeat(4_000_000), "]]]]".to_owned(), String::new()] {
        let text = format!("[{HEAD}}},0,{rest}");
        let mut batch = EventBatch::new();
        let read = batch.read_cloudevents_batch(Some("t"), text.as_bytes());
        let error = read.unwrap_err();
        assert_eq!(error.index, Some(1), "{error}");
        assert_eq!(error.kind, ErrorKind::WrongType("an object"));
        assert_eq!(error.at, Some(HEAD.len() + 3));
        assert!(batch.is_empty());
    }
    // Too many are found out at the first too many, too.
    let mut batch = EventBatch::with_limits(EventLimits::default().batch_events(2));
    let text = format!("[{HEAD}}},{HEAD}}},{HEAD}}},]]]");
    let read = batch.read_cloudevents_batch(Some("t"), text.as_bytes());
    let error = read.unwrap_err();
    assert_eq!(error.index, Some(2), "{error}");
    assert_eq!(error.kind, ErrorKind::TooMany { limit: 2 });
}

/// Once: a byte-order mark was "not JSON at byte 0".
#[test]
fn a_byte_order_mark_is_skipped_and_utf16_is_named() {
    let mut builder = EventBuilder::new();
    let marked = format!("\u{feff} {HEAD},\"data\":[1]}}");
    builder
        .read_cloudevents_json(Some("t"), marked.as_bytes())
        .unwrap();
    assert_eq!(builder.build_ref().unwrap().data(), b"[1]");
    let json = "application/json";
    let mut data = |data: &[u8]| {
        let event = builder
            .clear()
            .topic("t")
            .ty("t")
            .data(json, data)
            .build_ref();
        event.map(|event| event.data().to_vec())
    };
    // Nothing of it stays: the data stands inside other JSON when it goes out.
    assert_eq!(data(b"\xef\xbb\xbf{}").unwrap(), b"{}");
    let error = data(b"\xef\xbb\xbf{,}").unwrap_err();
    assert_eq!((error.field.as_ref(), error.at), ("data", Some(4)));
    for twice in [
        &b"\xef\xbb\xbf\xef\xbb\xbf1"[..],
        b"[\xef\xbb\xbf1]",
        b"1\xef\xbb\xbf",
    ] {
        assert!(
            data(twice).is_err(),
            "a mark stands in front and nowhere else"
        );
    }
    let utf16: Vec<u8> = "{\"a\":1}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let swapped: Vec<u8> = utf16
        .chunks(2)
        .flat_map(|pair| [pair[1], pair[0]])
        .collect();
    for (mark, text) in [
        (&[][..], &utf16),
        (&[0xff, 0xfe], &utf16),
        (&[0xfe, 0xff], &swapped),
        (&[], &swapped),
    ] {
        let error = data(&[mark, text].concat()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "data: UTF-16, but UTF-8 is expected at byte 0"
        );
    }
}

#[test]
fn data_is_what_its_content_type_says() {
    let mut builder = EventBuilder::new();
    let error = builder
        .topic("t")
        .ty("t")
        .data("application/json", b"{\"a\":}")
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "data: not JSON: expected a value at byte 5"
    );
    let mut kind = |content_type: &str, data: &[u8]| {
        builder.clear();
        builder
            .topic("t")
            .ty("t")
            .data(content_type, data)
            .build()
            .unwrap()
            .data_kind()
    };
    assert_eq!(
        kind("application/problem+json; charset=utf-8", b"{}"),
        DataKind::Json
    );
    assert_eq!(kind("text/plain", "é".as_bytes()), DataKind::Text);
    assert_eq!(kind("text/plain", b"\xff"), DataKind::Binary);
    assert_eq!(kind("application/octet-stream", b"abc"), DataKind::Binary);
    assert_eq!(kind("", b"abc"), DataKind::Text);
}

/// Any JSON value as somebody might have written it: odd spacing, escapes and numbers.
fn json_text() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
        Just("null".into()),
        Just("true".into()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        "\"([a-z{}\\[\\],: ]|\\\\u[0-9a-f]{4}|\\\\[nrtbf/\"\\\\]){0,20}\"",
    ];
    let space = "[ \t\n\r]{0,2}";
    scalar.prop_recursive(5, 40, 6, move |inner| {
        let value = (space, inner, space).prop_map(|(a, v, b)| format!("{a}{v}{b}"));
        let member = (value.clone(), "[a-z]{0,3}").prop_map(|(v, k)| format!("\"{k}\" :{v}"));
        prop_oneof![
            prop::collection::vec(value, 0..6).prop_map(|v| format!("[{}]", v.join(","))),
            prop::collection::vec(member, 0..6).prop_map(|v| format!("{{{}}}", v.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn data_survives_byte_for_byte(data in json_text(), before in "[ \t\n\r]{0,3}", after in "[ \t\n\r]{0,3}") {
        let text = format!("{HEAD},\"data\":{before}{data}{after},\"ext\":[{data}]}}");
        let mut builder = EventBuilder::new();
        builder.read_cloudevents_json(Some("t"), text.as_bytes()).unwrap();
        let event = builder.build_ref().unwrap();
        prop_assert_eq!(str::from_utf8(event.data()).unwrap(), &data);
        let mut out = Vec::new();
        event.write_cloudevents_json(&mut out);
        let mut again = EventBuilder::new();
        again.read_cloudevents_json(None, &out).unwrap();
        let again = again.build_ref().unwrap();
        prop_assert_eq!(again.data(), event.data());
        prop_assert_eq!(again.attribute("ext"), event.attribute("ext"));
    }

    #[test]
    fn strings_come_back_from_json(id in "\\PC{1,20}", subject in "\\PC{1,20}", ext: String, text: String, tag: String) {
        let mut builder = EventBuilder::new();
        builder.topic("t").ty("t").id(&id).subject(&subject).attribute("ext", &ext).tag("k", &tag).text(&text);
        let event = builder.build().unwrap();
        let mut out = Vec::new();
        event.write_cloudevents_json(&mut out);
        serde_json::from_slice::<serde_json::Value>(&out).unwrap();
        let mut again = EventBuilder::new();
        again.read_cloudevents_json(None, &out).unwrap();
        let again = again.build_ref().unwrap();
        prop_assert_eq!((again.id(), again.subject()), (&*id, Some(&*subject)));
        prop_assert_eq!(again.attribute("ext").unwrap().text(), Some(&*ext));
        prop_assert_eq!(again.tags().next().unwrap().1.text(), Some(&*tag));
        prop_assert_eq!(again.data(), text.as_bytes());
    }

    #[test]
    fn binary_data_comes_back_from_json(data: Vec<u8>) {
        let mut builder = EventBuilder::new();
        let event = builder.topic("t").ty("t").data("application/octet-stream", &data).build().unwrap();
        let mut out = Vec::new();
        event.write_cloudevents_json(&mut out);
        let mut again = EventBuilder::new();
        again.read_cloudevents_json(None, &out).unwrap();
        prop_assert_eq!(again.build_ref().unwrap().data(), &data[..]);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(text: Vec<u8>, json in json_text(), cut in 0usize..200, bit in 0usize..1600) {
        let mut builder = EventBuilder::new();
        for shape in [Shape::CloudEvents, Shape::Codomyrmex, Shape::Eventuali, Shape::StreamEvent] {
            let _ = builder.clear().read_json(shape, Some("t"), &text);
            let _ = builder.clear().read_json(shape, Some("t"), json.as_bytes());
            let mut event = format!("{HEAD},\"data\":{json},\"metadata\":{json},\"_context\":{{\"a\":{json}}}}}").into_bytes();
            let at = bit / 8 % event.len();
            event[at] ^= 1 << (bit % 8);
            event.truncate(event.len().min(cut.max(20)));
            let _ = builder.clear().read_json(shape, Some("t"), &event);
        }
    }

    /// The fast parser must never take what the strict one refuses: we would pass on what is not JSON.
    #[test]
    fn accepted_data_is_json_to_others_too(data in "[ -~\u{80}-\u{9f}]{0,12}", json in json_text(), at: usize, with in "[\\x00-\\x7f]?") {
        let mut broken = json.clone();
        if !broken.is_empty() {
            let at = at % (broken.len() + 1);
            if broken.is_char_boundary(at) {
                broken.insert_str(at, &with);
            }
        }
        for data in [data, broken] {
            if let Ok(kept) = read(&format!("{HEAD},\"data\":[{data}]}}")) {
                let kept = String::from_utf8(kept).unwrap();
                // serde_json refuses half surrogates, which JSON's grammar allows.
                if !kept.contains("\\u") {
                    let value: Result<serde_json::Value, _> = serde_json::from_str(&kept);
                    prop_assert!(value.is_ok(), "{}", kept);
                }
            }
        }
    }
}

//! An export is taken back whole.

use eventring::Event;
use eventring::event::{Epoch, EventBuilder, EventRef, Shape};
use eventring::journal::{ExportDecoder, ExportEncoder, ExportError, ExportLine, StoredEvent};
use proptest::prelude::*;

const EPOCH: Epoch = Epoch(0x1234);

fn exported(events: &[StoredEvent<'_>]) -> Vec<u8> {
    let mut encoder = ExportEncoder::new(EPOCH);
    let mut out = Vec::new();
    encoder.begin(&mut out);
    events
        .iter()
        .for_each(|event| encoder.event(event, &mut out));
    encoder.end(&mut out);
    out
}

/// An event that was read: offset, recorded, version, rest, record.
type Read = (u64, i64, Option<u64>, u32, Event);

fn imported(text: &[u8]) -> Result<Vec<Read>, ExportError> {
    let mut decoder = ExportDecoder::new();
    let mut read = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let ExportLine::Event(stored) = decoder.line(line)? {
            let event = stored.event.to_event();
            let StoredEvent {
                offset,
                recorded,
                version,
                rest,
                ..
            } = stored;
            read.push((offset, recorded, version, rest, event));
        }
    }
    decoder.finish().map(|()| read)
}

/// Takes it there and back; the record is the same to the byte.
fn round_trip(event: EventRef<'_>) {
    let mut stored = StoredEvent::new(7, 1_700_000_000_123, event);
    (stored.version, stored.rest) = (Some(1 << 62), 4);
    let text = exported(&[stored]);
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(
        lines,
        3,
        "one event a line: {}",
        String::from_utf8_lossy(&text)
    );
    let read = imported(&text).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&text));
    });
    let (offset, recorded, version, rest, again) = &read[0];
    assert_eq!((*offset, *recorded), (7, 1_700_000_000_123));
    assert_eq!((*version, *rest), (Some(1 << 62), 4));
    let said = String::from_utf8_lossy(&text);
    assert_eq!(again.record(), event.record(), "{said}");
}

#[test]
fn what_lines_have_no_place_for_comes_back() {
    let plain = || Event::builder("orders.eu", "created");
    for builder in [
        plain().json("{\n  \"a\": [1,\r\n\t2]\n}\n"),
        plain().data("", b"text of no type"),
        plain().text("two\nlines"),
        plain().data("application/octet-stream", &[0, 255, 10]),
        plain()
            .attribute("eventringposition", "mine")
            .attribute("x-eventringrest", "2"),
        plain()
            .json_attribute("eventringnew", "7")
            .stream("cart", "7", 3),
        plain().time("2026-11-30T10:00:00.5+01:00").subject("s"),
        plain().time_nanos(i64::MIN).source("/here"),
        plain().tag("a", "1").header("b", "2"),
    ] {
        round_trip(builder.build().unwrap().as_ref());
    }
    let id = "01234567-89ab-4def-8000-0123456789ab";
    for (shape, text) in [
        (
            Shape::DomainEvent,
            format!(
                r#"{{"eventId":"{id}","type":"t","timestamp":"2026-11-30T10:00:00Z","payload":{{"n":1}},"metadata":{{"k":"v"}}}}"#
            ),
        ),
        (
            Shape::Eventuali,
            format!(
                r#"{{"event_id":"{id}","aggregate_id":"7","aggregate_type":"cart","event_type":"t","aggregate_version":3,"data":{{"n": 1}},"timestamp":"2026-11-30T10:00:00"}}"#
            ),
        ),
        (
            Shape::Codomyrmex,
            r#"{"type":"t","data":"text","timestamp":"2026-11-30T10:00:00"}"#.to_owned(),
        ),
        (
            Shape::StreamEvent,
            r#"{"type":"t","n":1,"_context":{"a":"b"}}"#.to_owned(),
        ),
    ] {
        let mut builder = EventBuilder::new();
        builder
            .read_json(shape, Some("a"), text.as_bytes())
            .unwrap();
        let event = builder.build().unwrap();
        round_trip(event.as_ref());
        let mut written = Vec::new();
        let read = imported(&exported(&[StoredEvent::new(1, 0, event.as_ref())])).unwrap();
        read[0].4.write_json(shape, &mut written);
        let mut expected = Vec::new();
        event.write_json(shape, &mut expected);
        assert_eq!(written, expected);
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "[ -~]{1,12}", "\\PC{1,6}"]
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        "-?[1-9][0-9]{0,5}",
        "\"[a-z\\\\n]{0,0}\""
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let blank = || prop_oneof![Just(""), Just(" "), Just("\n"), Just("\r\n\t")];
        (proptest::collection::vec(inner, 0..4), blank(), blank())
            .prop_map(|(all, a, b)| format!("{a}[{b}{}{a}]{b}", all.join(&format!("{a},{b}"))))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_event_comes_back(
        names in proptest::collection::btree_set(prop_oneof!["[a-z]{9}[0-9]", "eventring[a-z]{1,3}", "(x-){1,3}eventringrest", "x-[a-z]{9}"], 0..4),
        values in proptest::collection::vec((text(), any::<bool>()), 4),
        data in prop_oneof![
            Just(None),
            json().prop_map(|json| Some(("application/json", json.into_bytes()))),
            text().prop_map(|text| Some(("text/plain", text.into_bytes()))),
            text().prop_map(|text| Some(("", text.into_bytes()))),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Some(("image/png", bytes))),
        ],
        subject in proptest::option::of("[ -~]{1,9}"),
        time in any::<i64>(),
    ) {
        let mut builder = Event::builder("a.b", "t");
        builder.time_nanos(time);
        if let Some(subject) = &subject {
            builder.subject(subject);
        }
        for (name, (value, is_json)) in names.iter().zip(&values) {
            match is_json {
                true => builder.json_attribute(name, "[1,2]"),
                false => builder.attribute(name, value),
            };
        }
        if let Some((ty, data)) = &data {
            builder.data(ty, data);
        }
        round_trip(builder.build().unwrap().as_ref());
    }
}

#[test]
fn what_is_no_whole_export_is_told_with_its_place() {
    let event = Event::builder("a", "t").json("1").build().unwrap();
    let event = |offset| StoredEvent::new(offset, 5, event.as_ref());
    let whole = exported(&[event(1), event(2), event(9)]);
    assert_eq!(imported(&whole).unwrap().len(), 3);
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let said = |lines: &[&[u8]]| imported(&lines.concat()).unwrap_err().to_string();
    let byte = lines[..3].concat().len();
    assert_eq!(
        said(&lines[..3]),
        format!(
            "line 4, byte {byte}: the export is cut off behind 2 events: make it again, or import what is there with --partial"
        )
    );
    // In the middle of a line, at any byte.
    for cut in 1..whole.len() - 1 {
        let error = imported(&whole[..cut]).unwrap_err();
        let is_told = matches!(
            error,
            ExportError::Truncated { .. } | ExportError::NotAnExport | ExportError::Event { .. }
        );
        assert!(is_told, "{cut}: {error:?}");
    }
    assert!(
        said(&[lines[0], lines[1], lines[1]])
            .starts_with("line 3: offset 1 does not come behind 1")
    );
    assert!(
        said(&[lines[0], lines[1], lines[4]])
            .starts_with("line 3: the export has 3 events, and 1 are there")
    );
    assert!(
        said(&[lines[0], lines[1], lines[2], lines[3], lines[4], lines[1]])
            .starts_with("line 6: behind")
    );
    assert!(said(&lines[1..]).starts_with("line 1: not an export"));
    assert!(said(&[]).starts_with("line 1: not an export"));
    let newer =
        b"{\"eventringexport\":\"begin\",\"format\":2,\"id\":\"1\",\"epoch\":\"0000000000001\"}";
    assert!(said(&[newer]).contains("format 2 is newer than 1"));
    // Of another log, put together by hand.
    let other = String::from_utf8(lines[1].to_vec())
        .unwrap()
        .replace(&EPOCH.to_string(), &Epoch(9).to_string());
    assert!(said(&[lines[0], other.as_bytes()]).contains("import one export at a time"));
    let unknown = String::from_utf8(lines[1].to_vec())
        .unwrap()
        .replace("eventringrecorded", "eventringlater");
    assert!(said(&[lines[0], unknown.as_bytes()]).contains("eventringlater: is not known"));
}

/// One flipped digit made a journal behind whose last offset there was none.
#[test]
fn numbers_that_no_journal_gives_out_are_told() {
    let event = Event::builder("a", "t").build().unwrap();
    let first = StoredEvent::new(1, 7, event.as_ref());
    for number in [(1 << 62) + 1, i64::MAX as u64, u64::MAX] {
        let far = StoredEvent::new(number, 7, event.as_ref());
        let mut late = StoredEvent::new(2, 7, event.as_ref());
        late.version = Some(number);
        for (event, name) in [(far, "offset"), (late, "version")] {
            let told = imported(&exported(&[first, event])).unwrap_err();
            let (line, given) = (3, number);
            assert_eq!(told, ExportError::Number { line, name, given });
        }
    }
}

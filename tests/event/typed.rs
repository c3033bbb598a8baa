//! Data of a program's own types: written and read by serde, exactly, with errors that say what is wrong and where.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use eventring::event::{DataError, DataKind, ErrorKind, Event, EventBuilder, EventLimits};
use eventring::json::{DEPTH_MAX, JsonErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    customer: Customer,
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Customer {
    name: String,
    vip: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Item { sku: String, price: f64 },
    Discount { percent: u8 },
}

fn order() -> Order {
    Order {
        id: u64::MAX,
        customer: Customer {
            name: "Zoë \"Z\" \u{1F600}\n".into(),
            vip: true,
        },
        lines: vec![
            Line::Item {
                sku: "a-1".into(),
                price: 19.9,
            },
            Line::Discount { percent: 10 },
        ],
        note: None,
    }
}

fn with_json(text: &str) -> Event {
    Event::builder("t", "t").json(text).build().unwrap()
}

#[test]
fn a_nested_value_comes_back_as_it_was() {
    let event = Event::json("orders.created", "order", &order()).unwrap();
    assert_eq!((event.topic(), event.ty()), ("orders.created", "order"));
    assert_eq!(event.content_type(), Some("application/json"));
    assert_eq!(event.data_as(), Ok(order()));
    assert_eq!(event.as_ref().data_as::<Order>(), Ok(order()));
    let again = Event::from_record(event.record().to_vec()).unwrap();
    assert_eq!(again.data_as::<Order>(), Ok(order()));
}

#[test]
fn values_go_through_a_hub_and_its_conditions() {
    use eventring::{Hub, Subscription};
    let hub = Hub::new();
    let large =
        Subscription::topic("n").filter_fn(|event| event.data_as::<u32>().is_ok_and(|n| n > 2));
    let mut large = hub.subscribe(large).unwrap();
    for n in 1..=4 {
        hub.publish(Event::json("n", "number", &n).unwrap())
            .unwrap();
    }
    let mut next = || large.try_recv().unwrap().event.data_as::<u32>();
    assert_eq!((next(), next()), (Ok(3), Ok(4)));
}

#[test]
fn text_is_borrowed_where_it_can_be() {
    let event = with_json(r#"{"name":"Ada"}"#);
    let data: BTreeMap<&str, &str> = event.data_as().unwrap();
    assert!(event.data().as_ptr_range().contains(&data["name"].as_ptr()));
}

#[test]
fn no_data_is_told_from_data_that_is_null() {
    let none = Event::builder("t", "t").build().unwrap();
    assert_eq!(none.data_as::<Option<u8>>(), Err(DataError::Missing));
    assert_eq!(DataError::Missing.to_string(), "the event has no data");
    let empty = Event::builder("t", "t").data("", b"").build().unwrap();
    assert_eq!(empty.data_as::<Option<u8>>(), Err(DataError::Missing));
    assert_eq!(with_json("null").data_as::<Option<u8>>(), Ok(None));
    assert_eq!(with_json("7").data_as(), Ok(Some(7)));
    assert_eq!(Event::json("t", "t", &()).unwrap().data(), b"null");
}

#[test]
fn data_that_is_not_json_says_what_it_is() {
    let text = Event::builder("t", "t").text("7").build().unwrap();
    let error = text.data_as::<u8>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the data is text/plain; charset=utf-8, not JSON"
    );
    let bytes = Event::builder("t", "t")
        .data("image/png", b"\x89PNG")
        .build()
        .unwrap();
    let error = bytes.data_as::<u8>().unwrap_err();
    assert!(
        matches!(error, DataError::ContentType { content_type } if content_type == "image/png")
    );
}

/// CloudEvents, JSON format 3.1: without a content type it is taken for JSON.
#[test]
fn data_without_a_content_type_is_read_if_it_is_json() {
    let untyped = |data: &[u8]| Event::builder("t", "t").data("", data).build().unwrap();
    assert_eq!(untyped(b"[1, 2]").data_as(), Ok(vec![1, 2]));
    let kind = |data: &[u8]| match untyped(data).data_as::<Vec<u8>>() {
        Err(DataError::Syntax(error)) => (error.kind, error.at),
        other => panic!("{other:?}"),
    };
    assert!(matches!(kind(b"[1, hello]"), (JsonErrorKind::Syntax(_), 4)));
    assert_eq!(kind(b"[\"\xff\"]").0, JsonErrorKind::NotUtf8);
    let deep = "[".repeat(100_000);
    let limit = DEPTH_MAX;
    assert_eq!(kind(deep.as_bytes()).0, JsonErrorKind::TooDeep { limit });
}

#[test]
fn what_does_not_fit_is_said_with_its_line_and_column() {
    let text = "{\n  \"id\": 7,\n  \"customer\": { \"name\": 5 }\n}";
    let error = with_json(text).data_as::<Order>().unwrap_err();
    let DataError::Mismatch { line, column, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((line, column), (3, 25));
    assert_eq!(
        error.to_string(),
        "the data does not fit: invalid type: integer `5`, expected a string at line 3 column 25"
    );
    let error = with_json(r#"{"id":7}"#).data_as::<Order>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the data does not fit: missing field `customer` at line 1 column 8"
    );
}

#[test]
fn numbers_that_are_too_large_are_refused_and_others_are_exact() {
    assert_eq!(with_json("18446744073709551615").data_as(), Ok(u64::MAX));
    assert_eq!(with_json("-9223372036854775808").data_as(), Ok(i64::MIN));
    assert_eq!(
        with_json("9007199254740993").data_as(),
        Ok(9_007_199_254_740_993_u64)
    );
    assert!(with_json("18446744073709551616").data_as::<u64>().is_err());
    assert!(with_json("-1").data_as::<u64>().is_err());
    assert!(with_json("256").data_as::<u8>().is_err());
    assert!(with_json("1.5").data_as::<u64>().is_err());
    assert_eq!(with_json("0.1").data_as(), Ok(0.1));
    let not_finite = [f64::NAN, f64::INFINITY];
    assert_eq!(
        Event::json("t", "t", &not_finite).unwrap().data(),
        b"[null,null]"
    );
}

#[test]
fn raw_text_is_kept_to_the_byte_both_ways() {
    let text = r#"{"price": 1.10, "big":123456789012345678901234567890.0e-3 , "s":"\u00e9"}"#;
    let event = with_json(text);
    let raw: &RawValue = event.data_as().unwrap();
    assert_eq!(raw.get(), text);
    assert_eq!(Event::json("t", "t", raw).unwrap().data(), text.as_bytes());
    let parts: BTreeMap<&str, &RawValue> = event.data_as().unwrap();
    assert_eq!(parts["price"].get(), "1.10");
    assert_eq!(parts["big"].get(), "123456789012345678901234567890.0e-3");
}

#[test]
fn a_value_that_has_no_json_is_the_error_of_build() {
    let map = BTreeMap::from([((1, 2), 3)]);
    let error = Event::json("t", "t", &map).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unserializable(_)));
    assert_eq!(
        error.to_string(),
        "data: cannot be written as JSON: key must be a string"
    );
    let mut builder = EventBuilder::new();
    assert!(builder.topic("t").ty("t").json_of(&map).build().is_err());
    let event = builder.clear().topic("t").ty("t").json_of(&7).build();
    assert_eq!(
        event.unwrap().data(),
        b"7",
        "the builder is good for the next"
    );
}

#[test]
fn values_keep_to_the_limits_of_text() {
    let mut builder = EventBuilder::with_limits(EventLimits::default().payload_bytes(100));
    let error = builder.topic("t").ty("t").json_of(&"x".repeat(99)).build();
    let too_large = ErrorKind::TooLarge {
        limit: 100,
        actual: 101,
    };
    assert_eq!(error.unwrap_err().kind, too_large);
    let fits = builder.clear().topic("t").ty("t").json_of(&"x".repeat(98));
    assert_eq!(fits.build().unwrap().data().len(), 100);
    let nested = |depth| {
        let value = (0..depth).fold(serde_json::json!(1), |value, _| serde_json::json!([value]));
        Event::json("t", "t", &value)
    };
    let limit = DEPTH_MAX;
    assert!(nested(limit).is_ok());
    assert_eq!(
        nested(limit + 1).unwrap_err().kind,
        ErrorKind::TooDeep { limit }
    );
}

#[test]
fn a_value_replaces_the_data_and_type_that_were_set_before() {
    let mut builder = Event::builder("t", "t");
    let event = builder.text("old").json_of(&[1, 2]).build().unwrap();
    assert_eq!(
        (event.data(), event.content_type()),
        (&b"[1,2]"[..], Some("application/json"))
    );
    let event = builder.text("new").build().unwrap();
    assert_eq!(event.data(), b"new");
}

#[test]
fn a_value_that_panics_leaves_an_event_without_data() {
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("a fault of the program")
        }
    }
    let mut builder = Event::builder("t", "t");
    builder.json("[1]");
    let half = [Ok(1), Err(Panics)];
    let caught = catch_unwind(AssertUnwindSafe(|| builder.json_of(&half).build().is_ok()));
    assert!(caught.is_err());
    // Neither the old data nor half of the new: what is not JSON must not go out as JSON.
    let event = builder.build().unwrap();
    assert_eq!((event.data(), event.content_type()), (&b""[..], None));
    assert_eq!(event.data_kind(), DataKind::None);
    assert!(Event::from_record(event.record().to_vec()).is_ok());
    let event = builder.json_of(&7).build().unwrap();
    assert_eq!(event.data_as::<u8>(), Ok(7));
}

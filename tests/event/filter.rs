//! Filters: types, tags, times, streams and predicates, from setters and from JSON.

use eventring::event::{
    Event, EventFilter, EventFilterBuilder, EventQuery, FilterErrors, FilterFault, Predicate,
    PredicateError, TypePattern,
};

fn order() -> Event {
    let mut event = Event::builder("orders.eu", "OrderPlaced");
    event
        .stream("Order", "o-1", 3)
        .tag("region", "eu")
        .attribute("tenant", "acme")
        .json_attribute("weight", "2.5")
        .subject("a \"b\"")
        .time("2026-03-01T12:00:00Z")
        .json(r#"{"amount": 250, "big": 170141183460469231731687303715884105727, "half": 1e-1, "items": [{"sku": "x\n1"}], "a b": true, "none": null, "s": "100"}"#);
    event.build().unwrap()
}

fn holds(predicate: &str) -> bool {
    Predicate::parse(predicate)
        .unwrap()
        .matches(order().as_ref())
}

#[test]
fn predicates_compare_what_a_pointer_leads_to() {
    for yes in [
        "/data/amount > 100",
        "/data/amount>=250",
        "/data/amount == 2.5e2",
        "/data/amount != 251",
        "/data/amount != \"250\"",
        "/data/big == 170141183460469231731687303715884105727",
        "/data/half < 0.2",
        "/data/items/0/sku == \"x\\n1\"",
        "\"/data/a b\" == true",
        "/data/none == null",
        "/data/none",
        "/data/items",
        "/type == \"OrderPlaced\"",
        "/topic >= \"orders\"",
        "/tenant == \"acme\"",
        "/weight > 2",
        "/tags/region == \"eu\"",
        "/subject == \"a \\\"b\\\"\"",
    ] {
        assert!(holds(yes), "{yes}");
    }
    for no in [
        "/data/amount > 250",
        "/data/s > 5",
        "/data/s == 100",
        "/data/missing != 1",
        "/data/missing",
        "/data/items/1",
        "/data/items/-",
        "/data/amount/x",
        "/tags/none == \"eu\"",
        "/datacontenttype == \"x\"",
        "/nothing",
        "/data/none < 1",
        "/data/big == 170141183460469231731687303715884105726",
    ] {
        assert!(!holds(no), "{no}");
    }
}

#[test]
fn a_bad_predicate_names_its_column() {
    let error = |text: &str| -> PredicateError { Predicate::parse(text).unwrap_err() };
    let message = |text: &str| error(text).to_string();
    assert_eq!(message(""), "a pointer starts with \"/\" at column 1");
    assert_eq!(message("data/x"), "a pointer starts with \"/\" at column 1");
    assert_eq!(
        message("/data/ü = 1"),
        "expected ==, !=, <, <=, > or >= at column 9"
    );
    assert_eq!(message("/data/x == 01"), "expected the end at column 13");
    assert_eq!(
        message("/data/x == {}"),
        "expected a JSON value at column 12"
    );
    assert_eq!(message("/data/x == 1e999"), "out of range at column 12");
    assert_eq!(
        message("/data/x == \"a"),
        "expected a JSON value at column 12"
    );
    assert_eq!(
        message("/data/~2"),
        "\"~\" is followed by 0 or 1 at column 1"
    );
    assert_eq!(
        message("/time > 1"),
        "a time is compared by a time range at column 1"
    );
    assert_eq!(
        message("/type/x"),
        "only data has anything below it at column 1"
    );
    assert_eq!(message("/tags"), "expected one name below it at column 1");
}

#[test]
fn type_patterns_take_segments_and_beginnings() {
    let takes = |pattern: &str, ty: &str| TypePattern::parse(pattern).unwrap().matches(ty);
    assert!(takes("User*", "UserCreated") && takes("User*", "User"));
    assert!(!takes("User*", "Order") && !takes("User*", "UserX.Y"));
    assert!(
        takes("user.*", "user.created") && !takes("user.*", "user") && !takes("user.*", "user.a.b")
    );
    assert!(takes("*.created", "user.created") && takes("us*.cr*", "user.created"));
    assert!(
        takes("user.>", "user.a.b") && takes("**", "anything at all") && !takes("user.**", "user")
    );
    let message = |text: &str| TypePattern::parse(text).unwrap_err().to_string();
    assert_eq!(message("a..b"), "empty segment at column 3");
    assert_eq!(
        message("*a"),
        "\"*\" is only allowed at the end of a segment at column 1"
    );
    assert_eq!(
        message("a.>.b"),
        "\">\" and \"**\" are only allowed at the end at column 3"
    );
    assert_eq!(message("a>"), "\">\" must be a whole segment at column 2");
}

fn taken(set: impl FnOnce(&mut EventFilterBuilder)) -> bool {
    let mut builder = EventFilter::builder();
    set(&mut builder);
    builder.build().unwrap().matches(order().as_ref())
}

#[test]
fn every_part_of_a_filter_must_take_the_event() {
    assert!(taken(|_| {}));
    assert!(taken(|b| _ = b.topic("users").topic("orders.*")));
    assert!(!taken(|b| _ = b.topic("users")));
    assert!(taken(|b| _ = b.ty("X").ty_pattern("Order*")));
    assert!(!taken(|b| _ = b.ty("X").ty_pattern("User*")));
    assert!(taken(
        |b| _ = b.stream_type("Order").stream_id("o-2").stream_id("o-1")
    ));
    assert!(!taken(|b| _ = b.stream_type("User")));
    assert!(!taken(|b| _ = b.tag("region", "eu").tag("region", "us")));
    assert!(taken(|b| _ = b
        .since("2026-03-01T12:00:00Z")
        .until("2026-03-01T12:00:00.000000001Z")));
    assert!(!taken(|b| _ = b.until("2026-03-01T12:00:00Z")));
    assert!(!taken(
        |b| _ = b.topic("orders.*").matching("/data/amount > 1000")
    ));
}

#[test]
fn equal_conditions_are_equal_values() {
    let mut a = EventFilter::builder();
    let mut b = EventFilter::builder();
    let a = a
        .ty("x")
        .ty("y")
        .tag("k", "v")
        .matching(" /data/n > 1 ")
        .build()
        .unwrap();
    let b = b
        .tag("k", "v")
        .ty("y")
        .ty("x")
        .ty("x")
        .matching("/data/n > 1")
        .build()
        .unwrap();
    assert_eq!(a, b);
    assert_eq!(EventFilter::builder().build().unwrap(), EventFilter::all());
    assert!(
        a.head()
            .matches(Event::builder("t", "x").build_ref().unwrap())
    );
    assert_eq!(a.exact_types().map(<[_]>::len), Some(2));
}

#[test]
fn all_errors_come_at_once() {
    let mut builder = EventFilter::builder();
    builder
        .topic("a")
        .topic("b..c")
        .ty("")
        .ty_pattern("x.>.y")
        .tag("", "v");
    builder
        .since("today")
        .matching("/data/x")
        .matching("/data/x <");
    let errors: FilterErrors = builder.build().unwrap_err();
    let faults: &[FilterFault] = errors.faults();
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "topic 1: empty segment at column 3",
            "type 0: must not be empty",
            "typePattern 0: \">\" and \"**\" are only allowed at the end at column 3",
            "tags 0: must not be empty",
            "since: not an RFC 3339 time",
            "where 1: expected a JSON value at column 10",
        ]
    );
    let mut builder = EventFilter::builder();
    (0..100).for_each(|n| _ = builder.ty(&n.to_string()));
    assert_eq!(
        builder.build().unwrap_err().to_string(),
        "type: more than 64 entries"
    );
    let mut builder = EventFilter::builder();
    let reversed = builder.since_nanos(5).until_nanos(5).build().unwrap_err();
    assert_eq!(
        reversed.to_string(),
        "until: not after the start of the range"
    );
}

fn query(text: &str) -> Result<EventQuery, String> {
    EventQuery::from_json(text.as_bytes()).map_err(|errors| errors.to_string())
}

#[test]
fn the_documents_json_filter_is_read() {
    let text = r#"{"type": "OrderPlaced", "typePattern": "Order*", "tags": {"region": "eu"},
        "dateRange": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}, "limit": 1000, "offset": 7}"#;
    let read = query(text).unwrap();
    assert_eq!((read.limit, read.offset), (Some(1000), 7));
    assert!(read.filter.matches(order().as_ref()));
    let more = r#"{"topic": ["orders.*", "users"], "streamType": "Order", "streamId": ["o-1"], "where": "/data/amount > 100"}"#;
    assert!(query(more).unwrap().filter.matches(order().as_ref()));
    assert_eq!(query("{}").unwrap().filter, EventFilter::all());
}

#[test]
fn a_bad_json_filter_lists_what_is_wrong() {
    assert_eq!(query("[]").unwrap_err(), "expected an object at column 1");
    assert_eq!(
        query("{\"type\":}").unwrap_err(),
        "not JSON: expected a value at column 9"
    );
    assert_eq!(
        query(r#"{"types": "x"}"#).unwrap_err(),
        "types: unknown member at column 2"
    );
    assert_eq!(
        query(r#"{"type": 5, "limit": 1001, "offset": -1, "tags": [], "dateRange": {"from": "x"}, "typePattern": []}"#).unwrap_err(),
        "type: expected a string at column 10; limit: expected a number from 1 to 1000 at column 22; \
         offset: expected a whole number, 0 or more at column 38; tags: expected an object at column 50; \
         dateRange.from: unknown member at column 68; typePattern: expected at least one at column 97"
    );
    assert_eq!(
        query(r#"{"type": "a", "type": "b"}"#).unwrap_err(),
        "type: appears twice at column 15"
    );
    assert_eq!(
        query(r#"{"where": ["/data/x >"]}"#).unwrap_err(),
        "where 0: expected a JSON value at column 10"
    );
}

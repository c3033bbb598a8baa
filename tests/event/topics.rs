//! Topics, patterns, filters, the router and positions, judged by dumber models.

use eventring::event::{
    Epoch, Event, EventFilter, Filter, FilterError, Pattern, PatternError, Position, PositionError,
    Router, TopicError, topic,
};
use proptest::prelude::*;

#[test]
fn topic_names_are_printable_segments() {
    for name in [
        "a",
        "a.b.c",
        "Größe",
        "orders/eu",
        "a b",
        "a*b",
        "x.>y",
        "$SYS",
        &"é".repeat(127),
    ] {
        assert_eq!(topic::validate(name), Ok(()), "{name}");
    }
    assert_eq!(topic::validate(""), Err(TopicError::Empty));
    let message = |name: &str| topic::validate(name).unwrap_err().to_string();
    assert_eq!(message(""), "it is empty");
    assert_eq!(
        message(&"é".repeat(128)),
        "256 bytes is over the limit of 255"
    );
    assert_eq!(message("."), "empty segment at column 1");
    assert_eq!(message("ü.a."), "empty segment at column 5");
    assert_eq!(message("a..b"), "empty segment at column 3");
    assert_eq!(message("a\tb"), "unprintable character at column 2");
    assert_eq!(message("a\u{85}b"), "unprintable character at column 2");
    assert_eq!(message("a.*.b"), "wildcard segment at column 3");
    assert_eq!(message("a.>"), "wildcard segment at column 3");
}

#[test]
fn patterns_say_which_column_is_wrong() {
    let error = |text: &str| -> PatternError { Pattern::parse(text).unwrap_err() };
    let message = |text: &str| error(text).to_string();
    assert_eq!(message(""), "it is empty at column 1");
    assert_eq!(
        message("a.>.b"),
        "\">\" is only allowed at the end at column 3"
    );
    assert_eq!(
        message("ä.b*"),
        "a wildcard must be a whole segment at column 4"
    );
    assert_eq!(
        message("a.>>"),
        "a wildcard must be a whole segment at column 3"
    );
    assert_eq!(message("a."), "empty segment at column 3");
    assert_eq!(message("a\nb"), "unprintable character at column 2");
    assert_eq!(
        message(&"x".repeat(256)),
        "longer than 255 bytes at column 256"
    );
}

#[test]
fn wildcards_are_whole_segments() {
    let cases = [
        ("*", "a", true),
        ("*", "a.b", false),
        (">", "a", true),
        (">", "a.b.c", true),
        ("a.>", "a", false),
        ("a.>", "a.b.c", true),
        ("*.b", "a.b", true),
        ("*.>", "a", false),
        ("a.*.c", "a.b.c", true),
        ("a", "A", false),
        // Reserved names are taken by the name of their first segment.
        (">", "$sys", false),
        (">", "$sys.x", false),
        ("*", "$sys", false),
        ("*.x", "$sys.x", false),
        ("*.>", "$sys.x", false),
        ("$sys.>", "$sys.x.y", true),
        ("$sys.*", "$sys.x", true),
        ("$sys.x", "$sys.x", true),
        ("$", "$", true),
        ("*", "$", false),
        ("a.*", "a.$x", true),
        ("a.>", "a.$x", true),
    ];
    for (pattern, name, expected) in cases {
        assert_eq!(
            Pattern::parse(pattern).unwrap().matches(name),
            expected,
            "{pattern} {name}"
        );
    }
}

#[test]
fn filters_are_canonical_and_bounded() {
    let filter = |patterns: &[&str]| Filter::parse(patterns).unwrap();
    assert_eq!(filter(&["b", "a", "b"]), filter(&["a", "b"]));
    assert_eq!(filter(&["a.b", "a.*", "x", ">"]), Filter::all());
    assert_eq!(filter(&["a.b", "a.*", "c"]).to_string(), "a.*,c");
    assert_ne!(filter(&["a.*"]), filter(&["a.>"]));
    assert_eq!(filter(&["$a.b", "$a.*", ">", "c"]).to_string(), "$a.*,>");
    assert!(Filter::all().is_all() && !filter(&["$a.*", ">"]).is_all());
    assert!(filter(&["$a.*", ">"]).covers(&Filter::all()));
    assert!(!Filter::all().covers(&filter(&["$a.*", ">"])));
    assert_eq!(Filter::parse::<&str>([]), Err(FilterError::Empty));
    let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(Filter::parse(&many[..64]).unwrap().patterns().len(), 64);
    assert_eq!(
        Filter::parse(&many),
        Err(FilterError::TooMany { given: 100 })
    );
    assert_eq!(
        Filter::parse(["a", "b."]).unwrap_err().to_string(),
        "pattern 1: empty segment at column 3"
    );
}

#[test]
fn a_removed_class_gets_nothing_and_leaves_nothing() {
    let mut router = Router::new();
    let filter = Filter::parse(["a.*", "*.b", "c.>"]).unwrap();
    router.insert(&filter, 1);
    router.insert(&filter, 2);
    assert_eq!(
        router.route_all("a.b"),
        [1, 2],
        "once each, though two patterns take it"
    );
    router.remove(&filter, 1);
    assert_eq!(router.route_all("a.b"), [2]);
    router.remove(&filter, 2);
    assert!(router.is_empty());
}

#[test]
fn positions_are_strict_short_text() {
    let position = Position {
        epoch: Epoch(u64::MAX),
        offset: u64::MAX,
    };
    let text = position.to_string();
    assert_eq!(text, "fzzzzzzzzzzzz-18446744073709551615");
    assert!(text.len() <= 40);
    let mut out = Vec::new();
    position.write_to(&mut out);
    assert_eq!(out, text.as_bytes());
    let error = |text: &str| text.parse::<Position>().unwrap_err();
    assert_eq!(error(""), PositionError::NoDash);
    assert_eq!(error("7"), PositionError::NoDash);
    assert_eq!(error("7-7"), PositionError::Epoch);
    assert_eq!(error("gzzzzzzzzzzzz-1"), PositionError::Epoch, "65 bits");
    assert_eq!(error("000000000000i-1"), PositionError::Epoch);
    for bad in ["", "-1", "+1", "01", "1 ", "18446744073709551616", "1-1"] {
        assert_eq!(
            error(&format!("0000000000000-{bad}")),
            PositionError::Offset,
            "{bad}"
        );
    }
    assert_ne!(Epoch::random(), Epoch::random());
}

/// A pattern and a name over a tiny alphabet, so that they often meet; `$` may stand before any segment.
fn pattern() -> impl Strategy<Value = String> {
    ("(\\$?[ab]|\\*)(\\.(\\$?[ab]|\\*)){0,3}", any::<u8>()).prop_map(|(text, tail)| {
        match tail % 4 {
            0 => format!("{text}.>"),
            1 if tail > 250 => ">".into(),
            _ => text,
        }
    })
}

fn name() -> impl Strategy<Value = String> {
    "\\$?[ab](\\.\\$?[ab]){0,4}"
}

/// Tries every way to cut the texts: slow and plainly right.
fn naive(pattern: &str, name: &str) -> bool {
    let wild = pattern.starts_with('*') || pattern.starts_with('>');
    !(wild && name.starts_with('$')) && naive_rest(&split(pattern), &split(name))
}

fn naive_rest(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([">"], [_, ..]) => true,
        (["*", pattern @ ..], [_, name @ ..]) => naive_rest(pattern, name),
        ([a, pattern @ ..], [b, name @ ..]) => a == b && naive_rest(pattern, name),
        ([], []) => true,
        _ => false,
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split('.').collect()
}

proptest! {
    #[test]
    fn matching_agrees_with_the_naive_matcher(pattern in pattern(), name in name()) {
        let expected = naive(&pattern, &name);
        prop_assert_eq!(Pattern::parse(&pattern).unwrap().matches(&name), expected);
    }

    #[test]
    fn a_canonical_filter_takes_what_its_patterns_take(patterns in prop::collection::vec(pattern(), 1..8), name in name()) {
        let expected = patterns.iter().any(|pattern| naive(pattern, &name));
        prop_assert_eq!(Filter::parse(&patterns).unwrap().matches(&name), expected);
    }

    #[test]
    fn covering_means_taking_more(a in pattern(), b in pattern(), name in name()) {
        let (a, b) = (Pattern::parse(&a).unwrap(), Pattern::parse(&b).unwrap());
        prop_assert!(!a.covers(&b) || !b.matches(&name) || a.matches(&name));
        prop_assert!(a.overlaps(&b) || !(a.matches(&name) && b.matches(&name)));
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
    }

    #[test]
    fn filters_that_cover_or_overlap_take_what_that_means(
        a in prop::collection::vec(pattern(), 1..4),
        b in prop::collection::vec(pattern(), 1..4),
        name in name(),
    ) {
        let (a, b) = (Filter::parse(&a).unwrap(), Filter::parse(&b).unwrap());
        prop_assert!(!a.covers(&b) || !b.matches(&name) || a.matches(&name));
        prop_assert!(a.overlaps(&b) || !(a.matches(&name) && b.matches(&name)));
        prop_assert!(!a.is_all() || a.matches(&name) != name.starts_with('$'));
    }

    #[test]
    fn the_router_agrees_with_the_filters(
        filters in prop::collection::vec(prop::collection::vec(pattern(), 1..4), 1..12),
        removed in prop::collection::vec(any::<bool>(), 12),
        names in prop::collection::vec(name(), 1..8),
    ) {
        let filters: Vec<Filter> = filters.iter().map(|patterns| Filter::parse(patterns).unwrap()).collect();
        let mut router = Router::new();
        for (class, filter) in filters.iter().enumerate() {
            router.insert(filter, class);
        }
        for (class, filter) in filters.iter().enumerate().filter(|(class, _)| removed[*class]) {
            router.remove(filter, class);
        }
        for name in names {
            let takes = |filter: &Filter| filter.patterns().iter().any(|one| naive(one.as_str(), &name));
            let expected: Vec<usize> = (0..filters.len())
                .filter(|class| !removed[*class] && takes(&filters[*class]))
                .collect();
            prop_assert_eq!(router.route_all(&name), expected);
        }
    }

    /// Copies are taken now and then: what changes later must not reach them.
    #[test]
    fn the_router_finds_whom_topics_and_types_take(
        filters in prop::collection::vec((prop::collection::vec(pattern(), 1..3), prop::collection::vec("[ab]", 0..3)), 1..16),
        removed in prop::collection::vec(any::<bool>(), 16),
        events in prop::collection::vec((name(), "[abc]"), 1..8),
    ) {
        let filters: Vec<EventFilter> = filters
            .iter()
            .map(|(patterns, types)| {
                let mut builder = EventFilter::builder();
                patterns.iter().for_each(|pattern| _ = builder.topic(pattern));
                types.iter().for_each(|ty| _ = builder.ty(ty));
                builder.build().unwrap()
            })
            .collect();
        let mut router = Router::new();
        for (class, filter) in filters.iter().enumerate() {
            router.insert_typed(filter, class);
        }
        let before = router.clone();
        for (class, filter) in filters.iter().enumerate().filter(|(class, _)| removed[*class]) {
            router.remove_typed(filter, class);
        }
        for (topic, ty) in events {
            let event = Event::builder(&topic, &ty).build().unwrap();
            let found = |router: &Router<usize>| {
                let mut found = Vec::new();
                router.visit(event.as_ref(), |class| found.push(*class));
                found.sort_unstable();
                found
            };
            let takes = |class: &usize| {
                let mut patterns = filters[*class].topics().patterns().iter();
                let taken = patterns.any(|one| naive(one.as_str(), &topic));
                assert_eq!(taken, filters[*class].topics().matches(&topic));
                filters[*class].matches(event.as_ref())
            };
            let all: Vec<usize> = (0..filters.len()).filter(takes).collect();
            let left: Vec<usize> = all.iter().copied().filter(|class| !removed[*class]).collect();
            prop_assert_eq!(found(&before), all);
            prop_assert_eq!(found(&router), left);
        }
        filters.iter().enumerate().for_each(|(class, filter)| router.remove_typed(filter, class));
        prop_assert!(router.is_empty());
    }

    #[test]
    fn no_text_makes_a_parser_panic(text: String, ascii in "[ -~]{0,40}") {
        for text in [&text, &ascii] {
            let _ = (topic::validate(text), Pattern::parse(text), text.parse::<Position>());
        }
    }

    #[test]
    fn positions_round_trip(epoch: u64, offset: u64) {
        let position = Position { epoch: Epoch(epoch), offset };
        prop_assert_eq!(position.to_string().parse(), Ok(position));
    }
}

//! Every event stream of the table, whole and cut everywhere.

use eventring::wire::sse::EventDecoder;
use serde_json::Value;

use super::table;

/// What a stream held: each event's name, id and data; the last id; the time to reconnect.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    events: Vec<(String, String, String)>,
    last_event_id: String,
    retry: Option<u64>,
}

impl Seen {
    fn wanted(case: &Value) -> Self {
        let events = case["events"].as_array().expect("events").iter();
        let member = |event: &Value, name: &str| table::text(&event[name]);
        Self {
            events: events
                .map(|e| (member(e, "event"), member(e, "id"), member(e, "data")))
                .collect(),
            last_event_id: table::text(&case["last_event_id"]),
            retry: case["retry"].as_u64(),
        }
    }

    fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let (mut decoder, mut seen) = (EventDecoder::default(), Self::default());
        for piece in pieces {
            let each = |e: eventring::wire::sse::DecodedEvent<'_>| {
                let event = (e.event.to_owned(), e.id.to_owned(), e.data.to_owned());
                seen.events.push(event);
            };
            decoder.push(piece, each).expect("within bounds");
        }
        seen.last_event_id = decoder.last_event_id().to_owned();
        seen.retry = decoder.retry();
        seen
    }
}

/// Panics unless the pieces hold what the case says. Texts of megabytes are not printed whole.
fn check<'a>(name: &str, pieces: impl IntoIterator<Item = &'a [u8]>, how: &str, wanted: &Seen) {
    let seen = Seen::of(pieces);
    if seen != *wanted {
        let [seen, wanted] = [&seen, wanted].map(|it| format!("{it:?}"));
        panic!("{name}, {how}:\n   got {seen:.300}\nwanted {wanted:.300}");
    }
}

#[test]
fn every_stream_of_the_table_holds_its_events_however_it_is_cut() {
    for case in table::cases("sse_cases.json") {
        let name = case["name"].as_str().expect("a name");
        let stream = match case["stream_hex"].as_str() {
            Some(digits) => table::hex(digits),
            None => table::text(&case["stream"]).into_bytes(),
        };
        let wanted = Seen::wanted(&case);
        check(name, [&stream[..]], "whole", &wanted);
        for size in [1, 7, 4096] {
            check(name, stream.chunks(size), &format!("by {size}"), &wanted);
        }
        if stream.len() <= 400 {
            for at in 1..stream.len() {
                let (one, two) = stream.split_at(at);
                check(name, [one, two], &format!("cut at {at}"), &wanted);
            }
        }
        if stream.len() <= 60 {
            for first in 1..stream.len() {
                for second in first + 1..stream.len() {
                    let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                    check(name, pieces, &format!("cut at {first}, {second}"), &wanted);
                }
            }
        }
        if let Some(lengths) = case["chunks"].as_array() {
            let (mut pieces, mut rest) = (Vec::new(), &stream[..]);
            for length in lengths {
                let (piece, after) = rest.split_at(length.as_u64().expect("a length") as usize);
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            check(name, pieces, "as its source cut it", &wanted);
        }
    }
}

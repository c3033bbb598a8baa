//! Properties that hold for any input: the fuzz targets and the property tests call these.

use std::borrow::Cow;

use super::super::http::{HttpLimits, ResponseDecoder, Step, chunk};
use super::{DecodeLimits, EventDecoder, Frame, encode, encode_chunked};

/// One event, owned: id, name, data.
type Owned = (String, String, String);

/// Everything a stream said: events, last event id, retry, error.
type Trace = (Vec<Owned>, String, Option<u64>, Option<String>);

fn trace<'p>(limits: DecodeLimits, pieces: impl IntoIterator<Item = &'p [u8]>) -> Trace {
    let mut decoder = EventDecoder::new(limits);
    let (mut events, mut error) = (Vec::new(), None);
    for piece in pieces {
        let each = decoder.push(piece, |event| {
            events.push((
                event.id.to_owned(),
                event.event.to_owned(),
                event.data.to_owned(),
            ));
        });
        error = each.err().map(|error| error.to_string());
    }
    (
        events,
        decoder.last_event_id().to_owned(),
        decoder.retry(),
        error,
    )
}

/// However a stream is cut, it has the same events; and without bounds those of a dumb decoder.
pub fn any_stream(input: &[u8]) {
    let unbounded = same_however_cut(DecodeLimits::default(), input);
    assert_eq!(unbounded, naive(input));
    same_however_cut(
        DecodeLimits {
            line_bytes: 24,
            event_bytes: 32,
        },
        input,
    );
}

fn same_however_cut(limits: DecodeLimits, input: &[u8]) -> Trace {
    let whole = trace(limits, [input]);
    assert_eq!(trace(limits, input.chunks(1)), whole, "byte by byte");
    for cut in (1..input.len()).step_by(input.len() / 256 + 1) {
        let (left, right) = input.split_at(cut);
        assert_eq!(trace(limits, [left, right]), whole, "cut at {cut}");
    }
    whole
}

/// The decoder of the HTML standard, with the whole text in hand.
fn naive(input: &[u8]) -> Trace {
    let text = String::from_utf8_lossy(input);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut last, mut retry) = (Vec::new(), String::new(), None);
    let (mut data, mut name, mut id) = (String::new(), String::new(), String::new());
    // What follows the last line end is no line.
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = complete
        .split('\n')
        .take(if text.contains('\n') { usize::MAX } else { 0 });
    for line in lines {
        if line.is_empty() {
            last.clone_from(&id);
            let shown = if name.is_empty() { "message" } else { &name };
            if let Some(data) = data.strip_suffix('\n') {
                events.push((last.clone(), shown.to_owned(), data.to_owned()));
            }
            data.clear();
            name.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => data += &format!("{value}\n"),
            "event" => name = value.to_owned(),
            "id" if !value.contains('\0') => id = value.to_owned(),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                retry = Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }
    (events, last, retry, None)
}

/// Frames come back as they were written, line ends aside, also through a chunked body. The input
/// is a list of id, name and data, each ended by the byte 0xff.
pub fn round_trip(input: &[u8]) {
    let fields: Vec<&[u8]> = input.split(|&b| b == 0xff).collect();
    let (mut plain, mut chunked) = (Vec::new(), RESPONSE.to_vec());
    let (mut want, mut last) = (Vec::new(), String::new());
    for triple in fields.chunks_exact(3) {
        let name = String::from_utf8_lossy(triple[1]);
        let frame = Frame {
            id: triple[0],
            event: &name,
            data: triple[2],
            retry: None,
        };
        let before = plain.len();
        let result = encode(&mut plain, frame);
        assert_eq!(encode_chunked(&mut chunked, frame), result);
        let refused = |bytes: &[u8]| bytes.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
        assert_eq!(
            result.is_err(),
            refused(frame.id) || refused(name.as_bytes())
        );
        if result.is_err() {
            assert_eq!(plain.len(), before, "an error that wrote something");
            continue;
        }
        if !frame.id.is_empty() {
            last = String::from_utf8_lossy(frame.id).into_owned();
        }
        want.push((last.clone(), shown_name(&name), shown_data(frame.data)));
    }
    chunked.extend_from_slice(chunk::LAST);
    let (events, id, _, error) = same_however_cut(DecodeLimits::default(), &plain);
    assert_eq!((events, id, error), (want, last, None));
    assert_eq!(dechunked(&chunked), plain);
}

fn shown_name(name: &str) -> String {
    if name.is_empty() {
        "message".to_owned()
    } else {
        name.to_owned()
    }
}

fn shown_data(data: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(data);
    text.replace("\r\n", "\n").replace('\r', "\n")
}

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn dechunked(mut response: &[u8]) -> Vec<u8> {
    let mut decoder = ResponseDecoder::new(HttpLimits::default());
    let mut body = Vec::new();
    loop {
        let (used, step) = decoder.decode(response).expect("our own framing");
        response = &response[used..];
        match step {
            Step::Body(data) => body.extend_from_slice(data),
            Step::Head(_) => {}
            Step::End => return body,
            Step::NeedMore => panic!("the closing chunk is there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pieces of streams, so that random text comes close to one.
    const PIECES: &[&str] = &[
        "data: x",
        "data",
        "data:",
        "data:  y",
        "event: tick",
        "event",
        "id: 7",
        "id",
        "id: a\0b",
        "retry: 10",
        "retry: 1x",
        "retry: 99999999999999999999",
        ": note",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "\r\n\r\n",
        "\u{feff}",
        "é",
        "Data: z",
        ":",
    ];

    fn fragments() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(PIECES).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop::sample::select(b"\xff\xff\xffab \r\n\0:\xe2\x82".to_vec());
        prop::collection::vec(byte, 0..60)
    }

    fn config() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn streams_equal_the_model_however_cut(input in fragments()) {
            any_stream(&input);
        }

        #[test]
        fn frames_come_back(input in frames()) {
            round_trip(&input);
        }
    }
}

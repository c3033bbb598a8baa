//! Properties that hold for any input: the fuzz targets and the property tests call these.

mod pipeline;

use super::{BodyLength, Head, HttpLimits, RequestDecoder, Response, ResponseDecoder, Step};

pub use pipeline::any_pipeline;

/// Small bounds, so that short inputs reach them.
pub const LIMITS: HttpLimits = HttpLimits {
    head_bytes: 512,
    uri_bytes: 64,
    method_bytes: 8,
    headers: 8,
    chunk_ext_bytes: 16,
    trailer_bytes: 48,
    body_bytes: 256,
};

/// Everything a decoder said about an input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Head, body and whether the message ended.
    pub messages: Vec<(String, Vec<u8>, bool)>,
    /// The error that ended it all.
    pub error: Option<String>,
    /// Bytes at the end that were not consumed.
    pub left: usize,
}

/// Feeds `pieces` as a reactor would: what is not consumed is presented again.
fn trace<'p, H, E: std::error::Error>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    mut decode: impl for<'a> FnMut(&'a [u8]) -> Result<(usize, Step<'a, H>), E>,
    show: impl Fn(H) -> String,
) -> Trace {
    let mut trace = Trace::default();
    let mut kept = Vec::new();
    for piece in pieces {
        kept.extend_from_slice(piece);
        let mut used = 0;
        loop {
            let (n, step) = match decode(&kept[used..]) {
                Ok(done) => done,
                Err(error) => {
                    trace.error = Some(error.to_string());
                    return trace;
                }
            };
            used += n;
            match step {
                Step::NeedMore => break,
                Step::Head(head) => trace.messages.push((show(head), Vec::new(), false)),
                Step::Body(data) => {
                    assert!(!data.is_empty(), "an empty run of data");
                    trace
                        .messages
                        .last_mut()
                        .expect("a head came first")
                        .1
                        .extend(data);
                }
                Step::End => trace.messages.last_mut().expect("a head came first").2 = true,
            }
        }
        kept.drain(..used);
    }
    trace.left = kept.len();
    trace
}

/// Runs the request decoder over `pieces`.
pub fn requests<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Trace {
    let mut decoder = RequestDecoder::new(LIMITS);
    trace(
        pieces,
        |input| decoder.decode(input),
        |head| show_request(&head),
    )
}

/// Runs the response decoder over `pieces`.
pub fn responses<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Trace {
    let mut decoder = ResponseDecoder::new(LIMITS);
    trace(
        pieces,
        |input| decoder.decode(input),
        |head| show_response(&head),
    )
}

fn show_request(head: &Head) -> String {
    for (name, value) in head.headers() {
        assert!(
            !name.is_empty() && !name.contains([' ', '\t', ':']),
            "name {name:?}"
        );
        assert!(
            !value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)),
            "value {value:?}"
        );
    }
    assert!(
        head.path().starts_with('/') || head.path() == "*",
        "path {:?}",
        head.path()
    );
    let count = |name| head.header_values(name).count();
    assert!(count("host") <= 1 && count("content-length") + count("transfer-encoding") <= 1);
    assert_eq!(
        head.body() == BodyLength::Chunked,
        count("transfer-encoding") == 1
    );
    let target = (head.method(), head.path(), head.query(), head.authority());
    let flags = (
        head.version(),
        head.keep_alive(),
        head.expect_continue(),
        head.body(),
    );
    format!(
        "{target:?} {flags:?} {:?}",
        head.headers().collect::<Vec<_>>()
    )
}

fn show_response(head: &Response) -> String {
    let line = (head.status(), head.reason(), head.keep_alive(), head.body());
    format!("{line:?} {:?}", head.headers().collect::<Vec<_>>())
}

/// However the input is cut, the decoders say the same; and what httparse refuses is refused.
pub fn any_head(input: &[u8]) {
    same_however_cut(input, 1, |pieces| requests(pieces.iter().copied()));
    same_however_cut(input, 1, |pieces| responses(pieces.iter().copied()));
    accepted_by_httparse(input);
}

/// Cuts at every byte after `first`, or at evenly spread ones where that were too many.
fn same_however_cut(input: &[u8], first: usize, trace: impl Fn(&[&[u8]]) -> Trace) -> Trace {
    let whole = trace(&[input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(trace(&bytes), whole, "byte by byte");
    for cut in (first..input.len()).step_by(input.len() / 256 + 1) {
        let (left, right) = input.split_at(cut);
        assert_eq!(trace(&[left, right]), whole, "cut at {cut}");
    }
    whole
}

fn accepted_by_httparse(input: &[u8]) {
    let mut decoder = RequestDecoder::new(LIMITS);
    let Ok((used, Step::Head(head))) = decoder.decode(input) else {
        return;
    };
    let mut slots = [httparse::EMPTY_HEADER; LIMITS.headers];
    let mut oracle = httparse::Request::new(&mut slots);
    let length = oracle.parse(&input[..used]);
    assert_eq!(length, Ok(httparse::Status::Complete(used)));
    assert_eq!(oracle.method, Some(head.method()));
    let found = oracle.headers.iter().map(|field| (field.name, field.value));
    assert!(found.eq(head.headers()), "the same fields");
}

/// A chunked body gives the same however it is cut, and what a dumb decoder makes of it.
pub fn any_chunked_body(input: &[u8]) {
    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let request = [HEAD, input].concat();
    let trace = same_however_cut(&request, HEAD.len(), |pieces| {
        requests(pieces.iter().copied())
    });
    let (_, body, ended) = &trace.messages[0];
    match naive_chunked(input) {
        Some((want, _)) => assert_eq!((body, *ended), (&want, true)),
        None => assert!(!ended, "accepted what the model refuses"),
    }
}

/// The data and the length of a chunked body that is complete and well-formed, within [`LIMITS`].
fn naive_chunked(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut at, mut body, mut extensions) = (0, Vec::new(), 0);
    loop {
        let line = naive_line(input, &mut at)?;
        let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if !(1..=16).contains(&digits) || (digits < line.len() && line[digits] != b';') {
            return None;
        }
        let extension = line.get(digits + 1..).unwrap_or_default();
        extensions += extension.len();
        let size = u64::from_str_radix(std::str::from_utf8(&line[..digits]).ok()?, 16).ok()?;
        if !naive_text(extension) || extensions > LIMITS.chunk_ext_bytes {
            return None;
        }
        if size == 0 {
            break;
        }
        if body.len() as u64 + size > LIMITS.body_bytes {
            return None;
        }
        body.extend_from_slice(input.get(at..at + size as usize)?);
        at += size as usize;
        if !naive_line(input, &mut at)?.is_empty() {
            return None;
        }
    }
    let trailers = at;
    loop {
        let start = at;
        let line = naive_line(input, &mut at)?;
        if line.is_empty() {
            return (start - trailers <= LIMITS.trailer_bytes).then_some((body, at));
        }
        let colon = line.iter().position(|&b| b == b':')?;
        let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
        if colon == 0 || !line[..colon].iter().all(token) || !naive_text(&line[colon + 1..]) {
            return None;
        }
    }
}

fn naive_line<'a>(input: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let rest = &input[*at..];
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    *at += end + 2;
    Some(&rest[..end])
}

fn naive_text(text: &[u8]) -> bool {
    !text.iter().any(|&b| (b < 0x20 && b != b'\t') || b == 0x7f)
}

#[cfg(test)]
mod tests {
    use super::super::Reason;
    use super::*;
    use proptest::prelude::*;

    /// Pieces of messages, so that random text comes close to one.
    const PIECES: &[&str] = &[
        "GET ",
        "POST ",
        "/ ",
        "/a?b=c ",
        "http://h/ ",
        "* ",
        "HTTP/1.1\r\n",
        "HTTP/1.0\r\n",
        "Host: a\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Connection: close\r\n",
        "Expect: 100-continue\r\n",
        "\r\n",
        "abc",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n",
        "HTTP/1.1 200 OK\r\n",
        "X: y\r\n",
    ];

    const CHUNK_PIECES: &[&str] = &[
        "3\r\n",
        "abc",
        "\r\n",
        "3\r\nabc\r\n",
        "0\r\n",
        "0\r\n\r\n",
        "a;x=y\r\n0123456789\r\n",
        "X: y\r\n",
        ";q",
        "00003",
        "fffffffffffffffff",
        "100\r\n",
        "3\r\nabcX\n",
        "0\r\nTrailer: 01234567890123456789\r\n",
        "Y: 0123456789\r\n",
        "1;12345678\r\na\r\n",
    ];

    fn fragments() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(PIECES).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn chunk_fragments() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(CHUNK_PIECES).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..3),
        ];
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
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
        fn heads_do_not_depend_on_cuts(input in fragments()) {
            any_head(&input);
        }

        #[test]
        fn chunked_bodies_equal_the_model(input in chunk_fragments()) {
            any_chunked_body(&input);
        }
    }

    #[test]
    fn every_bound_is_reached() {
        let over = [
            (format!("{} / HTTP/1.1\r\n", "M".repeat(9)), 501),
            (format!("GET /{} HTTP/1.1\r\n", "a".repeat(64)), 414),
            (
                format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", " ".repeat(500)),
                431,
            ),
            (
                format!("GET / HTTP/1.1\r\nHost: a\r\n{}", "X: y\r\n".repeat(8)),
                431,
            ),
            ("\r\n".repeat(5), 400),
        ];
        for (text, status) in over {
            let mut decoder = RequestDecoder::new(LIMITS);
            let error = decoder.decode(text.as_bytes()).expect_err(&text);
            assert_eq!(error.status, status, "{error}");
            assert!(matches!(
                error.reason,
                Reason::TooLong { .. } | Reason::TooMany { .. }
            ));
            any_head(text.as_bytes());
        }
    }
}

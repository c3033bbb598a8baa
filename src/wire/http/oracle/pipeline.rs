//! Pipelines put together from requests that are in order and one that is not: what must come out
//! is known beforehand, however the bytes are cut.

use super::{Trace, requests};

/// Requests that are in order, and the bodies that they carry.
const GOOD: &[(&str, &[u8])] = &[
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", b""),
    ("\r\nGET /x?y=z HTTP/1.1\r\nHost: a:1\r\nX: y\r\n\r\n", b""),
    ("GET / HTTP/1.0\r\n\r\n", b""),
    (
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        b"",
    ),
    (
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /",
        b"GET /",
    ),
    (
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\n\r\n",
        b"\r\n\r\n",
    ),
    (
        "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"",
    ),
    (
        "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3;q=1\r\n0\r\n\r\n02\r\nhi\r\n0\r\nT: u\r\n\r\n",
        b"0\r\nhi",
    ),
    (
        "PUT /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n!",
        b"!",
    ),
];

/// Requests that must be refused: two recipients could see different ends of them.
const BROKEN: &[&str] = &[
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\na",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
];

/// Requests of one pipeline at most.
const REQUESTS: usize = 32;

/// Takes `input` as a recipe: the first half says which requests stand in the pipeline, the second
/// where it is cut. What comes out is every request in order before the first broken one, its body
/// exact, then the refusal; and nothing behind it.
pub fn any_pipeline(input: &[u8]) {
    let (recipe, cuts) = input.split_at(input.len() / 2);
    let mut bytes = Vec::new();
    let mut bodies: Vec<&[u8]> = Vec::new();
    let mut broken = false;
    for &choice in recipe.iter().take(REQUESTS) {
        let choice = usize::from(choice);
        // What stands behind a broken request must be as if it were not there.
        if choice < 0xe0 {
            let (text, body) = GOOD[choice % GOOD.len()];
            bytes.extend_from_slice(text.as_bytes());
            if !broken {
                bodies.push(body);
            }
        } else {
            bytes.extend_from_slice(BROKEN[choice % BROKEN.len()].as_bytes());
            broken = true;
        }
    }
    let whole = requests([&bytes[..]]);
    judge(&whole, &bodies, broken);
    let cut = requests(Pieces {
        rest: &bytes,
        cuts: cuts.iter().cycle(),
    });
    assert_eq!(cut, whole, "cut by {cuts:?}");
    assert_eq!(requests(bytes.chunks(1)), whole, "byte by byte");
}

fn judge(trace: &Trace, bodies: &[&[u8]], broken: bool) {
    assert_eq!(trace.error.is_some(), broken, "{trace:?}");
    let ended: Vec<&[u8]> = trace
        .messages
        .iter()
        .filter(|(_, _, ended)| *ended)
        .map(|(_, body, _)| &body[..])
        .collect();
    assert_eq!(ended, bodies);
    // The head of a request whose body is broken may come out, once, and as the last.
    let open = trace.messages.len() - ended.len();
    assert!(open <= usize::from(broken), "{trace:?}");
    assert!(trace.messages.iter().rev().skip(open).all(|(_, _, e)| *e));
    assert!(broken || trace.left == 0, "{trace:?}");
}

/// Pieces of 1 to 256 bytes, as `cuts` says; without cuts, one.
struct Pieces<'p, C> {
    rest: &'p [u8],
    cuts: C,
}

impl<'p, 'c, C: Iterator<Item = &'c u8>> Iterator for Pieces<'p, C> {
    type Item = &'p [u8];

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let wanted = self.cuts.next().map_or(usize::MAX, |&n| usize::from(n) + 1);
        let (piece, rest) = self.rest.split_at(wanted.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The byte that picks the broken request with this index.
    fn pick_broken(index: usize) -> u8 {
        (0xe0..=0xff_u8)
            .find(|&byte| usize::from(byte) % BROKEN.len() == index)
            .expect("32 values reach all of them")
    }

    #[test]
    fn each_request_is_what_the_table_says() {
        for index in 0..GOOD.len() {
            any_pipeline(&[index as u8, index as u8, 1, 2]);
        }
        for index in 0..BROKEN.len() {
            any_pipeline(&[0, pick_broken(index), 0, 0, 7, 3]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pipelines_come_out_as_they_were_put_together(input in prop::collection::vec(any::<u8>(), 0..64)) {
            any_pipeline(&input);
        }
    }
}

//! What the wire floor promises about memory: once its buffers have grown, the common path
//! allocates nothing.

use eventring::wire::http::{HttpLimits, RequestDecoder, ResponseHead, Step};
use eventring::wire::sse::{self, EventDecoder, Frame};

use crate::counting;

/// How many allocations `work` makes, after it ran once to grow its buffers.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    let before = counting::allocations();
    for _ in 0..10 {
        work();
    }
    counting::allocations() - before
}

#[test]
fn a_request_and_its_answer() {
    let request =
        b"POST /api/v1/topics/a/events?x=1 HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n\
        Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let mut decoder = RequestDecoder::new(HttpLimits::default());
    let mut out = Vec::new();
    let count = allocations(|| {
        let mut rest = &request[..];
        loop {
            let (used, step) = decoder.decode(rest).expect("valid");
            rest = &rest[used..];
            match step {
                Step::Head(head) => decoder.recycle(head),
                Step::End => break,
                _ => {}
            }
        }
        out.clear();
        ResponseHead::status(&mut out, 200)
            .header("X", "y")
            .content_length(2)
            .end();
    });
    assert_eq!(count, 0);
}

#[test]
fn an_event_there_and_back() {
    let frame = Frame::default().id(b"e-1").event("tick").data(b"one\ntwo");
    let mut decoder = EventDecoder::default();
    let mut out = Vec::new();
    let count = allocations(|| {
        out.clear();
        sse::encode(&mut out, frame).expect("valid");
        // Cut in a line, so that the line buffer is used.
        for piece in out.chunks(9) {
            decoder
                .push(piece, |event| assert_eq!(event.data, "one\ntwo"))
                .expect("in bounds");
        }
        out.clear();
        sse::encode_chunked(&mut out, frame).expect("valid");
    });
    assert_eq!(count, 0);
}

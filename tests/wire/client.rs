//! Responses as the wire floor promises to read them.

use eventring::wire::http::{
    HttpLimits, Reason, Response, ResponseBody, ResponseDecoder, ResponseError, Step,
};

/// The first response of `text`: head, body, and whether it ended before the input did.
fn read(
    decoder: &mut ResponseDecoder,
    text: &str,
) -> Result<(Response, Vec<u8>, bool), ResponseError> {
    let (mut head, mut body, mut input) = (None, Vec::new(), text.as_bytes());
    let ended = loop {
        let (used, step) = decoder.decode(input)?;
        input = &input[used..];
        match step {
            Step::Head(it) => head = Some(it),
            Step::Body(data) => body.extend_from_slice(data),
            Step::End => break true,
            Step::NeedMore => break false,
        }
    };
    if !ended {
        decoder.close()?;
    }
    Ok((head.expect("the table's heads are complete"), body, ended))
}

fn one(text: &str) -> Result<(Response, Vec<u8>, bool), ResponseError> {
    read(&mut ResponseDecoder::new(HttpLimits::default()), text)
}

#[test]
fn bodies_by_their_framing() {
    let table = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            ResponseBody::Length(2),
            "hi",
            true,
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
            ResponseBody::Chunked,
            "hi",
            true,
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nhi",
            ResponseBody::UntilClose,
            "hi",
            false,
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            ResponseBody::Length(2),
            "hi",
            true,
            false,
        ),
        (
            "HTTP/1.1 204 No Content\r\n\r\n",
            ResponseBody::None,
            "",
            true,
            true,
        ),
        (
            "HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n",
            ResponseBody::None,
            "",
            true,
            true,
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 \r\n\r\n",
            ResponseBody::None,
            "",
            true,
            true,
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n\x01",
            ResponseBody::None,
            "",
            true,
            true,
        ),
    ];
    for (text, framing, want, ended, keep) in table {
        let (head, body, done) = one(text).expect(text);
        let got = (head.body(), &body[..], done, head.keep_alive());
        assert_eq!(got, (framing, want.as_bytes(), ended, keep), "{text:?}");
    }
}

#[test]
fn a_head_says_what_it_said() {
    let text = "HTTP/1.1 429 Slow down, please\r\nRetry-After: 3\r\nVia: a\r\nvia: b\r\n\
        Content-Length: 0\r\n\r\n";
    let (head, ..) = one(text).expect("valid");
    assert_eq!((head.status(), head.reason()), (429, "Slow down, please"));
    assert_eq!(head.header("retry-after"), Some(&b"3"[..]));
    assert_eq!(head.header_values("VIA").collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!(head.headers().len(), 4);
}

#[test]
fn the_answer_to_head_has_no_body() {
    let mut decoder = ResponseDecoder::new(HttpLimits::default());
    decoder.expect_no_body();
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let (head, body, ended) = read(&mut decoder, text).expect("valid");
    assert_eq!(
        (head.body(), body.len(), ended),
        (ResponseBody::None, 0, true)
    );
    let (head, ..) = read(&mut decoder, &format!("{text}hello")).expect("the next one has");
    assert_eq!(head.body(), ResponseBody::Length(5));
}

#[test]
fn responses_that_are_refused() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let small = HttpLimits::default().body_bytes(4);
    let table: [(String, &str, Reason); 15] = [
        (
            "SSH-2.0-OpenSSH_9.2\r\n".into(),
            "status line",
            Reason::Malformed,
        ),
        (
            "HTTP/2 200 OK\r\n\r\n".into(),
            "status line",
            Reason::Malformed,
        ),
        (
            "HTTP/1.1 20 OK\r\n\r\n".into(),
            "status line",
            Reason::Malformed,
        ),
        (
            "HTTP/1.1 099 OK\r\n\r\n".into(),
            "status line",
            Reason::BadByte,
        ),
        (
            "HTTP/1.1 600 OK\r\n\r\n".into(),
            "status line",
            Reason::BadByte,
        ),
        ("HTTP/1.1 200 OK\n\n".into(), "status line", Reason::NotCrlf),
        (
            format!("{ok}X : y\r\n\r\n"),
            "field name",
            Reason::SpaceBeforeColon,
        ),
        (
            format!("{ok}X: y\r\n z\r\n\r\n"),
            "field line",
            Reason::Folded,
        ),
        (
            format!("{ok}Content-Length: 5, 5\r\n\r\n"),
            "content-length",
            Reason::NotDecimal,
        ),
        (
            format!("{ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "content-length",
            Reason::TwoLengths,
        ),
        (
            format!("{ok}Transfer-Encoding: gzip\r\n\r\n"),
            "transfer-encoding",
            Reason::NotChunked,
        ),
        (
            format!("{ok}Content-Length: 5\r\n\r\n"),
            "body",
            Reason::TooLong { limit: 4 },
        ),
        (
            format!("{ok}\r\nhello"),
            "body",
            Reason::TooLong { limit: 4 },
        ),
        (
            format!("{ok}X: {}\r\n\r\n", "y".repeat(20_000)),
            "head",
            Reason::TooLong { limit: 16_384 },
        ),
        (
            "HTTP/1.1 100 \r\n\r\n".repeat(9),
            "interim responses",
            Reason::TooMany { limit: 8 },
        ),
    ];
    for (text, field, reason) in table {
        let mut decoder = ResponseDecoder::new(small);
        let error = read(&mut decoder, &text).map(|_| ()).expect_err(&text);
        assert_eq!((&*error.field, error.reason), (field, reason), "{text:?}");
        assert_eq!(
            decoder.decode(ok.as_bytes()).unwrap_err(),
            error,
            "it stays failed"
        );
    }
}

#[test]
fn a_response_that_ends_early_is_an_error() {
    let table = [
        ("HTTP/1.1 200", "response head"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "response head"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "response body",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "response body",
        ),
    ];
    for (text, field) in table {
        let mut decoder = ResponseDecoder::new(HttpLimits::default());
        let mut input = text.as_bytes();
        loop {
            let (used, step) = decoder.decode(input).expect("nothing is wrong so far");
            input = &input[used..];
            if matches!(step, Step::NeedMore) {
                break;
            }
        }
        let error = decoder.close().expect_err(text);
        assert_eq!(
            (&*error.field, error.reason),
            (field, Reason::Truncated),
            "{text:?}"
        );
    }
    assert_eq!(
        ResponseDecoder::new(HttpLimits::default()).close(),
        Ok(()),
        "nothing came"
    );
}

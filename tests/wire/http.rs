//! Requests as the wire floor promises to read them: what is taken, what is refused, with which
//! status, field and byte.

use eventring::wire::http::{
    BodyLength, Coding, EscapeError, EscapeKind, Head, HttpLimits, QueryError, Reason,
    RequestDecoder, RequestError, ResponseHead, Step, chunk, percent_decode, query,
};
use eventring::wire::proxy::{self, ProxyError, ProxyHeader};

/// One request of `input`: its head and its whole body.
fn read(decoder: &mut RequestDecoder, input: &mut &[u8]) -> Result<(Head, Vec<u8>), RequestError> {
    let (mut head, mut body) = (None, Vec::new());
    loop {
        let (used, step) = decoder.decode(input)?;
        *input = &input[used..];
        match step {
            Step::Head(it) => head = Some(it),
            Step::Body(data) => body.extend_from_slice(data),
            Step::End => return Ok((head.expect("a head comes first"), body)),
            Step::NeedMore => panic!("the table's requests are complete"),
        }
    }
}

fn one(text: &str) -> Result<(Head, Vec<u8>), RequestError> {
    read(
        &mut RequestDecoder::new(HttpLimits::default()),
        &mut text.as_bytes(),
    )
}

/// A request whose field lines, after a valid Host, are `fields`.
fn with(fields: &str) -> String {
    format!("POST /p HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn refused(text: &str) -> RequestError {
    let error = one(text)
        .map(|(head, _)| head)
        .expect_err(&format!("taken: {text:?}"));
    let mut decoder = RequestDecoder::new(HttpLimits::default());
    for cut in 1..text.len().min(200) {
        let mut decoder = RequestDecoder::new(HttpLimits::default());
        let _ = decoder.decode(&text.as_bytes()[..cut]);
    }
    // A decoder that failed stays failed: what follows is never read as a request.
    let mut input = text.as_bytes();
    let first = loop {
        match decoder.decode(input) {
            Ok((used, Step::NeedMore)) => panic!("{used} bytes used and no error: {text:?}"),
            Ok((used, _)) => input = &input[used..],
            Err(error) => break error,
        }
    };
    assert_eq!(first, error);
    assert_eq!(
        decoder
            .decode(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap_err(),
        error
    );
    error
}

#[test]
fn a_request_is_read_as_it_was_sent() {
    let text = "POST /a%2Fb//c?x=1&y HTTP/1.1\r\nhoSt:\t[::1]:80\r\nempty:\r\nX-Tabs:\ta\tb \r\n\
                !#$%&'*+-.^_`|~09azAZ: \u{e9}\r\nContent-Length: 005\r\n\r\nhello";
    let (head, body) = one(text).expect("a valid request");
    assert_eq!(
        (head.method(), head.path(), head.query()),
        ("POST", "/a%2Fb//c", Some("x=1&y"))
    );
    assert_eq!((head.version(), head.authority()), (11, Some("[::1]:80")));
    assert_eq!(head.header("HOST"), Some(&b"[::1]:80"[..]));
    assert_eq!(head.header("empty"), Some(&b""[..]));
    assert_eq!(head.header("x-tabs"), Some(&b"a\tb"[..]));
    assert_eq!(
        head.header("!#$%&'*+-.^_`|~09AZaz"),
        Some("\u{e9}".as_bytes())
    );
    assert_eq!(head.header("absent"), None);
    assert_eq!(
        (head.body(), body),
        (BodyLength::Length(5), b"hello".to_vec())
    );
    let names: Vec<_> = head.headers().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "hoSt",
            "empty",
            "X-Tabs",
            "!#$%&'*+-.^_`|~09azAZ",
            "Content-Length"
        ]
    );
}

#[test]
fn targets_in_all_forms() {
    let table: [(&str, &str, Option<&str>, Option<&str>); 8] = [
        ("GET /", "/", None, Some("own")),
        ("GET /?", "/", Some(""), Some("own")),
        ("GET /a?b?c", "/a", Some("b?c"), Some("own")),
        ("GET http://other:81/a?b", "/a", Some("b"), Some("other:81")),
        ("GET HTTP://other", "/", None, Some("other")),
        ("GET https://other?q=/", "/", Some("q=/"), Some("other")),
        ("OPTIONS *", "*", None, Some("own")),
        ("OPTIONS /x", "/x", None, Some("own")),
    ];
    for (line, path, query, authority) in table {
        let (head, _) = one(&format!("{line} HTTP/1.1\r\nHost: own\r\n\r\n")).expect(line);
        assert_eq!(
            (head.path(), head.query(), head.authority()),
            (path, query, authority),
            "{line}"
        );
    }
}

#[test]
fn request_lines_that_are_refused() {
    let table: [(&str, u16, &str); 27] = [
        ("GET / ", 400, "version"),
        ("GET /", 400, "version"),
        ("GET / http/1.1", 400, "version"),
        ("GET / HTTP/1.1x", 400, "version"),
        ("GET / HTTP/1.32", 400, "version"),
        ("GET / HTTP/ 1.1", 400, "version"),
        ("GET / HTTP/1", 400, "version"),
        ("GET / HTTP/1.1 ", 400, "version"),
        ("GET / ICE/1.0", 400, "version"),
        ("GET / HTTP/9.9", 505, "version"),
        ("GET / HTTP/2.0", 505, "version"),
        ("GET / HTTP/1.2", 505, "version"),
        ("GET  / HTTP/1.1", 400, "target"),
        ("GET /a b HTTP/1.1", 400, "version"),
        ("GET /\0 HTTP/1.1", 400, "target"),
        ("GET /\u{7f} HTTP/1.1", 400, "target"),
        ("GET /\u{e9} HTTP/1.1", 400, "target"),
        ("GET /a#b HTTP/1.1", 400, "target"),
        ("GET a HTTP/1.1", 400, "target"),
        ("GET * HTTP/1.1", 400, "target"),
        ("GET example.com:80 HTTP/1.1", 400, "target"),
        ("GET http:///a HTTP/1.1", 400, "target"),
        ("GET http://u@a/ HTTP/1.1", 400, "target"),
        ("CONNECT a:80 HTTP/1.1", 501, "method"),
        ("\0 / HTTP/1.1", 400, "method"),
        (" GET / HTTP/1.1", 400, "method"),
        ("GET\u{b}/ HTTP/1.1", 400, "method"),
    ];
    for (line, status, field) in table {
        let error = refused(&format!("{line}\r\nHost: a\r\n\r\n"));
        assert_eq!(
            (error.status, &*error.field),
            (status, field),
            "{line:?}: {error}"
        );
    }
}

#[test]
fn fields_that_are_refused() {
    let table: [(&str, &str, Reason, u64); 20] = [
        ("X : y\r\n", "field name", Reason::SpaceBeforeColon, 1),
        ("X\t: y\r\n", "field name", Reason::SpaceBeforeColon, 1),
        (" X: y\r\n", "field line", Reason::Folded, 0),
        ("X: y\r\n z\r\n", "field line", Reason::Folded, 6),
        ("X: y\r\n\tz\r\n", "field line", Reason::Folded, 6),
        ("Nocolon\r\n", "field line", Reason::NoColon, 0),
        (": y\r\n", "field name", Reason::Empty, 0),
        ("X[]: y\r\n", "field name", Reason::BadByte, 1),
        ("X(: y\r\n", "field name", Reason::BadByte, 1),
        ("X Y: y\r\n", "field name", Reason::BadByte, 1),
        ("X\0: y\r\n", "field name", Reason::BadByte, 1),
        ("\u{e9}: y\r\n", "field name", Reason::BadByte, 0),
        ("X: a\0\r\n", "x", Reason::BadByte, 4),
        ("X: a\u{1}b\r\n", "x", Reason::BadByte, 4),
        ("X: a\u{7f}\r\n", "x", Reason::BadByte, 4),
        ("X: a\r\r\n", "x", Reason::NotCrlf, 4),
        ("X: a\rY: b\r\n", "x", Reason::NotCrlf, 4),
        ("X: a\nY: b\r\n", "head", Reason::NotCrlf, 4),
        ("X: a\n", "head", Reason::NotCrlf, 4),
        ("\n", "head", Reason::NotCrlf, 0),
    ];
    let before = with("").len() as u64 - 2;
    for (fields, field, reason, at) in table {
        let error = refused(&with(fields));
        let want = (400, field, reason, before + at);
        assert_eq!(
            (error.status, &*error.field, error.reason, error.at),
            want,
            "{fields:?}"
        );
    }
}

#[test]
fn hosts_that_are_refused() {
    for fields in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: ###\r\n",
        "Host: a,b\r\n",
        "Host: u@a\r\n",
    ] {
        let error = refused(&format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        assert_eq!((error.status, &*error.field), (400, "host"), "{fields:?}");
    }
    assert!(
        one("GET / HTTP/1.0\r\n\r\n").is_ok(),
        "HTTP/1.0 knows no Host"
    );
    assert_eq!(
        refused("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n").reason,
        Reason::Repeated
    );
}

#[test]
fn lengths_that_two_recipients_could_read_differently_are_refused() {
    let chunked = "Transfer-Encoding: chunked\r\n";
    let table: [(String, u16, Reason); 25] = [
        (
            format!("Content-Length: 5\r\n{chunked}"),
            400,
            Reason::TwoLengths,
        ),
        (
            format!("{chunked}content-LENGTH: 5\r\n"),
            400,
            Reason::TwoLengths,
        ),
        (format!("{chunked}{chunked}"), 400, Reason::Repeated),
        (
            "Transfer-Encoding: chunked, chunked\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n".into(),
            501,
            Reason::UnknownCoding,
        ),
        (
            "Transfer-Encoding: chunked, gzip\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        (
            "Transfer-Encoding: pigeons\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        (
            "Transfer-Encoding: identity\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        (
            "Transfer-Encoding: xchunked\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        (
            "Transfer-Encoding: \"chunked\"\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        (
            "Transfer-Encoding: chunked;q=1\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        (
            "Transfer-Encoding: \u{a0}chunked\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        (
            "Transfer-Encoding: ,chunked\r\n".into(),
            400,
            Reason::NotChunked,
        ),
        ("Transfer-Encoding:\r\n".into(), 400, Reason::NotChunked),
        ("Content-Length: +5\r\n".into(), 400, Reason::NotDecimal),
        ("Content-Length: -5\r\n".into(), 400, Reason::NotDecimal),
        ("Content-Length: 0x10\r\n".into(), 400, Reason::NotDecimal),
        ("Content-Length: 5, 5\r\n".into(), 400, Reason::NotDecimal),
        ("Content-Length: 5;\r\n".into(), 400, Reason::NotDecimal),
        ("Content-Length: 1e1\r\n".into(), 400, Reason::NotDecimal),
        (
            "Content-Length: \u{ff15}\r\n".into(),
            400,
            Reason::NotDecimal,
        ),
        ("Content-Length:\r\n".into(), 400, Reason::Empty),
        (
            "Content-Length: 99999999999999999999\r\n".into(),
            400,
            Reason::Overflow,
        ),
        (
            "Content-Length: 5\r\nContent-Length: 5\r\n".into(),
            400,
            Reason::Repeated,
        ),
        (
            "Content-Length: \r\nContent-Length: 5\r\n".into(),
            400,
            Reason::Repeated,
        ),
    ];
    for (fields, status, reason) in table {
        let error = refused(&with(&fields));
        assert_eq!(
            (error.status, error.reason),
            (status, reason),
            "{fields:?}: {error}"
        );
    }
    let error = refused(&format!("POST / HTTP/1.0\r\n{chunked}\r\n0\r\n\r\n"));
    assert_eq!((error.status, error.reason), (400, Reason::NotInHttp10));
}

#[test]
fn chunked_bodies() {
    let head = with("Transfer-Encoding: Chunked\r\n");
    let good = [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        (
            "00005\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n",
            "hello0123456789",
        ),
        (
            "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\nVary: *\r\nX-T: 1\r\n\r\n",
            "hello",
        ),
    ];
    for (body, want) in good {
        let (_, got) = one(&format!("{head}{body}")).expect(body);
        assert_eq!(got, want.as_bytes(), "{body:?}");
    }
    let bad: [(&str, u16, &str, Reason); 22] = [
        ("5\r\nhelloX\n0\r\n\r\n", 400, "chunk data", Reason::NotCrlf),
        ("0x5\r\n", 400, "chunk size", Reason::NotHexadecimal),
        ("+5\r\n", 400, "chunk size", Reason::NotHexadecimal),
        (" 5\r\n", 400, "chunk size", Reason::NotHexadecimal),
        ("5 \r\n", 400, "chunk size", Reason::NotHexadecimal),
        ("0_2e\r\n", 400, "chunk size", Reason::NotHexadecimal),
        ("\r\n", 400, "chunk size", Reason::Empty),
        (";a\r\n", 400, "chunk size", Reason::Empty),
        (
            "10000000000000005\r\nhello\r\n",
            400,
            "chunk size",
            Reason::Overflow,
        ),
        ("5\nhello\n0\n\n", 400, "chunk size", Reason::NotCrlf),
        ("5\rhello", 400, "chunk size", Reason::NotCrlf),
        ("5\r\nhello\n0\r\n\r\n", 400, "chunk data", Reason::NotCrlf),
        ("5\r\nhello0\r\n\r\n", 400, "chunk data", Reason::NotCrlf),
        (
            "5;a=b\nc\r\nhello\r\n",
            400,
            "chunk extension",
            Reason::NotCrlf,
        ),
        (
            "5;a=b\r\rX\r\nhello\r\n",
            400,
            "chunk size",
            Reason::NotCrlf,
        ),
        (
            "5;a=\0\r\nhello\r\n",
            400,
            "chunk extension",
            Reason::BadByte,
        ),
        ("0\r\nbad\r\n\r\n", 400, "trailer", Reason::NoColon),
        ("0\r\nA: \0\r\n\r\n", 400, "trailer", Reason::BadByte),
        ("0\r\n: x\r\n\r\n", 400, "trailer", Reason::BadByte),
        ("0\r\nA: b\n\r\n", 400, "trailer", Reason::NotCrlf),
        ("0\r\n\rX", 400, "trailer", Reason::NotCrlf),
        (
            "ffffffffffffffff\r\n",
            413,
            "body",
            Reason::TooLong { limit: 8 << 20 },
        ),
    ];
    for (body, status, field, reason) in bad {
        let error = refused(&format!("{head}{body}"));
        assert_eq!(
            (error.status, &*error.field, error.reason),
            (status, field, reason),
            "{body:?}"
        );
    }
}

#[test]
fn bounds_have_their_status() {
    let limits = HttpLimits::default();
    let long = |n: usize| "a".repeat(n);
    let chunked = with("Transfer-Encoding: chunked\r\n");
    let table = [
        (format!("{} / HTTP/1.1\r\n\r\n", long(33)), 501, "method"),
        (
            format!("GET /{} HTTP/1.1\r\n\r\n", long(limits.uri_bytes)),
            414,
            "target",
        ),
        (format!("GET /{}", long(100_000)), 414, "target"),
        (with(&format!("X: {}\r\n", long(20_000))), 431, "head"),
        (with(&format!("{}: x\r\n", long(20_000))), 431, "head"),
        (with(&format!("X:{}x\r\n", " ".repeat(20_000))), 431, "head"),
        (with(&"X: y\r\n".repeat(100)), 431, "header fields"),
        ("\r\n".repeat(5), 400, "empty lines before the request"),
        (with("Content-Length: 8388609\r\n"), 413, "body"),
        (
            format!("{chunked}1;{}\r\n", long(limits.chunk_ext_bytes + 1)),
            400,
            "chunk extension",
        ),
        (
            format!("{chunked}{}", "1;abcdefgh\r\nx\r\n".repeat(600)),
            400,
            "chunk extension",
        ),
        (
            format!("{chunked}0\r\n{}", "A: b\r\n".repeat(1000)),
            431,
            "trailer",
        ),
        (
            format!("{chunked}800000\r\n{}\r\n1\r\n", long(8 << 20)),
            413,
            "body",
        ),
    ];
    for (text, status, field) in table {
        let error = refused(&text);
        assert_eq!(
            (error.status, &*error.field),
            (status, field),
            "{}",
            &text[..40]
        );
    }
    for (extension, trailer, taken) in
        [(4096, 4096, true), (4097, 4096, false), (4096, 4097, false)]
    {
        let (extension, trailer) = (long(extension), long(trailer - "A: \r\n".len()));
        let text = format!("{chunked}1;{extension}\r\nx\r\n0\r\nA: {trailer}\r\n\r\n");
        assert_eq!(
            one(&text).is_ok(),
            taken,
            "{} and {}",
            extension.len(),
            trailer.len()
        );
    }
    let exact = format!(
        "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
        long(limits.uri_bytes - 1)
    );
    assert!(one(&exact).is_ok(), "a target of exactly the limit");
    assert!(
        one(&with(&"X: y\r\n".repeat(99))).is_ok(),
        "as many fields as the limit"
    );
}

#[test]
fn a_body_limit_holds_for_one_request() {
    let post = with("Content-Length: 5\r\n") + "hello";
    let text = post.repeat(2);
    let mut decoder = RequestDecoder::new(HttpLimits::default());
    let (used, step) = decoder.decode(text.as_bytes()).expect("a head");
    assert!(matches!(step, Step::Head(_)));
    decoder.limit_body(4);
    let error = decoder.check_body().expect_err("5 bytes are declared");
    assert_eq!(
        (error.status, error.reason),
        (413, Reason::TooLong { limit: 4 })
    );
    assert_eq!(decoder.decode(&text.as_bytes()[used..]).unwrap_err(), error);

    let mut decoder = RequestDecoder::new(HttpLimits::default().body_bytes(4));
    let (used, _) = decoder.decode(text.as_bytes()).expect("a head");
    decoder.limit_body(5);
    let mut rest = &text.as_bytes()[used..];
    assert!(matches!(
        decoder.decode(rest),
        Ok((5, Step::Body(b"hello")))
    ));
    rest = &rest[5..];
    assert!(matches!(decoder.decode(rest), Ok((0, Step::End))));
    assert!(matches!(decoder.decode(rest), Ok((_, Step::Head(_)))));
    assert_eq!(
        decoder.check_body().expect_err("the limit is back").status,
        413
    );
}

#[test]
fn requests_follow_each_other() {
    let text = "\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n\
                POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\
                POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                2\r\nho\r\n0\r\nX: y\r\n\r\nGET /4 HTTP/1.0\r\n\r\n";
    let mut decoder = RequestDecoder::new(HttpLimits::default());
    let mut input = text.as_bytes();
    let mut seen = Vec::new();
    while !input.is_empty() {
        assert!(decoder.is_idle());
        let (head, body) = read(&mut decoder, &mut input).expect("valid");
        seen.push((head.path().to_owned(), body));
        decoder.recycle(head);
    }
    let want = [("/1", ""), ("/2", "hi"), ("/3", "ho"), ("/4", "")];
    assert!(
        seen.iter()
            .map(|(p, b)| (&**p, &b[..]))
            .eq(want.map(|(p, b)| (p, b.as_bytes())))
    );
}

#[test]
fn keeping_the_connection() {
    let table = [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: foo , CLose\r\n", false),
        ("1.1", "Connection: foo\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ];
    for (version, fields, keep) in table {
        let (head, _) =
            one(&format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n")).expect(fields);
        assert_eq!(head.keep_alive(), keep, "{version} {fields:?}");
    }
}

#[test]
fn expecting_100_continue() {
    let table = [
        ("1.1", "Expect: 100-Continue\r\nContent-Length: 1\r\n", true),
        (
            "1.1",
            "Expect: 100-continue\r\nContent-Length: 0\r\n",
            false,
        ),
        ("1.1", "Expect: 100-continue\r\n", false),
        ("1.1", "Expect: else\r\nContent-Length: 1\r\n", false),
        (
            "1.0",
            "Expect: 100-continue\r\nContent-Length: 1\r\n",
            false,
        ),
    ];
    for (version, fields, expects) in table {
        let text = format!("POST / HTTP/{version}\r\nHost: a\r\n{fields}\r\n1");
        let (head, _) = one(&text).expect(fields);
        assert_eq!(head.expect_continue(), expects, "{version} {fields:?}");
    }
}

#[test]
fn incomplete_requests_wait() {
    let text = with("Content-Length: 9\r\n") + "12345678";
    for cut in 0..text.len() {
        let mut decoder = RequestDecoder::new(HttpLimits::default());
        let mut input = &text.as_bytes()[..cut];
        loop {
            match decoder.decode(input).expect("nothing is wrong with it") {
                (used, Step::NeedMore) => break assert!(used <= input.len()),
                (_, Step::End) => panic!("complete after {cut} bytes"),
                (used, _) => input = &input[used..],
            }
        }
    }
}

#[test]
fn errors_read_as_sentences() {
    let table = [
        (
            with("X : y\r\n"),
            "field name has white space before its colon (byte 28)",
        ),
        (
            with("Content-Length: 5, 6\r\n"),
            "content-length is not a plain decimal number (byte 44)",
        ),
        (
            with("Content-Length: 9999999999\r\n"),
            "body is longer than 8388608 bytes (byte 57)",
        ),
        ("GET / HTTP/1.1\r\n\r\n".into(), "host is missing (byte 18)"),
        (
            "GET / HTTP/3.0\r\n\r\n".into(),
            "version is not supported (byte 11)",
        ),
    ];
    for (text, want) in table {
        assert_eq!(refused(&text).to_string(), want);
    }
}

#[test]
fn response_heads_cannot_be_broken() {
    let mut out = Vec::new();
    ResponseHead::status(&mut out, 404)
        .header("X: \r\nY", "a\r\nSet-Cookie: b\0")
        .close()
        .end();
    assert_eq!(
        out,
        b"HTTP/1.1 404 Not Found\r\nXY: a  Set-Cookie: b \r\nConnection: close\r\n\r\n"
    );
    out.clear();
    ResponseHead::status(&mut out, 42).chunked().end();
    out.extend_from_slice(chunk::LAST);
    assert_eq!(
        out,
        b"HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    );
}

#[test]
fn queries_name_parameter_and_byte() {
    let pairs: Result<Vec<_>, _> = query("a=1&&b&c=x+y%20z%3D&=d&e==").collect();
    let pairs = pairs.expect("valid");
    let want = [
        ("a", "1"),
        ("b", ""),
        ("c", "x y z="),
        ("", "d"),
        ("e", "="),
    ];
    assert!(pairs.iter().map(|(n, v)| (&**n, &**v)).eq(want));
    assert_eq!(query("").count(), 0);

    let bad = [
        ("a=1&from=%", "from", 9),
        ("%zz=1", "%zz", 0),
        ("x=ab%ff", "x", 4),
        ("x=%C3%A9%ff", "x", 8),
    ];
    for (text, name, at) in bad {
        let error: QueryError = query(text).last().expect("a parameter").expect_err(text);
        assert_eq!((&*error.name, error.at), (name, at), "{text}");
    }
}

#[test]
fn path_segments_keep_their_plus() {
    let good = [
        ("a+b", "a+b"),
        ("%2e%2E", ".."),
        ("a%2fb", "a/b"),
        ("%e2%82%ac", "€"),
        ("", ""),
    ];
    for (text, want) in good {
        assert_eq!(percent_decode(text).as_deref(), Ok(want));
    }
    for (text, at) in [("%", 0), ("ab%2", 2), ("ab%g0", 2), ("a%20%c3", 4)] {
        assert_eq!(percent_decode(text).unwrap_err().at, at, "{text}");
    }
}

#[test]
fn an_escape_that_means_nothing_says_which_kind_and_where() {
    let error = |text: &str| -> EscapeError { percent_decode(text).unwrap_err() };
    let cut = error("100%");
    assert_eq!((cut.kind, cut.at), (EscapeKind::Incomplete, 3));
    let broken = error("a%ff");
    assert_eq!(broken.kind, EscapeKind::NotUtf8);
}

#[test]
fn the_coding_that_a_client_likes_best_is_chosen() {
    let offered = [Coding::Gzip, Coding::Brotli, Coding::Identity];
    for (accepts, chosen) in [
        ("br, gzip;q=0.5", Some(Coding::Brotli)),
        ("gzip, br", Some(Coding::Gzip)),
        ("identity;q=0, *;q=0", None),
        ("zstd", Some(Coding::Identity)),
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accepts}\r\n\r\n");
        let (head, _) = one(&head).unwrap();
        assert_eq!(Coding::choose(&head, &offered), chosen, "{accepts}");
    }
}

#[test]
fn a_header_of_the_proxy_protocol_is_read_whole_or_refused() {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    bytes.extend([192, 0, 2, 7, 127, 0, 0, 1, 0x30, 0x39, 0x1f, 0x90]);
    for end in 0..bytes.len() {
        assert_eq!(
            proxy::parse(&bytes[..end]),
            Ok(ProxyHeader::NeedMore),
            "{end}"
        );
    }
    let source = Some(([192, 0, 2, 7], 12345).into());
    let whole = ProxyHeader::Whole { len: 28, source };
    assert_eq!(proxy::parse(&bytes), Ok(whole));
    let refused = proxy::parse(b"GET / HTTP/1.1\r\n");
    assert_eq!(refused, Err(ProxyError::NoSignature { at: 0 }));
    bytes[12] = 0x31;
    assert_eq!(
        proxy::parse(&bytes),
        Err(ProxyError::Version { version: 3 })
    );
}

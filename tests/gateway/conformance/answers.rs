//! Reads HTTP/1.1 answers strictly: what a lenient client would put up with is a fault here.

/// One final answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    fields: Vec<(String, Vec<u8>)>,
    /// `false`: its body was cut, or goes on.
    pub(crate) complete: bool,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// What one connection answered.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) all: Vec<Answer>,
    /// Some were informational.
    pub(crate) informed: bool,
    /// What stands behind a 101.
    pub(crate) upgraded: Vec<u8>,
}

/// Takes `input` apart. `heads` are the numbers of answers to HEAD; `ended` says that no more comes.
///
/// # Errors
///
/// What is malformed, in words.
pub(crate) fn parse(input: &[u8], heads: &[u64], ended: bool) -> Result<Answers, String> {
    let (mut answers, mut rest) = (Answers::default(), input);
    while !rest.is_empty() {
        let Some((head, body)) = split(rest, b"\r\n\r\n") else {
            if rest.len() > 12 && !rest.starts_with(b"HTTP/1.") {
                return Err(format!("no answer: {}", shown(rest)));
            }
            if ended {
                return Err(format!("a head that is cut: {}", shown(rest)));
            }
            break;
        };
        let (status, fields) = parse_head(head)?;
        let number = answers.all.len() as u64;
        let mut answer = Answer {
            status,
            fields,
            complete: true,
        };
        rest = match status {
            101 => {
                answers.upgraded = body.to_vec();
                &[]
            }
            100..200 => {
                answers.informed = true;
                rest = body;
                continue;
            }
            204 | 304 => body,
            _ if heads.contains(&number) => body,
            _ => match parse_body(&answer, body, ended)? {
                Some(rest) => rest,
                None => {
                    answer.complete = false;
                    &[]
                }
            },
        };
        answers.all.push(answer);
    }
    Ok(answers)
}

type Head = (u16, Vec<(String, Vec<u8>)>);

fn parse_head(head: &[u8]) -> Result<Head, String> {
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some((line, after)) = split(rest, b"\r\n") {
        lines.push(line);
        rest = after;
    }
    lines.push(rest);
    let status = parse_status(lines[0]).ok_or_else(|| format!("status line {}", shown(lines[0])));
    let status = status?;
    let fields: Option<Vec<_>> = lines[1..].iter().map(|line| parse_field(line)).collect();
    let fields = fields.ok_or_else(|| format!("a field of {}", shown(head)))?;
    for name in ["content-length", "transfer-encoding"] {
        if fields.iter().filter(|(field, _)| field == name).count() > 1 {
            return Err(format!("two of {name}"));
        }
    }
    Ok((status, fields))
}

/// RFC 9112, 4: "status-line = HTTP-version SP status-code SP [ reason-phrase ]"
fn parse_status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (minor, rest) = rest.split_first()?;
    let rest = rest.strip_prefix(b" ")?;
    let (digits, reason) = rest.split_at_checked(3)?;
    let good = matches!(minor, b'0' | b'1')
        && digits.iter().all(u8::is_ascii_digit)
        && reason.first().is_none_or(|first| *first == b' ')
        && reason.iter().all(is_text);
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    good.then_some(status)
}

/// RFC 9112, 5: "field-line = field-name ":" OWS field-value OWS"
fn parse_field(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let good = !name.is_empty() && name.iter().all(is_token) && value.iter().all(is_text);
    let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
    good.then(|| (name, value.trim_ascii().to_vec()))
}

fn is_text(byte: &u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}

/// What stands behind the body; `None`: the body is not whole.
fn parse_body<'a>(
    answer: &Answer,
    body: &'a [u8],
    ended: bool,
) -> Result<Option<&'a [u8]>, String> {
    match (
        answer.field("transfer-encoding"),
        answer.field("content-length"),
    ) {
        (Some(_), Some(_)) => Err("both lengths".to_owned()),
        (Some(coding), None) if coding == "chunked" => parse_chunks(body),
        (Some(coding), None) => Err(format!("transfer-encoding {coding}")),
        (None, Some(digits)) => {
            let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let length: Option<usize> = good.then(|| digits.parse().ok()).flatten();
            let length = length.ok_or_else(|| format!("content-length {digits}"))?;
            Ok(body.get(length..))
        }
        // It ends with the connection.
        (None, None) => Ok(ended.then_some(&[])),
    }
}

/// RFC 9112, 7.1.
fn parse_chunks(mut body: &[u8]) -> Result<Option<&[u8]>, String> {
    loop {
        let Some((line, rest)) = split(body, b"\r\n") else {
            return Ok(None);
        };
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let good = !size.is_empty() && size.iter().all(u8::is_ascii_hexdigit);
        let size = good.then(|| usize::from_str_radix(&String::from_utf8_lossy(size), 16));
        let Some(Ok(size)) = size else {
            return Err(format!("the size of a chunk: {}", shown(line)));
        };
        if size == 0 {
            if let Some(rest) = rest.strip_prefix(b"\r\n") {
                return Ok(Some(rest));
            }
            return Ok(split(rest, b"\r\n\r\n").map(|(_, rest)| rest));
        }
        let Some(rest) = rest.get(size..) else {
            return Ok(None);
        };
        if rest.len() < 2 {
            return Ok(None);
        }
        let Some(rest) = rest.strip_prefix(b"\r\n") else {
            return Err(format!("the end of a chunk: {}", shown(rest)));
        };
        body = rest;
    }
}

/// What stands before and behind the first `separator`.
fn split<'a>(input: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut windows = input.windows(separator.len());
    let at = windows.position(|window| window == separator)?;
    Some((&input[..at], &input[at + separator.len()..]))
}

fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(80)].escape_ascii().to_string()
}

#[test]
fn what_is_malformed_is_told() {
    let table = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Ok(1)),
        (
            "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\nA: b\r\n\r\nHTTP/1.0 204 \r\n\r\n",
            Ok(2),
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end",
            Ok(1),
        ),
        ("HTTP/1.2 200 OK\r\n\r\n", Err("status line")),
        ("HTTP/1.1 20 OK\r\n\r\n", Err("status line")),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Err("a field")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
            Err("content-length"),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            Err("two of"),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n",
            Err("the size"),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
            Err("the end"),
        ),
        ("HTTP/1.1 200 OK\r\nCont", Err("a head that is cut")),
        ("this is no answer", Err("no answer")),
    ];
    for (input, wanted) in table {
        match (parse(input.as_bytes(), &[], true), wanted) {
            (Ok(answers), Ok(count)) => assert_eq!(answers.all.len(), count, "{input}"),
            (Err(error), Err(begin)) => assert!(error.starts_with(begin), "{input}: {error}"),
            (answers, wanted) => panic!("{input}: {answers:?}, not {wanted:?}"),
        }
    }
}

//! `eventring history`: events of the past to standard output, page by page.

use crate::cli::HistoryArgs;
use crate::client::{Conn, ConnectError, Problem, ReadError, escape};
use crate::tail::{Output, end_when_nobody_reads};
use crate::{cli::TailFormat, console, exit};
use eventring::client::SseEvent;
use eventring::json::{Members, Value};
use std::borrow::Cow;
use std::io;
use std::process::ExitCode;

/// Events in one answer, at most: few enough that the first ones are printed soon.
const PAGE: usize = 500;
/// Longest answer that is taken.
const PAGE_BYTES: usize = 1 << 30;

/// Why there is no more.
#[derive(Debug, thiserror::Error)]
enum HistoryError {
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("{0}")]
    Refused(Problem),
    #[error("the server answered something that is no page of events")]
    NoPage,
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Prints what is asked for.
pub(crate) fn run(args: &HistoryArgs) -> ExitCode {
    // Before the first wait for the server, which may be a long one.
    end_when_nobody_reads();
    match print(args) {
        Ok(()) => exit::OK,
        Err(error) => {
            console::err(error);
            ExitCode::from(exit::FAILED)
        }
    }
}

fn print(args: &HistoryArgs) -> Result<(), HistoryError> {
    let mut left = if args.all { usize::MAX } else { args.limit };
    let mut output = Output::new(args.format, None);
    let mut conn = Conn::open(&args.url, args.timeout)?;
    let mut cursor: Option<String> = None;
    while left > 0 {
        let request = request(args, left.min(PAGE), cursor.as_deref());
        let body = answer(&mut conn, request.as_bytes())?;
        let page = Members::read(&body).map_err(|_| HistoryError::NoPage)?;
        let events = page.get("events").and_then(|events| events.array());
        let events = events.ok_or(HistoryError::NoPage)?;
        // Told where they are missing: between what was printed and what comes.
        tell_gaps(page.get("gaps").as_ref());
        for event in events.iter().take(left) {
            output.event(&printed(event, args.format).ok_or(HistoryError::NoPage)?);
        }
        left = left.saturating_sub(events.len());
        if !output.flush()? {
            return Ok(());
        }
        cursor = page
            .get("next")
            .and_then(|next| Some(next.string()?.into_owned()));
        if cursor.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

/// Makes the request for a page.
fn request(args: &HistoryArgs, limit: usize, cursor: Option<&str>) -> String {
    let mut query = format!("?limit={limit}&order={}", args.order.name());
    let parts = args.topic.iter().map(|topic| ("topic", topic.as_str()));
    let parts = parts
        .chain(args.since.as_deref().map(|since| ("since", since)))
        .chain(args.until.as_deref().map(|until| ("until", until)))
        .chain(cursor.map(|cursor| ("cursor", cursor)));
    for (name, value) in parts {
        query.push_str(&format!("&{name}={}", escape(value)));
    }
    format!(
        "GET {}/api/v1/events/history{query} HTTP/1.1\r\nHost: {}\r\nUser-Agent: eventring/{}\r\n\r\n",
        args.url.prefix,
        args.url.authority(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// Asks, and waits for the body of an answer.
fn answer(conn: &mut Conn, request: &[u8]) -> Result<Vec<u8>, HistoryError> {
    conn.send(request)?;
    let head = conn.head()?;
    let mut body = Vec::new();
    while conn.body(&mut body)? {
        if body.len() > PAGE_BYTES {
            return Err(ReadError::TooLong { limit: PAGE_BYTES }.into());
        }
    }
    match head.status() {
        200 => Ok(body),
        status => Err(HistoryError::Refused(Problem::read(status, &body))),
    }
}

/// The event as a stream would have brought it.
fn printed(event: &Value<'_>, format: TailFormat) -> Option<SseEvent> {
    let members = Members::read(event.raw().as_bytes()).ok()?;
    let text = |name: &str| Some(members.get(name)?.string()?.into_owned());
    let data = match format {
        TailFormat::Cloudevents => event.raw().to_owned(),
        TailFormat::Data | TailFormat::Sse => data(&members)?.into_owned(),
    };
    let event = SseEvent::default()
        .id(text("position")?)
        .event(text("type")?)
        .data(data);
    Some(event)
}

/// The payload: JSON as it stands, a text without its quotes, bytes in base 64.
fn data<'t>(members: &Members<'t>) -> Option<Cow<'t, str>> {
    if let Some(bytes) = members.get("data_base64") {
        return bytes.string();
    }
    let Some(data) = members.get("data") else {
        return Some("".into());
    };
    let kind = members
        .get("datacontenttype")
        .and_then(|kind| kind.string());
    // CloudEvents JSON, 3.1.1: without a content type, or with one of JSON, the value is the payload.
    let is_json = kind.is_none_or(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.ends_with("/json") || kind.ends_with("+json")
    });
    match data.string() {
        Some(text) if !is_json => Some(text),
        _ => Some(data.raw().into()),
    }
}

fn tell_gaps(gaps: Option<&Value<'_>>) {
    let gaps = gaps.and_then(Value::array).unwrap_or_default();
    for gap in gaps {
        let members = Members::read(gap.raw().as_bytes()).unwrap_or_default();
        let text = |name: &str| {
            let value = members.get(name).and_then(|value| value.string());
            value.unwrap_or("?".into())
        };
        console::err(format_args!(
            "gap: {} to {} are missing ({})",
            text("from"),
            text("to"),
            text("reason"),
        ));
    }
}

//! RFC 3339 times, to the nanosecond.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;

/// Returns the present, nanoseconds since 1970.
pub(super) fn now() -> i64 {
    nanos(Timestamp::now())
}

/// Reads an RFC 3339 time, nanoseconds since 1970.
///
/// ```
/// use eventring::event::parse_time;
///
/// assert_eq!(parse_time("1970-01-01T00:00:01Z"), Some(1_000_000_000));
/// assert_eq!(parse_time("yesterday"), None);
/// ```
pub fn parse_time(text: &str) -> Option<i64> {
    parse(text, false)
}

/// Reads RFC 3339 text. With `local`, text without an offset is taken as UTC.
pub(super) fn parse(text: &str, local: bool) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return is_rfc3339(text).then(|| nanos(time));
    }
    // Only for shapes that allow it: a time of RFC 3339 has an offset.
    let civil = text.parse::<DateTime>().ok().filter(|_| local)?;
    Some(nanos(TimeZone::UTC.to_timestamp(civil).ok()?))
}

/// Appends the time as RFC 3339 text.
pub(super) fn write(time: i64, out: &mut Vec<u8>) {
    // Every i64 of nanoseconds lies within the years that a timestamp can hold, and a `Vec` takes every byte.
    if let Ok(time) = Timestamp::from_nanosecond(time.into()) {
        let _ = DateTimePrinter::new().print_timestamp(&time, Text(out));
    }
}

fn nanos(time: Timestamp) -> i64 {
    let nanos = time.as_nanosecond();
    // 64 bits of nanoseconds reach from 1677 to 2262: times beyond count as the nearer end.
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// Refuses what the parser takes beyond RFC 3339: no seconds, basic format, zones in brackets.
pub(super) fn is_rfc3339(text: &str) -> bool {
    let b = text.as_bytes();
    let mark = |at: usize, of: &[u8]| b.get(at).is_some_and(|c| of.contains(c));
    let zone = match b.iter().rposition(|c| matches!(c, b'Z' | b'z')) {
        Some(at) => at + 1 == b.len(),
        None => b.len() >= 25 && matches!(b[b.len() - 6], b'+' | b'-') && b[b.len() - 3] == b':',
    };
    zone && mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":")
}

struct Text<'a>(&'a mut Vec<u8>);

impl jiff::fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> Result<(), jiff::Error> {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

//! Parsers of seconds, bytes and counts as people type them, with errors that say what was expected.

use bytesize::ByteSize;
use jiff::SignedDuration;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest duration that a flag takes.
const MAX: SignedDuration = SignedDuration::from_hours(24);
/// Digits behind the point that a duration has, down to nanoseconds: a library refuses more.
const FRACTION_DIGITS: usize = 9;

/// Parses seconds, with a fraction if wanted, or a number with a unit: `5`, `0.25`, `500ms`, `2m`.
/// Zero is refused.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match seconds_or_zero(text)? {
        Duration::ZERO => Err("must be more than 0 seconds".into()),
        more => Ok(more),
    }
}

/// Parses seconds where 0 has a meaning of its own.
pub(crate) fn seconds_or_zero(text: &str) -> Result<Duration, String> {
    let quantity =
        one_quantity(text).ok_or("expected seconds, such as 5, 0.25, 500ms, 10s or 2m")?;
    // One quantity is a duration, unless there are more of them than it can count.
    let duration: Option<SignedDuration> = quantity.parse().ok();
    duration
        .filter(|duration| (SignedDuration::ZERO..=MAX).contains(duration))
        .and_then(|duration| duration.try_into().ok())
        .ok_or_else(|| format!("must be between 0 and {} seconds", MAX.as_secs()))
}

/// Completes a number, with a unit or without, to a duration as jiff reads it; `None` for anything else.
///
/// jiff alone would also take blanks, words and several units (`1 minute, 5s`, `PT5S`, `00:05`). A setting that takes so
/// little today can take more later, but never less again.
fn one_quantity(text: &str) -> Option<String> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(unit.unwrap_or(text.len()));
    let unit = match unit {
        "" => "s",
        "s" | "ms" | "m" | "min" | "h" => unit,
        _ => return None,
    };
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    // The sign stays, so that a negative number is told to be out of range.
    let sign = &number[..number.len() - digits.len()];
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    // jiff wants digits on both sides of the point; people leave either out.
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = match fraction.get(..FRACTION_DIGITS).unwrap_or(fraction) {
        "" => "0",
        fraction => fraction,
    };
    Some(format!("{sign}{whole}.{fraction}{unit}"))
}

/// Parses the heartbeat: 0 is off, else a second to an hour.
pub(crate) fn heartbeat(text: &str) -> Result<Duration, String> {
    let value = seconds_or_zero(text)?;
    let allowed = Duration::from_secs(1)..=Duration::from_secs(3600);
    if value.is_zero() || allowed.contains(&value) {
        Ok(value)
    } else {
        Err("must be 0 (off) or between 1 and 3600 seconds".into())
    }
}

/// Parses how long events are collected: up to 20 ms.
pub(crate) fn hold(text: &str) -> Result<Duration, String> {
    let value = seconds_or_zero(text)?;
    if value <= Duration::from_millis(20) {
        Ok(value)
    } else {
        Err("must be between 0 and 20ms".into())
    }
}

/// Parses the greatest age of a connection: 0 is off, else at least a second.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let value = seconds_or_zero(text)?;
    if value.is_zero() || value >= Duration::from_secs(1) {
        Ok(value)
    } else {
        Err("must be 0 (off) or at least 1 second".into())
    }
}

/// Parses how long an event is kept: as [`seconds`], and days, such as `7d`; up to a hundred years.
pub(crate) fn retention_age(text: &str) -> Result<Duration, String> {
    const DAY: u64 = 24 * 60 * 60;
    const DAYS_MAX: u64 = 100 * 365;
    let Some(days) = text.strip_suffix('d') else {
        return seconds(text).map_err(|error| match error.starts_with("expected") {
            true => "expected a time, such as 90m, 12h or 7d".into(),
            false => format!("{error}; more are days, such as 7d"),
        });
    };
    match days.parse() {
        Ok(days @ 1..=DAYS_MAX) if days.to_string().len() == text.len() - 1 => {
            Ok(Duration::from_secs(days * DAY))
        }
        _ => Err(format!("must be between 1d and {DAYS_MAX}d")),
    }
}

/// Parses how far a stream may be behind: 0 is as far as there are frames, else at least a frame.
pub(crate) fn buffer(text: &str) -> Result<usize, String> {
    match text {
        "0" => Ok(0),
        text => match bytes(text)? {
            value if value >= 4096 => Ok(value),
            _ => Err("must be 0 (the frame log) or at least 4K, a frame".into()),
        },
    }
}

/// Bytes at most where `none` says that there is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BytesMax(pub(crate) Option<u64>);

/// Parses bytes at most: as [`bytes`], or `none` for no bound.
pub(crate) fn bytes_max(text: &str) -> Result<BytesMax, String> {
    if text == "none" {
        return Ok(BytesMax(None));
    }
    let bytes = bytes(text).map_err(|error| format!("{error}; or none for no bound"))?;
    Ok(BytesMax(Some(bytes as u64)))
}

/// Parses a number of bytes: `4096`, `64K`, `16MiB`, `1G`, `2T` (powers of 1024). Zero is refused.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    const EXPECTED: &str = "expected bytes, such as 4096, 64K or 16M";
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    // To the library K is 1000, and fractions and blanks are fine: these are none of that.
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => "B",
        "k" | "kb" | "kib" => "KiB",
        "m" | "mb" | "mib" => "MiB",
        "g" | "gb" | "gib" => "GiB",
        "t" | "tb" | "tib" => "TiB",
        _ => return Err(EXPECTED.into()),
    };
    let ByteSize(value) = format!("{number}{unit}").parse().map_err(|_| EXPECTED)?;
    // What 64 bits do not hold has become the most that they do.
    match usize::try_from(value) {
        Ok(0) => Err("must be more than 0 bytes".into()),
        Ok(value) if value <= isize::MAX as usize => Ok(value),
        _ => Err("more than this machine can address".into()),
    }
}

/// Parses bytes where the kernel takes no more than 32 bits of them.
pub(crate) fn bytes_u32(text: &str) -> Result<u32, String> {
    u32::try_from(bytes(text)?).map_err(|_| "must be less than 4G".into())
}

/// Parses the bytes of the ring, which has a least.
pub(crate) fn ring_bytes(text: &str) -> Result<usize, String> {
    match bytes(text)? {
        value if value >= 64 << 10 => Ok(value),
        _ => Err("must be at least 64K".into()),
    }
}

/// Parses the bytes of the frame log.
pub(crate) fn frame_log(text: &str) -> Result<usize, String> {
    match bytes(text)? {
        value if (64 << 10..=1 << 30).contains(&value) => Ok(value),
        _ => Err("must be between 64K and 1G".into()),
    }
}

/// Parses a count of at least one.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(n) => Ok(n),
        Err(_) => Err("expected a whole number of at least 1".into()),
    }
}

/// Parses a whole number of this range.
pub(crate) fn within(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if range.contains(&n) => Ok(n),
        _ => Err(format!(
            "expected a whole number between {} and {}",
            range.start(),
            range.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_powers_of_1024() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("64K"), Ok(65_536));
        assert_eq!(bytes("16MiB"), Ok(16 << 20));
        assert_eq!(bytes("2gb"), Ok(2 << 30));
        assert_eq!(bytes("1T"), Ok(1 << 40));
        for wrong in [
            "",
            "0",
            "-1",
            "1.5M",
            "K",
            "9999999999G",
            "1P",
            "64 K",
            "+1",
            "1Ki",
            "99999999999999999999",
            "99999999999999999999K",
        ] {
            assert!(bytes(wrong).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn a_bound_of_bytes_may_be_none() {
        assert_eq!(bytes_max("none"), Ok(BytesMax(None)));
        assert_eq!(bytes_max("3TiB"), Ok(BytesMax(Some(3 << 40))));
        for wrong in ["", "0", "None", "off", "1P", "999999999T"] {
            let error = bytes_max(wrong).unwrap_err();
            assert!(error.ends_with("or none for no bound"), "{wrong}: {error}");
        }
    }

    #[test]
    fn an_age_takes_days_and_is_more_than_nothing() {
        assert_eq!(retention_age("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(retention_age("90m"), seconds("90m"));
        for wrong in [
            "", "0", "0d", "-1d", "+1d", "1.5d", "d", "36501d", "48h", "1w",
        ] {
            assert!(retention_age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_take_fractions_and_have_a_bound() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("5s"), seconds("5"));
        assert_eq!(seconds("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(seconds(".5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("+5."), Ok(Duration::from_secs(5)));
        assert_eq!(
            seconds("0.1234567891"),
            Ok(Duration::from_nanos(123_456_789))
        );
        assert_eq!(seconds("2min"), seconds("120"));
        assert_eq!(seconds("24h"), Ok(Duration::from_secs(86_400)));
        for zero in ["0", "-0", "0.0ms", "000h"] {
            assert_eq!(seconds_or_zero(zero), Ok(Duration::ZERO), "{zero:?}");
        }
        for wrong in [
            "",
            "0",
            "-1",
            "nan",
            "inf",
            "1e9",
            "5x",
            "s",
            "25h",
            "5 s",
            "5S",
            ".",
            "-",
            "+.s",
            "1.2.3",
            "5é",
            "1m30s",
            "PT5S",
            "00:05",
            "5s ago",
            "--5",
            "99999999999999999999h",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong:?} was taken");
        }
        assert!(seconds("5x").unwrap_err().contains("expected seconds"));
        for beyond in ["-1", "25h", "99999999999999999999"] {
            let error = seconds(beyond).unwrap_err();
            assert!(error.contains("between 0 and 86400"), "{beyond}: {error}");
        }
    }

    #[test]
    fn heartbeats_are_off_or_sensible() {
        assert_eq!(heartbeat("0"), Ok(Duration::ZERO));
        assert_eq!(heartbeat("15"), Ok(Duration::from_secs(15)));
        assert!(heartbeat("0.5").is_err());
        assert!(heartbeat("3601").is_err());
    }
}

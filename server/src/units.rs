//! What people type for seconds, bytes and counts, with the text that says what was expected.

use std::time::Duration;

/// The longest duration a flag takes: a day.
const MAX_SECONDS: f64 = 86_400.0;

/// Parses seconds, with a fraction if wanted: `5`, `0.25`. Zero is refused.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match seconds_or_zero(text)? {
        Duration::ZERO => Err("must be more than 0 seconds".into()),
        more => Ok(more),
    }
}

/// Parses seconds where 0 has a meaning of its own.
pub(crate) fn seconds_or_zero(text: &str) -> Result<Duration, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| "expected seconds, such as 5 or 0.25".to_string())?;
    if !(0.0..=MAX_SECONDS).contains(&value) {
        return Err(format!("must be between 0 and {MAX_SECONDS} seconds"));
    }
    Ok(Duration::from_secs_f64(value))
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

/// Parses a number of bytes: `4096`, `64K`, `16MiB`, `1G` (powers of 1024). Zero is refused.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    const EXPECTED: &str = "expected bytes, such as 4096, 64K or 16M";
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: usize = number.parse().map_err(|_| EXPECTED.to_string())?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(EXPECTED.into()),
    };
    match number.checked_mul(1 << shift) {
        Some(0) => Err("must be more than 0 bytes".into()),
        Some(value) if value <= isize::MAX as usize => Ok(value),
        _ => Err("more than this machine can address".into()),
    }
}

/// Parses bytes where the kernel takes no more than 32 bits of them.
pub(crate) fn bytes_u32(text: &str) -> Result<u32, String> {
    u32::try_from(bytes(text)?).map_err(|_| "must be less than 4G".into())
}

/// Parses a count of at least one.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(n) => Ok(n),
        Err(_) => Err("expected a whole number".into()),
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
        for wrong in ["", "0", "-1", "1.5M", "K", "9999999999G", "1T", "64 K"] {
            assert!(bytes(wrong).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn seconds_take_fractions_and_have_a_bound() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds_or_zero("0"), Ok(Duration::ZERO));
        for wrong in ["", "0", "-1", "nan", "inf", "1e9", "5s"] {
            assert!(seconds(wrong).is_err(), "{wrong:?} was taken");
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

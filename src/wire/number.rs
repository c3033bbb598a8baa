//! Numbers as ASCII digits, written without an allocation.

/// Appends `value` in decimal.
pub(super) fn push_decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20]; // u64::MAX has 20 digits
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Reads a number that consists of ASCII digits and nothing else.
///
/// `str::parse` is not used: it takes a leading `+`.
pub(super) fn parse_decimal(text: &[u8]) -> Result<u64, NotDecimal> {
    if text.is_empty() {
        return Err(NotDecimal::Empty);
    }
    let mut value = 0_u64;
    let mut overflow = false;
    for (at, &byte) in text.iter().enumerate() {
        if !byte.is_ascii_digit() {
            return Err(NotDecimal::Byte { at });
        }
        match value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u64::from(byte - b'0')))
        {
            Some(next) => value = next,
            None => overflow = true,
        }
    }
    if overflow {
        Err(NotDecimal::Overflow)
    } else {
        Ok(value)
    }
}

/// Why a text is no decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotDecimal {
    Empty,
    Byte { at: usize },
    Overflow,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_and_read_back() {
        for value in [0, 1, 9, 10, 255, 65_536, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            push_decimal(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
            assert_eq!(parse_decimal(&out), Ok(value));
        }
    }

    #[test]
    fn only_digits_are_a_number() {
        let table: [(&[u8], NotDecimal); 6] = [
            (b"", NotDecimal::Empty),
            (b"+5", NotDecimal::Byte { at: 0 }),
            (b"-5", NotDecimal::Byte { at: 0 }),
            (b"1e1", NotDecimal::Byte { at: 1 }),
            (b"18446744073709551616", NotDecimal::Overflow),
            (b"99999999999999999999x", NotDecimal::Byte { at: 20 }),
        ];
        for (text, want) in table {
            assert_eq!(parse_decimal(text), Err(want), "{text:?}");
        }
    }
}

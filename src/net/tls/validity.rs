//! How long a certificate holds: the one thing in it that a server should say before its clients do.
//!
//! Nothing is judged here but the two times: clients judge the rest, and rustls the key.

use std::time::{Duration, SystemTime};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, constructed: the version, which old certificates have not.
const VERSION: u8 = 0xa0;
const DAY_S: i64 = 24 * 3600;

/// From when and until when a certificate holds, seconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Validity {
    /// Reads it out of a certificate in DER; `None`: it is none that we understand.
    // RFC 5280, 4.1: Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { version [0] OPTIONAL,
    // serialNumber INTEGER, signature SEQUENCE, issuer SEQUENCE, validity SEQUENCE { notBefore,
    // notAfter }, ... } ... }
    pub(super) fn read(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = expect(SEQUENCE, certificate)?;
        let (mut rest, _) = expect(SEQUENCE, certificate)?;
        if let Some((_, after)) = expect(VERSION, rest) {
            rest = after;
        }
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            rest = expect(tag, rest)?.1;
        }
        let (times, _) = expect(SEQUENCE, rest)?;
        let (from, rest) = time(times)?;
        let (until, _) = time(rest)?;
        Some(Self { from, until })
    }

    /// Returns the fault that it has now, as the end of a sentence that begins with the certificate.
    pub(super) fn fault(self, now: SystemTime) -> Option<String> {
        let now = unix(now);
        if now > self.until {
            return Some(format!("has expired {} ago", shown(now - self.until)));
        }
        let early = (now < self.from).then(|| shown(self.from - now));
        early.map(|time| format!("holds from {time} from now on only: is the clock right?"))
    }

    /// Seconds from `now` until it expires; negative: it has.
    pub(super) fn left(self, now: SystemTime) -> i64 {
        self.until - unix(now)
    }
}

fn unix(time: SystemTime) -> i64 {
    let signed = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => -signed(before.duration()),
    }
}

fn shown(seconds: i64) -> String {
    match seconds / DAY_S {
        0 => format!("{} hours", seconds / 3600),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// The contents of an element of this tag at the beginning of `input`, and what follows it.
fn expect(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, contents, rest) = element(input)?;
    (found == tag).then_some((contents, rest))
}

fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut len = usize::from(first);
    // X.690, 8.1.3.5: the lower bits say how many bytes the length has.
    if first & 0x80 != 0 {
        let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if bytes.is_empty() || bytes.len() > 4 {
            return None;
        }
        len = bytes
            .iter()
            .fold(0, |len, byte| (len << 8) | usize::from(*byte));
        rest = after;
    }
    let (contents, rest) = rest.split_at_checked(len)?;
    Some((tag, contents, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, as RFC 5280, 4.1.2.5 has them.
fn time(input: &[u8]) -> Option<(i64, &[u8])> {
    let (tag, contents, rest) = element(input)?;
    let digits = contents.strip_suffix(b"Z")?;
    let two = |at: usize| -> Option<i64> {
        let pair = std::str::from_utf8(digits.get(at..at + 2)?).ok()?;
        pair.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| pair.parse().ok())?
    };
    let (year, at) = match tag {
        // "Where YY is greater than or equal to 50, the year SHALL be interpreted as 19YY".
        UTC_TIME => match two(0)? {
            year @ 50.. => (1900 + year, 2),
            year => (2000 + year, 2),
        },
        GENERALIZED_TIME => (two(0)? * 100 + two(2)?, 4),
        _ => return None,
    };
    let day = days(year, two(at)?, two(at + 2)?);
    let second = two(at + 4)? * 3600 + two(at + 6)? * 60 + two(at + 8)?;
    (digits.len() == at + 10).then_some((day * DAY_S + second, rest))
}

/// Days from 1970 on, by the calendar that years of 400 share: March is a year's first month, so that
/// the day that is sometimes missing is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From the first of March of the year 0 to 1970.
    const BEFORE: i64 = 719_468;
    365 * year + leap + day_of_year - BEFORE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        let mut out = vec![tag, 0x82];
        out.extend((contents.len() as u16).to_be_bytes());
        out.extend_from_slice(contents);
        out
    }

    fn certificate(version: bool, times: [(u8, &str); 2]) -> Vec<u8> {
        let mut tbs = Vec::new();
        if version {
            tbs.extend(der(VERSION, &[2, 1, 2]));
        }
        tbs.extend(der(INTEGER, &[1]));
        tbs.extend(der(SEQUENCE, b"algorithm"));
        tbs.extend(der(SEQUENCE, b"issuer"));
        let times = times.map(|(tag, text)| der(tag, text.as_bytes())).concat();
        tbs.extend(der(SEQUENCE, &times));
        der(SEQUENCE, &der(SEQUENCE, &tbs))
    }

    #[test]
    fn both_times_are_read_in_both_forms() {
        for version in [true, false] {
            let times = [
                (UTC_TIME, "700101000000Z"),
                (GENERALIZED_TIME, "20000229123456Z"),
            ];
            let validity = Validity::read(&certificate(version, times)).expect("in order");
            assert_eq!((validity.from, validity.until), (0, 951_827_696));
        }
        let times = [
            (UTC_TIME, "491231235959Z"),
            (GENERALIZED_TIME, "99991231235959Z"),
        ];
        let validity = Validity::read(&certificate(true, times)).expect("in order");
        assert_eq!(
            (validity.from, validity.until),
            (2_524_607_999, 253_402_300_799)
        );
    }

    #[test]
    fn what_is_cut_or_junk_is_no_certificate() {
        let whole = certificate(true, [(UTC_TIME, "700101000000Z"); 2]);
        assert!((0..whole.len()).all(|cut| Validity::read(&whole[..cut]).is_none()));
        for junk in [
            "7001010000Z",
            "700101000000",
            "7001010000+1Z",
            "70-101000000Z",
        ] {
            assert!(
                Validity::read(&certificate(true, [(UTC_TIME, junk); 2])).is_none(),
                "{junk}"
            );
        }
        assert!(Validity::read(&[SEQUENCE, 0xff, 0xff]).is_none());
    }

    #[test]
    fn a_certificate_out_of_its_time_is_told() {
        let validity = Validity {
            from: 10 * DAY_S,
            until: 20 * DAY_S,
        };
        let at = |day: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(day * DAY_S as u64);
        assert_eq!(validity.fault(at(15)), None);
        assert_eq!(validity.left(at(15)), 5 * DAY_S);
        assert!(
            validity
                .fault(at(23))
                .unwrap()
                .contains("expired 3 days ago")
        );
        assert!(
            validity
                .fault(at(9))
                .unwrap()
                .contains("from 1 day from now")
        );
    }
}

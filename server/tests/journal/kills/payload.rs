//! Payloads that say what they are: whoever reads one knows whether it is whole, and whose.

use serde_json::Value;

/// Makes the payload of event `n` of publisher `p`, with so many bytes of filling.
pub(super) fn payload(p: u64, n: u64, size: u64) -> String {
    let mut text = format!(r#"{{"p":{p},"n":{n},"s":{size},"x":""#);
    let mut at = p.wrapping_mul(31).wrapping_add(n);
    let filling = (0..size).map(|_| {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + (at >> 33) as u8 % 26)
    });
    text.extend(filling);
    text.push_str("\"}");
    text
}

/// An event that was read: where it stands, whose it is, which of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) offset: u64,
    pub(super) p: u64,
    pub(super) n: u64,
}

impl Found {
    /// Checks every byte of a payload.
    pub(super) fn read(offset: u64, data: &str) -> Found {
        let value: Value = serde_json::from_str(data).unwrap_or_else(|e| panic!("{offset}: {e}"));
        let number = |name: &str| {
            value[name]
                .as_u64()
                .unwrap_or_else(|| panic!("{offset}: {name}"))
        };
        let (p, n) = (number("p"), number("n"));
        assert!(
            data == payload(p, n, number("s")),
            "{offset}: {p}/{n} is not what was published"
        );
        Found { offset, p, n }
    }
}

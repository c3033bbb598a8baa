//! Close frames: codes, reasons, and which codes may travel.

use super::super::violation::Violation;

/// Why a connection closes (RFC 6455, 7.4).
///
/// # Examples
///
/// ```
/// use eventring::wire::ws::CloseCode;
///
/// assert!(CloseCode::GOING_AWAY.may_travel());
/// assert!(CloseCode(3000).may_travel() && !CloseCode(1005).may_travel());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// 1000: done.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server stops, or the page was left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that is not taken.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1007: text that is not UTF-8, or data that does not inflate.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: against the rules of the endpoint.
    pub const POLICY: Self = Self(1008);
    /// 1009: a frame, message or number of fragments over its limit.
    pub const TOO_BIG: Self = Self(1009);
    /// 1011: the server failed.
    pub const INTERNAL: Self = Self(1011);
    /// 1013: too busy, try again later.
    pub const TRY_AGAIN: Self = Self(1013);

    /// Returns whether a close frame may carry this code.
    // RFC 6455, 7.4.1: 1005, 1006 and 1015 are reserved values that "MUST NOT be set as a status
    // code in a Close control frame by an endpoint"; 7.4.2: 0-999 are not used, 1000-2999 are for the
    // protocol and its registry (which has given out 1012 to 1014 since), 3000-4999 for others.
    pub fn may_travel(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// The code and the reason of a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// The code.
    pub code: CloseCode,
    /// The reason, for people; often empty.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// Reads the payload of a close frame; `None`: it says nothing.
    ///
    /// # Errors
    ///
    /// One byte, a code that may not travel, a reason that is not UTF-8.
    pub(in crate::wire::ws) fn read(payload: &'a [u8]) -> Result<Option<Self>, Violation> {
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(Violation::CloseLength),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        if !CloseCode(code).may_travel() {
            return Err(Violation::CloseCode { code });
        }
        let reason = std::str::from_utf8(reason).map_err(|error| Violation::Utf8 {
            at: error.valid_up_to() as u64,
        })?;
        Ok(Some(Self {
            code: CloseCode(code),
            reason,
        }))
    }
}

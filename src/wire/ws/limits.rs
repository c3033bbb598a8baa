//! Bounds on a peer's messages, beyond which a decoder fails the connection.

use crate::settings::setters;

/// Bounds on what a decoder takes, each with its default and its consequence.
///
/// # Examples
///
/// ```
/// use eventring::wire::ws::MessageLimits;
///
/// let limits = MessageLimits::default().message_bytes(16 << 20);
/// assert_eq!(limits.fragments, 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageLimits {
    /// Bytes of a frame's payload, looked at before any of it is taken. 1 MiB; over it: 1009.
    pub frame_bytes: usize,
    /// Bytes of a message, as it came and after inflation. 1 MiB; over it: 1009.
    pub message_bytes: usize,
    /// Fragments of a message, empty ones too. 1,024; over it: 1009.
    pub fragments: u32,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self {
            frame_bytes: 1 << 20,
            message_bytes: 1 << 20,
            fragments: 1024,
        }
    }
}

setters! {
    MessageLimits {
        frame_bytes: usize,
        message_bytes: usize,
        fragments: u32,
    }
}

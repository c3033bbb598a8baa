//! Bounds on one event, each with a name, a default and a consequence.

use crate::json::TEXT_BYTES_MAX;
use crate::settings::setters;

/// Bounds what one event may hold. What is over a limit is refused with
/// [`ErrorKind::TooLarge`](super::ErrorKind::TooLarge) or `TooMany`; nothing is cut off. How deep JSON may be nested is
/// the same for all: [`DEPTH_MAX`](crate::json::DEPTH_MAX).
///
/// # Examples
///
/// ```
/// use eventring::event::{EventBuilder, EventLimits};
///
/// let mut builder = EventBuilder::with_limits(EventLimits::default().payload_bytes(4));
/// let error = builder.topic("a").ty("t").text("hello").build().unwrap_err();
/// assert_eq!(error.to_string(), "data: 5 bytes is over the limit of 4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventLimits {
    /// Payload, bytes. Default 1 MiB; at most 1 GiB is honoured.
    pub payload_bytes: usize,
    /// Name of an attribute, header or tag, bytes. Default 128; at most 255 is honoured.
    pub attribute_name_bytes: usize,
    /// Value of an attribute, header or tag, bytes; id, type, source and subject are attributes too.
    /// Default 16 KiB; at most 65,535 is honoured.
    pub attribute_value_bytes: usize,
    /// Attributes, headers and tags of one event beside the standard ones. Default 64; at most 1,024 is honoured.
    pub attributes: usize,
    /// Events that a batch may hold to which a text is read. Default 65,536.
    pub batch_events: usize,
    /// Bytes of one JSON text read, a batch included. Default 16 MiB; at most 1 GiB is honoured.
    pub text_bytes: usize,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            payload_bytes: 1 << 20,
            attribute_name_bytes: 128,
            attribute_value_bytes: 16 << 10,
            attributes: 64,
            batch_events: 1 << 16,
            text_bytes: 16 << 20,
        }
    }
}

setters! {
    EventLimits {
        payload_bytes: usize,
        attribute_name_bytes: usize,
        attribute_value_bytes: usize,
        attributes: usize,
        batch_events: usize,
        text_bytes: usize,
    }
}

impl EventLimits {
    /// Returns the limits with each one brought down to what the record's format can hold.
    #[must_use]
    pub fn honoured(self) -> Self {
        Self {
            // A record states the length of a name in one byte, of a field in two, and its own in four.
            payload_bytes: self.payload_bytes.min(1 << 30),
            attribute_name_bytes: self.attribute_name_bytes.min(u8::MAX as usize),
            attribute_value_bytes: self.attribute_value_bytes.min(u16::MAX as usize),
            attributes: self.attributes.min(1 << 10),
            // No part of a record, so any number is good.
            batch_events: self.batch_events,
            text_bytes: self.text_bytes.min(TEXT_BYTES_MAX),
        }
    }
}

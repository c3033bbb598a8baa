//! Options of a WebSocket stream, and what each may be.

use std::time::Duration;

use crate::net::SocketLimits;
use crate::settings::setters;
use crate::wire::ws::MessageLimits;

/// Shortest time of a ping: sockets are looked at once a second.
const SECOND: Duration = Duration::from_secs(1);
/// Longest time of a ping: who is gone is known for that long.
const HOUR: Duration = Duration::from_secs(3600);
/// Fewest bytes that may wait for a client: an ordinary message.
const QUEUE_MIN: usize = 4 << 10;
/// Most bytes that may wait for a client, and most of a message that it sends.
const BYTES_MAX: usize = 64 << 20;
/// Most clients: a mistyped number is not one.
const CLIENTS_MAX: usize = 1 << 20;

/// The treatment of a second connection for one id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDuplicate {
    /// The first is closed, with code 4000 ([`WebSocketStream::REPLACED`](crate::gateway::WebSocketStream::REPLACED)).
    /// A client that comes back before its broken connection is noticed gets in; so does whoever names
    /// the id, so see to it that [only the right ones may](crate::gateway::ClientHandler::admit).
    #[default]
    Replace,
    /// The second is answered 409. A client whose connection broke silently can come back when that is
    /// noticed: after `ping_after` and `pong_timeout` at most.
    Refuse,
}

/// The options of a WebSocket stream.
///
/// ```
/// use eventring::gateway::{OnDuplicate, WebSocketStreamOptions};
///
/// let options = WebSocketStreamOptions::default().on_duplicate(OnDuplicate::Refuse);
/// assert_eq!(options.queue_bytes, 256 << 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocketStreamOptions {
    /// The treatment of a second connection for one id. [`OnDuplicate::Replace`].
    pub on_duplicate: OnDuplicate,
    /// Let only clients connect that [`connect`](crate::gateway::WebSocketStream::connect) has announced,
    /// each once for each time; others are answered 403. No: whoever names an id.
    pub only_expected: bool,
    /// Bytes that may wait for a client, frame headers and 16 more for each message included. What would
    /// be more is not sent to it, and a longer message to nobody. 4 KiB to 64 MiB. 256 KiB.
    pub queue_bytes: usize,
    /// Ids that are connected or expected, at once. A further one is answered 503. 1 to 1,048,576. 65,536.
    pub clients_max: usize,
    /// Bytes of a message that a client sends; over it: 1009. 1 to 64 MiB. 64 KiB.
    pub message_bytes: usize,
    /// Silence of a client after which it gets a ping. Zero (none: who is gone without a word is known
    /// until something is sent to it and `write_timeout` passes), or 1 s to 1 h. 20 s.
    pub ping_after: Duration,
    /// Time to answer a ping; then the connection is cut. 1 s to 1 h. 20 s.
    pub pong_timeout: Duration,
    /// Subprotocols that the clients and the program speak. The first that a client names is agreed on; who names
    /// only others is answered 400, since a browser would close at once. None.
    pub protocols: Vec<String>,
}

impl Default for WebSocketStreamOptions {
    fn default() -> Self {
        let limits = SocketLimits::default();
        Self {
            on_duplicate: OnDuplicate::default(),
            only_expected: false,
            queue_bytes: 256 << 10,
            clients_max: 1 << 16,
            message_bytes: 64 << 10,
            ping_after: limits.ping_after,
            pong_timeout: limits.pong_timeout,
            protocols: Vec::new(),
        }
    }
}

setters! {
    WebSocketStreamOptions {
        on_duplicate: OnDuplicate,
        only_expected: bool,
        queue_bytes: usize,
        clients_max: usize,
        message_bytes: usize,
        ping_after: Duration,
        pong_timeout: Duration,
        protocols: Vec<String>,
    }
}

impl WebSocketStreamOptions {
    /// The first option that is out of its range, and the range.
    pub(in crate::gateway) fn first_fault(&self) -> Option<(&'static str, &'static str)> {
        let times = SECOND..=HOUR;
        let checks = [
            (
                (QUEUE_MIN..=BYTES_MAX).contains(&self.queue_bytes),
                ("queue_bytes", "must be 4 KiB to 64 MiB"),
            ),
            (
                (1..=CLIENTS_MAX).contains(&self.clients_max),
                ("clients_max", "must be 1 to 1,048,576"),
            ),
            (
                (1..=BYTES_MAX).contains(&self.message_bytes),
                ("message_bytes", "must be 1 to 64 MiB"),
            ),
            (
                self.ping_after.is_zero() || times.contains(&self.ping_after),
                ("ping_after", "must be 0 (none) or 1 s to 1 h"),
            ),
            (
                times.contains(&self.pong_timeout),
                ("pong_timeout", "must be 1 s to 1 h"),
            ),
        ];
        let fault = checks.into_iter().find(|(good, _)| !good);
        fault.map(|(_, fault)| fault)
    }

    /// The bounds of the clients' sockets.
    pub(in crate::gateway) fn limits(&self) -> SocketLimits {
        SocketLimits {
            frames: MessageLimits {
                frame_bytes: self.message_bytes,
                message_bytes: self.message_bytes,
                ..MessageLimits::default()
            },
            ping_after: self.ping_after,
            pong_timeout: self.pong_timeout,
            ..SocketLimits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_named() {
        let fault = |change: fn(&mut WebSocketStreamOptions)| {
            let mut options = WebSocketStreamOptions::default();
            change(&mut options);
            options.first_fault().map(|(field, _)| field)
        };
        assert_eq!(fault(|_| {}), None);
        assert_eq!(fault(|o| o.queue_bytes = 4095), Some("queue_bytes"));
        assert_eq!(fault(|o| o.clients_max = 0), Some("clients_max"));
        assert_eq!(fault(|o| o.message_bytes = 0), Some("message_bytes"));
        assert_eq!(
            fault(|o| o.message_bytes = BYTES_MAX + 1),
            Some("message_bytes")
        );
        assert_eq!(fault(|o| o.ping_after = Duration::ZERO), None);
        assert_eq!(fault(|o| o.ping_after = SECOND / 2), Some("ping_after"));
        assert_eq!(
            fault(|o| o.pong_timeout = Duration::ZERO),
            Some("pong_timeout")
        );
    }
}

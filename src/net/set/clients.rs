//! Connections by client address: how many one may have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// The unit that is counted as one client: an address of IPv4, the /64 that a subscriber of IPv6 has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Client {
    /// `None`: a peer without an address, on a Unix socket.
    fn of(ip: IpAddr) -> Option<Self> {
        match ip.to_canonical() {
            // The stand-in for Unix sockets: else all programs of the machine were one client.
            ip if ip.is_unspecified() => None,
            IpAddr::V4(ip) => Some(Self::V4(ip.octets())),
            IpAddr::V6(ip) => {
                let octets = ip.octets();
                Some(Self::V6(std::array::from_fn(|i| octets[i])))
            }
        }
    }
}

/// Connections of one client over its limit that are answered rather than dropped.
const REFUSING_MAX: u32 = 4;

/// The standing of a connection within its client's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Entry {
    /// One of those that it may have.
    Within,
    /// One too many: counted, so that it can be told.
    Over,
    /// One of many too many: not counted.
    Turned,
}

/// Counts connections by address. Touched when one comes or goes, never for an event.
#[derive(Debug, Default)]
pub(in crate::net) struct Clients(Mutex<HashMap<Client, u32>>);

impl Clients {
    /// Counts a connection from `ip`, of which there may be `max`, and a few more that are refused.
    pub(in crate::net) fn enter(&self, ip: IpAddr, max: u32) -> Entry {
        let Some(client) = Client::of(ip) else {
            return Entry::Within;
        };
        // Poisoned or not: a count is whole at every moment, so a panic leaves nothing half done.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(client).or_default();
        if *count >= max.saturating_add(REFUSING_MAX) {
            return Entry::Turned;
        }
        *count += 1;
        match *count > max {
            true => Entry::Over,
            false => Entry::Within,
        }
    }

    /// Forgets a connection that was counted.
    pub(in crate::net) fn leave(&self, ip: IpAddr) {
        let Some(client) = Client::of(ip) else {
            return;
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&client) {
            *count -= 1;
            // So the table is as large as the clients that are here, not as all that ever were.
            if *count == 0 {
                counts.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_of_ipv6_is_one_client_and_who_left_takes_no_room() {
        let clients = Clients::default();
        let enter = |text: &str, max| clients.enter(text.parse().unwrap(), max);
        assert_eq!(enter("2001:db8:1:2::1", 2), Entry::Within);
        assert_eq!(enter("2001:db8:1:2:ffff::9", 2), Entry::Within);
        assert_eq!(enter("2001:db8:1:2::3", 2), Entry::Over);
        assert_eq!(enter("2001:db8:1:3::1", 2), Entry::Within);
        assert_eq!(enter("::ffff:192.0.2.1", 1), Entry::Within);
        for _ in 0..REFUSING_MAX {
            assert_eq!(enter("192.0.2.1", 1), Entry::Over);
        }
        assert_eq!(enter("192.0.2.1", 1), Entry::Turned);
        assert_eq!(enter("0.0.0.0", 0), Entry::Within);
        let mut gone = vec!["2001:db8:1:2::1"; 3];
        gone.extend(["2001:db8:1:3::7"; 1]);
        gone.extend(["192.0.2.1"; 1 + REFUSING_MAX as usize]);
        for ip in gone {
            clients.leave(ip.parse().unwrap());
        }
        assert!(clients.0.lock().unwrap().is_empty());
    }
}

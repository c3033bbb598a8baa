//! Which peers are proxies, and what is believed of what they say about their clients.

use crate::gateway::access::BadValue;

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::net::ClientIdentity;
use crate::wire::http::{Forwarded, ForwardedField, Head};

/// The word for peers on Unix sockets in a list of networks.
const UNIX: &str = "unix";

/// The proxies that speak for their clients.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Proxies {
    networks: Vec<IpNet>,
    /// Whoever may open the Unix socket is one.
    unix: bool,
    field: ForwardedField,
    /// Their connections begin with a PROXY header.
    preface: bool,
}

impl Proxies {
    /// Reads networks: `10.0.0.0/8`, an address, or `unix`.
    ///
    /// # Errors
    ///
    /// The network that is none, and why.
    pub(in crate::gateway) fn new(
        networks: &[String],
        field: ForwardedField,
        preface: bool,
    ) -> Result<Self, BadValue> {
        let mut proxies = Self {
            field,
            preface,
            ..Self::default()
        };
        for text in networks {
            if text == UNIX {
                proxies.unix = true;
                continue;
            }
            let network = text
                .parse()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            let expected = "must be a network as 10.0.0.0/8, an address or unix";
            proxies
                .networks
                .push(network.map_err(|_| BadValue::new(text, expected))?);
        }
        Ok(proxies)
    }

    fn trust(&self, ip: IpAddr) -> bool {
        // A listener on `::` sees clients of IPv4 as `::ffff:10.0.0.1`, and networks are written as 10.0.0.0/8.
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Returns how the client behind a connection from `peer` becomes known.
    pub(in crate::gateway) fn client_identity(&self, peer: SocketAddr) -> ClientIdentity {
        // A peer on a Unix socket has no address.
        let trusted = match peer.ip().is_unspecified() {
            true => self.unix,
            false => self.trust(peer.ip()),
        };
        match (trusted, self.preface) {
            (false, _) => ClientIdentity::Peer,
            (true, true) => ClientIdentity::Preface,
            (true, false) => ClientIdentity::Requests,
        }
    }

    /// The client that sent a request which came from `peer`.
    pub(in crate::gateway) fn client(&self, head: &Head, peer: SocketAddr) -> SocketAddr {
        self.forwarded(head, peer).client.unwrap_or(peer)
    }

    /// Reads what a proxy says of a request which came from `peer`; nothing, if that is not one of ours.
    pub(in crate::gateway) fn forwarded<'a>(
        &self,
        head: &'a Head,
        peer: SocketAddr,
    ) -> Forwarded<'a> {
        match self.client_identity(peer) {
            // Anybody can write these fields: they are read only where a proxy of ours has set them.
            ClientIdentity::Peer => Forwarded::default(),
            _ => Forwarded::read(head, self.field, |ip| self.trust(ip)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_what_is_none_is_named() {
        let texts = ["10.0.0.0/8", "::1", "unix"].map(str::to_owned);
        let proxies = Proxies::new(&texts, ForwardedField::default(), true).unwrap();
        let peer = |text: &str| proxies.client_identity(text.parse().unwrap());
        assert_eq!(peer("10.9.9.9:1"), ClientIdentity::Preface);
        assert_eq!(peer("[::ffff:10.9.9.9]:1"), ClientIdentity::Preface);
        assert_eq!(peer("[::1]:1"), ClientIdentity::Preface);
        assert_eq!(peer("0.0.0.0:0"), ClientIdentity::Preface);
        assert_eq!(peer("11.0.0.1:1"), ClientIdentity::Peer);
        let wrong = Proxies::new(
            &["10.0.0.0/33".to_owned()],
            ForwardedField::default(),
            false,
        );
        assert_eq!(wrong.unwrap_err().value, "10.0.0.0/33");
    }
}

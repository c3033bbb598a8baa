//! Addresses, packed.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An address in 18 bytes. Of IPv6 it has no scope and no flow; one of IPv4 comes back as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) struct Address {
    ip: [u8; 16],
    port: [u8; 2],
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Self {
            ip: ip.octets(),
            port: address.port().to_be_bytes(),
        }
    }
}

impl From<Address> for SocketAddr {
    fn from(address: Address) -> Self {
        let ip = Ipv6Addr::from(address.ip).to_canonical();
        Self::new(ip, u16::from_be_bytes(address.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back() {
        for text in ["192.0.2.1:80", "[2001:db8::7]:65535", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(SocketAddr::from(Address::from(address)), address);
        }
    }
}

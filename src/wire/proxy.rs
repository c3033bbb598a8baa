//! The PROXY protocol, version 2: what a load balancer says of a connection before its first byte.
//!
//! The binary form of <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>, section 2.2.
//! It is believed only where the sender is known to be a load balancer: anybody can write it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// "The binary header format starts with a constant 12 bytes block containing the protocol signature".
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED: usize = 16;

/// Bytes that may follow the first 16: addresses take at most 216, the rest are extensions that say
/// nothing to us. A longer header is refused.
pub const PROXY_BYTES_MAX: usize = 4 << 10;

/// The beginning of a connection, read as a header of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// The start of a header: more bytes are needed.
    NeedMore,
    /// A whole header.
    Whole {
        /// Its bytes; what follows is the connection's own.
        len: usize,
        /// The address that connected to the load balancer. `None`: the load balancer speaks for itself (a health
        /// check), or says nothing that has an address.
        source: Option<SocketAddr>,
    },
}

/// Why bytes are no PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The signature is not there.
    #[error("no PROXY header of version 2: byte {at} differs from the signature")]
    NoSignature {
        /// Index of the first byte that differs.
        at: usize,
    },
    /// The header is of another version.
    #[error("PROXY version {version} is not supported, only 2 is")]
    Version {
        /// The version.
        version: u8,
    },
    /// Its command is unknown.
    #[error("unknown PROXY command {command}")]
    Command {
        /// The command.
        command: u8,
    },
    /// Its address family or transport is unknown, or none that a stream comes over.
    #[error("PROXY address family {byte:#04x} is not that of a stream")]
    Family {
        /// Byte 13 of the header.
        byte: u8,
    },
    /// The header is too short for its addresses.
    #[error("the PROXY header has {len} bytes of addresses where {needed} are needed")]
    Short {
        /// Bytes that it says follow.
        len: usize,
        /// Bytes that its address family takes.
        needed: usize,
    },
    /// The header is longer than [`PROXY_BYTES_MAX`].
    #[error("the PROXY header says that {len} bytes follow: more than {PROXY_BYTES_MAX}")]
    TooLong {
        /// Bytes that it says follow.
        len: usize,
    },
}

/// Reads the header at the beginning of `input`, which may be cut at any byte.
///
/// # Errors
///
/// [`ProxyError`], as soon as the bytes that are there cannot begin a header.
///
/// # Examples
///
/// ```
/// use eventring::wire::proxy::{self, ProxyHeader};
///
/// let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
/// assert_eq!(proxy::parse(&bytes), Ok(ProxyHeader::NeedMore));
/// bytes.extend([192, 0, 2, 7, 127, 0, 0, 1, 0x30, 0x39, 0x1f, 0x90]);
/// bytes.extend(b"GET / HTTP/1.1");
/// let source = Some(([192, 0, 2, 7], 12345).into());
/// assert_eq!(proxy::parse(&bytes), Ok(ProxyHeader::Whole { len: 28, source }));
/// ```
pub fn parse(input: &[u8]) -> Result<ProxyHeader, ProxyError> {
    let same = input.iter().zip(SIGNATURE).take_while(|(a, b)| a == b);
    let at = same.count();
    if at < SIGNATURE.len().min(input.len()) {
        return Err(ProxyError::NoSignature { at });
    }
    // "The next byte (the 13th one) is the protocol version and command."
    let Some(byte) = input.get(12).copied() else {
        return Ok(ProxyHeader::NeedMore);
    };
    let (version, command) = (byte >> 4, byte & 0xf);
    if version != 2 {
        return Err(ProxyError::Version { version });
    }
    // "Receivers must drop connections presenting unexpected values here."
    if command > 1 {
        return Err(ProxyError::Command { command });
    }
    let Some(fixed) = input.get(..FIXED) else {
        return Ok(ProxyHeader::NeedMore);
    };
    let len = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if len > PROXY_BYTES_MAX {
        return Err(ProxyError::TooLong { len });
    }
    // "When a connection is presented with this command [LOCAL], the receiver must accept this
    // connection as valid and must use the real connection endpoints and discard the protocol block
    // including the family which is ignored."
    let family = if command == 0 { 0 } else { fixed[13] };
    let needed = match family {
        0x00 => 0,
        0x11 => 12,
        0x21 => 36,
        0x31 => 216,
        // "A receiver is not required to implement other ones, provided that it automatically falls
        // back to the UNSPEC mode for the valid combinations above that it does not support."
        0x12 | 0x22 | 0x32 => 0,
        byte => return Err(ProxyError::Family { byte }),
    };
    if len < needed {
        return Err(ProxyError::Short { len, needed });
    }
    let Some(block) = input.get(FIXED..FIXED + len) else {
        return Ok(ProxyHeader::NeedMore);
    };
    let source = match family {
        0x11 => {
            let ip: [u8; 4] = std::array::from_fn(|i| block[i]);
            Some((Ipv4Addr::from(ip), port(&block[8..])).into())
        }
        0x21 => {
            let ip: [u8; 16] = std::array::from_fn(|i| block[i]);
            Some((Ipv6Addr::from(ip), port(&block[32..])).into())
        }
        // A Unix socket has no address that anybody here goes by.
        _ => None,
    };
    Ok(ProxyHeader::Whole {
        len: FIXED + len,
        source,
    })
}

fn port(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0x20 | command, family]);
        bytes.extend((block.len() as u16).to_be_bytes());
        bytes.extend(block);
        bytes
    }

    #[test]
    fn both_families_give_their_source_and_extensions_are_passed_over() {
        let mut block = vec![0; 40];
        block[..2].copy_from_slice(&[0x20, 0x01]);
        block[15] = 9;
        block[32..34].copy_from_slice(&443u16.to_be_bytes());
        let bytes = header(1, 0x21, &block);
        let source = Some("[2001::9]:443".parse().unwrap());
        let len = bytes.len();
        assert_eq!(parse(&bytes), Ok(ProxyHeader::Whole { len, source }));
        for cut in 0..len {
            assert_eq!(parse(&bytes[..cut]), Ok(ProxyHeader::NeedMore), "{cut}");
        }
    }

    #[test]
    fn health_checks_and_unix_peers_have_no_source() {
        for (command, family, block) in [(0, 0x00, 0), (0, 0x77, 5), (1, 0x00, 7), (1, 0x31, 216)] {
            let bytes = header(command, family, &vec![1; block]);
            let len = bytes.len();
            let whole = ProxyHeader::Whole { len, source: None };
            assert_eq!(parse(&bytes), Ok(whole), "{command} {family:#x}");
        }
    }

    /// PROXY protocol, 2.2: a receiver "falls back to the UNSPEC mode for the valid combinations above that it does not
    /// support".
    #[test]
    fn datagrams_are_taken_as_unspecified() {
        for (family, block) in [(0x12, 12), (0x22, 36), (0x32, 216), (0x12, 0)] {
            let bytes = header(1, family, &vec![1; block]);
            let len = bytes.len();
            assert_eq!(parse(&bytes), Ok(ProxyHeader::Whole { len, source: None }));
        }
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let with = |at: usize, byte: u8| {
            let mut bytes = header(1, 0x11, &[0; 12]);
            bytes[at] = byte;
            parse(&bytes)
        };
        assert_eq!(parse(b"GET /"), Err(ProxyError::NoSignature { at: 0 }));
        assert_eq!(with(11, b'\r'), Err(ProxyError::NoSignature { at: 11 }));
        assert_eq!(with(12, 0x11), Err(ProxyError::Version { version: 1 }));
        assert_eq!(with(12, 0x22), Err(ProxyError::Command { command: 2 }));
        assert_eq!(with(13, 0x13), Err(ProxyError::Family { byte: 0x13 }));
        let short = ProxyError::Short {
            len: 11,
            needed: 12,
        };
        assert_eq!(with(15, 11), Err(short));
        assert_eq!(with(14, 0xff), Err(ProxyError::TooLong { len: 0xff0c }));
    }
}

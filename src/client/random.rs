//! Bytes that nobody can guess, from the system.

use std::io;

/// Returns random bytes.
// RFC 6455, 5.3: masks "MUST be derived from a strong source of entropy"; 10.3: or who decides what is
// sent could choose the bytes on the wire, and speak to proxies in between. A client sends few frames,
// so each asks the system; the hasher's keys, as for waits, make no such promise.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

//! Where a server listens.

use std::net::SocketAddr;

use crate::net::listen::unix::UnixAddress;
use crate::net::tls::Tls;

/// The addresses to listen on, and what secures them.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// Addresses of TCP; port 0 lets the system pick one.
    pub tcp: Vec<SocketAddr>,
    /// `true`: `[::]` takes no connections over IPv4. It takes none either where an address of IPv4 with
    /// the same port is listed.
    pub only_v6: bool,
    /// Unix sockets.
    pub unix: Vec<UnixAddress>,
    /// The certificate that connections over TCP are secured with; `None`: they are not.
    pub tls: Option<Tls>,
}

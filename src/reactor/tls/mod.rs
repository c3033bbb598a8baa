//! TLS: certificates for the server, a session for each connection.

mod certificate;
mod pem;
mod session;
mod validity;

pub use certificate::Tls;
pub(super) use session::Session;

//! TLS: certificates for the server, a session for each connection.

#[cfg(feature = "tls")]
mod certificate;
mod error;
#[cfg(not(feature = "tls"))]
mod off;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod validity;

#[cfg(feature = "tls")]
pub use self::certificate::Tls;
pub use self::error::TlsError;
#[cfg(not(feature = "tls"))]
pub(in crate::net) use self::off::Session;
#[cfg(not(feature = "tls"))]
pub use self::off::Tls;
#[cfg(feature = "tls")]
pub(in crate::net) use self::session::Session;

//! Settings of `eventring serve` that say how connections come in.

use crate::units;
use clap::{Args, ValueEnum};
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Network {
    /// Threads that serve connections; the first accepts and hands them round
    ///
    /// They share the frame logs' bytes; every other bound holds for all together.
    #[arg(long, env = "EVENTRING_REACTORS", value_name = "N", value_parser = reactors)]
    #[arg(default_value = "1")]
    pub(crate) reactors: usize,

    /// PEM file with the server's certificate, its own first; all connections over TCP have TLS then
    ///
    /// SIGHUP reads it and the key again; connections that are open stay as they are.
    #[cfg(feature = "tls")]
    #[arg(long, env = "EVENTRING_TLS_CERT", value_name = "FILE")]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,

    /// PEM file with the private key of the certificate
    #[cfg(feature = "tls")]
    #[arg(long, env = "EVENTRING_TLS_KEY", value_name = "FILE")]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,

    /// Listen at [::] for IPv6 alone
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_IPV6_ONLY")]
    pub(crate) ipv6_only: bool,

    /// Permissions of Unix sockets, in octal
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_UNIX_MODE", value_name = "MODE", value_parser = mode)]
    #[arg(default_value = "660")]
    pub(crate) unix_mode: u32,

    /// Proxies that speak for their clients: a network, an address, or `unix`; repeatable
    ///
    /// What anybody else says of where requests come from is not believed.
    #[arg(
        long,
        env = "EVENTRING_TRUSTED_PROXY",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    #[arg(value_parser = network)]
    pub(crate) trusted_proxy: Vec<String>,

    /// Field in which trusted proxies name the client
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_FORWARDED_FIELD", value_enum)]
    #[arg(default_value_t = Field::XForwardedFor, hide_possible_values = true)]
    #[arg(value_name = "x-forwarded-for|forwarded")]
    pub(crate) forwarded_field: Field,

    /// Connections of trusted proxies begin with a PROXY header, version 2
    #[arg(hide_short_help = true)]
    #[arg(long, env = "EVENTRING_PROXY_PROTOCOL")]
    pub(crate) proxy_protocol: bool,

    /// Connections of one IPv4 address or IPv6 /64; more get 429 with Retry-After [default: no limit]
    #[arg(long, env = "EVENTRING_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    #[arg(value_parser = per_address)]
    pub(crate) max_connections_per_address: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Field {
    XForwardedFor,
    Forwarded,
}

pub(super) fn listen(text: &str) -> Result<Listen, String> {
    const EXPECTED: &str =
        "expected ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080, or unix:PATH";
    const ABSTRACT: &str = "an abstract socket has no permissions: whoever is on this machine could \
                            connect; expected unix:PATH (a file of that name is unix:./@name)";
    match unix(text) {
        Some("") => Err(EXPECTED.into()),
        Some(path) if path.starts_with('@') => Err(ABSTRACT.into()),
        Some(path) => Ok(Listen::Unix(path.into())),
        None => tcp(text).map(Listen::Tcp).ok_or_else(|| EXPECTED.into()),
    }
}

/// Returns the path behind `unix:`, in any case.
fn unix(text: &str) -> Option<&str> {
    let (scheme, path) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("unix").then_some(path)
}

/// An address and a port; a link-local one has a zone, the number of an interface or its name.
fn tcp(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (host, port) = text.strip_prefix('[')?.split_once("]:")?;
    let (address, _) = host.split_once('%')?;
    address.parse::<Ipv6Addr>().ok()?;
    // The system knows the numbers of its interfaces, and asks nobody else.
    let mut found = (host, port.parse().ok()?).to_socket_addrs().ok()?;
    found.next()
}

fn reactors(text: &str) -> Result<usize, String> {
    units::within(text, 1..=64)
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("expected permissions in octal, such as 660".into()),
    }
}

fn per_address(text: &str) -> Result<u32, String> {
    let count = units::count(text)?;
    u32::try_from(count).map_err(|_| "must be less than 4294967296".into())
}

/// The library reads it again, and says the same.
fn network(text: &str) -> Result<String, String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let known = text == "unix" || address.parse::<std::net::IpAddr>().is_ok();
    match bits.parse::<u8>() {
        Ok(_) if known => Ok(text.to_owned()),
        _ => Err("expected a network as 10.0.0.0/8, an address or unix".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_what_they_expect() {
        assert!(listen("[::1]:0").is_ok());
        assert_eq!(listen("unix:/run/e"), Ok(Listen::Unix("/run/e".into())));
        assert_eq!(listen("UNIX:./@e"), Ok(Listen::Unix("./@e".into())));
        assert!(listen("unix:@e").unwrap_err().contains("no permissions"));
        for wrong in [
            "127.0.0.1",
            "unix:",
            "/run/e",
            "[::1%no-such]:1",
            "[h%lo]:1",
        ] {
            assert!(listen(wrong).unwrap_err().contains("ADDRESS:PORT"));
        }
    }

    #[test]
    fn networks_and_modes_are_looked_at() {
        assert!(network("10.0.0.0/8").is_ok() && network("::1").is_ok());
        assert!(network("here").is_err() && network("10.0.0.0/x").is_err());
        assert_eq!(mode("620"), Ok(0o620));
        assert!(mode("1000").is_err() && mode("9").is_err());
    }
}

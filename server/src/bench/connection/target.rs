//! The target of the load: its address and requests, and the checks that it may be driven and that there is room.

use super::stream::Address;
use crate::bench::error::BenchError;
use crate::cli::WireFormat;
use crate::client::{Url, escape};
use crate::fd_limit;
use std::net::ToSocketAddrs;

/// Descriptors beside those of clients: publisher, poller, timer, `/proc`, the child server's pipes.
const OTHERS: usize = 16;
/// Ports that Linux gives to outgoing connections where nobody changed it.
const PORTS: usize = 28_232;
/// The key of every handshake and what it is answered with: those of RFC 6455, 1.3. A key guards against
/// caches on the way, and there are none.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The server's address and the requests for it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) url: String,
    pub(crate) format: WireFormat,
    /// The request line of a subscription, up to the topic.
    get: String,
    /// Its fields, without the blank line.
    fields: String,
    /// A publish up to `Content-Length`.
    publish: String,
}

impl Target {
    /// Finds the address; only loopback unless `owned`.
    pub(crate) fn new(
        url: &Url,
        topic: &str,
        format: WireFormat,
        owned: bool,
    ) -> Result<Target, BenchError> {
        let address = match &url.socket {
            Some(path) => Address::Unix(path.clone()),
            None => tcp(url, owned)?,
        };
        let head = format!(
            "Host: {}\r\nUser-Agent: eventring-bench/{}\r\n",
            url.authority(),
            env!("CARGO_PKG_VERSION")
        );
        let (prefix, topic) = (&url.prefix, escape(topic));
        let (path, more) = match format {
            WireFormat::Sse => ("events/stream", ""),
            WireFormat::Gzip => ("events/stream", "&compression=gzip"),
            WireFormat::Ws => ("ws", ""),
        };
        Ok(Target {
            address,
            url: url.to_string(),
            format,
            get: format!("GET {prefix}/api/v1/{path}?topic={topic}{more}"),
            fields: format!("{head}{}", fields(format)),
            publish: format!(
                "POST {prefix}/api/v1/topics/{topic}/events HTTP/1.1\r\n{head}\
                 Content-Type: text/plain\r\n"
            ),
        })
    }

    /// The request of a subscriber, behind the event with this id if there is one.
    pub(crate) fn subscribe(&self, last_id: &str) -> String {
        let (get, fields) = (&self.get, &self.fields);
        match self.format {
            _ if last_id.is_empty() => format!("{get} HTTP/1.1\r\n{fields}\r\n"),
            WireFormat::Ws => {
                // In the address: a browser's WebSocket cannot send a field of its own choice.
                let last_id = escape(last_id);
                format!("{get}&last-event-id={last_id} HTTP/1.1\r\n{fields}\r\n")
            }
            WireFormat::Sse | WireFormat::Gzip => {
                format!("{get} HTTP/1.1\r\n{fields}Last-Event-ID: {last_id}\r\n\r\n")
            }
        }
    }

    /// The head of a publish of so many bytes.
    pub(crate) fn publish(&self, size: usize) -> String {
        format!("{}Content-Length: {size}\r\n\r\n", self.publish)
    }
}

fn tcp(url: &Url, owned: bool) -> Result<Address, BenchError> {
    let lookup = |source| BenchError::Lookup {
        host: url.host.clone(),
        source,
    };
    let mut addresses = (url.host.as_str(), url.port)
        .to_socket_addrs()
        .map_err(lookup)?;
    let address = addresses
        .next()
        .ok_or_else(|| lookup(std::io::ErrorKind::NotFound.into()))?;
    // Of several addresses the first is used: so it is that one that must be allowed.
    if !address.ip().to_canonical().is_loopback() && !owned {
        return Err(BenchError::NotLoopback { address });
    }
    Ok(Address::Tcp(address))
}

/// Returns the request fields of a subscriber, behind those that every request has.
fn fields(format: WireFormat) -> String {
    match format {
        WireFormat::Sse => "Accept: text/event-stream\r\n".into(),
        WireFormat::Gzip => "Accept: text/event-stream\r\nAccept-Encoding: gzip\r\n".into(),
        WireFormat::Ws => format!(
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {KEY}\r\n"
        ),
    }
}

/// Raises the open-file limit and refuses what fits neither it nor, over TCP, the local ports.
pub(crate) fn check_room(wanted: usize, is_tcp: bool) -> Result<(), BenchError> {
    let (room, limit) = fd_limit::room_for(wanted + OTHERS);
    if let Some(limit) = limit.filter(|_| room < wanted + OTHERS) {
        return Err(BenchError::OpenFiles {
            wanted,
            limit,
            room: room.saturating_sub(OTHERS),
            needed: fd_limit::needed(wanted + OTHERS),
        });
    }
    // Connections to one address and port each need a local port of their own.
    let ports = local_ports();
    if is_tcp && wanted > ports {
        return Err(BenchError::Ports { wanted, ports });
    }
    Ok(())
}

fn local_ports() -> usize {
    let range =
        std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = range.split_whitespace().map(str::parse::<usize>);
    match (ends.next(), ends.next()) {
        (Some(Ok(first)), Some(Ok(last))) if last >= first => last - first + 1,
        _ => PORTS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, owned: bool) -> Result<Target, BenchError> {
        Target::new(&Url::parse(url).expect(url), "a.b", WireFormat::Sse, owned)
    }

    #[test]
    fn only_loopback_unless_owned() {
        assert!(target("http://127.0.0.1:1", false).is_ok());
        assert!(target("http://[::1]:1", false).is_ok());
        let error = target("http://192.0.2.1:1", false).expect_err("not ours");
        assert!(error.to_string().contains("--i-own-this-server"), "{error}");
        assert_eq!(error.code(), crate::exit::USAGE);
        assert!(target("http://192.0.2.1:1", true).is_ok());
    }

    #[test]
    fn requests_hold_what_they_should() {
        let target = target("http://127.0.0.1:1/ev", false).expect("a target");
        let resume = target.subscribe("e-1");
        assert!(resume.starts_with("GET /ev/api/v1/events/stream?topic=a.b HTTP/1.1\r\n"));
        assert!(resume.ends_with("Last-Event-ID: e-1\r\n\r\n"));
        assert!(!target.subscribe("").contains("Last-Event-ID"));
        assert!(target.publish(70).ends_with("Content-Length: 70\r\n\r\n"));
    }

    #[test]
    fn handshakes_hold_what_they_should() {
        let url = Url::parse("http://127.0.0.1:1/ev").expect("a URL");
        let target = Target::new(&url, "a.b", WireFormat::Ws, false).expect("a target");
        let first = target.subscribe("");
        assert!(
            first.starts_with("GET /ev/api/v1/ws?topic=a.b HTTP/1.1\r\n"),
            "{first}"
        );
        assert!(first.contains("Upgrade: websocket\r\n") && first.ends_with("\r\n\r\n"));
        let resume = target.subscribe("e-1");
        assert!(
            resume.contains("?topic=a.b&last-event-id=e-1 HTTP/1.1\r\n"),
            "{resume}"
        );
        assert_eq!(eventring::wire::ws::accept(KEY.as_bytes()), ACCEPT);
    }

    #[test]
    fn connections_that_do_not_fit_name_the_limit() {
        let error = check_room(1_000_000, true).expect_err("a million");
        let text = error.to_string();
        assert!(text.contains("--connections 1000000"), "{text}");
        assert!(
            text.contains("RLIMIT_NOFILE") || text.contains("ip_local_port_range"),
            "{text}"
        );
    }
}

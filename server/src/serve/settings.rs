//! From flags to what the library takes; the library judges what fits together.

#[cfg(feature = "tls")]
use super::StartError;
#[cfg(feature = "tls")]
use super::signals::Reload;
use crate::cli::{Compression, CompressionFor, Durability, Field, Listen, ServeArgs, Slow};
use eventring::event::EventLimits;
#[cfg(feature = "tls")]
use eventring::gateway::Tls;
use eventring::gateway::{ForwardedField, ServerConfig, SlowPolicy, UnixAddress};
use eventring::hub::{Hub, HubError};
use eventring::journal::{self, SqliteJournal};
use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::time::Duration;

/// Events that are published and not in the journal yet, at most.
const IN_FLIGHT: usize = 8_192;
/// Bytes of their records.
const IN_FLIGHT_BYTES: usize = 16 << 20;
/// Bytes that the records of one request take up beside its body: their ids, times and topics.
const RECORDS_BYTES: usize = 1 << 20;

/// Time that reading the certificate and its key again may take.
#[cfg(feature = "tls")]
const RELOAD_DEADLINE: Duration = Duration::from_secs(10);

/// Builds the hub that the flags describe, on a journal or in memory.
pub(super) fn hub(args: &ServeArgs, journal: Option<SqliteJournal>) -> Result<Hub, HubError> {
    let limits = EventLimits::default().payload_bytes(args.retention.payload_bytes);
    let hub = Hub::builder()
        .capacity(args.retention.capacity)
        .ring_bytes(args.retention.ring_bytes)
        .limits(limits);
    let Some(journal) = journal else {
        return hub.build();
    };
    // Half of what may be in flight is one request: the largest that the settings allow has to fit.
    let events = IN_FLIGHT.max(2 * args.bounds.batch_events);
    let bytes = IN_FLIGHT_BYTES.max(2 * args.bounds.body_bytes.saturating_add(RECORDS_BYTES));
    hub.journal(journal)
        .durability(match args.journal.durability {
            Durability::None => journal::Durability::None,
            Durability::Buffered => journal::Durability::Buffered,
            Durability::Durable => journal::Durability::Durable,
        })
        .in_flight(events)
        .in_flight_bytes(bytes)
        .build()
}

/// Describes the server; `max_connections` is what the open-file limit leaves of the flag.
pub(super) fn server(args: &ServeArgs, max_connections: usize) -> ServerConfig {
    let config = ServerConfig::default()
        .listen_on(tcp(&args.listen))
        .ipv6_only(args.network.ipv6_only)
        .unix(unix(args))
        .trusted_proxies(args.network.trusted_proxy.clone())
        .forwarded_field(match args.network.forwarded_field {
            Field::XForwardedFor => ForwardedField::XForwardedFor,
            Field::Forwarded => ForwardedField::Forwarded,
        })
        .proxy_protocol(args.network.proxy_protocol)
        .max_connections_per_address(args.network.max_connections_per_address)
        .reactors(args.network.reactors)
        .allowed_hosts(args.pages.allowed_host.clone())
        .public_url(args.pages.public_url.clone())
        .cors_origins(args.pages.cors_origin.clone())
        .cors_headers(args.pages.cors_header.clone())
        .cors_private_network(args.pages.cors_private_network)
        .allowed_parameters(args.pages.allowed_parameter.clone())
        .max_connections(max_connections)
        .head_timeout(args.timeouts.head_timeout)
        .body_timeout(args.timeouts.body_timeout)
        .idle_timeout(args.timeouts.idle_timeout)
        .write_timeout(args.timeouts.write_timeout)
        .publish_timeout(args.timeouts.publish_timeout)
        .slow(match args.streams.slow {
            Slow::CatchUp => SlowPolicy::CatchUp,
            Slow::Gap => SlowPolicy::Gap,
            Slow::Latest => SlowPolicy::Latest,
            Slow::Disconnect => SlowPolicy::Disconnect,
        })
        .buffer(args.streams.buffer)
        .hold(args.streams.hold)
        .max_age(args.streams.max_age)
        .heartbeat(args.timeouts.heartbeat)
        .compression(match args.compression {
            Compression::Off => eventring::gateway::Compression::Off,
            Compression::Gzip => eventring::gateway::Compression::Gzip,
            #[cfg(feature = "brotli")]
            Compression::Brotli => eventring::gateway::Compression::Brotli,
        })
        .compression_for(match args.compression_for {
            CompressionFor::Browsers => eventring::gateway::CompressionFor::Browsers,
            CompressionFor::All => eventring::gateway::CompressionFor::All,
        })
        .retry(args.timeouts.retry)
        .stop_timeout(args.timeouts.stop_timeout)
        .body_bytes(args.bounds.body_bytes)
        .bodies_in_flight(args.bounds.bodies_in_flight)
        .batch_events(args.bounds.batch_events)
        .frame_log_bytes(args.retention.frame_log_bytes)
        .private_bytes(args.bounds.private_bytes)
        .half_sent_bytes(args.bounds.half_sent_bytes)
        .max_pending_publishes(args.bounds.max_pending_publishes)
        .notsent_lowat(args.bounds.notsent_lowat)
        .send_buffer(args.bounds.send_buffer);
    #[cfg(feature = "brotli")]
    let config = config.brotli_streams(args.brotli_streams);
    config
}

fn tcp(listen: &[Listen]) -> Vec<SocketAddr> {
    let addresses = listen.iter().filter_map(|listen| match listen {
        Listen::Tcp(address) => Some(*address),
        Listen::Unix(_) => None,
    });
    addresses.collect()
}

fn unix(args: &ServeArgs) -> Vec<UnixAddress> {
    let sockets = args.listen.iter().filter_map(|listen| match listen {
        Listen::Tcp(_) => None,
        Listen::Unix(path) => Some(UnixAddress::new(path.clone()).mode(args.network.unix_mode)),
    });
    sockets.collect()
}

/// Reads the certificate, where there is one.
#[cfg(feature = "tls")]
pub(super) fn tls(args: &ServeArgs) -> Result<Option<Tls>, StartError> {
    let alone = |field| StartError::Setting {
        field,
        reason: "must be given, too: a certificate has a key".to_owned(),
    };
    match (&args.network.tls_cert, &args.network.tls_key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some(Tls::from_pem_files(cert, key)?)),
        (Some(_), None) => Err(alone("tls_key")),
        (None, Some(_)) => Err(alone("tls_cert")),
    }
}

/// Makes the function that reads the certificate again and returns the outcome in words.
#[cfg(feature = "tls")]
pub(super) fn reload(tls: Tls) -> Reload {
    Arc::new(move || match tls.reload_within(RELOAD_DEADLINE) {
        Ok(()) => match tls.warning() {
            None => "the certificate was read again".to_owned(),
            Some(warning) => format!("the certificate was read again; warning: {warning}"),
        },
        Err(error) => format!("the certificate stays as it is: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    /// The compiler asks for each field of a literal, but for no setter.
    #[test]
    fn every_setting_of_the_library_has_its_flag() {
        let root = env!("CARGO_MANIFEST_DIR");
        let read = |path: &str| fs::read_to_string(format!("{root}/{path}")).expect("a source");
        let (library, flags) = (
            read("../src/gateway/server/config.rs"),
            read("src/serve/settings.rs"),
        );
        let body = library
            .split_once("pub struct ServerConfig {")
            .expect("it")
            .1;
        let body = body.split_once("\n}").expect("its end").0;
        let fields: Vec<&str> = body
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next())
            .collect();
        assert!(fields.len() > 30, "{fields:?}");
        // The certificate is read apart, since that may wait; who is there is always told. The binary asks nobody who
        // answers later, so nothing waits for a decision. An answer waits for the journal longer than a commit may take.
        let without = [
            "tls",
            "presence",
            "outcome_timeout",
            "max_pending_authorizations",
            "authorization_timeout",
        ];
        for field in fields.iter().filter(|field| !without.contains(field)) {
            let set = [format!(".{field}("), format!(".{field}_on(")];
            assert!(set.iter().any(|set| flags.contains(set)), "{field}");
        }
    }
}

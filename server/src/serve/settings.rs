//! From flags to what the library takes; the library judges what fits together.

use crate::cli::{Compression, ServeArgs, Slow};
use eventring::event::Limits;
use eventring::gateway::{ServerConfig, SlowPolicy};
use eventring::hub::{Hub, HubError};

/// Builds the hub that the flags describe.
pub(super) fn hub(args: &ServeArgs) -> Result<Hub, HubError> {
    let limits = Limits {
        payload_bytes: args.kept.payload_bytes,
        ..Limits::default()
    };
    Hub::builder()
        .capacity(args.kept.capacity)
        .ring_bytes(args.kept.ring_bytes)
        .limits(limits)
        .build()
}

/// Describes the server; `max_connections` is what the open-file limit leaves of the flag.
pub(super) fn server(args: &ServeArgs, max_connections: usize) -> ServerConfig {
    ServerConfig {
        listen: args.listen.clone(),
        reactors: args.network.reactors,
        allowed_hosts: args.pages.allowed_host.clone(),
        cors_origins: args.pages.cors_origin.clone(),
        max_connections,
        head_timeout: args.timeouts.head_timeout,
        body_timeout: args.timeouts.body_timeout,
        idle_timeout: args.timeouts.idle_timeout,
        write_timeout: args.timeouts.write_timeout,
        slow: match args.streams.slow {
            Slow::CatchUp => SlowPolicy::CatchUp,
            Slow::Gap => SlowPolicy::Gap,
            Slow::Latest => SlowPolicy::Latest,
            Slow::Disconnect => SlowPolicy::Disconnect,
        },
        buffer: args.streams.buffer,
        hold: args.streams.hold,
        presence: true,
        max_age: args.streams.max_age,
        heartbeat: args.timeouts.heartbeat,
        compression: match args.compression {
            Compression::Off => eventring::gateway::Compression::Off,
            Compression::Gzip => eventring::gateway::Compression::Gzip,
        },
        retry: args.timeouts.retry,
        stop_timeout: args.timeouts.stop_timeout,
        body_bytes: args.bounds.body_bytes,
        bodies_in_flight: args.bounds.bodies_in_flight,
        batch_events: args.bounds.batch_events,
        frame_log_bytes: args.kept.frame_log_bytes,
        private_bytes: args.bounds.private_bytes,
        half_sent_bytes: args.bounds.half_sent_bytes,
        max_pending_publishes: args.bounds.max_pending_publishes,
        notsent_lowat: args.bounds.notsent_lowat,
        send_buffer: args.bounds.send_buffer,
    }
}

//! The server: a hub behind sockets, driven by the caller's thread or one of its own.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fanout::{self, Fanout};
use crate::gateway::access::public_url::PublicUrl;
use crate::gateway::access::{Authority, HostPolicy, OriginCheck, Origins, Proxies};
use crate::gateway::admin::commands::CommandQueues;
use crate::gateway::admin::endpoints::Endpoints;
use crate::gateway::admin::state::{BadRow, Row, StateStore, Table, load};
use crate::gateway::clients::Mailboxes;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::preflight::Preflight;
use crate::gateway::http::query::Foreign;
use crate::gateway::publish::Bounds;
use crate::gateway::server::builder::ServerBuilder;
use crate::gateway::server::config::ServerConfig;
use crate::gateway::server::error::ServerError;
use crate::gateway::server::handle::{ServerHandle, ServerThread};
use crate::gateway::server::shared::Shared;
use crate::gateway::server::threads::ReactorThreads;
use crate::gateway::stream::Cursors;
use crate::gateway::telemetry::aggregate::Aggregate;
use crate::hub::Hub;
use crate::net::{Reactor, StopReport, Tls, UnixAddress};

/// Serves a hub over HTTP, Server-Sent Events and WebSocket.
///
/// Nothing runs until it is driven: by [`run`](Self::run) on this thread, by [`spawn`](Self::spawn) on
/// one of its own, or [`turn`](Self::turn) by turn from the host's loop.
///
/// ```
/// use eventring::event::Event;
/// use eventring::gateway::{Server, ServerConfig};
/// use eventring::hub::Hub;
///
/// let hub = Hub::new();
/// let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
/// let server = Server::bind(&hub, config)?.spawn()?;
/// println!("curl -N http://{}/api/v1/events/stream", server.addr());
/// hub.publish(Event::builder("greetings", "message").text("hello").build()?)?;
/// assert!(server.stop()?.clean);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    pub(super) reactor: Reactor<Gateway>,
    pub(super) threads: ReactorThreads,
    pub(super) stop_timeout: Duration,
    /// The end of all reactors, those of other threads included; `None`: it still runs.
    pub(super) report: Option<StopReport>,
    pub(super) shared: Shared,
}

/// Bytes read at a time, however small the ring is.
const READ_BYTES_MIN: usize = 512;

impl Server {
    /// Begins with what is served beside the server's own routes; the port comes last.
    ///
    /// ```
    /// use eventring::gateway::{Server, ServerConfig, WebSocketStream};
    /// use eventring::hub::Hub;
    ///
    /// let hub = Hub::new();
    /// let notifications = WebSocketStream::new(Default::default());
    /// let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    /// let server = Server::builder(&hub).clients("/notifications", &notifications).bind(config)?;
    /// # Ok::<(), eventring::gateway::ServerError>(())
    /// ```
    pub fn builder(hub: &Hub) -> ServerBuilder {
        ServerBuilder::new(hub)
    }

    /// Listens, with no routes but the server's own, and everybody allowed everything:
    /// `Server::builder(hub).bind(config)`.
    ///
    /// # Errors
    ///
    /// [`ServerError`] names the setting or the address; then nothing is listened on.
    pub fn bind(hub: &Hub, config: ServerConfig) -> Result<Self, ServerError> {
        Self::builder(hub).bind(config)
    }

    pub(super) fn listen(
        mut builder: ServerBuilder,
        config: ServerConfig,
    ) -> Result<Self, ServerError> {
        let options = config.stream_options();
        if let Some((field, feature)) = options.lacks() {
            return Err(ServerError::Feature { field, feature });
        }
        if let Some((field, reason)) = config.first_fault() {
            return Err(ServerError::fault(field, reason));
        }
        let frame_log = config.frame_log_bytes / config.reactors;
        let mut checked = builder.check(frame_log)?;
        let hub = &builder.hub;
        // Beside the program's own, which come first: a path that it takes now is no longer one of theirs.
        let kept = Arc::new(hub.clone());
        restore(hub, &checked.endpoints)?;
        checked.endpoints.keep_in(StateStore::of(&kept));
        let mut hosts = HostPolicy::new(&config.listen, &config.allowed_hosts)
            .map_err(|bad| ServerError::value("allowed_hosts", &bad.value, &bad.why))?;
        let public = config.public_url.as_deref().map(|text| {
            let read = PublicUrl::new(text).map(Arc::new);
            read.map_err(|why| ServerError::value("public_url", text, why))
        });
        let public = public.transpose()?;
        if let Some(public) = &public {
            // Proxies that pass on the Host of the browser ask by this name.
            hosts.also_allow(Authority::of(public.authority()).host);
        }
        let origins = Origins::new(&config.cors_origins)
            .map_err(|bad| ServerError::value("cors_origins", &bad.value, &bad.why))?;
        let preflight = Preflight::new(&config.cors_headers, config.cors_private_network)
            .map_err(|bad| ServerError::value("cors_headers", &bad.value, &bad.why))?;
        let foreign = Foreign::new(&config.allowed_parameters)
            .map_err(|bad| ServerError::value("allowed_parameters", &bad.value, &bad.why))?;
        let proxies = Proxies::new(
            &config.trusted_proxies,
            config.forwarded_field,
            config.proxy_protocol,
        )
        .map_err(|bad| ServerError::value("trusted_proxies", &bad.value, &bad.why))?;
        let exposed = hosts.is_exposed_unnamed() && public.is_none();
        let proxies = Arc::new(proxies);
        // Before anything is listened on: a hub that takes no further reader must not leave an open port behind.
        let mut readers = Vec::with_capacity(config.reactors);
        for _ in 0..config.reactors {
            readers.push(Cursors {
                live: hub.cursor()?,
                history: hub.cursor()?,
            });
        }
        let bounds = Bounds {
            body_bytes: config.body_bytes,
            batch_events: config.batch_events,
            event: *hub.limits(),
        };
        let fed = hub.visible() + 1;
        let mut limits = config.limits();
        // The shortest event on the wire has two bytes: one read is at most half a ring.
        limits.read_bytes = limits.read_bytes.min(hub.capacity().max(READ_BYTES_MIN));
        let shared = Shared {
            bounds,
            options,
            frame_log,
            private_bytes: config.private_bytes,
            fanouts: fanout::Shared::new(config.reactors),
            brotli_streams: config.brotli_limit(),
            presence: config.presence,
            origin_check: Arc::new(OriginCheck::new(
                hosts,
                origins,
                proxies.clone(),
                public.clone(),
            )),
            proxies,
            public,
            tls: config.tls.clone(),
            draining: Arc::default(),
            preflight: Arc::new(preflight),
            foreign: Arc::new(foreign),
            authorizer: builder.authorizer,
            max_pending_authorizations: config.max_pending_authorizations,
            callbacks: Arc::default(),
            aggregate: Arc::new(Aggregate::new(config.reactors)),
            counters: Arc::new(checked.counters),
            commands: Arc::new(CommandQueues::new(config.reactors)),
            endpoints: Arc::new(checked.endpoints),
            save_rates: Arc::default(),
            user_routes: checked.routes,
            mailboxes: Arc::new(Mailboxes::new(config.reactors)),
        };
        let mut readers = readers.into_iter();
        let count = config.reactors;
        let log_share = config.fanout_limits().share_of(count);
        let mut reactors = Reactor::bind(&config.addresses(), limits, count, |handle| {
            let Some(readers) = readers.next() else {
                unreachable!("there are readers for each reactor")
            };
            let (shares, number) = (&shared.fanouts, handle.reactor());
            let fanout = Fanout::new(log_share.clone(), shares, number, fed);
            Gateway::new(&kept, readers, fanout, shared.clone(), handle)
        })?;
        let others = reactors.split_off(1);
        let Some(mut reactor) = reactors.pop() else {
            unreachable!("`first_fault` refuses to have none")
        };
        for address in reactor.addresses() {
            tracing::info!(%address, epoch = %hub.epoch(), "listening");
        }
        for address in reactor.unix_addresses() {
            tracing::info!(path = %address.path.display(), epoch = %hub.epoch(), "listening");
        }
        if let Some(warning) = config.tls.as_ref().and_then(Tls::warning) {
            tracing::warn!("{warning}");
        }
        if exposed {
            tracing::warn!(
                "reachable from other machines with no allowed_hosts: requests for public names get 421"
            );
        }
        let mut threads = ReactorThreads::new(others);
        if let Some(clocks) = builder.clocks {
            threads.set_clock(&clocks);
            reactor.set_clock(clocks());
        }
        Ok(Self {
            shared,
            reactor,
            threads,
            stop_timeout: config.stop_timeout,
            report: None,
        })
    }

    /// The addresses listened on, with the ports that the system picked.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        self.reactor.addresses()
    }

    /// The Unix sockets listened on.
    pub fn unix_addrs(&self) -> &[UnixAddress] {
        self.reactor.unix_addresses()
    }

    /// Speaks to the server from any thread.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            reactor: self.reactor.handle(),
            stop_timeout: self.stop_timeout,
            shared: self.shared.clone(),
        }
    }

    /// Serves on this thread until [`ServerHandle::stop`]; reactors beside the first have threads of their own.
    ///
    /// # Errors
    ///
    /// What the system's poll returned, which ends the server; errors of connections end those only.
    pub fn run(mut self) -> io::Result<StopReport> {
        loop {
            if let Some(report) = self.turn(None)? {
                return Ok(report);
            }
        }
    }

    /// Serves on a thread of its own.
    ///
    /// # Errors
    ///
    /// What the system returned when it refused a thread.
    pub fn spawn(self) -> io::Result<ServerThread> {
        let addresses = self.local_addrs().to_vec();
        let handle = self.handle();
        let thread = std::thread::Builder::new().name("eventring".into());
        let thread = thread.spawn(move || self.run())?;
        Ok(ServerThread {
            addresses,
            handle,
            thread: Some(thread),
        })
    }

    /// Does what is ready, after waiting for it at most `timeout` (`None`: as long as it takes).
    ///
    /// For hosts with a loop of their own: turn when the descriptor ([`AsFd`]) is readable or
    /// [`next_deadline`](Self::next_deadline) has passed. Returns `Some` once the server has stopped. With
    /// more than one [reactor](ServerConfig::reactors) this drives the first one, and starts the threads
    /// of the others when it is first called; otherwise nothing runs but what is called here.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and what the system returned when it refused a thread.
    ///
    /// # Panics
    ///
    /// Goes on with a panic of another reactor's thread.
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<Option<StopReport>> {
        if self.report.is_some() {
            return Ok(self.report);
        }
        self.threads.start()?;
        if let Some(report) = self.reactor.turn(timeout)? {
            let report = self.threads.join(report)?;
            tracing::info!(
                clean = report.clean,
                left = report.connections_left,
                "stopped"
            );
            self.report = Some(report);
        }
        Ok(self.report)
    }

    /// The time at which the next turn is due even if the descriptor is not readable; `None`: now.
    ///
    /// To be asked right before a sleep: from here until the next turn the descriptor also becomes
    /// readable for what is published, which costs the publisher a wake.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        self.reactor.next_deadline()
    }
}

/// Makes the endpoints and connections again that the hub's journal keeps.
fn restore(hub: &Hub, endpoints: &Endpoints) -> Result<(), ServerError> {
    let failed = |table: Table, bad: BadRow| ServerError::State {
        table: table.name(),
        key: bad.key,
        reason: bad.reason,
    };
    let load = |table, take: &mut dyn FnMut(&str, Row) -> Result<(), String>| {
        load(hub, table, take).map_err(|bad| failed(table, bad))
    };
    load(Table::Endpoints, &mut |path, row| {
        if endpoints.is_taken(path) {
            tracing::warn!(
                path,
                "the program has this path now: an endpoint that was made there is left out"
            );
            return Ok(());
        }
        let made = endpoints.create(path, row.filter, row.options);
        made.map(|_| ()).map_err(|error| error.to_string())
    })?;
    load(Table::Connections, &mut |id, row| {
        let made = endpoints.reserve_as(id, row.filter, row.options);
        made.map_err(|error| error.to_string())
    })
}

/// The descriptor to wait for: it is readable when a turn has something to do.
impl AsFd for Server {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.reactor.as_fd()
    }
}

impl std::os::fd::AsRawFd for Server {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.reactor.as_raw_fd()
    }
}

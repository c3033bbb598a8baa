//! The server: a hub behind sockets, driven by the caller's thread or one of its own.

mod web_socket_streams;

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::gateway::access::public_url::PublicUrl;
use crate::gateway::access::{
    AllowAll, Authority, Authorizer, HostPolicy, OriginCheck, Origins, Proxies,
};
use crate::gateway::admin::commands::CommandQueues;
use crate::gateway::admin::endpoints::Endpoints;
use crate::gateway::clients::{ClientRoutes, Mailboxes};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::preflight::Preflight;
use crate::gateway::http::query::Foreign;
use crate::gateway::publish::Bounds;
use crate::gateway::server::config::ServerConfig;
use crate::gateway::server::handle::{ServerHandle, ServerThread};
use crate::gateway::server::shared::Shared;
use crate::gateway::server::threads::ReactorThreads;
use crate::gateway::stream::Cursors;
use crate::gateway::telemetry::aggregate::Aggregate;
use crate::gateway::telemetry::user_counters::{UserCounter, UserCounters};
use crate::gateway::ws::{Factory, SocketHandler, SocketOptions, SocketRequest, SocketRoutes};
use crate::hub::Hub;
use crate::reactor::{BindError, Clock, Reactor, StopReport, Tls, UnixAddress};

/// Serves a hub over HTTP and Server-Sent Events.
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
    pub(super) sockets: SocketRoutes,
    pub(super) crew: ReactorThreads,
    pub(super) counters: Arc<UserCounters>,
    pub(super) stop_timeout: Duration,
    /// The end of all reactors, those of other threads included; `None`: it still runs.
    pub(super) report: Option<StopReport>,
    pub(super) shared: Shared,
}

/// Bytes read at a time, however small the ring is.
const READ_BYTES_MIN: usize = 512;

/// Why a server could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A setting makes no sense.
    #[error("{field} {reason}")]
    Config {
        /// The setting.
        field: &'static str,
        /// The reason.
        reason: String,
    },
    /// An address could not be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The hub has no place for another reader.
    #[error("the hub refuses a reader: {0}")]
    Hub(#[from] crate::hub::SubscriptionError),
}

impl ServerError {
    pub(super) fn fault(field: &'static str, reason: &str) -> Self {
        let reason = reason.to_owned();
        Self::Config { field, reason }
    }

    pub(super) fn value(field: &'static str, value: &str, why: &str) -> Self {
        Self::fault(field, &format!("{why}; got {value:?}"))
    }
}

impl Server {
    /// Listens, with everybody allowed everything.
    ///
    /// # Errors
    ///
    /// [`ServerError`] names the setting or the address; then nothing is listened on.
    pub fn bind(hub: &Hub, config: ServerConfig) -> Result<Self, ServerError> {
        Self::bind_with(hub, config, Box::new(AllowAll))
    }

    /// Listens, and asks `authorizer` about each request.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_with(
        hub: &Hub,
        config: ServerConfig,
        authorizer: Box<dyn Authorizer>,
    ) -> Result<Self, ServerError> {
        if let Some((field, reason)) = config.first_fault() {
            return Err(ServerError::fault(field, reason));
        }
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
        let options = config.stream_options();
        let fed = hub.visible() + 1;
        let mut limits = config.limits();
        // The shortest event on the wire has two bytes: one read is at most half a ring.
        limits.read_bytes = limits.read_bytes.min(hub.capacity().max(READ_BYTES_MIN));
        let shared = Shared {
            bounds,
            options,
            frame_log: config.frame_log_bytes / config.reactors,
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
            authorizer: authorizer.into(),
            max_pending_authorizations: config.max_pending_authorizations,
            callbacks: Arc::default(),
            aggregate: Arc::new(Aggregate::new(config.reactors)),
            counters: Arc::default(),
            commands: Arc::new(CommandQueues::new(config.reactors)),
            endpoints: Arc::new(Endpoints::new(config.frame_log_bytes / config.reactors)),
            sockets: SocketRoutes::default(),
            clients: ClientRoutes::default(),
            mailboxes: Arc::new(Mailboxes::new(config.reactors)),
        };
        let sockets = shared.sockets.clone();
        let counters = shared.counters.clone();
        let mut readers = readers.into_iter();
        let count = config.reactors;
        let mut reactors = Reactor::bind(&config.addresses(), limits, count, fed, |handle| {
            let Some(readers) = readers.next() else {
                unreachable!("there are readers for each reactor")
            };
            Gateway::new(hub, readers, shared.clone(), handle)
        })?;
        let others = reactors.split_off(1);
        let Some(reactor) = reactors.pop() else {
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
        Ok(Self {
            shared,
            reactor,
            sockets,
            crew: ReactorThreads::new(others),
            counters,
            stop_timeout: config.stop_timeout,
            report: None,
        })
    }

    /// Goes by another clock: deadlines and heartbeats come when it says so.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + Clone + 'static) -> Self {
        self.crew.set_clock(&clock);
        self.reactor.set_clock(Box::new(clock));
        self
    }

    /// Adds a counter of the program to `GET /metrics`; `read` must not wait. Where it panics, the answer is 500.
    ///
    /// Prometheus wants the names of counters to end in `_total`. One that does not is shown by its name all the same,
    /// as `untyped`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// # use eventring::{gateway::{Server, ServerConfig}, hub::Hub};
    /// # let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    /// let orders = Arc::new(AtomicU64::new(0));
    /// let counted = orders.clone();
    /// let server = Server::bind(&Hub::new(), config)?.with_counter(
    ///     "shop_orders_total",
    ///     "Orders taken.",
    ///     move || counted.load(Ordering::Relaxed),
    /// )?;
    /// # Ok::<(), eventring::gateway::ServerError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ServerError::Config`] unless `name` is one of Prometheus, `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    pub fn with_counter(
        self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, ServerError> {
        let counter = UserCounter::new(name, help, Box::new(read))
            .map_err(|(field, why)| ServerError::fault(field, why))?;
        self.counters.add(counter);
        Ok(self)
    }

    /// Serves WebSockets at `path` by a protocol of the embedder's own, before any other route.
    ///
    /// `connect` makes the handler of each connection, or refuses it with a status of 400 to 499. Who
    /// may connect is for it to say: only Host and Origin are looked at before.
    ///
    /// ```
    /// use eventring::gateway::{Server, ServerConfig, SocketOptions, SocketReplies};
    /// use eventring::hub::Hub;
    /// use eventring::wire::ws::MessageKind;
    ///
    /// let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    /// let server = Server::bind(&Hub::new(), config)?.with_socket(
    ///     "/shout",
    ///     SocketOptions::default(),
    ///     |_request| {
    ///         Ok(|_: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>| {
    ///             replies.text(&String::from_utf8_lossy(data).to_uppercase());
    ///         })
    ///     },
    /// );
    /// assert!(server.spawn()?.stop()?.clean);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_socket<H: SocketHandler + 'static>(
        self,
        path: &str,
        options: SocketOptions,
        connect: impl Fn(SocketRequest<'_>) -> Result<H, u16> + Send + Sync + 'static,
    ) -> Self {
        let factory: Arc<Factory> = Arc::new(move |request: SocketRequest<'_>| {
            connect(request).map(|handler| Box::new(handler) as Box<dyn SocketHandler>)
        });
        self.sockets.insert(path, options, factory);
        self
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
        self.crew.start()?;
        if let Some(report) = self.reactor.turn(timeout)? {
            let report = self.crew.join(report)?;
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

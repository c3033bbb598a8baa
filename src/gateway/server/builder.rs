//! A server to be: its routes first, its port last.

use std::collections::HashSet;
use std::sync::Arc;

use crate::event::Filter;
use crate::gateway::access::{AllowAll, Authorizer};
use crate::gateway::admin::endpoint_path::{form_fault, shown};
use crate::gateway::admin::endpoints::Endpoints;
use crate::gateway::clients::WebSocketStream;
use crate::gateway::http::router::Router;
use crate::gateway::server::config::ServerConfig;
use crate::gateway::server::error::{RouteError, ServerError};
use crate::gateway::server::server::Server;
use crate::gateway::stream::options::StreamOptions;
use crate::gateway::telemetry::user_counters::{UserCounter, UserCounters};
use crate::gateway::user_routes::{UserRoute, UserRoutes};
use crate::gateway::ws::{SocketHandler, SocketOptions, SocketRequest, SocketRoute};
use crate::hub::Hub;
use crate::net::Clock;

/// Makes a clock for each reactor.
pub(super) type Clocks = Box<dyn Fn() -> Box<dyn Clock>>;

/// Builds a [`Server`]: what it serves beside its own routes, who may do what, and at last where it listens.
///
/// All of it is there before the port is: whoever connects sees the whole server, and none of its routes is ever a 404.
/// What is wrong with any of them is told by [`bind`](Self::bind), all at once.
///
/// # Examples
///
/// ```
/// use eventring::gateway::{Server, ServerConfig, SocketReplies, WebSocketStream};
/// use eventring::hub::Hub;
/// use eventring::wire::ws::MessageKind;
///
/// let hub = Hub::new();
/// let notifications = WebSocketStream::new(Default::default());
/// let server = Server::builder(&hub)
///     .clients("/notifications", &notifications)
///     .socket("/shout", Default::default(), |_request| {
///         Ok(|_: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>| {
///             replies.text(&String::from_utf8_lossy(data).to_uppercase());
///         })
///     })
///     .bind(ServerConfig::default().listen(([127, 0, 0, 1], 0).into()))?
///     .spawn()?;
/// notifications.broadcast("the shop opens");
/// assert!(server.stop()?.clean);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is listened on until `bind`"]
pub struct ServerBuilder {
    pub(super) hub: Hub,
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) clocks: Option<Clocks>,
    routes: Vec<(String, UserRoute)>,
    endpoints: Vec<(String, Filter, StreamOptions)>,
    counters: Vec<UserCounter>,
}

/// The routes and counters of a builder, found to be in order.
pub(super) struct Checked {
    pub(super) routes: UserRoutes,
    pub(super) endpoints: Endpoints,
    pub(super) counters: UserCounters,
}

impl ServerBuilder {
    pub(super) fn new(hub: &Hub) -> Self {
        Self {
            hub: hub.clone(),
            authorizer: Arc::new(AllowAll),
            clocks: None,
            routes: Vec::new(),
            endpoints: Vec::new(),
            counters: Vec::new(),
        }
    }

    /// Asks `authorizer` about each request. Without one everybody may do everything.
    pub fn authorizer(mut self, authorizer: impl Authorizer + 'static) -> Self {
        self.authorizer = Arc::new(authorizer);
        self
    }

    /// Serves WebSockets at `path` by a protocol of the program's own.
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
    /// let server = Server::builder(&Hub::new())
    ///     .socket("/echo", SocketOptions::default(), |request| {
    ///         match request.head.header("authorization") {
    ///             Some(b"Bearer word") => Ok(
    ///                 |kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>| {
    ///                     replies.message(kind, data);
    ///                 },
    ///             ),
    ///             _ => Err(401),
    ///         }
    ///     })
    ///     .bind(config)?;
    /// assert!(server.spawn()?.stop()?.clean);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn socket<H: SocketHandler + 'static>(
        mut self,
        path: &str,
        options: SocketOptions,
        connect: impl Fn(SocketRequest<'_>) -> Result<H, u16> + Send + Sync + 'static,
    ) -> Self {
        let route = SocketRoute::new(options, move |request: SocketRequest<'_>| {
            connect(request).map(|handler| Box::new(handler) as Box<dyn SocketHandler>)
        });
        self.routes
            .push((path.to_owned(), UserRoute::Socket(route)));
        self
    }

    /// Serves the clients of `stream` at `path`: they connect by WebSocket and name themselves (`?client=ID`).
    ///
    /// The authorizer is asked for [`Action::Subscribe`](crate::gateway::Action::Subscribe), then the stream's handler.
    /// A stream can be served at several paths, and by several servers: it is still one, in which an id is there once.
    pub fn clients(mut self, path: &str, stream: &WebSocketStream) -> Self {
        let route = UserRoute::Clients(stream.clone());
        self.routes.push((path.to_owned(), route));
        self
    }

    /// Serves streams of `filter` at `path`, which clients can narrow down by `topic=`.
    ///
    /// While the server runs, endpoints are made and removed by its [handle](crate::gateway::ServerHandle::create_endpoint); those
    /// that are made here can be removed there, too.
    pub fn endpoint(mut self, path: &str, filter: Filter, options: StreamOptions) -> Self {
        self.endpoints.push((path.to_owned(), filter, options));
        self
    }

    /// Shows a counter of the program in `GET /metrics`; `read` must not wait. Where it panics, the answer is 500.
    ///
    /// Its name is one of Prometheus, `[a-zA-Z_:][a-zA-Z0-9_:]*`, which wants those of counters to end in `_total`. One
    /// that does not is shown by its name all the same, as `untyped`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// # use eventring::{gateway::{Server, ServerConfig}, hub::Hub};
    /// # let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    /// let orders = Arc::new(AtomicU64::new(0));
    /// let counted = orders.clone();
    /// let server = Server::builder(&Hub::new())
    ///     .counter("shop_orders_total", "Orders taken.", move || counted.load(Ordering::Relaxed))
    ///     .bind(config)?;
    /// # Ok::<(), eventring::gateway::ServerError>(())
    /// ```
    pub fn counter(
        mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.counters
            .push(UserCounter::new(name, help, Box::new(read)));
        self
    }

    /// Goes by another clock: deadlines and heartbeats come when it says so.
    pub fn clock(mut self, clock: impl Clock + Clone + 'static) -> Self {
        self.clocks = Some(Box::new(move || Box::new(clock.clone())));
        self
    }

    /// Listens as `config` says, for a server that has all its routes. Nothing runs until it is driven.
    ///
    /// # Errors
    ///
    /// [`ServerError`] names the setting, every route and counter that is wrong, or the address; then nothing is listened
    /// on.
    pub fn bind(self, config: ServerConfig) -> Result<Server, ServerError> {
        Server::listen(self, config)
    }

    /// Looks at everything that it was given; `frame_log` are the bytes of a log, which some options go by.
    pub(super) fn check(&mut self, frame_log: usize) -> Result<Checked, ServerError> {
        let mut errors = Vec::new();
        let mut taken = HashSet::new();
        let routes = std::mem::take(&mut self.routes);
        for (path, route) in &routes {
            errors.extend(path_error(path, &mut taken));
            if let UserRoute::Clients(stream) = route
                && let Some((field, reason)) = stream.first_fault()
            {
                let path = path.clone();
                errors.push(RouteError::Option {
                    path,
                    field,
                    reason,
                });
            }
        }
        let endpoints = Endpoints::new(frame_log, taken.clone());
        for (path, filter, options) in std::mem::take(&mut self.endpoints) {
            if let Some(error) = path_error(&path, &mut taken) {
                errors.push(error);
            } else if let Err(source) = endpoints.create(&path, filter, options) {
                errors.push(RouteError::Endpoint { path, source });
            }
        }
        let routes = UserRoutes::new(routes);
        let mut counters = routes.counters();
        counters.append(&mut self.counters);
        let mut names = HashSet::new();
        for counter in &counters {
            let name = counter.name;
            let reason = match counter.fault() {
                None if names.insert(name) => continue,
                None => "is there already",
                Some(reason) => reason,
            };
            errors.push(RouteError::Counter { name, reason });
        }
        if !errors.is_empty() {
            return Err(ServerError::Routes(errors));
        }
        Ok(Checked {
            routes,
            endpoints,
            counters: UserCounters::new(counters),
        })
    }
}

/// Says why there can be no route of this path beside those that are `taken`; it is among them from here on.
fn path_error(path: &str, taken: &mut HashSet<String>) -> Option<RouteError> {
    let shown = shown(path);
    match form_fault(path) {
        Some(reason) => Some(RouteError::Path {
            path: shown,
            reason,
        }),
        None if Router::get().is_reserved(path) => Some(RouteError::BuiltIn { path: shown }),
        None if !taken.insert(path.to_owned()) => Some(RouteError::Taken { path: shown }),
        None => None,
    }
}

//! A server's WebSocket streams: made before it runs.

use crate::gateway::admin::endpoint_path::{EndpointError, check_path};
use crate::gateway::clients::{ClientHandler, NoHandler, WebSocketStream, WebSocketStreamOptions};
use crate::gateway::server::builder::{Server, ServerError};

impl Server {
    /// Makes a [`WebSocketStream`]: clients that connect by WebSocket to `path` and name themselves
    /// (`?client=ID`) are sent to from any thread. What they send is dropped.
    ///
    /// The authorizer is asked for [`Action::Subscribe`](crate::gateway::Action::Subscribe). An endpoint that
    /// is made of the same path later is not reached.
    ///
    /// # Errors
    ///
    /// [`ServerError::Config`] names the option, or the `path`: it is none, one of the server's own, or
    /// taken.
    pub fn web_socket_stream(
        &self,
        path: &str,
        options: WebSocketStreamOptions,
    ) -> Result<WebSocketStream, ServerError> {
        self.web_socket_stream_with(path, options, NoHandler)
    }

    /// As [`web_socket_stream`](Self::web_socket_stream), with a handler that admits clients, is told of
    /// them, and takes what they send.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::gateway::{Server, ServerConfig, SocketReplies, StreamClient};
    /// use eventring::hub::Hub;
    /// use eventring::wire::ws::MessageKind;
    ///
    /// let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    /// let server = Server::bind(&Hub::new(), config)?;
    /// let chat = server.web_socket_stream_with(
    ///     "/chat",
    ///     Default::default(),
    ///     |client: &StreamClient<'_>, _: MessageKind, data: &[u8], _: &mut SocketReplies<'_, '_>| {
    ///         let said = format!("{}: {}", client.id(), String::from_utf8_lossy(data));
    ///         client.stream().broadcast(&*said);
    ///     },
    /// )?;
    /// let server = server.spawn()?;
    /// chat.broadcast("the chat is open");
    /// # assert!(server.stop()?.clean);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`web_socket_stream`](Self::web_socket_stream).
    pub fn web_socket_stream_with(
        &self,
        path: &str,
        options: WebSocketStreamOptions,
        handler: impl ClientHandler + 'static,
    ) -> Result<WebSocketStream, ServerError> {
        if let Some((field, reason)) = options.first_fault() {
            return Err(ServerError::fault(field, reason));
        }
        let fault = |why: &str| ServerError::value("path", path, why);
        check_path(path).map_err(|error| match error {
            EndpointError::Path { reason, .. } => fault(reason),
            other => fault(&other.to_string()),
        })?;
        if self.sockets.find(path).is_some() || self.shared.endpoints.group_of(path).is_some() {
            return Err(fault("is taken"));
        }
        let mailboxes = self.shared.mailboxes.clone();
        let stream = WebSocketStream::new(options, Box::new(handler), mailboxes);
        if !self.shared.clients.insert(path, stream.clone()) {
            return Err(fault("is taken"));
        }
        for counter in self.shared.clients.first_counters() {
            self.counters.add(counter);
        }
        Ok(stream)
    }
}

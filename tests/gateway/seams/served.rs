//! A server whose authorizer answers later, and clients of it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::gateway::{
    AccessRequest, Action, Authorizer, Decision, Server, ServerConfig, ServerThread, Ticket,
};
use eventring::hub::Hub;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const HANDSHAKE: &str = "GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A request that was asked about: whoever has it answers.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) action: Action,
    pub(crate) ticket: Ticket,
}

/// Hands each request to the test.
pub(crate) struct AnswersLater(pub(crate) Sender<Asked>);

impl Authorizer for AnswersLater {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        let ticket = request.ticket();
        let asked = Asked {
            path: request.head().path().to_owned(),
            action: request.action(),
            ticket: ticket.clone(),
        };
        self.0.send(asked).unwrap();
        Decision::Later(ticket)
    }
}

pub(crate) struct Served {
    pub(crate) hub: Hub,
    pub(crate) server: ServerThread,
    pub(crate) asked: Receiver<Asked>,
}

pub(crate) fn serve(change: impl FnOnce(ServerConfig) -> ServerConfig) -> Served {
    let (ask, asked) = channel();
    let hub = Hub::new();
    let config = change(ServerConfig::default().listen(([127, 0, 0, 1], 0).into()));
    let server = Server::builder(&hub)
        .authorizer(AnswersLater(ask))
        .bind(config)
        .unwrap();
    let server = server.spawn().unwrap();
    Served { hub, server, asked }
}

impl Served {
    pub(crate) fn connect(&self, request: &str) -> Client {
        Client::connect(self.server.addr(), request)
    }

    pub(crate) fn next(&self) -> Asked {
        self.asked.recv_timeout(PATIENCE).expect("a request")
    }
}

pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    text: String,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, request: &str) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self {
            socket,
            text: String::new(),
        };
        client.send(request);
        client
    }

    pub(crate) fn send(&mut self, bytes: &str) {
        self.socket.write_all(bytes.as_bytes()).unwrap();
    }

    /// Reads until `end` has come; returns all that has.
    pub(crate) fn read_to(&mut self, end: &str) -> &str {
        let mut buffer = [0; 4096];
        let deadline = Instant::now() + PATIENCE;
        while !self.text.contains(end) {
            // Heartbeats come for ever.
            assert!(Instant::now() < deadline, "no {end:?} in {:?}", self.text);
            let n = self.socket.read(&mut buffer).expect("more in time");
            assert!(n > 0, "it ended behind {:?}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
        &self.text
    }

    /// Reads to the end of the connection.
    pub(crate) fn read_all(mut self) -> String {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        self.text + &String::from_utf8_lossy(&rest)
    }
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

pub(crate) fn post(body: &str, fields: &str) -> String {
    let len = body.len();
    format!(
        "POST /api/v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {len}\r\n{fields}\r\n{body}"
    )
}

pub(crate) fn publish(hub: &Hub, topic: &str) {
    hub.publish(
        Event::builder(topic, "t")
            .text(&format!("for {topic}."))
            .build()
            .unwrap(),
    )
    .unwrap();
}

//! The WebSocket client: whatever cuts its connections, it has every event once and in order, or is told.
//!
//! `CUTS=100000` cuts more often than the 1,000 times of a usual run.

mod answers;
mod cuts;
mod messages;
mod partings;
mod played;
mod served;

use std::time::Duration;

use eventring::client::{Disconnected, WsClient, WsClientBuilder, WsItem};
use eventring::event::EventBuilder;
use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn serve(hub: &Hub, address: std::net::SocketAddr) -> ServerThread {
    let config = ServerConfig::default()
        .listen(address)
        .retry(Duration::from_millis(1));
    Server::bind(hub, config).unwrap().spawn().unwrap()
}

/// Publishes `event NUMBER` for each number, as text.
pub(crate) fn publish(hub: &Hub, numbers: impl Iterator<Item = u64>) {
    let mut builder = EventBuilder::new();
    for number in numbers {
        let text = format!("event {number}");
        builder.clear().topic("a").ty("t").text(&text);
        hub.publish(builder.build_ref().unwrap()).unwrap();
    }
}

/// A client that comes back at once.
pub(crate) fn quick(url: &str) -> WsClientBuilder {
    let builder = WsClient::builder(url).unwrap();
    builder.pauses(Duration::from_micros(200), Duration::from_millis(2))
}

/// A port that is taken and on which nobody listens, for as long as the socket is kept.
pub(crate) fn nowhere() -> (socket2::Socket, String) {
    let stream = socket2::Type::STREAM;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, stream, None).unwrap();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, format!("ws://{address}/ws"))
}

/// The next item, which has to be that it is disconnected.
pub(crate) fn disconnected(client: &mut WsClient) -> Disconnected {
    match client.next_item() {
        Ok(WsItem::Disconnected(disconnected)) => disconnected,
        other => panic!("the connection is gone: {other:?}"),
    }
}

/// The next item, which has to be that there is a connection.
pub(crate) fn connected(client: &mut WsClient) {
    let next = client.next_item();
    assert!(matches!(next, Ok(WsItem::Connected)), "{next:?}");
}

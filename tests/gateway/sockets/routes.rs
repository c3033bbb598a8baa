//! Routes of the program's own: all there before the port is, or no port at all.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use eventring::event::Filter;
use eventring::gateway::{
    AllowAll, Authorizer, Compression, EndpointError, RouteError, Server, ServerBuilder,
    ServerError, SocketReplies, SocketRequest, StreamOptions, Tls, WebSocketStream,
    WebSocketStreamOptions,
};
use eventring::hub::Hub;
use eventring::wire::ws::MessageKind;
use tungstenite::Message;

use super::client::{Client, ask};
use super::{config, until};

type Echo = fn(MessageKind, &[u8], &mut SocketReplies<'_, '_>);

fn echo(_: SocketRequest<'_>) -> Result<Echo, u16> {
    Ok(|kind, data, replies| replies.message(kind, data))
}

fn stream() -> WebSocketStream {
    WebSocketStream::new(WebSocketStreamOptions::default())
}

fn errors(builder: ServerBuilder, address: SocketAddr) -> Vec<RouteError> {
    match builder.bind(config().listen(address)) {
        Err(ServerError::Routes(errors)) => errors,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it listens"),
    }
}

/// Routes were added after the port was open: who was quick got 404 for good.
#[test]
fn the_first_request_finds_every_route() {
    let hub = Hub::new();
    let server = Server::builder(&hub)
        .socket("/echo", Default::default(), echo)
        .clients("/named", &stream())
        .endpoint("/prices", Filter::all(), StreamOptions::default())
        .counter("shop_orders_total", "Orders taken.", || 7)
        .bind(config())
        .unwrap();
    let address = server.local_addrs()[0];
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    // The requests wait at the port before anybody serves it.
    let waiting = [
        ("/echo", upgrade, 101),
        ("/named?client=a", upgrade, 101),
        ("/prices", "", 200),
        ("/metrics", "", 200),
        ("/none", "", 404),
    ]
    .map(|(target, fields, status)| {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        (target, stream, status)
    });
    let _server = server.spawn().unwrap();
    for (target, stream, status) in waiting {
        let (_, head) = ask(stream, "");
        assert_eq!(head.status, status, "{target}: {}", head.text);
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_no_port_is_opened() {
    let hub = Hub::new();
    let wrong = || {
        Server::builder(&hub)
            .socket("echo", Default::default(), echo)
            .socket("/own", Default::default(), echo)
            .clients("/own", &stream())
            .clients("/metrics", &stream())
            .clients(
                "/none",
                &WebSocketStream::new(WebSocketStreamOptions::default().clients_max(0)),
            )
            .endpoint("/api/v1/mine", Filter::all(), StreamOptions::default())
            .endpoint("/a b", Filter::all(), StreamOptions::default())
            .endpoint("/own", Filter::all(), StreamOptions::default())
            .endpoint("/slow", Filter::all(), StreamOptions::default().buffer(1))
            .counter("shop-orders", "Orders taken.", || 0)
    };
    let (text, range) = (
        |path: &str| path.to_owned(),
        "must be 0 (the frame log) or 4 KiB (a frame) up to the size of the frame log",
    );
    let told = [
        RouteError::Path {
            path: text("echo"),
            reason: "does not begin with /",
        },
        RouteError::Taken { path: text("/own") },
        RouteError::BuiltIn {
            path: text("/metrics"),
        },
        RouteError::Option {
            path: text("/none"),
            field: "clients_max",
            reason: "must be 1 to 1,048,576",
        },
        RouteError::BuiltIn {
            path: text("/api/v1/mine"),
        },
        RouteError::Path {
            path: text("/a b"),
            reason: "holds characters that a path cannot have unencoded",
        },
        RouteError::Taken { path: text("/own") },
        RouteError::Endpoint {
            path: text("/slow"),
            source: EndpointError::Option {
                field: "buffer",
                reason: range,
            },
        },
        RouteError::Counter {
            name: "shop-orders",
            reason: "must have a name like shop_orders_total",
        },
    ];
    // Somebody has the port: what is wrong with the routes is told before anybody asks for it.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    assert_eq!(errors(wrong(), address), told);
    drop(taken);
    assert_eq!(errors(wrong(), address), told);
    // It was not opened, or this would find it in use.
    drop(TcpListener::bind(address).unwrap());
    let error = wrong().bind(config().listen(address)).err().unwrap();
    let error = error.to_string();
    for told in told {
        assert!(error.contains(&told.to_string()), "{told}: {error}");
    }
}

#[test]
fn a_stream_is_one_at_all_its_paths_and_servers() {
    let (hub, stream) = (Hub::new(), stream());
    // A server that could not be made leaves nothing behind.
    let wrong = Server::builder(&hub)
        .clients("/n", &stream)
        .clients("n", &stream);
    assert_eq!(errors(wrong, ([127, 0, 0, 1], 0).into()).len(), 1);
    let [first, second] = [1, 2].map(|reactors| {
        let server = Server::builder(&hub)
            .clients("/n", &stream)
            .clients("/m", &stream);
        let server = server.bind(config().reactors(reactors)).unwrap();
        server.spawn().unwrap()
    });
    let mut clients = [
        Client::new(first.addr(), "/n?client=a"),
        Client::new(first.addr(), "/m?client=b"),
        Client::new(second.addr(), "/n?client=c"),
        Client::new(second.addr(), "/m?client=d"),
    ];
    for round in 0..20 {
        let text = format!("round {round}");
        until("all have come", || stream.len() == 4);
        assert_eq!(stream.broadcast(&*text).sent, 4);
        for client in &mut clients {
            assert_eq!(client.0.read().unwrap(), Message::text(text.clone()));
        }
    }
    // An id is there once, whichever server its client is at.
    let again = Client::new(second.addr(), "/m?client=a");
    let [a, _b, c, d] = clients;
    assert_eq!(a.close_code(), Some(WebSocketStream::REPLACED.0));
    drop(again);
    until("the other one has gone", || stream.len() == 3);
    let gone = std::thread::spawn(move || [c, d].map(|client| client.close_code()));
    assert!(second.stop().unwrap().clean);
    assert_eq!(gone.join().unwrap(), [Some(1001); 2]);
    assert_eq!(stream.clients(), ["b"]);
    assert!(stream.send_to("b", "still"));
}

#[test]
fn endpoints_of_the_builder_go_by_the_handle_and_no_other_takes_a_route() {
    let server = Server::builder(&Hub::new())
        .socket("/echo", Default::default(), echo)
        .endpoint("/prices", Filter::all(), StreamOptions::default())
        .bind(config())
        .unwrap();
    let handle = server.handle();
    let endpoint = |path: &str| handle.create_endpoint(path, Filter::all(), Default::default());
    assert_eq!(
        endpoint("/echo").unwrap_err().to_string(),
        "path \"/echo\" is a route of the program"
    );
    let path = "/prices".to_owned();
    assert_eq!(endpoint(&path), Err(EndpointError::Exists { path }));
    assert_eq!(handle.endpoints().len(), 1);
    handle.remove_endpoint("/prices").unwrap();
    endpoint("/prices").unwrap();
}

#[test]
fn an_authorizer_may_be_chosen_while_the_program_runs() {
    let boxed: Box<dyn Authorizer> = Box::new(AllowAll);
    let shared: Arc<dyn Authorizer> = Arc::new(AllowAll);
    for builder in [
        Server::builder(&Hub::new()).authorizer(boxed),
        Server::builder(&Hub::new()).authorizer(shared.clone()),
    ] {
        let server = builder.bind(config()).unwrap().spawn().unwrap();
        let stream = TcpStream::connect(server.addr()).unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        assert_eq!(ask(stream, request).1.status, 200);
    }
}

/// What a build cannot do is there all the same: another crate's features change no `match` here.
#[test]
fn a_build_says_which_feature_it_is_without() {
    let brotli = config().compression(Compression::Brotli);
    let bound = Server::bind(&Hub::new(), brotli).map(drop);
    let options = StreamOptions::default().compression(Compression::Brotli);
    let server = Server::bind(&Hub::new(), config()).unwrap();
    let made = server
        .handle()
        .create_endpoint("/e", Filter::all(), options);
    match cfg!(feature = "brotli") {
        true => assert!(bound.is_ok() && made.is_ok()),
        false => {
            let text = "compression needs the feature `brotli`, which this build is without";
            assert_eq!(bound.unwrap_err().to_string(), text);
            assert_eq!(made.unwrap_err().to_string(), text);
        }
    }
    let missing = Tls::from_pem_files("none.pem", "none.key").unwrap_err();
    let names_it = missing.reason.contains("feature `tls`");
    assert_eq!(names_it, !cfg!(feature = "tls"), "{missing}");
}

//! WebSocket streams: who may connect by which name, how often, and how a connection ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use eventring::gateway::{
    AccessRequest, Action, Authorizer, ClientHandler, ClientIdError, Decision, Denied, OnDuplicate,
    Principal, Server, ServerThread, SocketReplies, SocketRequest, StreamClient, SubscriptionId,
    WebSocketStream, WebSocketStreamOptions,
};
use eventring::hub::Hub;
use eventring::wire::ws::{CloseCode, MessageKind};
use tungstenite::Message;

use super::client::{Client, connect};
use super::{config, until};

const PATIENCE: Duration = Duration::from_secs(30);

fn serve(options: WebSocketStreamOptions) -> (ServerThread, WebSocketStream) {
    let config = config().reactors(2);
    let stream = WebSocketStream::new(options);
    let server = Server::builder(&Hub::new()).clients("/n", &stream);
    (server.bind(config).unwrap().spawn().unwrap(), stream)
}

fn second(second: OnDuplicate) -> WebSocketStreamOptions {
    WebSocketStreamOptions::default().on_duplicate(second)
}

fn join(server: &ServerThread, client: &str) -> Client {
    Client::new(server.addr(), &format!("/n?client={client}"))
}

/// The status of a connection that is refused, and the body that says why.
fn refused(address: SocketAddr, target: &str) -> (u16, String) {
    let (mut stream, head) = connect(address, target, "Connection: close\r\n");
    let length = head.text.split("content-length: ").nth(1).unwrap();
    let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head.status, String::from_utf8(body).unwrap())
}

fn close_reason(mut client: Client) -> (u16, String) {
    loop {
        if let Message::Close(frame) = client.0.read().unwrap() {
            let frame = frame.unwrap();
            return (frame.code.into(), frame.reason.to_string());
        }
    }
}

#[test]
fn weakness_3_a_second_connection_replaces_the_first_and_says_so() {
    let (server, stream) = serve(second(OnDuplicate::Replace));
    let first = join(&server, "a");
    let earlier: SubscriptionId = stream.subscription_of("a").unwrap();
    assert!(stream.send_to("a", "for the first"));
    let mut later = join(&server, "a");
    assert_ne!(stream.subscription_of("a"), Some(earlier));
    assert!(stream.send_to("a", "for the second"));
    assert_eq!(later.0.read().unwrap(), Message::text("for the second"));
    let mut first = first;
    assert_eq!(first.0.read().unwrap(), Message::text("for the first"));
    assert_eq!(
        close_reason(first),
        (4000, "another connection has this id now".to_owned())
    );
    assert_eq!(stream.clients(), ["a"]);
    assert_eq!(stream.broadcast("one").sent, 1);
}

#[test]
fn weakness_3_a_second_connection_is_refused_until_the_first_has_gone() {
    let (server, stream) = serve(second(OnDuplicate::Refuse));
    let mut first = join(&server, "a");
    let (status, body) = refused(server.addr(), "/n?client=a");
    assert_eq!(status, 409);
    assert!(body.contains(r#""field":"client""#), "{body}");
    let taken = ClientIdError::Taken {
        client: "a".to_owned(),
    };
    assert_eq!(stream.connect("a"), Err(taken));
    assert!(stream.send_to("a", "you"));
    assert_eq!(first.0.read().unwrap(), Message::text("you"));
    drop(first);
    until("the first has gone", || stream.is_empty());
    join(&server, "a");
}

#[test]
fn a_client_is_disconnected_after_what_was_sent_to_it() {
    let (server, stream) = serve(WebSocketStreamOptions::default());
    let (mut a, b) = (join(&server, "a"), join(&server, "b"));
    for n in 0..100 {
        assert!(stream.send_to("a", &*n.to_string()));
    }
    assert!(stream.disconnect("a"));
    assert!(!stream.disconnect("a"));
    assert!(!stream.send_to("a", "too late"));
    assert_eq!(stream.clients(), ["b"]);
    for n in 0..100 {
        assert_eq!(a.0.read().unwrap(), Message::text(n.to_string()));
    }
    assert_eq!(close_reason(a), (1000, "disconnected".to_owned()));
    assert!(stream.disconnect_with("b", CloseCode(4123), "go away"));
    assert_eq!(close_reason(b), (4123, "go away".to_owned()));
    assert!(!stream.disconnect("nobody"));

    // Also where more waits than its socket takes at once.
    let (large, mut taken) = ("x".repeat(50_000), 0);
    let mut c = join(&server, "c");
    until("it takes no more", || {
        let sent = stream.send_to("c", &*large);
        taken += usize::from(sent);
        !sent
    });
    assert!(stream.disconnect("c"));
    for _ in 0..taken {
        assert_eq!(c.0.read().unwrap(), Message::text(&*large));
    }
    assert_eq!(close_reason(c).0, 1000);
    until("both sockets are closed", || {
        server.handle().stats().connections == 0
    });
}

#[test]
fn who_does_not_name_itself_is_told_how() {
    let (server, stream) = serve(WebSocketStreamOptions::default());
    let long = format!("/n?client={}", "x".repeat(65));
    for target in [
        "/n",
        "/n?client",
        "/n?client=",
        "/n?client=a%20b",
        "/n?client=%C3%BC",
        "/n?client=a%00",
        "/n?client=a%zz",
        "/n?client=a&client=b",
        "/n?Client=a",
        &long,
    ] {
        let (status, body) = refused(server.addr(), target);
        assert_eq!(status, 400, "{target}: {body}");
        assert!(body.contains(r#""field":"client""#), "{target}: {body}");
    }
    assert!(stream.is_empty());
    for bad in ["", "a b", "ü", &"x".repeat(65)] {
        let error = stream.connect(bad).unwrap_err();
        assert!(matches!(error, ClientIdError::Client { .. }), "{error}");
    }
    let named = format!("/n?other=1&client={}", "~%21".repeat(32));
    Client::new(server.addr(), &named);
    let plain = "GET /n?client=a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let (status, _) = ask_plainly(server.addr(), plain);
    assert_eq!(status, 426);
}

fn ask_plainly(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}

#[test]
fn only_those_may_come_who_are_expected_once_for_each_time() {
    let options = WebSocketStreamOptions::default()
        .only_expected(true)
        .clients_max(2);
    let (server, stream) = serve(options);
    assert_eq!(refused(server.addr(), "/n?client=a").0, 403);
    let id = stream.connect("a").unwrap();
    assert!(stream.is_empty() && !stream.send_to("a", "not here yet"));
    let client = join(&server, "a");
    assert_eq!(stream.subscription_of("a"), Some(id));
    assert_eq!(refused(server.addr(), "/n?client=a").0, 403);
    drop(client);
    until("it has gone", || stream.is_empty());
    assert_eq!(refused(server.addr(), "/n?client=a").0, 403);

    // Expected again, and forgotten before it came.
    assert_ne!(stream.connect("a").unwrap(), id);
    assert!(stream.disconnect("a"));
    assert_eq!(refused(server.addr(), "/n?client=a").0, 403);

    // Expected while it is here: what is here is closed, whoever comes next has the id.
    stream.connect("a").unwrap();
    let first = join(&server, "a");
    let id = stream.connect("a").unwrap();
    assert_eq!(close_reason(first).0, 4000);
    let _again = join(&server, "a");
    assert_eq!(stream.subscription_of("a"), Some(id));
    stream.connect("b").unwrap();
    let full = ClientIdError::TooMany { limit: 2 };
    assert_eq!(stream.connect("c"), Err(full));
}

#[test]
fn one_client_more_than_there_may_be_is_told_to_come_back() {
    let options = WebSocketStreamOptions::default().clients_max(1);
    let (server, stream) = serve(options);
    let only = join(&server, "a");
    let (status, body) = refused(server.addr(), "/n?client=b");
    assert!(status == 503 && body.contains(r#""limit":1"#), "{body}");
    drop(only);
    until("there is room", || stream.is_empty());
    join(&server, "b");
}

/// Tells what it is told.
struct Noted(Sender<String>);

impl ClientHandler for Noted {
    fn admit(&self, client: &str, request: SocketRequest<'_>) -> Result<(), u16> {
        let cookie = request.head.header("cookie").unwrap_or_default();
        if cookie == format!("user={client}").as_bytes() {
            Ok(())
        } else {
            Err(401)
        }
    }

    fn connected(&self, client: &StreamClient<'_>) {
        self.0.send(format!("+{}", client.id())).unwrap();
        assert!(client.stream().send_to(client.id(), "welcome"));
    }

    fn message(
        &self,
        client: &StreamClient<'_>,
        kind: MessageKind,
        data: &[u8],
        replies: &mut SocketReplies<'_, '_>,
    ) {
        self.0.send(format!("{} {kind:?}", client.id())).unwrap();
        if data == b"close" {
            replies.close(CloseCode(4001), "as you wish");
        }
    }

    fn disconnected(&self, client: &StreamClient<'_>) {
        assert!(!client.stream().send_to(client.id(), "x"));
        self.0.send(format!("-{}", client.id())).unwrap();
    }
}

fn noted() -> (ServerThread, WebSocketStream, Receiver<String>) {
    let (sender, told) = mpsc::channel();
    let stream = WebSocketStream::with_handler(Default::default(), Noted(sender));
    let server = Server::builder(&Hub::new()).clients("/n", &stream);
    let server = server.bind(config()).unwrap();
    (server.spawn().unwrap(), stream, told)
}

fn join_with_cookie(server: &ServerThread, client: &str) -> Client {
    let (target, cookie) = (
        format!("/n?client={client}"),
        format!("Cookie: user={client}\r\n"),
    );
    let (stream, head) = connect(server.addr(), &target, &cookie);
    assert_eq!(head.status, 101);
    let role = tungstenite::protocol::Role::Client;
    let mut client = Client(tungstenite::WebSocket::from_raw_socket(stream, role, None));
    assert_eq!(client.0.read().unwrap(), Message::text("welcome"));
    client
}

#[test]
fn a_handler_admits_is_told_of_and_hears_clients() {
    let (server, stream, told) = noted();
    let told = |expected: &str| {
        assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok(expected));
    };
    assert_eq!(refused(server.addr(), "/n?client=a").0, 401);
    let mut a = join_with_cookie(&server, "a");
    told("+a");
    a.send("hi");
    told("a Text");
    drop(a);
    told("-a");
    let mut b = join_with_cookie(&server, "b");
    told("+b");
    b.send("close");
    told("b Text");
    told("-b");
    assert_eq!(close_reason(b), (4001, "as you wish".to_owned()));
    let c = join_with_cookie(&server, "c");
    told("+c");
    assert!(stream.disconnect("c"));
    told("-c");
    assert_eq!(close_reason(c).0, 1000);
    let d = join_with_cookie(&server, "d");
    told("+d");
    let reader = std::thread::spawn(move || close_reason(d).0);
    assert!(server.stop().unwrap().clean);
    told("-d");
    assert_eq!(reader.join().unwrap(), 1001);
}

#[test]
fn a_message_over_the_bound_ends_the_connection() {
    let options = WebSocketStreamOptions::default().message_bytes(1000);
    let (server, stream) = serve(options);
    let mut client = join(&server, "a");
    client.send(&"x".repeat(1001));
    assert_eq!(client.close_code(), Some(1009));
    until("it has gone", || stream.is_empty());
}

struct Closed;

impl Authorizer for Closed {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        assert_eq!(request.action(), Action::Subscribe);
        if request.head().header("authorization") != Some(b"Bearer x") {
            return Decision::Now(Err(Denied::Unknown("Bearer")));
        }
        let end = std::time::Instant::now() + Duration::from_millis(300);
        Decision::Now(Ok(Principal::all().expires_at(Some(end))))
    }
}

#[test]
fn the_authorizer_is_asked_and_its_end_ends_the_connection() {
    let stream = WebSocketStream::new(Default::default());
    let server = Server::builder(&Hub::new())
        .authorizer(Closed)
        .clients("/n", &stream)
        .bind(config())
        .unwrap();
    let server = server.spawn().unwrap();
    assert_eq!(refused(server.addr(), "/n?client=a").0, 401);
    let fields = "Authorization: Bearer x\r\n";
    let (socket, head) = connect(server.addr(), "/n?client=a", fields);
    assert_eq!(head.status, 101);
    let role = tungstenite::protocol::Role::Client;
    let client = Client(tungstenite::WebSocket::from_raw_socket(socket, role, None));
    assert_eq!(client.close_code(), Some(1008));
    until("it has gone", || stream.is_empty());
}

#[test]
fn the_metrics_count_what_all_streams_have_sent() {
    let [n, m] = [(); 2].map(|()| WebSocketStream::new(Default::default()));
    let server = Server::builder(&Hub::new())
        .clients("/n", &n)
        .clients("/m", &m)
        .clients("/another-n", &n)
        .bind(config())
        .unwrap();
    let server = server.spawn().unwrap();
    let _clients = [
        join(&server, "a"),
        join(&server, "b"),
        Client::new(server.addr(), "/m?client=a"),
    ];
    n.broadcast("x");
    m.broadcast("x");
    assert!(!n.send_to("a", &*"x".repeat(1 << 20)));
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let (_, metrics) = ask_plainly(server.addr(), request);
    for line in [
        "\neventring_client_messages_total 3\n",
        "\neventring_client_messages_refused_total 1\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[test]
fn clients_that_come_and_go_under_fire_leave_nothing_behind() {
    let (server, stream) = serve(second(OnDuplicate::Replace));
    let sending = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while sending.load(std::sync::atomic::Ordering::Relaxed) {
                    stream.broadcast("x");
                    stream.send_to("c1", "y");
                    stream.disconnect("c2");
                    std::thread::yield_now();
                }
            });
        }
        for _ in 0..150 {
            // Three ids: each comes while its earlier connection goes.
            for id in ["c0", "c1", "c2"] {
                drop(join(&server, id));
            }
        }
        sending.store(false, std::sync::atomic::Ordering::Relaxed);
    });
    until("all have gone", || stream.is_empty());
    until("all sockets are closed", || {
        server.handle().stats().connections == 0
    });
    assert!(server.stop().unwrap().clean);
}

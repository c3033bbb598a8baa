//! A server on a Unix socket: its mode, its file before, during and after.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig, ServerError, ServerThread, UnixAddress};
use eventring::hub::Hub;

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("eventring-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn serve(hub: &Hub, path: &Path, mode: u32) -> Result<ServerThread, ServerError> {
    let config = ServerConfig::default()
        .listen_on(Vec::new())
        .unix(vec![UnixAddress::new(path.to_owned()).mode(mode)]);
    Ok(Server::bind(hub, config)?.spawn().unwrap())
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream
}

fn answer(path: &Path, request: &str) -> String {
    let mut stream = connect(path);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn streams_and_answers_come_over_it_and_its_file_goes_with_it() {
    let folder = Folder::new("serves");
    let path = folder.socket();
    let hub = Hub::new();
    let server = serve(&hub, &path, 0o620).unwrap();
    let file = fs::symlink_metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o620);
    assert!(answer(&path, HEALTH).starts_with("HTTP/1.1 200 OK"));
    // A public name is for `allowed_hosts`, here as everywhere but for the state.
    let named = HEALTH
        .replace("/healthz", "/metrics")
        .replace("localhost", "events.example");
    assert!(answer(&path, &named).starts_with("HTTP/1.1 421 "));

    let mut stream = connect(&path);
    let request = "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    let mut read_until = |wanted: &str| {
        while !text.contains(wanted) {
            let n = stream.read(&mut buffer).unwrap();
            assert!(n > 0, "{text}");
            text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        }
    };
    read_until("retry:");
    // More than its send buffer takes at once.
    let large = "x".repeat(600_000);
    hub.publish(Event::builder("t", "t").text(&large).build().unwrap())
        .unwrap();
    hub.publish(Event::builder("t", "t").text("the end").build().unwrap())
        .unwrap();
    read_until("the end\n\n");
    assert!(text.contains(&large));
    drop(stream);
    assert!(server.stop().unwrap().clean);
    assert!(!path.exists());
}

#[test]
fn a_file_that_a_crash_left_is_replaced_and_nothing_else_is() {
    let folder = Folder::new("stale");
    let path = folder.socket();
    let hub = Hub::new();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "nobody listens, and the file is there");
    let server = serve(&hub, &path, 0o600).unwrap();

    let error = serve(&hub, &path, 0o600)
        .err()
        .expect("somebody listens")
        .to_string();
    assert!(
        error.contains("unix:") && error.contains("in use"),
        "{error}"
    );
    assert!(answer(&path, HEALTH).starts_with("HTTP/1.1 200 OK"));

    let letter = folder.0.join("letter");
    fs::write(&letter, "keep me").unwrap();
    let error = serve(&hub, &letter, 0o600)
        .err()
        .expect("no socket")
        .to_string();
    assert!(error.contains("no socket"), "{error}");
    assert_eq!(fs::read_to_string(&letter).unwrap(), "keep me");

    // Who put another socket there in the meantime keeps it.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    server.stop().unwrap();
    assert!(path.exists());
    drop(other);

    for wrong in [
        folder.0.join("nowhere/socket"),
        folder.0.join("x".repeat(120)),
    ] {
        let error = serve(&hub, &wrong, 0o600)
            .err()
            .expect("refused")
            .to_string();
        assert!(error.contains(&wrong.display().to_string()), "{error}");
    }
}

/// Both clients know a Unix socket by its URL, with what they ask for behind it.
#[cfg(feature = "client")]
#[test]
fn clients_connect_by_its_url() {
    use eventring::client::{SseClient, SseItem, WsClient, WsItem};
    let folder = Folder::new("url");
    let hub = Hub::new();
    let _server = serve(&hub, &folder.socket(), 0o600).unwrap();
    hub.publish(Event::builder("a", "t").text("7").build().unwrap())
        .unwrap();
    let base = format!("unix:{}:/api/v1", folder.socket().display());
    let mut client = SseClient::open(&format!("{base}/events/stream?from=beginning")).unwrap();
    assert!(matches!(client.next_item(), Ok(SseItem::Connected)));
    let next = client.next_item();
    assert!(
        matches!(&next, Ok(SseItem::Event(event)) if event.data == "7"),
        "{next:?}"
    );
    let mut client = WsClient::open(&format!("{base}/ws?topic=a&from=beginning")).unwrap();
    assert!(matches!(client.next_item(), Ok(WsItem::Connected)));
    let next = client.next_item();
    assert!(
        matches!(&next, Ok(WsItem::Event(event)) if event.topic == "a"),
        "{next:?}"
    );
}

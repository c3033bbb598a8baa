//! A stop ends every wait of a client, also the one for a connection.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use eventring::client::{ClientError, SseClient, Stopper, WsClient};
use socket2::{Domain, SockAddr, Socket, Type};

/// A stop is done at once, on a machine that has time for it. The wait that it ends lasts 10 s.
const SOON: Duration = Duration::from_secs(5);

/// How long threads may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port where the system lets attempts to connect wait: its backlog is full.
struct Unanswered {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl Unanswered {
    /// `None`: this system answers all the same.
    fn new() -> Option<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            waiting.push(stream);
            if waiting.len() > 64 {
                return None;
            }
        }
        Some(Self {
            address,
            _listener: listener,
            _waiting: waiting,
        })
    }
}

/// Stops a client once it waits, and says how long it went on.
fn stopped(stopper: &Stopper, next: impl FnOnce() -> ClientError + Send + 'static) -> Duration {
    let (tell, told) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        tell.send(std::fs::read_link("/proc/thread-self").unwrap())
            .unwrap();
        next()
    });
    let stat = std::path::Path::new("/proc")
        .join(told.recv().unwrap())
        .join("stat");
    let asleep = || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
    let spawned = Instant::now();
    while !asleep() {
        assert!(spawned.elapsed() < PATIENCE, "it does not wait");
        std::thread::yield_now();
    }
    let began = Instant::now();
    stopper.stop();
    let error = waiting.join().unwrap();
    assert!(matches!(error, ClientError::Stopped), "{error:?}");
    began.elapsed()
}

/// Once: it took 9.5 s.
#[test]
#[allow(clippy::print_stderr)]
fn a_stop_ends_an_attempt_that_nobody_answers() {
    let Some(unanswered) = Unanswered::new() else {
        eprintln!("skipped: a full backlog answers here");
        return;
    };
    let mut sse = SseClient::open(&format!("http://{}/s", unanswered.address)).unwrap();
    let stopper = sse.stopper();
    let took = stopped(&stopper, move || sse.next_item().unwrap_err());
    assert!(took < SOON, "{took:?}");
    let mut ws = WsClient::open(&format!("ws://{}/s", unanswered.address)).unwrap();
    let stopper = ws.stopper();
    let took = stopped(&stopper, move || ws.next_item().unwrap_err());
    assert!(took < SOON, "{took:?}");
}

/// The same for a Unix socket, whose backlog tells nobody when there is room.
#[test]
fn a_stop_ends_an_attempt_on_a_full_unix_socket() {
    let folder = std::env::temp_dir().join(format!("eventring-stop-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("s");
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    let mut client = SseClient::open(&format!("unix:{}", path.display())).unwrap();
    let stopper = client.stopper();
    let took = stopped(&stopper, move || client.next_item().unwrap_err());
    assert!(took < SOON, "{took:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// How many threads read for tasks.
#[cfg(all(feature = "async", target_os = "linux"))]
fn readers() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    // The system keeps 15 bytes of a thread's name.
    let named = |name: &str| name.trim_end() == "eventring-clien";
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok())
        .filter(|name| named(name))
        .count()
}

/// Once: 20 threads were still there after a second.
#[cfg(all(feature = "async", target_os = "linux"))]
#[test]
fn streams_that_are_dropped_leave_no_threads() {
    crate::alone::alone(
        module_path!(),
        "streams_that_are_dropped_leave_no_threads",
        dropped_streams,
    );
}

#[cfg(all(feature = "async", target_os = "linux"))]
#[allow(clippy::print_stderr)]
fn dropped_streams() {
    let Some(unanswered) = Unanswered::new() else {
        eprintln!("skipped: a full backlog answers here");
        return;
    };
    let url = format!("http://{}/s", unanswered.address);
    let streams: Vec<_> = (0..20)
        .map(|_| SseClient::open(&url).unwrap().into_stream().unwrap())
        .collect();
    let begun = Instant::now();
    while readers() < 20 {
        assert!(
            begun.elapsed() < PATIENCE,
            "{} threads have begun",
            readers()
        );
        std::thread::yield_now();
    }
    let began = Instant::now();
    drop(streams);
    while readers() > 0 {
        assert!(began.elapsed() < SOON, "{} threads are left", readers());
        std::thread::yield_now();
    }
}

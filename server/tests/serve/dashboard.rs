//! The dashboard in a real browser: events reach the tail over either transport, the form publishes, and a
//! server that was killed and came back is noticed and told. Skipped where there is no Chromium.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(60);
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Chromium speaks its protocol over descriptors 3 and 4, which are our pipes.
const START: &str = "exec \"$0\" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                     --disable-background-networking --disable-component-update --disable-sync \
                     --user-data-dir=\"$1\" --remote-debugging-pipe \
                     3<&0 4>&1 </dev/null >/dev/null 2>/dev/null";

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A page in a browser of its own.
struct Page {
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    last: u64,
    /// What scripts threw and what the browser refused.
    complaints: Vec<String>,
    _browser: Killed,
    _profile: tempfile::TempDir,
}

impl Page {
    fn open(chromium: &str, url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("sh")
            .args(["-c", START, chromium])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(browser.stdout.take().unwrap());
        let (tell, from) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                let value = serde_json::from_slice(&message).unwrap();
                if tell.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let mut page = Self {
            to: browser.stdin.take().unwrap(),
            from,
            session: None,
            last: 0,
            complaints: Vec::new(),
            _browser: Killed(browser),
            _profile: profile,
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.call("Target.attachToTarget", attach);
        page.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        page.call("Runtime.enable", json!({}));
        page.call("Log.enable", json!({}));
        page.call("Page.enable", json!({}));
        page.call("Page.navigate", json!({"url": url}));
        page
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        write!(self.to, "{message}\0").unwrap();
        loop {
            let answer = self
                .from
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|error| panic!("{method} {params}: {error}"));
            match answer["method"].as_str() {
                Some("Runtime.exceptionThrown") => self.complaints.push(answer.to_string()),
                Some("Log.entryAdded") if answer["params"]["entry"]["source"] == "security" => {
                    self.complaints.push(answer.to_string());
                }
                _ => {}
            }
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// The value of an expression, awaited.
    fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// Waits until `condition` holds; says what the page shows if it never does.
    fn until(&mut self, what: &str, condition: &str) {
        let ms = PATIENCE.as_millis() / 2;
        let look = format!(
            "new Promise((done) => {{ const late = Date.now() + {ms}; const look = () => \
             ({condition}) ? done(true) : Date.now() > late ? done(false) : setTimeout(look, 20); \
             look(); }})"
        );
        if self.value(&look) != true {
            let shown = self.value("document.body.innerText");
            panic!(
                "never happened: {what}\n{}",
                shown.as_str().unwrap_or_default()
            );
        }
    }

    fn until_text(&mut self, id: &str, text: &str) {
        let (id, wanted) = (json!(id), json!(text));
        let condition =
            format!("(document.getElementById({id})?.textContent ?? '').includes({wanted})");
        self.until(&format!("{id} shows {text}"), &condition);
    }

    fn until_live(&mut self) {
        for id in ["state", "tail-state"] {
            let condition = format!("document.getElementById('{id}')?.dataset.state === 'live'");
            self.until(&format!("{id} is live"), &condition);
        }
    }

    /// Chooses what the tail comes over, as a click does.
    fn choose(&mut self, transport: &str) {
        self.value(&format!(
            "document.querySelector('input[value={transport}]').click()"
        ));
        self.until_live();
    }

    /// Follows other topics.
    fn follow(&mut self, topic: &str) {
        let topic = json!(topic);
        self.value(&format!(
            "document.getElementById('tail-topic').value = {topic}; \
             document.getElementById('tail-form').requestSubmit()"
        ));
    }

    /// Waits until the server has made so many WebSockets.
    fn until_sockets(&mut self, count: u64) {
        let line = json!(format!(
            "eventring_requests_total{{route=\"socket\",status=\"2xx\"}} {count}\n"
        ));
        let look =
            format!("fetch('/metrics').then((a) => a.text()).then((t) => t.includes({line}))");
        let start = Instant::now();
        while self.value(&look) != true {
            assert!(start.elapsed() < PATIENCE, "never so many sockets: {count}");
        }
    }

    fn submit(&mut self, topic: &str, ty: &str, data: &str) {
        let values = [("topic", topic), ("type", ty), ("data", data)];
        for (name, value) in values {
            let value = json!(value);
            self.value(&format!(
                "document.getElementById('publish-{name}').value = {value}"
            ));
        }
        self.value("document.getElementById('publish').requestSubmit()");
    }
}

fn serve(listen: &str) -> (Killed, SocketAddr) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_eventring"))
        .args(["serve", "--memory", "--listen", listen])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let server = Killed(server);
    let line = lines.find_map(|line| {
        let line = line.ok()?;
        line.strip_prefix("listening on http://").map(str::to_owned)
    });
    (server, line.expect("the address").parse().unwrap())
}

fn publish(address: SocketAddr, topic: &str, data: &str) {
    publish_as(address, "text/plain", topic, data);
}

fn publish_as(address: SocketAddr, content_type: &str, topic: &str, data: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = data.len();
    write!(
        stream,
        "POST /api/v1/topics/{topic}/events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: {content_type}\r\nCe-Type: test.type\r\nContent-Length: {length}\r\n\r\n{data}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn chromium() -> Option<&'static str> {
    let runs = |name: &&str| {
        let version = Command::new(name)
            .arg("--version")
            .stderr(Stdio::null())
            .output();
        version.is_ok_and(|output| output.status.success())
    };
    NAMES.into_iter().find(|name| runs(name))
}

/// A server and its dashboard; `None`: no browser is there.
fn opened() -> Option<(Killed, SocketAddr, Page)> {
    let Some(chromium) = chromium() else {
        let _ = writeln!(std::io::stderr(), "skipped: no Chromium is installed");
        return None;
    };
    let (server, address) = serve("127.0.0.1:0");
    let mut page = Page::open(chromium, &format!("http://{address}/"));
    page.until_live();
    Some((server, address, page))
}

#[test]
fn a_browser_sees_events_publishes_and_survives_a_restart() {
    let Some((server, address, mut page)) = opened() else {
        return;
    };

    publish(address, "orders.created", "an event from elsewhere");
    page.until_text("tail", "an event from elsewhere");
    page.until_text("tail", "orders.created");
    page.until_text("tail", "test.type");
    page.until_text("topics", "orders.created");
    page.until(
        "a chart has a line",
        "document.querySelector('#chart-in .line')",
    );

    publish(
        address,
        "orders.created",
        "<img id=injected src=x onerror=alert(1)>",
    );
    page.until_text("tail", "<img id=injected");
    assert_eq!(
        page.value("document.getElementById('injected')"),
        Value::Null
    );

    page.submit("form.topic", "form.type", "{\"sent\":\"by the form\"}");
    page.until_text("publish-result", "Published at ");
    page.until_text("tail", "{\"sent\":\"by the form\"}");
    page.submit("form..topic", "form.type", "x");
    page.until_text("publish-result", "400: topic: ");
    assert_eq!(
        page.value("document.getElementById('publish-topic').getAttribute('aria-invalid')"),
        "true"
    );

    page.value("document.getElementById('tail-pause').click()");
    publish(address, "orders.created", "while it pauses");
    page.until_text("tail-count", "1 wait");
    assert_eq!(
        page.value("document.getElementById('tail').textContent.includes('while it pauses')"),
        false
    );
    page.value("document.getElementById('tail-pause').click()");
    page.until_text("tail", "while it pauses");

    drop(server);
    page.until(
        "the loss is shown",
        "document.getElementById('state').dataset.state === 'lost'",
    );
    let (_server, again) = serve(&address.to_string());
    assert_eq!(again, address);
    page.until_text("tail", "ids were reset");
    page.until_text("notice", "restarted");
    page.until_live();
    publish(address, "orders.created", "after the restart");
    page.until_text("tail", "after the restart");
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

#[test]
fn a_browser_follows_over_a_websocket_and_goes_on_where_it_was() {
    let Some((server, address, mut page)) = opened() else {
        return;
    };
    publish(address, "orders.created", "over an EventSource");
    page.until_text("tail", "over an EventSource");

    page.choose("websocket");
    assert_eq!(page.value("location.search"), "?transport=websocket");
    publish(address, "orders.created", "over a WebSocket");
    page.until_text("tail", "over a WebSocket");
    page.until_text("tail", "test.type");
    page.until_sockets(1);
    page.value(
        "fetch('/api/v1/topics/raw/events', { method: 'POST', body: 'bytes', \
         headers: { 'content-type': 'application/octet-stream' } }).then(() => null)",
    );
    page.until_text("tail", "(base64) Ynl0ZXM=");
    page.until_text("tail-count", "3 events.");
    page.value(
        "const filter = document.getElementById('tail-filter'); filter.value = 'over a web'; \
         filter.dispatchEvent(new Event('input'))",
    );
    assert_eq!(
        page.value("document.querySelectorAll('#tail li:not([hidden])').length"),
        1
    );

    page.follow("a..b");
    page.until_text("tail-state-text", "refused");
    page.until_text("tail-notice", "topic: ");
    page.follow("orders.>");
    page.until_live();

    drop(server);
    page.until(
        "the loss is shown",
        "document.getElementById('tail-state').dataset.state === 'lost'",
    );
    let (_server, again) = serve(&address.to_string());
    assert_eq!(again, address);
    page.until_text("tail", "ids were reset");
    page.until_live();
    publish(
        address,
        "orders.created",
        "over a WebSocket, after the restart",
    );
    page.until_text("tail", "after the restart");

    // The address remembers.
    let url = format!("http://{address}/?transport=websocket");
    page.call("Page.navigate", json!({"url": url}));
    page.until_live();
    page.until_sockets(2);
    page.choose("sse");
    assert_eq!(page.value("location.search"), "");
    publish(address, "orders.created", "over an EventSource again");
    page.until_text("tail", "over an EventSource again");
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

/// Once: numbers went through the browser's, which round them.
#[test]
fn a_browser_shows_data_as_it_came() {
    let Some((_server, address, mut page)) = opened() else {
        return;
    };
    for (n, transport) in ["sse", "websocket"].into_iter().enumerate() {
        page.choose(transport);
        let data = format!(
            r#"{{"{transport}":9007199254740993, "b":[1.10,1E400,-0],"a":"\u00e9 ,\"data\":"}}"#
        );
        publish_as(address, "application/json", "exact", &data);
        page.until_text("tail", &data);
        // The whole event, a line for each member, with its numbers as they came.
        page.value("document.querySelector('#tail details').open = true");
        page.until_text("tail", "\n      1.10,\n      1E400,\n      -0\n");
        publish_as(address, "application/json", "number", &format!("1{n}.10"));
        page.until_text("tail", &format!("1{n}.10"));
        publish_as(
            address,
            "application/json",
            "text",
            &format!("\"as text {n}\""),
        );
        page.until_text("tail", &format!("as text {n}"));
    }
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

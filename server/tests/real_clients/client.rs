//! A real client as a process that prints what it gets: "id TAB name TAB data", a line an event.

use crate::common::{Process, wait_until};
use crate::programs::{installed, program, python_with, script};
use std::process::{Command, Stdio};

/// A running client.
pub(crate) struct Client {
    process: Process,
    taken: usize,
    /// Holds what the program writes, until it has ended.
    #[allow(dead_code, reason = "it is removed when it is dropped")]
    folder: Option<tempfile::TempDir>,
}

/// What it printed: an event, or `open`, `retrying` or `closed` without id and data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Line {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// curl in a loop of bash.
pub(crate) fn curl(url: &str) -> Option<Client> {
    curl_after(url, "")
}

/// curl, coming back with this id.
pub(crate) fn curl_after(url: &str, last_id: &str) -> Option<Client> {
    curl_with(&[url, last_id])
}

/// curl, with a compressed stream.
#[cfg(feature = "tls")]
pub(crate) fn curl_compressed(url: &str) -> Option<Client> {
    curl_with(&[&format!("{url}&compression=gzip"), "", "--compressed"])
}

fn curl_with(args: &[&str]) -> Option<Client> {
    program(&["curl"])?;
    let bash = program(&["bash"])?;
    let mut command = Command::new(bash);
    command.arg(script("curl.sh")).args(args);
    Some(Client::of(command))
}

/// npm's `eventsource`.
pub(crate) fn eventsource(url: &str) -> Option<Client> {
    let node = program(&["node"])?;
    let folder = installed("node/node_modules")?;
    let mut command = Command::new(node);
    command
        .arg(script("eventsource.mjs"))
        .arg(folder.parent()?)
        .arg(url);
    Some(Client::of(command))
}

/// Python's `httpx-sse`.
pub(crate) fn httpx_sse(url: &str) -> Option<Client> {
    let python = python_with("httpx_sse")?;
    let mut command = Command::new(python);
    command.arg(script("httpx_sse_client.py")).arg(url);
    Some(Client::of(command))
}

/// Python's `requests`, line by line.
pub(crate) fn requests(url: &str) -> Option<Client> {
    let python = python_with("requests")?;
    let mut command = Command::new(python);
    command.arg(script("requests_client.py")).arg(url);
    Some(Client::of(command))
}

/// An `EventSource` in a page of Chromium; the page is one of the server's own.
pub(crate) fn chromium(url: &str) -> Option<Client> {
    const SCRIPT: &str = "
        const source = new EventSource(URL);
        for (const name of ['message', 'gap', 'reset'])
          source.addEventListener(name, (e) => console.log(e.lastEventId, e.type, e.data));
        source.onopen = () => console.log('', 'open', '');
        source.onerror = () => console.log('', source.readyState === 2 ? 'closed' : 'retrying', '');";
    let base = &url[..url.find("/api/").expect("an address of the API")];
    let script = SCRIPT.replace("URL", &format!("{url:?}"));
    page(&format!("{base}/healthz"), &script)
}

/// Chromium at an address, with a script that prints by `console.log`.
pub(crate) fn page(address: &str, code: &str) -> Option<Client> {
    let node = program(&["node"])?;
    let chromium = program(&["chromium", "chromium-browser", "google-chrome"])?;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(node);
    command
        .arg(script("chromium.mjs"))
        .arg(chromium)
        .arg(folder.path().join("profile"))
        .args([address, code]);
    let mut client = Client::of(command);
    client.folder = Some(folder);
    Some(client)
}

impl Client {
    fn of(mut command: Command) -> Client {
        command
            .stdin(Stdio::piped())
            .env_remove("http_proxy")
            .env("NO_PROXY", "*");
        Client {
            process: Process::spawn(&mut command),
            taken: 0,
            folder: None,
        }
    }

    /// The next line, whatever it says.
    pub(crate) fn line(&mut self) -> Line {
        self.taken += 1;
        self.process.wait_for_lines(self.taken);
        let out = self.process.stdout();
        let text = out.lines().nth(self.taken - 1).expect("just counted");
        let mut fields = text.splitn(3, '\t').map(str::to_string);
        let mut field = || fields.next().unwrap_or_else(|| panic!("{text:?}"));
        Line {
            id: field(),
            name: field(),
            data: field(),
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Line {
        loop {
            let line = self.line();
            match line.name.as_str() {
                "open" | "retrying" => {}
                "closed" => panic!("it gave up; stderr: {}", self.process.stderr()),
                _ => return line,
            }
        }
    }

    /// Runs a line of code in the page.
    pub(crate) fn run(&mut self, code: &str) {
        self.process.write(format!("{code}\n"));
    }

    /// Whether this is among what it has printed.
    pub(crate) fn has_printed(&self, text: &str) -> bool {
        self.process.stdout().contains(text)
    }

    /// Waits until it says this instead of an event.
    pub(crate) fn wait_for(&mut self, name: &str) {
        wait_until(name, || self.line().name == name);
    }
}

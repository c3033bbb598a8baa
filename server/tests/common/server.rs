//! The server under test: started on a free port, asked about its health, stopped by signals.

use super::{Http, Process, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

/// A running `eventring serve`; dropped, it is killed.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

/// What `/healthz` says, without the connection that asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) connections: u64,
    pub(crate) streams: u64,
    pub(crate) head: String,
    pub(crate) epoch: String,
}

impl Server {
    /// Starts it without a journal, with more flags, and waits until it listens.
    pub(crate) fn start(flags: &[&str]) -> Server {
        Server::start_at("127.0.0.1:0", flags)
    }

    /// Starts it on an address of the test's choice, as after a restart.
    pub(crate) fn start_at(address: &str, flags: &[&str]) -> Server {
        Server::serve(&[&["--listen", address, "--memory"], flags].concat())
    }

    /// Starts it with a journal in this folder.
    pub(crate) fn start_on(data: &Path, flags: &[&str]) -> Server {
        let data = data.to_str().expect("UTF-8");
        Server::serve(&[&["--listen", "127.0.0.1:0", "--data", data], flags].concat())
    }

    fn serve(flags: &[&str]) -> Server {
        let mut process = Process::eventring(&[&["serve"], flags].concat());
        let mut address = None;
        wait_until("the server to listen", || {
            let out = process.stdout();
            let line = out
                .lines()
                .find_map(|l| l.strip_prefix("listening on http://"));
            // The line is whole once the one behind it has begun.
            address = line
                .filter(|_| out.contains("dashboard"))
                .map(str::to_string);
            assert!(!process.has_ended(), "it ended: {}", process.stderr());
            address.is_some()
        });
        let address = address.expect("just seen").parse().expect("an address");
        Server { process, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn health(&self) -> Health {
        let response = Http::connect(self.address).get("/healthz").response();
        assert_eq!(response.status, 200);
        let json = response.json();
        assert_eq!(json["status"], "ok");
        let number = |name: &str| {
            json[name]
                .as_u64()
                .unwrap_or_else(|| panic!("{name}: {json}"))
        };
        let text = |name: &str| {
            json[name]
                .as_str()
                .unwrap_or_else(|| panic!("{name}: {json}"))
        };
        Health {
            connections: number("connections") - 1,
            streams: number("streams"),
            head: text("head").to_string(),
            epoch: text("epoch").to_string(),
        }
    }

    /// Waits until so many connections are open, ours of the question not counted.
    pub(crate) fn wait_for_connections(&self, connections: u64) {
        wait_until(&format!("{connections} connections"), || {
            self.health().connections == connections
        });
    }

    /// Waits until so many streams are open.
    pub(crate) fn wait_for_streams(&self, streams: u64) {
        wait_until(&format!("{streams} streams"), || {
            self.health().streams == streams
        });
    }

    /// Publishes one JSON payload and answers its position.
    pub(crate) fn publish(&self, topic: &str, data: &str) -> String {
        let target = format!("/api/v1/topics/{topic}/events");
        let headers = ["Content-Type: application/json"];
        let response = Http::connect(self.address)
            .post(&target, &headers, data.as_bytes())
            .response();
        let json = published(&response, 1);
        json["first"].as_str().expect("a position").to_string()
    }

    /// Publishes many payloads as one batch per `per_batch`, on one connection.
    pub(crate) fn publish_all(&self, topic: &str, data: &[String], per_batch: usize) {
        let mut http = Http::connect(self.address);
        let target = format!("/api/v1/topics/{topic}/events");
        let headers = ["Content-Type: application/cloudevents-batch+json"];
        for batch in data.chunks(per_batch) {
            let events: Vec<String> = batch.iter().map(|data| cloudevent(data)).collect();
            let body = format!("[{}]", events.join(","));
            let response = http.post(&target, &headers, body.as_bytes()).response();
            published(&response, batch.len() as u64);
        }
    }

    /// Kills it, without a chance to say goodbye, and starts another one on the same port.
    pub(crate) fn killed_and_restarted(mut self, flags: &[&str]) -> Server {
        self.signal(Signal::KILL);
        self.process.wait();
        Server::start_at(&self.address.to_string(), flags)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }
}

/// A whole event in CloudEvents JSON around raw JSON data.
pub(crate) fn cloudevent(data: &str) -> String {
    let id = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), data);
    format!(
        r#"{{"specversion":"1.0","id":"{id:x}","source":"/test","type":"message","data":{data}}}"#
    )
}

/// Checks the answer to a publish of `count` events.
pub(crate) fn published(response: &super::Response, count: u64) -> Value {
    assert_eq!(
        response.status,
        200,
        "{}",
        String::from_utf8_lossy(&response.body)
    );
    let json = response.json();
    assert_eq!(json["count"], count, "{json}");
    let first = super::offset(json["first"].as_str().expect("first"));
    let last = super::offset(json["last"].as_str().expect("last"));
    assert_eq!(last - first + 1, count, "{json}");
    json
}

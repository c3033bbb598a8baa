//! The pages of `examples/browser` in Chromium: what they show when events come, when the server is
//! another one, and when some events are gone.

use crate::client::{self, Client};
use crate::common::{self, DEADLINE, Process, wait_until};
use crate::path::Path;
use crate::programs::program;
use eventring::event::Event;
use eventring::gateway::{Server, ServerConfig, ServerThread};
use eventring::hub::Hub;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

/// Prints each new line of the page's log, and what stands there already.
const WATCH: &str = "
    const log = document.getElementById('log');
    const told = (li) => console.log(li.querySelector('.id').textContent, li.className, li.lastChild.textContent);
    for (const li of [...log.children].reverse()) told(li);
    new MutationObserver((all) => all.forEach((m) => m.addedNodes.forEach(told))).observe(log, { childList: true });";

/// The folder of the example behind Python's file server, and the origin of its pages.
struct Pages {
    origin: String,
    _process: Process,
}

impl Pages {
    fn serve() -> Option<Pages> {
        let python = program(&["python3"])?;
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/browser");
        let mut command = Command::new(python);
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]);
        command.arg("--directory").arg(folder);
        let process = Process::spawn(&mut command);
        process.wait_for_lines(1);
        let line = process.stdout();
        // "Serving HTTP on 127.0.0.1 port 40001 (http://127.0.0.1:40001/) ..."
        let port = line.split(" port ").nth(1)?.split(' ').next()?;
        Some(Pages {
            origin: format!("http://127.0.0.1:{port}"),
            _process: process,
        })
    }

    /// A page that watches topic `t` of this server.
    fn open(&self, page: &str, server: SocketAddr) -> Option<Client> {
        let address = format!("{}/{page}?server=http://{server}&topic=t", self.origin);
        client::page(&address, WATCH)
    }
}

fn serve(hub: &Hub, address: SocketAddr, origin: &str) -> ServerThread {
    let config = ServerConfig::default()
        .listen(address)
        .cors_origins(vec![origin.to_owned()])
        .retry(Duration::from_millis(200));
    let start = Instant::now();
    loop {
        match Server::bind(hub, config.clone()) {
            Ok(server) => return server.spawn().expect("a thread"),
            Err(error) => assert!(start.elapsed() < DEADLINE, "{error}"),
        }
    }
}

fn publish(hub: &Hub, n: u64) {
    let event = Event::builder("t", "message").json(&n.to_string()).build();
    hub.publish(event.expect("an event")).expect("published");
}

fn wait_for_stream(server: &ServerThread, count: u64) {
    wait_until("the page's stream", || {
        server.handle().stats().streams == count
    });
}

fn shows(client: &mut Client, kind: &str, text: &str) {
    let line = client.event();
    assert_eq!(line.name, kind, "{line:?}");
    assert!(line.data.starts_with(text), "{line:?}, not {text:?}");
    assert!(!line.id.is_empty(), "{line:?}");
}

fn shows_what_happens(page: &str) {
    let Some(pages) = Pages::serve() else { return };
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into(), &pages.origin);
    let address = server.addr();
    let Some(mut client) = pages.open(page, address) else {
        return;
    };
    wait_for_stream(&server, 1);
    for n in 1..=3 {
        publish(&hub, n);
        shows(&mut client, "event", &format!("message {n}"));
    }
    // Markup is shown, not obeyed.
    let event = Event::builder("t", "message").text("<img src=x>").build();
    hub.publish(event.expect("an event")).expect("published");
    shows(&mut client, "event", "message <img src=x>");
    // The form publishes by another origin's leave.
    client.run("document.querySelector('#publish button').click()");
    shows(&mut client, "event", "message {\"hello\":\"world\"}");

    server.stop().expect("stopped");
    let hub = Hub::new();
    let server = serve(&hub, address, &pages.origin);
    shows(&mut client, "reset", "reset: ");
    wait_for_stream(&server, 1);
    publish(&hub, 9);
    shows(&mut client, "event", "message 9");
}

#[test]
fn the_page_with_an_eventsource_shows_what_happens() {
    shows_what_happens("eventsource.html");
}

#[test]
fn the_page_with_a_websocket_shows_what_happens() {
    shows_what_happens("websocket.html");
}

#[test]
fn the_page_with_a_shared_worker_shows_what_happens() {
    shows_what_happens("shared.html");
}

fn shows_what_it_missed_and_what_is_gone(page: &str) {
    let Some(pages) = Pages::serve() else { return };
    let hub = Hub::builder().capacity(10).build().expect("a hub");
    let server = serve(&hub, ([127, 0, 0, 1], 0).into(), &pages.origin);
    let Some(mut client) = pages.open(page, server.addr()) else {
        return;
    };
    wait_for_stream(&server, 1);
    publish(&hub, 1);
    shows(&mut client, "event", "message 1");
    for (from, to, first_kept) in [(2, 5, 2), (6, 30, 21)] {
        client.run("document.getElementById('connect').click()");
        wait_for_stream(&server, 0);
        for n in from..=to {
            publish(&hub, n);
        }
        client.run("document.getElementById('connect').click()");
        if first_kept > from {
            let gap = format!("gap: at most {} events are missing", first_kept - from);
            shows(&mut client, "gap", &gap);
        }
        for n in first_kept..=to {
            shows(&mut client, "event", &format!("message {n}"));
        }
    }
}

#[test]
fn a_page_that_was_away_shows_what_it_missed_and_what_is_gone() {
    shows_what_it_missed_and_what_is_gone("eventsource.html");
}

#[test]
fn a_page_with_a_websocket_that_was_away_shows_what_it_missed_and_what_is_gone() {
    shows_what_it_missed_and_what_is_gone("websocket.html");
}

#[test]
fn a_page_with_a_websocket_that_is_cut_off_misses_nothing_and_sees_nothing_twice() {
    const CUTS: u64 = 5;
    const BETWEEN: u64 = 40;
    let Some(pages) = Pages::serve() else { return };
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into(), &pages.origin);
    let path = Path::to(server.addr());
    let Some(mut client) = pages.open("websocket.html", path.address) else {
        return;
    };
    wait_for_stream(&server, 1);
    let mut shown = 0;
    for cut in 0..CUTS {
        let from = cut * BETWEEN;
        for n in from + 1..=from + BETWEEN / 2 {
            publish(&hub, n);
        }
        // It has seen some of them; the others are under way, or not, when the path is cut.
        while shown < from + BETWEEN / 4 {
            shown += 1;
            shows(&mut client, "event", &format!("message {shown}"));
        }
        path.cut();
        for n in from + BETWEEN / 2 + 1..=from + BETWEEN {
            publish(&hub, n);
        }
        while shown < from + BETWEEN {
            shown += 1;
            shows(&mut client, "event", &format!("message {shown}"));
        }
    }
}

#[test]
fn a_page_with_a_websocket_that_is_sent_away_comes_back_and_goes_on_where_it_was() {
    let Some(pages) = Pages::serve() else { return };
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into(), &pages.origin);
    let Some(mut client) = pages.open("websocket.html", server.addr()) else {
        return;
    };
    wait_for_stream(&server, 1);
    publish(&hub, 1);
    shows(&mut client, "event", "message 1");
    // What is for this connection alone has no id, and takes none away.
    let event = Event::builder("t", "message").text("just you").build();
    let sent = server.handle().broadcast(event.expect("an event"), None);
    assert_eq!(sent.expect("it serves").sent, 1);
    shows(&mut client, "event", "message just you");

    let all = server.handle().connections().expect("it serves");
    let ended = server.handle().disconnect(&all[0].id);
    assert_eq!((all.len(), ended), (1, Ok(true)));
    for n in 2..=4 {
        publish(&hub, n);
        shows(&mut client, "event", &format!("message {n}"));
    }
}

#[test]
fn a_page_with_a_websocket_whose_server_is_killed_comes_back_to_the_next_one() {
    let Some(pages) = Pages::serve() else { return };
    let flags = ["--cors-origin", &pages.origin];
    let server = common::Server::start(&flags);
    let Some(mut client) = pages.open("websocket.html", server.address) else {
        return;
    };
    server.wait_for_streams(1);
    server.publish("t", "1");
    shows(&mut client, "event", "message 1");

    let server = server.killed_and_restarted(&flags);
    shows(&mut client, "reset", "reset: ");
    server.wait_for_streams(1);
    for n in 2..=4 {
        server.publish("t", &n.to_string());
        shows(&mut client, "event", &format!("message {n}"));
    }
}

#[test]
fn tabs_with_a_shared_worker_share_one_connection() {
    let Some(pages) = Pages::serve() else { return };
    let hub = Hub::new();
    let server = serve(&hub, ([127, 0, 0, 1], 0).into(), &pages.origin);
    let Some(mut client) = pages.open("shared.html", server.addr()) else {
        return;
    };
    wait_for_stream(&server, 1);
    publish(&hub, 1);
    shows(&mut client, "event", "message 1");
    // A frame is a page of its own to the worker, as a tab is.
    client.run(
        "const tabs = document.getElementById('tabs'); \
         new MutationObserver(() => console.log('', 'tabs', tabs.textContent)).observe(tabs, { childList: true }); \
         const frame = document.createElement('iframe'); frame.src = location.href; document.body.append(frame);",
    );
    let line = client.event();
    assert_eq!((&line.name[..], &line.data[..]), ("tabs", "2 tabs"));
    assert_eq!(server.handle().stats().streams, 1);
    client.run("frame.remove()");
    let line = client.event();
    assert_eq!((&line.name[..], &line.data[..]), ("tabs", "this tab"));
    publish(&hub, 2);
    shows(&mut client, "event", "message 2");
}

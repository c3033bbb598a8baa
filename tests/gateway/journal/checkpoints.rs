//! Checkpoints over HTTP: saved forward unless by force, looked at, listed in pages, deleted; and what a restart leaves.

use std::net::SocketAddr;

use eventring::hub::Hub;
use eventring::{Event, Position};
use serde_json::{Value, json};

use super::client::{Answer, Client, ask};
use super::place::Place;
use super::{serve, until};

const LIST: &str = "/api/v1/checkpoints";
const ONE: &str = "/api/v1/checkpoints/billing";

fn publish(hub: &Hub, events: usize) {
    for _ in 0..events {
        let event = Event::builder("a", "t").build().unwrap();
        hub.publish(event).unwrap();
    }
}

fn at(hub: &Hub, offset: u64) -> Position {
    let epoch = hub.epoch();
    Position { epoch, offset }
}

fn save(address: SocketAddr, position: &str, force: bool) -> Answer {
    let force = if force { r#","force":true"# } else { "" };
    let body = format!(r#"{{"position":"{position}"{force}}}"#);
    ask(address, "PUT", ONE, &body)
}

#[test]
fn a_checkpoint_is_saved_looked_at_and_deleted() {
    for place in Place::all() {
        let hub = place.hub();
        publish(&hub, 9);
        let server = serve(&hub);
        let address = server.addr();
        ask(address, "GET", ONE, "").is_problem(404, "name");
        ask(address, "DELETE", ONE, "").is_problem(404, "name");
        let saved = save(address, &at(&hub, 3).to_string(), false);
        assert_eq!(saved.status, 200, "{saved:?}");
        let (saved, kept) = (saved.json(), ask(address, "GET", ONE, "").json());
        assert_eq!(saved, kept);
        assert_eq!(kept["name"], "billing");
        assert_eq!(kept["position"], at(&hub, 3).to_string());
        assert!(kept["saved_ms"].as_i64().unwrap() > 0);
        let backwards = save(address, &at(&hub, 2).to_string(), false);
        backwards.is_problem(409, "position");
        let detail = backwards.json()["detail"].to_string();
        assert!(detail.contains(&at(&hub, 3).to_string()), "{detail}");
        assert!(detail.contains("force"), "{detail}");
        assert_eq!(save(address, &at(&hub, 2).to_string(), true).status, 200);
        let kept = ask(address, "GET", ONE, "").json();
        assert_eq!(kept["position"], at(&hub, 2).to_string());
        // In process it is the same one.
        let loaded = hub.checkpoints().unwrap().load("billing").unwrap();
        assert_eq!(loaded.unwrap().position, at(&hub, 2));
        let deleted = ask(address, "DELETE", ONE, "");
        assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
        ask(address, "GET", ONE, "").is_problem(404, "name");
    }
}

#[test]
fn what_is_wrong_with_a_checkpoint_is_told_and_changes_nothing() {
    let hub = Place::all()[0].hub();
    publish(&hub, 2);
    let server = serve(&hub);
    let address = server.addr();
    let next = at(&hub, 3).to_string();
    for (position, force, status) in [
        ("", false, 400),
        ("7", false, 400),
        ("00000000004hm-07", false, 400),
        ("00000000004hm-1", false, 409),
        ("00000000004hm-1", true, 409),
        (&next, false, 409),
        (&next, true, 409),
    ] {
        save(address, position, force).is_problem(status, "position");
    }
    let good = at(&hub, 1).to_string();
    for (body, field) in [
        ("{}".to_owned(), "position"),
        (String::new(), "position"),
        (r#"{"position":1}"#.to_owned(), "position"),
        (format!(r#"{{"position":"{good}","force":"yes"}}"#), "force"),
        (format!(r#"{{"postion":"{good}"}}"#), "postion"),
        ("[]".to_owned(), "body"),
        ("{".to_owned(), "body"),
    ] {
        ask(address, "PUT", ONE, &body).is_problem(400, field);
    }
    let long = "x".repeat(256);
    for name in ["a..b", "%0a", &long] {
        let path = format!("{LIST}/{name}");
        for method in ["GET", "PUT", "DELETE"] {
            ask(address, method, &path, "").is_problem(400, "name");
        }
    }
    ask(address, "GET", &format!("{LIST}?limit=0"), "").is_problem(400, "limit");
    ask(address, "GET", &format!("{LIST}?afer=x"), "").is_problem(400, "afer");
    let large = format!(r#"{{"position":"{}"}}"#, "x".repeat(8 << 10));
    assert_eq!(ask(address, "PUT", ONE, &large).status, 413);
    assert!(hub.checkpoints().unwrap().list("", 10).unwrap().is_empty());
}

#[test]
fn one_that_cannot_be_read_is_told_as_that() {
    let hub = Place::all()[0].hub();
    publish(&hub, 1);
    let server = serve(&hub);
    let address = server.addr();
    let damage = |state: &mut dyn eventring::journal::StateTx| {
        state.put("checkpoints", b"billing", b"\xff\xff")
    };
    hub.journal().unwrap().transact(damage).unwrap();
    let answer = ask(address, "GET", ONE, "");
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(answer.body.contains("cannot be read"), "{answer:?}");
    let good = at(&hub, 1).to_string();
    assert_eq!(save(address, &good, false).status, 500);
    let list = ask(address, "GET", LIST, "").json();
    assert_eq!(list["checkpoints"][0]["position"], Value::Null);
    assert_eq!(save(address, &good, true).status, 200);
}

#[test]
fn they_are_listed_in_pages() {
    let hub = Place::all()[0].hub();
    publish(&hub, 1);
    let server = serve(&hub);
    let address = server.addr();
    let list = |query: &str| ask(address, "GET", &format!("{LIST}{query}"), "").json();
    let none = json!({ "checkpoints": [], "next": null, "has_more": false });
    assert_eq!(list(""), none);
    let all = hub.checkpoints().unwrap();
    for n in 0..25 {
        all.save(&format!("n.{n:02}"), at(&hub, 1)).unwrap();
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("?limit=10{after}"));
        let rows = page["checkpoints"].as_array().unwrap();
        names.extend(
            rows.iter()
                .map(|row| row["name"].as_str().unwrap().to_owned()),
        );
        if page["has_more"] == false {
            assert_eq!(page["next"], Value::Null);
            break;
        }
        after = format!("&after={}", page["next"].as_str().unwrap());
    }
    let expected: Vec<String> = (0..25).map(|n| format!("n.{n:02}")).collect();
    assert_eq!(names, expected);
    assert_eq!(list("?limit=25")["has_more"], false);
    assert_eq!(list("?after=n.24"), none);
    // The longest page says that there is another one, too.
    for n in 25..1_001 {
        all.save(&format!("n.{n:04}"), at(&hub, 1)).unwrap();
    }
    let page = list("?limit=1000");
    assert_eq!(page["checkpoints"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(page["has_more"], true);
    assert!(page["next"].is_string());
}

#[test]
fn a_name_is_saved_ten_times_a_second_at_most() {
    let hub = Place::all()[0].hub();
    publish(&hub, 1);
    let server = serve(&hub);
    let body = format!(r#"{{"position":"{}"}}"#, at(&hub, 1));
    let mut client = Client::connect(server.addr());
    let json = "Content-Type: application/json\r\n";
    // More at once than the rate gives back meanwhile, however slow the machine.
    let mut refused = 0;
    for _ in 0..200 {
        client.send("PUT", ONE, json, &body);
    }
    for _ in 0..200 {
        let answer = client.answer();
        if answer.status == 429 {
            assert!(answer.head.contains("retry-after: 1\r\n"), "{answer:?}");
            refused += 1;
        }
    }
    assert!(refused > 0);
    let other = client.ask("PUT", &format!("{LIST}/other"), json, &body);
    assert_eq!(other.status, 200, "{other:?}");
    until("it may save again", || {
        client.ask("PUT", ONE, json, &body).status == 200
    });
}

#[test]
fn a_server_without_a_journal_has_none() {
    let hub = Hub::new();
    let server = serve(&hub);
    for (method, path) in [("GET", LIST), ("GET", ONE), ("PUT", ONE), ("DELETE", ONE)] {
        let answer = ask(server.addr(), method, path, "");
        assert_eq!(answer.status, 501, "{method} {path}: {answer:?}");
        assert!(answer.body.contains("journal"), "{answer:?}");
    }
}

#[test]
fn they_are_there_after_a_restart() {
    for place in Place::all() {
        let hub = place.hub();
        publish(&hub, 5);
        let server = serve(&hub);
        let position = at(&hub, 4).to_string();
        assert_eq!(save(server.addr(), &position, false).status, 200);
        drop(server);
        hub.close();
        drop(hub);
        let hub = place.hub();
        let server = serve(&hub);
        let kept = ask(server.addr(), "GET", ONE, "").json();
        assert_eq!(kept["position"], position);
    }
}

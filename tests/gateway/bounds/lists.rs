//! Lists of connections and endpoints, and what answers take while nobody reads them.

use std::fmt::Write as _;

use eventring::event::Filter;
use eventring::gateway::StreamOptions;

use super::stage::{STALL_US, Stage, calmest};
use crate::counting;

/// A filter as long as one may be, of names that no other filter has.
fn long_filter(n: usize) -> Filter {
    let patterns = (0..64).map(|k| format!("t{n}-{k}.{}", "x".repeat(230)));
    Filter::parse(patterns.collect::<Vec<_>>()).unwrap()
}

/// Makes connections with long filters until the server has no room for more.
fn make_many(stage: &mut Stage) -> usize {
    let handle = stage.server.handle();
    let made = (0..10_000).take_while(|n| {
        handle
            .create_connection(long_filter(*n), StreamOptions::default())
            .is_ok()
    });
    made.count()
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Once: 10,000 connections with long filters, all of them told, sorted and thrown away for each of 250
/// requests, kept every stream waiting for 73 s.
#[test]
fn a_page_of_one_costs_a_page_of_one_however_many_connections_there_are() {
    let us = calmest("250 pages of one", || {
        let mut stage = Stage::new(|config| config.presence = false);
        let made = make_many(&mut stage);
        assert!(
            (256..10_000).contains(&made),
            "filters are bounded together: {made}"
        );
        let mut open: Vec<_> = (0..200)
            .map(|n| stage.ask(get(&format!("/api/v1/events/stream?topic=a{n}")).as_bytes()))
            .collect();
        stage.until("they are open", |stage| {
            stage.server.handle().stats().streams == 200
        });
        let before = counting::allocated();
        let mut client = stage.ask(get("/api/v1/connections?limit=1").repeat(250).as_bytes());
        stage.read_until(&mut client, |text, _| {
            text.matches("HTTP/1.1 200 ").count() == 250
        });
        let bytes = counting::allocated() - before;
        assert!(
            bytes < 250 * (256 << 10),
            "{bytes} bytes allocated for 250 pages of one"
        );
        let total = format!(r#""total":{},"#, made + 200);
        assert_eq!(client.take().matches(&total).count(), 250);
        open.iter_mut().for_each(super::stage::Client::read);
        stage.stall_us()
    });
    assert!(us < STALL_US, "streams waited {us} us");
}

/// Once: a page of 1,000 was 16 MB in one buffer; now it comes in pieces, none before the last has left.
#[test]
fn a_long_page_is_sent_in_pieces_and_takes_as_much_memory_as_a_piece() {
    const PAGES: usize = 5;
    let us = calmest("long pages", || {
        let mut stage = Stage::new(|config| config.presence = false);
        let made = make_many(&mut stage);
        let before = counting::live();
        let request = get("/api/v1/connections?limit=1000").repeat(PAGES);
        let mut client = stage.ask(request.as_bytes());
        (0..200).for_each(|_| stage.turn());
        let held = counting::live() - before;
        println!("{PAGES} long pages that nobody reads: {held} bytes held");
        assert!(held < 512 << 10, "{held} bytes");
        // All of it comes, in order and whole, once it is read.
        let wanted = PAGES * (made + 1);
        let mut seen = 0;
        stage.until("all pages", |_| {
            client.read();
            // One brace opens each connection, and each page.
            seen += client.take().matches('{').count();
            seen == wanted
        });
        stage.stall_us()
    });
    assert!(us < STALL_US, "streams waited {us} us");
}

/// What nobody waits for any more is not looked for.
#[test]
fn a_list_ends_with_its_asker() {
    let mut stage = Stage::new(|_| {});
    make_many(&mut stage);
    stage.turn();
    let before = counting::live();
    for _ in 0..8 {
        let client = stage.ask(get("/api/v1/connections?limit=1000").repeat(30).as_bytes());
        stage.turn();
        drop(client);
    }
    stage.until("all have gone", |stage| {
        stage.server.handle().stats().connections == 0
    });
    let left = counting::live() - before;
    assert!(left < 256 << 10, "{left} bytes left behind");
    let mut client = stage.ask(get("/api/v1/connections?limit=1").as_bytes());
    stage.read_until(&mut client, |text, _| text.contains("\"total\""));
    assert!(client.take().starts_with("HTTP/1.1 200 "));
}

/// Every page, walked from the first to the last, has each connection once: those that were made and those that came.
#[test]
fn pages_of_any_size_have_each_connection_once() {
    let mut stage = Stage::new(|config| config.presence = false);
    let handle = stage.server.handle();
    for _ in 0..70 {
        handle
            .create_connection(Filter::all(), StreamOptions::default())
            .unwrap();
    }
    let open: Vec<_> = (0..50)
        .map(|_| stage.ask(get("/api/v1/events/stream?topic=a").as_bytes()))
        .collect();
    stage.until("they are open", |stage| {
        stage.server.handle().stats().streams == 50
    });
    for limit in [1, 7, 64, 119, 120, 1000] {
        let (mut ids, mut after) = (Vec::new(), String::new());
        loop {
            let target = format!("/api/v1/connections?limit={limit}&after={after}");
            let mut client = stage.ask(get(&target).as_bytes());
            stage.read_until(&mut client, |text, _| text.contains("\"next\""));
            let text = client.take();
            let body = text.split_once("\r\n\r\n").unwrap().1;
            let page: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(page["total"], 120);
            let listed = page["connections"].as_array().unwrap();
            assert!(listed.len() <= limit);
            ids.extend(
                listed
                    .iter()
                    .map(|one| one["id"].as_str().unwrap().to_owned()),
            );
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => break,
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((count, ids.len()), (120, 120), "pages of {limit}");
    }
    drop(open);
}

/// The same mistake in every other answer: 256 of them were made before the first one left, whatever their length.
#[test]
fn answers_that_nobody_reads_are_not_made_ahead() {
    for (target, accept) in [
        ("/metrics", ""),
        ("/api/v1/stats", ""),
        ("/", "Accept: text/html\r\n"),
        ("/api/v1/topics/a/presence", ""),
        ("/api/v1/endpoints", ""),
    ] {
        let mut stage = Stage::new(|_| {});
        let handle = stage.server.handle();
        for n in 0..300 {
            let made =
                handle.create_endpoint(&format!("/e{n}"), long_filter(n), StreamOptions::default());
            if made.is_err() {
                break;
            }
        }
        stage.turn();
        let before = counting::live();
        let mut request = String::new();
        let _ = write!(
            request,
            "GET {target} HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n"
        );
        let request = request.repeat(250);
        let clients: Vec<_> = (0..10).map(|_| stage.ask(request.as_bytes())).collect();
        (0..50).for_each(|_| stage.turn());
        let held = (counting::live() - before) / clients.len() as i64;
        println!("250 answers of {target} that nobody reads: {held} bytes held for each client");
        assert!(held < 512 << 10, "{target}: {held} bytes");
    }
}

/// A client that pipelined a few hundred lists and read none had all the room there was for such answers: everybody
/// else who managed the server was refused with 503.
#[test]
fn one_who_asks_for_many_lists_leaves_room_for_others() {
    const LISTS: usize = 300;
    let mut stage = Stage::new(|config| config.presence = false);
    for n in 0..4 {
        let handle = stage.server.handle();
        let made = handle.create_connection(long_filter(n), StreamOptions::default());
        made.unwrap();
    }
    let request = get("/api/v1/connections?limit=1000").repeat(LISTS);
    let mut greedy = [(); 2].map(|()| stage.ask(request.as_bytes()));
    (0..50).for_each(|_| stage.turn());
    for target in ["/api/v1/connections?limit=1", "/api/v1/endpoints"] {
        let mut other = stage.ask(get(target).as_bytes());
        stage.read_until(&mut other, |text, _| text.contains("\r\n\r\n"));
        let answer = other.take();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{target}: {answer}");
    }
    // Those that waited unread are answered too, none of them refused. One brace opens each connection, and each page.
    let (mut braces, mut refused) = (0, 0);
    stage.until("all of its lists", |_| {
        for client in &mut greedy {
            client.read();
            let text = client.take();
            braces += text.matches('{').count();
            refused += text.matches("HTTP/1.1 503").count();
        }
        refused > 0 || braces == greedy.len() * LISTS * 5
    });
    assert_eq!(refused, 0);
}

/// The answer to `request`, which leaves nothing behind.
fn answer_to(stage: &mut Stage, request: &str) -> String {
    let mut client = stage.ask(request.as_bytes());
    stage.read_until(&mut client, |text, _| text.contains("\r\n\r\n"));
    client.take()
}

/// A connection or an endpoint was gone before its `DELETE` was found to have no room for its answer: the client was
/// told 503, came back, and got a 404.
#[test]
fn what_is_refused_for_want_of_room_is_still_there() {
    let mut stage = Stage::new(|config| config.presence = false);
    let handle = stage.server.handle();
    let made: Vec<String> = (0..21)
        .map(|n| {
            let options = StreamOptions::default();
            handle.create_connection(long_filter(n), options).unwrap()
        })
        .collect();
    let id = &made[20];
    handle
        .create_endpoint("/kept", long_filter(21), StreamOptions::default())
        .unwrap();
    // Four answers of each wait at a time, and none is read: together all that may wait.
    let request = get("/api/v1/connections?limit=1000").repeat(8);
    let greedy: Vec<_> = (0..64).map(|_| stage.ask(request.as_bytes())).collect();
    let list = get("/api/v1/connections?limit=1");
    stage.until("no room", |stage| {
        answer_to(stage, &list).starts_with("HTTP/1.1 503 ")
    });
    for target in [
        format!("/api/v1/connections/{id}"),
        "/api/v1/endpoints?path=/kept".into(),
    ] {
        let request = format!("DELETE {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = answer_to(&mut stage, &request);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{target}: {answer}");
    }
    drop(greedy);
    stage.until("room", |stage| {
        answer_to(stage, &list).starts_with("HTTP/1.1 200 ")
    });
    let status = get(&format!("/api/v1/connections/{id}/status"));
    assert!(answer_to(&mut stage, &status).starts_with("HTTP/1.1 200 "));
    let again =
        stage
            .server
            .handle()
            .create_endpoint("/kept", long_filter(22), StreamOptions::default());
    assert!(again.is_err(), "it is still there");
}

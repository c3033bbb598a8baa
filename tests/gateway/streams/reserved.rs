//! Topics that begin with `$`: who asks for them by name and is allowed them by name gets them, and nobody else.

use eventring::event::Filter;
use eventring::gateway::{AccessRequest, Authorizer, Decision, Principal, Server, ServerConfig};
use eventring::hub::Hub;

use super::client::{Client, publish, serve};

/// Allows what its header says.
struct ByHeader;

impl Authorizer for ByHeader {
    fn authorize(&self, request: &AccessRequest<'_>) -> Decision {
        let allowed = request.head().header("x-allow").unwrap_or(b">");
        let allowed = std::str::from_utf8(allowed).unwrap().split(',');
        let allowed = Some(Filter::parse(allowed).unwrap());
        let principal = Principal::all().subscribe(allowed.clone());
        Decision::Now(Ok(principal.publish(allowed)))
    }
}

fn texts(client: &Client) -> Vec<&str> {
    client.events().map(|seen| &*seen.data).collect()
}

/// What each stream gets of the same events, live and from what is kept, plain and compressed.
#[test]
fn a_reserved_topic_is_read_by_name_and_where_it_is_allowed_by_name() {
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::builder(&hub)
        .authorizer(ByHeader)
        .bind(config)
        .unwrap();
    let server = server.spawn().unwrap();
    let both = "x-allow: >,$sys.>\r\n";
    let all = ["a0", "s0", "a1", "s1", "a2"];
    let (usual, own) = (["a0", "a1", "a2"], ["s0", "s1"]);
    let cases: [(&str, &str, &[&str]); 10] = [
        ("", both, &usual),
        ("topic=>", both, &usual),
        ("topic=*.x", both, &usual),
        ("", "", &usual),
        ("topic=$sys.>", both, &own),
        ("topic=$sys.*&topic=>", both, &all),
        ("topic=$sys.x&topic=a.x", both, &all),
        // `>` allows no reserved topic: that takes its name.
        ("topic=$sys.>&topic=a.x", "", &usual),
        ("topic=$sys.x&topic=a.x", "x-allow: *.x\r\n", &usual),
        ("topic=$sys.x", "x-allow: $sys.*\r\n", &own),
    ];
    let open = |query: &str, allow: &str, more: &str| {
        let path = format!("/api/v1/events/stream?{query}{more}");
        let client = Client::get(server.addr(), &path, allow, 1 << 20);
        assert_eq!(client.status(), 200, "{}", client.head);
        client
    };
    let mut live: Vec<Client> = cases
        .iter()
        .map(|(query, allow, _)| open(query, allow, ""))
        .collect();
    for text in all {
        let topic = if text.starts_with('s') {
            "$sys.x"
        } else {
            "a.x"
        };
        publish(&hub, topic, text);
    }
    let kept: Vec<Client> = cases
        .iter()
        .map(|(query, allow, _)| open(query, allow, "&from=beginning"))
        .collect();
    let last: Vec<Client> = cases
        .iter()
        .map(|(query, allow, _)| open(query, allow, "&last=2"))
        .collect();
    // One more of each, so that there is something to wait for.
    publish(&hub, "$sys.x", "end");
    publish(&hub, "a.x", "end");
    live.extend(kept);
    live.extend(last);
    for (number, client) in live.iter_mut().enumerate() {
        let (query, allow, expected) = cases[number % cases.len()];
        let ends = usize::from(expected.contains(&"a0")) + usize::from(expected.contains(&"s0"));
        client.read_until(|client| {
            texts(client).iter().filter(|text| **text == "end").count() == ends
        });
        let mut seen = texts(client);
        seen.retain(|text| *text != "end");
        let expected = match number / cases.len() {
            2 => &expected[expected.len() - 2..],
            _ => expected,
        };
        assert_eq!(seen, expected, "{number} {query} {allow}");
        assert!(client.seen.iter().all(|seen| seen.event != "gap"));
    }
}

/// A stream of all topics reads its frame log as it is; one that begins before the first reserved event must not.
#[test]
fn whoever_takes_all_topics_is_sent_no_frame_of_others() {
    let hub = Hub::new();
    let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    let server = Server::builder(&hub)
        .authorizer(ByHeader)
        .bind(config)
        .unwrap();
    let server = server.spawn().unwrap();
    let stream = "/api/v1/events/stream";
    let allow = "x-allow: >,$sys.>\r\n";
    let mut all = Client::get(server.addr(), stream, allow, 1 << 20);
    publish(&hub, "a", "1");
    all.read_to(1);
    let reserved = format!("{stream}?topic=$sys.>");
    let mut named = Client::get(server.addr(), &reserved, allow, 1 << 20);
    for round in 0..50 {
        publish(&hub, "$sys.x", &format!("s{round}"));
        publish(&hub, "a", &format!("a{round}"));
        // Who comes later takes all topics, too, and is another class where it is allowed less.
        if round == 25 {
            let mut late = Client::get(server.addr(), stream, "", 1 << 20);
            publish(&hub, "$sys.x", "late");
            let offset = publish(&hub, "a", "late");
            late.read_to(offset);
            assert!(texts(&late).iter().all(|text| !text.starts_with('s')));
        }
    }
    let last = hub.head();
    all.read_to(last);
    named.read_to(last - 1);
    assert_eq!(texts(&all).len(), 52);
    assert!(texts(&all).iter().all(|text| !text.starts_with('s')));
    assert_eq!(texts(&named).len(), 51);
}

/// Without an authorizer everybody may read what there is, by `>`: that is no reserved topic.
#[test]
fn the_default_allows_no_reserved_topic() {
    let hub = Hub::new();
    let server = serve(&hub, |_| {});
    let mut client = Client::open(server.addr(), "topic=$sys.x&topic=a");
    publish(&hub, "$sys.x", "s");
    let offset = publish(&hub, "a", "a");
    client.read_to(offset);
    assert_eq!(texts(&client), ["a"]);
    let presence = "/api/v1/topics/$sys.x/presence";
    assert_eq!(
        Client::get(server.addr(), presence, "", 1 << 20).status(),
        403
    );
}

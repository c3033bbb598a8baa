//! Compressed streams: each member can read each event as it comes, whatever it was sent between, and
//! the compressor works once for all of them.

#[cfg(feature = "brotli")]
mod brotli;
mod client;
mod messages;
mod random;
mod socket;
mod stage;

use eventring::gateway::{Compression, CompressionFor};
use eventring::hub::Hub;

use stage::Stage;

#[test]
fn gzip_is_what_both_sides_want() {
    let mut stage = Stage::new(Hub::new(), |_| {});
    for (headers, status, coding) in [
        ("", "200", None),
        (
            "Accept-Encoding: gzip, deflate, br\r\n",
            "200",
            Some("gzip"),
        ),
        ("Accept-Encoding: br\r\n", "200", None),
        (
            "Accept-Encoding: gzip;q=0.1, identity;q=0.2\r\n",
            "200",
            None,
        ),
        (
            "Accept-Encoding: identity;q=0, gzip\r\n",
            "200",
            Some("gzip"),
        ),
        ("Accept-Encoding: *;q=0\r\n", "406", None),
    ] {
        let mut client = stage.connect("", headers, 1 << 16);
        stage.until(&mut [&mut client], |c| c[0].field(":status").is_some());
        assert_eq!(client.field(":status"), Some(status), "{headers}");
        assert_eq!(client.field("content-encoding"), coding, "{headers}");
        if status == "200" {
            assert_eq!(client.field("vary"), Some("Accept-Encoding"), "{headers}");
        }
    }
}

/// Libraries say that they accept gzip and inflate it in blocks, so that events would come late.
#[test]
fn who_may_inflate_in_blocks_gets_events_as_they_are_unless_asked_for() {
    const GZIP: &str = "Accept-Encoding: gzip, deflate, br\r\n";
    const BROWSER: &str = "Accept-Encoding: gzip, deflate, br\r\nSec-Fetch-Mode: cors\r\n";
    const ONLY: &str = "Accept-Encoding: gzip, identity;q=0\r\n";
    let both = "Accept-Encoding, Sec-Fetch-Mode";
    for (who, query, headers, coding, vary) in [
        (CompressionFor::default(), "", GZIP, None, both),
        (CompressionFor::default(), "", BROWSER, Some("gzip"), both),
        (CompressionFor::default(), "", ONLY, Some("gzip"), both),
        (
            CompressionFor::default(),
            "compression=gzip",
            GZIP,
            Some("gzip"),
            "Accept-Encoding",
        ),
        (
            CompressionFor::default(),
            "compression=gzip",
            "",
            None,
            "Accept-Encoding",
        ),
        (
            CompressionFor::All,
            "",
            GZIP,
            Some("gzip"),
            "Accept-Encoding",
        ),
    ] {
        let mut stage = Stage::new(Hub::new(), |config| config.compression_for = who);
        let mut client = stage.connect(query, headers, 1 << 16);
        stage.until(&mut [&mut client], |c| c[0].field(":status").is_some());
        assert_eq!(
            client.field(":status"),
            Some("200"),
            "{who:?} {query} {headers}"
        );
        assert_eq!(
            client.field("content-encoding"),
            coding,
            "{who:?} {query} {headers}"
        );
        assert_eq!(
            client.field("vary"),
            Some(vary),
            "{who:?} {query} {headers}"
        );
    }
}

#[test]
fn a_server_may_not_want_it() {
    let mut stage = Stage::new(Hub::new(), |config| config.compression = Compression::Off);
    let mut client = stage.connect("", "Accept-Encoding: gzip\r\n", 1 << 16);
    stage.until(&mut [&mut client], |c| c[0].field(":status").is_some());
    assert_eq!(client.field("content-encoding"), None);
    assert_eq!(client.field("vary"), None);
}

#[test]
fn an_event_is_compressed_twice_at_most_and_once_when_all_are_aligned() {
    let mut stage = Stage::new(Hub::new(), |_| {});
    let mut clients: Vec<_> = (0..100).map(|_| stage.join("")).collect();
    let mut clients: Vec<_> = clients.iter_mut().collect();
    stage.publish("a", "the keyframe that all wait for");
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 1));
    let stats = stage.stats();
    assert_eq!((stats.compressed_events, stats.compressions), (1, 2));
    assert_eq!((stats.chains, stats.keyframes), (1, 1));
    for n in 1..=200 {
        stage.publish("a", &format!("event {n}"));
    }
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 201));
    let stats = stage.stats();
    assert_eq!((stats.compressed_events, stats.compressions), (201, 202));
    assert_eq!(stats.keyframes, 1 + 200 / 64);
    assert_eq!(stats.delivered, 201 * 100);
    stage.stop(&mut clients);
    for client in clients {
        assert_eq!(client.strictly(), client.plain);
    }
}

#[test]
fn a_late_member_reads_apart_until_a_keyframe_that_it_may_ask_for_once_a_second() {
    let mut stage = Stage::new(Hub::new(), |_| {});
    let mut early: Vec<_> = (0..8).map(|_| stage.join("")).collect();
    let mut clients: Vec<_> = early.iter_mut().collect();
    stage.publish("a", "first");
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 1));
    let mut late = stage.join("");
    clients.push(&mut late);
    let count = |stage: &Stage| (stage.stats().compressions, stage.stats().keyframes);
    assert_eq!(count(&stage), (2, 1));
    // Too soon for a keyframe: the event is needed apart, too.
    stage.publish("a", "second");
    stage.until(&mut clients, |c| c[8].seen.len() == 1);
    assert_eq!(count(&stage), (4, 1));
    stage.pass(1000);
    stage.publish("a", "third");
    stage.until(&mut clients, |c| c[8].seen.len() == 2);
    assert_eq!(count(&stage), (6, 2));
    stage.publish("a", "fourth");
    stage.until(&mut clients, |c| {
        c.iter()
            .all(|c| c.seen.last().is_some_and(|s| s.data == "fourth"))
    });
    assert_eq!(count(&stage), (7, 2));
    stage.stop(&mut clients);
    for client in clients {
        assert_eq!(client.strictly(), client.plain);
    }
}

#[test]
fn few_members_share_no_window_and_a_class_that_shrinks_gives_it_back() {
    let mut stage = Stage::new(Hub::new(), |_| {});
    let mut clients: Vec<_> = (0..7).map(|_| stage.join("")).collect();
    stage.publish("a", "apart");
    stage.until(&mut clients.iter_mut().collect::<Vec<_>>(), |c| {
        c.iter().all(|c| c.seen.len() == 1)
    });
    assert_eq!((stage.stats().compressions, stage.stats().chains), (1, 0));
    clients.push(stage.join(""));
    for text in ["keyframe", "linked"] {
        stage.publish("a", text);
    }
    stage.until(&mut clients.iter_mut().collect::<Vec<_>>(), |c| {
        c.iter()
            .all(|c| c.seen.last().is_some_and(|s| s.data == "linked"))
    });
    // The members were loose when both came, since they came at once.
    assert_eq!((stage.stats().compressions, stage.stats().chains), (5, 1));
    clients.truncate(3);
    while stage.stats().streams > 3 {
        stage.turn();
    }
    stage.publish("a", "apart again");
    let mut clients: Vec<_> = clients.iter_mut().collect();
    stage.until(&mut clients, |c| {
        c.iter()
            .all(|c| c.seen.last().is_some_and(|s| s.data == "apart again"))
    });
    assert_eq!((stage.stats().compressions, stage.stats().chains), (6, 0));
    stage.stop(&mut clients);
    for client in clients {
        assert_eq!(client.strictly(), client.plain);
    }
}

#[test]
fn a_heartbeat_is_an_empty_block_unless_it_has_an_id_to_tell() {
    let mut stage = Stage::new(Hub::new(), |_| {});
    let mut clients: Vec<_> = (0..8).map(|_| stage.join("topic=a")).collect();
    let mut clients: Vec<_> = clients.iter_mut().collect();
    for text in ["keyframe", "linked"] {
        stage.publish("a", text);
    }
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 2));
    let (body, plain) = (clients[0].body.len(), clients[0].plain.len());
    stage.pass(16_000);
    stage.until(&mut clients, |c| c.iter().all(|c| c.body.len() > body));
    assert_eq!(&clients[0].body[body..], [0, 0, 0, 0xff, 0xff]);
    assert_eq!(clients[0].plain.len(), plain);
    // Still aligned: the next event is compressed once.
    let before = stage.stats().compressions;
    stage.publish("a", "after an empty block");
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 3));
    assert_eq!(stage.stats().compressions, before + 1);
    // The others' events move the newest id.
    let newest = stage.publish("b", "not for them");
    stage.pass(16_000);
    stage.until(&mut clients, |c| {
        c.iter()
            .all(|c| c.last_id().ends_with(&format!("-{newest}")))
    });
    let before = (stage.stats().compressions, stage.stats().keyframes);
    stage.publish("a", "after an id of their own");
    stage.until(&mut clients, |c| c.iter().all(|c| c.seen.len() == 4));
    let after = (stage.stats().compressions, stage.stats().keyframes);
    assert_eq!(after, (before.0 + 2, before.1 + 1));
    stage.stop(&mut clients);
    for client in clients {
        assert_eq!(client.strictly(), client.plain);
    }
}

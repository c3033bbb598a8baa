//! Brotli: for a few clients that rather have it, each by a compressor of its own.

use std::time::{Duration, Instant};

use eventring::event::Filter;
use eventring::gateway::{Compression, CompressionFor, StreamOptions};
use eventring::hub::Hub;

use super::stage::Stage;

const BR: &str = "Accept-Encoding: gzip;q=0.5, br\r\n";

fn stage(streams: usize) -> Stage {
    Stage::new(Hub::new(), |config| {
        config.compression = Compression::Brotli;
        config.brotli_streams = streams;
    })
}

#[test]
fn who_values_brotli_higher_gets_it_while_there_is_room() {
    let mut stage = stage(2);
    let mut clients = Vec::new();
    for (headers, coding) in [
        ("Accept-Encoding: gzip, deflate, br\r\n", Some("gzip")),
        (BR, Some("br")),
        ("Accept-Encoding: br\r\n", Some("br")),
        (BR, Some("gzip")),
        ("Accept-Encoding: br\r\n", None),
    ] {
        let mut client = stage.connect("", headers, 1 << 16);
        stage.until(&mut [&mut client], |c| c[0].field(":status").is_some());
        assert_eq!(client.field("content-encoding"), coding, "{headers}");
        assert_eq!(client.field("vary"), Some("Accept-Encoding"));
        clients.push(client);
    }
    // The place of one that has gone is free.
    clients.remove(1);
    let deadline = Instant::now() + Duration::from_secs(10);
    while stage.stats().streams > 4 {
        assert!(Instant::now() < deadline, "it stays");
        stage.turn();
    }
    let mut client = stage.connect("", BR, 1 << 16);
    stage.until(&mut [&mut client], |c| c[0].field(":status").is_some());
    assert!(client.is_brotli());
}

/// Libraries say that they accept Brotli and inflate it in blocks, so that events would come late.
#[test]
fn who_may_inflate_in_blocks_gets_events_as_they_are_unless_asked_for() {
    let mut stage = Stage::new(Hub::new(), |config| {
        config.compression = Compression::Brotli;
        config.compression_for = CompressionFor::default();
    });
    let browser = format!("{BR}Sec-Fetch-Mode: cors\r\n");
    for (query, headers, coding) in [
        ("", BR, None),
        ("compression=brotli", BR, Some("br")),
        ("compression=gzip", BR, Some("gzip")),
        ("", &browser, Some("br")),
    ] {
        let mut client = stage.connect(query, headers, 1 << 16);
        stage.until(&mut [&mut client], |c| c[0].field(":status").is_some());
        assert_eq!(
            client.field("content-encoding"),
            coding,
            "{query} {headers}"
        );
    }
}

#[test]
fn each_event_is_readable_as_it_comes_and_the_stream_ends_in_order() {
    for framing in ["close", "chunked"] {
        let mut stage = stage(64);
        for n in 0..50 {
            stage.publish("a", &format!("history {n}"));
        }
        let query = format!("topic=a&from=beginning&framing={framing}");
        let mut client = stage.connect(&query, BR, 1 << 16);
        stage.until(&mut [&mut client], |c| c[0].seen.len() == 50);
        for n in 1..=200 {
            stage.publish("b", "not for it");
            stage.publish(
                "a",
                &format!("event {n}, and what is the same in all of them"),
            );
            stage.until(&mut [&mut client], |c| c[0].seen.len() == 50 + n);
        }
        let newest = stage.publish("b", "not for it");
        stage.pass(16_000);
        stage.until(&mut [&mut client], |c| {
            c[0].last_id().ends_with(&format!("-{newest}"))
        });
        let ratio = client.plain.len() / client.body.len();
        assert!(ratio >= 2, "{ratio}");
        stage.stop(&mut [&mut client]);
        assert_eq!(client.strictly(), client.plain);
        assert_eq!(client.ended, framing == "chunked");
    }
}

#[test]
fn compression_is_an_option_of_endpoints_and_of_requests() {
    let mut stage = stage(64);
    for (path, compression) in [
        ("/off", Compression::Off),
        ("/gzip", Compression::Gzip),
        ("/brotli", Compression::Brotli),
    ] {
        let options = StreamOptions::default()
            .compression(compression)
            .compression_for(CompressionFor::All);
        stage.create_endpoint(path, Filter::all(), options);
    }
    for (target, status, coding) in [
        ("/off", "200", None),
        ("/gzip", "200", Some("gzip")),
        ("/brotli", "200", Some("br")),
        ("/brotli?compression=off", "200", None),
        ("/brotli?compression=gzip", "200", Some("gzip")),
        ("/gzip?compression=brotli", "400", None),
        ("/off?compression=gzip", "400", None),
        ("/gzip?compression=zip", "400", None),
    ] {
        let mut client = stage.ask(target, BR);
        stage.until(&mut [&mut client], |c| c[0].field(":status").is_some());
        assert_eq!(client.field(":status"), Some(status), "{target}");
        assert_eq!(client.field("content-encoding"), coding, "{target}");
    }
}

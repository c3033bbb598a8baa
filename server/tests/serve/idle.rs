//! A thousand quiet streams cost little and all wake up for one event.

use crate::common::{Server, Stream};
use rustix::process::{Resource, getrlimit, setrlimit};

const STREAMS: usize = 1000;

#[test]
fn a_thousand_idle_streams_get_one_event() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|hard| hard < 2 * STREAMS as u64) {
        crate::common::skipped("the open-file limit is too low");
        return;
    }
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the soft limit goes up to the hard one");

    let server = Server::start(&[]);
    let mut streams: Vec<Stream> = (0..STREAMS)
        .map(|n| {
            Stream::open(
                server.address,
                if n % 2 == 0 { "topic=a.*" } else { "topic=%3E" },
            )
        })
        .collect();
    server.wait_for_streams(STREAMS as u64);
    let position = server.publish("a.b", "\"wake up\"");
    for stream in &mut streams {
        let event = stream.next();
        assert_eq!(
            (event.id, event.data),
            (position.clone(), "\"wake up\"".to_string())
        );
    }
    drop(streams);
    server.wait_for_connections(0);
}

//! Properties that hold for any input: the fuzz targets call these.

pub use crate::fanout::oracle::{delivery, frame_log};
use crate::gateway::admin::request;
use crate::gateway::stream::options::StreamOptions;

/// Reads a body as a request for an endpoint and as one for a broadcast: both end in a value or a problem that is the
/// client's.
pub fn any_body(body: &[u8]) {
    let request = request::read_endpoint(body, StreamOptions::default(), 1 << 20).map(drop);
    let message = request::read_broadcast(body).map(drop);
    for problem in [request, message].into_iter().filter_map(Result::err) {
        assert!(matches!(problem.status(), 400 | 413), "{problem:?}");
        assert!(!problem.detail().is_empty());
    }
}

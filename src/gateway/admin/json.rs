//! Connections, endpoints and what a broadcast came to, as JSON.

use std::io::Write as _;

use crate::gateway::admin::connections::{Broadcast, ConnectionInfo, ConnectionStatus};
use crate::gateway::admin::endpoints::EndpointInfo;
use crate::gateway::stream::options::policy_name;
use crate::json::write_string;

pub(in crate::gateway) fn connection_json(info: &ConnectionInfo) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let _ = write!(
        out,
        r#"{{"id":"{}","status":"{}""#,
        info.id,
        info.status.name()
    );
    if let Some(path) = &info.endpoint {
        out.extend_from_slice(br#","endpoint":"#);
        write_string(&mut out, path);
    }
    out.extend_from_slice(br#","filter":"#);
    write_string(&mut out, &info.filter);
    if let Some(peer) = info
        .peer
        .filter(|_| info.status == ConnectionStatus::Connected)
    {
        let _ = write!(out, r#","peer":"{peer}""#);
    }
    out.extend_from_slice(br#","last_event":"#);
    match info.last_event_ago {
        Some(ago) => {
            let at = jiff::Timestamp::now() - ago;
            let _ = write!(out, r#""{at:.0}""#);
        }
        None => out.extend_from_slice(b"null"),
    }
    let _ = write!(
        out,
        r#","open_s":{},"delivered":{},"missed":{},"bytes":{},"lag":{}}}"#,
        info.open.as_secs(),
        info.delivered,
        info.missed,
        info.bytes,
        info.lag
    );
    out
}

pub(in crate::gateway) fn endpoint_json(endpoint: &EndpointInfo, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"path":"#);
    write_string(out, &endpoint.path);
    out.extend_from_slice(br#","filter":"#);
    write_string(out, &endpoint.filter.to_string());
    let options = &endpoint.options;
    let _ = write!(
        out,
        r#","connections":{},"heartbeat":{},"retry":{},"slow":"{}","buffer":{},"hold_ms":{},"max_age":{},"compression":"{}","compression_for":"{}"}}"#,
        endpoint.connections,
        options.heartbeat.as_secs_f64(),
        options.retry.as_secs_f64(),
        policy_name(options.slow),
        options.buffer,
        options.hold.as_millis(),
        options.max_age.as_secs_f64(),
        options.compression.name(),
        options.compression_for.name()
    );
}

pub(in crate::gateway) fn broadcast_json(broadcast: &Broadcast) -> Vec<u8> {
    let mut out = Vec::new();
    let _ = write!(out, r#"{{"sent":{}"#, broadcast.sent);
    for (name, ids) in [("full", &broadcast.full), ("unknown", &broadcast.unknown)] {
        let _ = write!(out, r#","{name}":["#);
        for (n, id) in ids.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            write_string(&mut out, id);
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}\n");
    out
}

//! Whether clients should be sent here: what of the server, its hub and its journal speaks against it.

use std::sync::atomic::Ordering;

use crate::gateway::gateway::Gateway;
use crate::gateway::http::health::Fault;
use crate::gateway::telemetry::journal::JournalCondition;

/// Finds the first reason why clients should not be sent here.
pub(super) fn fault(gateway: &Gateway) -> Option<Fault> {
    // Relaxed: see `Handle::drain`.
    if gateway.shared.draining.load(Ordering::Relaxed) {
        return Some(Fault::new("server", "it is going to stop"));
    }
    if gateway.hub.is_closed() {
        return Some(Fault::new("hub", "it is closed"));
    }
    let (condition, words) = JournalCondition::of(&gateway.hub)?;
    let reason = match &*words {
        "" => condition.name().to_owned(),
        words => format!("{}: {words}", condition.name()),
    };
    (!condition.takes_events()).then(|| Fault::new("journal", reason))
}

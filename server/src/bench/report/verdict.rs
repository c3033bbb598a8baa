//! The verdict on all clients together: events that are missing, double or out of order.

use super::table::Row;
use crate::bench::load::{Client, Publisher};
use crate::bench::measure::Totals;
use serde_json::{Map, Value, json};

/// Sums over the checks of all clients.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    missing: u64,
    duplicates: u64,
    reordered: u64,
    announced: u64,
    /// Clients that something was missing, double or out of order for.
    affected: usize,
    /// Why the server did not take an event, the last time.
    complaint: Option<String>,
    refused: usize,
}

impl Verdict {
    /// Ends the checks and sums them up.
    pub(crate) fn of(clients: &mut [Client], publisher: &Publisher) -> Verdict {
        let mut all = Verdict {
            complaint: publisher.complaint.clone(),
            refused: publisher.refused.len(),
            ..Verdict::default()
        };
        for client in clients {
            let sequences = &mut client.stats.sequences;
            // First: what was announced and no event followed must not count as a loss.
            sequences.close(publisher.next);
            let missing = sequences.missing(publisher.next, &publisher.refused);
            all.missing += missing;
            all.duplicates += sequences.duplicates;
            all.reordered += sequences.reordered;
            all.announced += sequences.announced;
            all.affected += usize::from(missing + sequences.duplicates + sequences.reordered > 0);
        }
        all
    }

    /// True when every client got every event once and in order, or was told which it did not get.
    pub(crate) fn is_clean(&self) -> bool {
        self.affected == 0
    }

    pub(crate) fn json(&self, totals: &Totals, into: &mut Map<String, Value>) {
        for (name, value) in [
            ("refused", json!(self.refused)),
            ("missing", json!(self.missing)),
            ("duplicates", json!(self.duplicates)),
            ("reordered", json!(self.reordered)),
            ("clients_harmed", json!(self.affected)),
            ("announced_missing", json!(self.announced)),
            ("gaps", json!(totals.gaps)),
            ("resets", json!(totals.resets)),
            ("foreign", json!(totals.foreign)),
        ] {
            into.insert(name.into(), value);
        }
    }

    pub(crate) fn rows(&self, totals: &Totals) -> Vec<Row> {
        let mut rows = Vec::new();
        if let Some(complaint) = &self.complaint {
            rows.push(("not taken", format!("{}; {complaint}", self.refused)));
        }
        rows.push(("missing", self.missing.to_string()));
        rows.push(("duplicates", self.duplicates.to_string()));
        rows.push(("reordered", self.reordered.to_string()));
        let (announced, gaps, resets) = (self.announced, totals.gaps, totals.resets);
        rows.push((
            "announced",
            format!("{announced} not delivered, in {gaps} gaps and {resets} resets"),
        ));
        if totals.foreign > 0 {
            let foreign = format!("{} events of others on the topic", totals.foreign);
            rows.push(("foreign", foreign));
        }
        rows
    }

    pub(crate) fn row(&self) -> Row {
        let verdict = match self.affected {
            0 => "every client got every event once and in order, or was told".into(),
            affected => format!("{affected} clients lost something without a word"),
        };
        ("verdict", verdict)
    }
}

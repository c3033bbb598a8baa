//! What is to be said of all clients together: what is missing, double or out of order.

use super::client::Client;
use super::publisher::Publisher;
use super::table::Row;
use super::tally::Tally;
use serde_json::{Map, Value, json};

/// Sums over the books of all clients.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    missing: u64,
    duplicates: u64,
    reordered: u64,
    announced: u64,
    /// Clients that something was missing, double or out of order for.
    harmed: usize,
    /// Why the server did not take an event, the last time.
    complaint: Option<String>,
    refused: usize,
}

impl Judgement {
    /// Closes the books.
    pub(super) fn of(clients: &mut [Client], publisher: &Publisher) -> Judgement {
        let mut all = Judgement {
            complaint: publisher.complaint.clone(),
            refused: publisher.refused.len(),
            ..Judgement::default()
        };
        for client in clients {
            let ledger = &mut client.books.ledger;
            ledger.close(publisher.next);
            let missing = ledger.missing(publisher.next, &publisher.refused);
            all.missing += missing;
            all.duplicates += ledger.duplicates;
            all.reordered += ledger.reordered;
            all.announced += ledger.announced;
            all.harmed += usize::from(missing + ledger.duplicates + ledger.reordered > 0);
        }
        all
    }

    /// True when every client got every event once and in order, or was told which it did not get.
    pub(super) fn is_clean(&self) -> bool {
        self.harmed == 0
    }

    pub(super) fn json(&self, tally: &Tally, into: &mut Map<String, Value>) {
        for (name, value) in [
            ("refused", json!(self.refused)),
            ("missing", json!(self.missing)),
            ("duplicates", json!(self.duplicates)),
            ("reordered", json!(self.reordered)),
            ("clients_harmed", json!(self.harmed)),
            ("announced_missing", json!(self.announced)),
            ("gaps", json!(tally.gaps)),
            ("resets", json!(tally.resets)),
            ("foreign", json!(tally.foreign)),
        ] {
            into.insert(name.into(), value);
        }
    }

    pub(super) fn rows(&self, tally: &Tally) -> Vec<Row> {
        let mut rows = Vec::new();
        if let Some(complaint) = &self.complaint {
            rows.push(("not taken", format!("{}; {complaint}", self.refused)));
        }
        rows.push(("missing", self.missing.to_string()));
        rows.push(("duplicates", self.duplicates.to_string()));
        rows.push(("reordered", self.reordered.to_string()));
        let (announced, gaps, resets) = (self.announced, tally.gaps, tally.resets);
        rows.push((
            "announced",
            format!("{announced} not delivered, in {gaps} gaps and {resets} resets"),
        ));
        if tally.foreign > 0 {
            let foreign = format!("{} events of others on the topic", tally.foreign);
            rows.push(("foreign", foreign));
        }
        rows
    }

    pub(super) fn verdict(&self) -> Row {
        let verdict = match self.harmed {
            0 => "every client got every event once and in order, or was told".into(),
            harmed => format!("{harmed} clients lost something without a word"),
        };
        ("verdict", verdict)
    }
}

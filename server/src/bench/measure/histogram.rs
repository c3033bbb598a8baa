//! A histogram of durations, and its percentiles.

use serde_json::{Map, Value, json};

/// Durations are recorded up to ten minutes, with three digits.
const MAX_NS: u64 = 600_000_000_000;
/// The percentiles that are reported.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999)];

/// A histogram of nanoseconds.
#[derive(Debug)]
pub(crate) struct Histogram(hdrhistogram::Histogram<u64>);

impl Histogram {
    pub(crate) fn new() -> Histogram {
        let histogram = hdrhistogram::Histogram::new_with_bounds(1, MAX_NS, 3);
        // The bounds are constants that the histogram takes.
        Histogram(
            histogram.unwrap_or_else(|_| unreachable!("1 ns to 10 min in 3 digits is a histogram")),
        )
    }

    pub(crate) fn record(&mut self, nanos: u64) {
        // What took longer than the bound counts as the bound: it must not be left out.
        self.0.saturating_record(nanos);
    }

    /// Gives what was recorded, and begins anew.
    pub(crate) fn take(&mut self) -> Histogram {
        std::mem::replace(self, Histogram::new())
    }

    pub(crate) fn add(&mut self, other: &Histogram) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Milliseconds that so large a share took at most.
    pub(crate) fn ms(&self, quantile: f64) -> f64 {
        self.us(quantile) / 1e3
    }

    /// Microseconds that so large a share took at most.
    pub(crate) fn us(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }

    /// All percentiles for people, in milliseconds.
    pub(crate) fn row_ms(&self) -> String {
        self.row(1e6)
    }

    /// All percentiles for people, in microseconds.
    pub(crate) fn row_us(&self) -> String {
        self.row(1e3)
    }

    fn row(&self, unit: f64) -> String {
        let value = |quantile| short(self.0.value_at_quantile(quantile) as f64 / unit);
        let [p50, p95, p99, p99_9] = QUANTILES.map(|(_, quantile)| value(quantile));
        let max = value(1.0);
        format!("p50 {p50}  p95 {p95}  p99 {p99}  p99.9 {p99_9}  max {max}")
    }

    /// All percentiles for programs, in milliseconds.
    pub(crate) fn json_ms(&self) -> Value {
        self.json(|histogram, quantile| histogram.ms(quantile))
    }

    /// All percentiles for programs, in microseconds.
    pub(crate) fn json_us(&self) -> Value {
        self.json(|histogram, quantile| histogram.us(quantile))
    }

    fn json(&self, value: impl Fn(&Histogram, f64) -> f64) -> Value {
        let mut members = Map::new();
        for (name, quantile) in QUANTILES {
            members.insert(name.into(), json!(value(self, quantile)));
        }
        members.insert("max".into(), json!(value(self, 1.0)));
        members.insert("samples".into(), json!(self.count()));
        Value::Object(members)
    }
}

/// Four digits or a little more, of which a histogram of three digits knows no more.
fn short(value: f64) -> String {
    let decimals = match value {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_four_digits_and_programs_all() {
        let mut histogram = Histogram::new();
        histogram.record(1_500);
        histogram.record(20_000_000);
        assert_eq!(
            histogram.row_us(),
            "p50 1.500  p95 20005  p99 20005  p99.9 20005  max 20005"
        );
        assert_eq!(histogram.json_us()["samples"], 2);
        let earlier = histogram.take();
        assert_eq!((histogram.count(), earlier.count()), (0, 2));
        histogram.add(&earlier);
        assert!(
            (histogram.ms(0.5) - 0.0015).abs() < 1e-6,
            "{}",
            histogram.ms(0.5)
        );
    }
}

//! How long things took, as percentiles.

use serde_json::{Map, Value, json};

/// Histogram are recorded up to ten minutes, with three digits.
const MAX_NS: u64 = 600_000_000_000;
/// The percentiles that are told.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999)];

/// Nanoseconds, many times over.
#[derive(Debug)]
pub(super) struct Histogram(hdrhistogram::Histogram<u64>);

impl Histogram {
    pub(super) fn new() -> Histogram {
        let times = hdrhistogram::Histogram::new_with_bounds(1, MAX_NS, 3);
        // The bounds are constants that the histogram takes.
        Histogram(
            times.unwrap_or_else(|_| unreachable!("1 ns to 10 min in 3 digits is a histogram")),
        )
    }

    pub(super) fn record(&mut self, nanos: u64) {
        self.0.saturating_record(nanos);
    }

    /// Gives what was recorded, and begins anew.
    pub(super) fn take(&mut self) -> Histogram {
        std::mem::replace(self, Histogram::new())
    }

    pub(super) fn add(&mut self, other: &Histogram) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Milliseconds that so large a share took at most.
    pub(super) fn ms(&self, quantile: f64) -> f64 {
        self.us(quantile) / 1e3
    }

    /// Microseconds that so large a share took at most.
    pub(super) fn us(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }

    /// All percentiles for people, in milliseconds.
    pub(super) fn row_ms(&self) -> String {
        self.row(1e6)
    }

    /// All percentiles for people, in microseconds.
    pub(super) fn row_us(&self) -> String {
        self.row(1e3)
    }

    fn row(&self, unit: f64) -> String {
        let value = |quantile| short(self.0.value_at_quantile(quantile) as f64 / unit);
        let [p50, p95, p99, p99_9] = QUANTILES.map(|(_, quantile)| value(quantile));
        let max = value(1.0);
        format!("p50 {p50}  p95 {p95}  p99 {p99}  p99.9 {p99_9}  max {max}")
    }

    /// All percentiles for programs, in milliseconds.
    pub(super) fn json_ms(&self) -> Value {
        self.json(|times, quantile| times.ms(quantile))
    }

    /// All percentiles for programs, in microseconds.
    pub(super) fn json_us(&self) -> Value {
        self.json(|times, quantile| times.us(quantile))
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
        let mut times = Histogram::new();
        times.record(1_500);
        times.record(20_000_000);
        assert_eq!(
            times.row_us(),
            "p50 1.500  p95 20005  p99 20005  p99.9 20005  max 20005"
        );
        assert_eq!(times.json_us()["samples"], 2);
        let earlier = times.take();
        assert_eq!((times.count(), earlier.count()), (0, 2));
        times.add(&earlier);
        assert!((times.ms(0.5) - 0.0015).abs() < 1e-6, "{}", times.ms(0.5));
    }
}

//! One run, and what is kept of it.

use std::fmt;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The figures of one run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub events_per_second: f64,
    /// Of one call: a commit, a publish, a look-up.
    pub p50_us: f64,
    pub p99_us: f64,
    /// Of this process, or of the server where there is one.
    pub cpu_us_per_event: f64,
    /// Bytes on the disk, where that is what is measured.
    pub bytes_per_event: f64,
}

/// Measures one run.
pub struct Meter {
    begun: Instant,
    cpu: Duration,
    latencies: Vec<Duration>,
    events: u64,
}

impl Meter {
    pub fn start() -> Self {
        Self {
            begun: Instant::now(),
            cpu: cpu(),
            latencies: Vec::new(),
            events: 0,
        }
    }

    pub fn elapsed(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Calls once and counts its events.
    pub fn time<T>(&mut self, events: u64, call: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = call();
        self.add(events, begun.elapsed());
        result
    }

    pub fn add(&mut self, events: u64, latency: Duration) {
        self.events += events;
        self.latencies.push(latency);
    }

    pub fn merge(&mut self, events: u64, latencies: Vec<Duration>) {
        self.events += events;
        self.latencies.extend(latencies);
    }

    pub fn finish(self) -> Sample {
        let cpu = cpu() - self.cpu;
        self.finish_with(cpu)
    }

    /// The CPU time is somebody else's.
    pub fn finish_with(mut self, cpu: Duration) -> Sample {
        let seconds = self.elapsed();
        self.latencies.sort_unstable();
        let at = |part: f64| {
            let index = (self.latencies.len().saturating_sub(1)) as f64 * part;
            let latency = self.latencies.get(index as usize).copied();
            latency.unwrap_or_default().as_secs_f64() * 1e6
        };
        let events = self.events.max(1) as f64;
        Sample {
            events_per_second: events / seconds,
            p50_us: at(0.5),
            p99_us: at(0.99),
            cpu_us_per_event: cpu.as_secs_f64() * 1e6 / events,
            bytes_per_event: 0.0,
        }
    }
}

/// The CPU time of this process.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The medians, figure by figure.
pub fn median(samples: &[Sample]) -> Sample {
    let of = |figure: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Sample {
        events_per_second: of(|sample| sample.events_per_second),
        p50_us: of(|sample| sample.p50_us),
        p99_us: of(|sample| sample.p99_us),
        cpu_us_per_event: of(|sample| sample.cpu_us_per_event),
        bytes_per_event: of(|sample| sample.bytes_per_event),
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0}/s, p50 {:.1} us, p99 {:.1} us, {:.2} us CPU an event, {:.0} bytes",
            self.events_per_second,
            self.p50_us,
            self.p99_us,
            self.cpu_us_per_event,
            self.bytes_per_event,
        )
    }
}

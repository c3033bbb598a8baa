//! CPU and memory over a run: of the server, of the kernel, and of the bench itself.

use super::machine;
use super::procfs::{Memory, Process};
use serde_json::{Value, json};

/// CPU and memory at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// Nanoseconds that the server has had a CPU.
    pub(crate) cpu_ns: u64,
    /// Nanoseconds that its reactors have had one.
    reactors_ns: u64,
    pub(crate) memory: Memory,
    /// Bytes of the kernel for TCP, on the whole machine.
    pub(crate) tcp_bytes: u64,
    /// Nanoseconds that the bench has had a CPU.
    bench_ns: u64,
    /// Seconds that all CPUs were busy.
    busy_s: f64,
}

impl Moment {
    /// Looks now.
    pub(crate) fn now(server: Option<&Process>) -> Moment {
        Moment {
            cpu_ns: server.map_or(0, Process::cpu_ns),
            reactors_ns: server.map_or(0, Process::reactors_ns),
            memory: server.map(Process::memory).unwrap_or_default(),
            tcp_bytes: machine::tcp_bytes(),
            bench_ns: Process::own().cpu_ns(),
            busy_s: machine::busy_s(),
        }
    }
}

/// The moments of a run, in their order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// The server's process, if it is known.
    pub(crate) pid: Option<u32>,
    /// Nobody is connected.
    pub(crate) before: Moment,
    /// All are connected, and nothing was published.
    pub(crate) idle: Moment,
    /// All is published; those who read have everything, those who stall still stall.
    pub(crate) published: Moment,
    /// All have everything.
    pub(crate) end: Moment,
    /// Of the moments looked at in between.
    pub(crate) pss_peak_kib: u64,
}

impl Usage {
    /// Notes the server's memory while something goes on.
    pub(crate) fn sample(&mut self, memory: Memory) {
        self.pss_peak_kib = self.pss_peak_kib.max(memory.pss_kib);
    }

    /// Nanoseconds of CPU that the server took while it worked.
    pub(crate) fn cpu_ns(&self) -> u64 {
        // A server that has ended reads as 0, which must not become a huge difference.
        self.end.cpu_ns.saturating_sub(self.idle.cpu_ns)
    }

    /// Nanoseconds of that which its reactors took.
    pub(crate) fn reactors_ns(&self) -> u64 {
        self.end.reactors_ns.saturating_sub(self.idle.reactors_ns)
    }

    /// The bench's share of a core over so many seconds: near 1, it measures itself.
    pub(crate) fn bench_share(&self, seconds: f64) -> f64 {
        self.end.bench_ns.saturating_sub(self.idle.bench_ns) as f64 / 1e9 / seconds
    }

    /// Microseconds that the CPUs of the machine were busy for each of `count`, whoever it was for.
    pub(crate) fn busy_us(&self, count: u64) -> f64 {
        (self.end.busy_s - self.idle.busy_s) * 1e6 / count.max(1) as f64
    }

    /// The server's own memory for one of so many idle connections, bytes; by its heap, and by its Pss.
    pub(crate) fn idle_bytes(&self, connections: usize) -> [f64; 2] {
        let (from, to) = (self.before.memory, self.idle.memory);
        [
            (from.anonymous_kib, to.anonymous_kib),
            (from.pss_kib, to.pss_kib),
        ]
        .map(|(from, to)| (to as f64 - from as f64) * 1024.0 / connections as f64)
    }

    /// Bytes of the kernel for TCP beyond those of before: idle, published, in the end.
    pub(crate) fn tcp_bytes(&self) -> [i64; 3] {
        // Signed: other sockets of the machine may have let go of more meanwhile.
        [self.idle, self.published, self.end]
            .map(|moment| moment.tcp_bytes.cast_signed() - self.before.tcp_bytes.cast_signed())
    }

    /// Bytes of the kernel for one of so many stalled readers.
    pub(crate) fn tcp_bytes_each(&self, stalled: usize) -> Option<f64> {
        let [idle, published, _] = self.tcp_bytes();
        (stalled > 0).then(|| (published - idle) as f64 / stalled as f64)
    }

    /// The server's memory, for programs.
    pub(crate) fn pss_json(&self) -> Value {
        json!({
            "before": self.before.memory.pss_kib,
            "connected": self.idle.memory.pss_kib,
            "peak": self.pss_peak_kib,
            "end": self.end.memory.pss_kib,
            "growth": self.growth_kib(),
        })
    }

    /// The server's memory, for people.
    pub(crate) fn pss_row(&self) -> String {
        let mib = |kib: f64| kib / 1024.0;
        format!(
            "{:.1} MiB idle, {:.1} at most (grew by {:.1}), {:.1} at the end",
            mib(self.idle.memory.pss_kib as f64),
            mib(self.pss_peak_kib as f64),
            mib(self.growth_kib() as f64),
            mib(self.end.memory.pss_kib as f64)
        )
    }

    fn growth_kib(&self) -> i64 {
        self.pss_peak_kib.cast_signed() - self.idle.memory.pss_kib.cast_signed()
    }
}
